//! The accept loop and the state all connections share.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use bytes::Bytes;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use crate::answer;
use crate::config::{Dialect, SimConfig, Startup};
use crate::connection::serve_connection;
use crate::draws::Draws;
use crate::exact::Told;
use crate::faults::FaultPlan;
use crate::flaws::Flaws;
use crate::generate::{Generated, Text};
use crate::model::ToyModel;
use crate::participant::Participant;
use crate::record::Record;
use crate::{llama, routes};

/// How a server lives: whether its port is open, and whether it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Life {
    /// Answers.
    Ready,
    /// Answers 503 "Loading model" on every path, as llama.cpp does at its start.
    Loading,
    /// Answers health checks, refuses completions with 500, finishes what it has: vLLM told to
    /// stop, with a `--shutdown-timeout`.
    Draining,
    /// Accepts connections and requests, and never answers, not even what it had accepted.
    Silent,
    /// Port closed, requests in flight never answered, connections open: vLLM told to stop.
    Stopping,
    /// Port closed, connections cut.
    Gone,
}

impl Life {
    fn listens(self) -> bool {
        !matches!(self, Self::Stopping | Self::Gone)
    }

    fn answers(self) -> bool {
        !matches!(self, Self::Silent | Self::Stopping)
    }
}

/// Serves simulated participants on `listener` until `shutdown` completes.
///
/// Then the port closes, all connections are cut, and no task is left.
///
/// # Errors
///
/// Fails if the port cannot be opened again after it was closed for a while ([`Startup::Refusing`]), and when
/// the server dies as [`SimConfig::with_die_after`] has it. Errors of single connections are not errors of
/// the server.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let stop = tokio::time::sleep(std::time::Duration::from_millis(10));
/// grace_sim::serve(listener, grace_sim::SimConfig::new("sim"), stop).await
/// # }
/// ```
pub async fn serve(
    listener: TcpListener,
    config: SimConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    run(listener, Arc::new(Shared::new(config)), shutdown).await
}

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: SimConfig,
    pub(crate) participant: Participant,
    pub(crate) toy_model: ToyModel,
    pub(crate) faults: FaultPlan,
    pub(crate) flaws: Flaws,
    pub(crate) record: Record,
    pub(crate) slots: Option<Semaphore>,
    pub(crate) started: Instant,
    /// Ready bodies by path, in canned mode.
    pub(crate) canned: BTreeMap<&'static str, Bytes>,
    life: watch::Sender<Life>,
    arrived: watch::Sender<Arrived>,
    dead: Notify,
    numbers: AtomicU64,
    entropy: u64,
}

impl Shared {
    pub(crate) fn new(config: SimConfig) -> Self {
        let life = match config.startup {
            Startup::Ready => Life::Ready,
            Startup::Loading(_) => Life::Loading,
            Startup::Refusing(_) => Life::Gone,
        };
        let mut server = Self {
            participant: config.participant(),
            toy_model: ToyModel::of(&config),
            faults: FaultPlan::new(config.faults.clone()),
            flaws: Flaws::new(config.scoring_fault),
            record: Record::new(config.log_capacity),
            slots: config.slots.map(Semaphore::new),
            started: Instant::now(),
            canned: BTreeMap::new(),
            life: watch::Sender::new(life),
            arrived: watch::Sender::new(Arrived::Nowhere),
            dead: Notify::new(),
            numbers: AtomicU64::new(1),
            // The standard library's only source of randomness, drawn once a server.
            entropy: std::hash::RandomState::new().build_hasher().finish(),
            config,
        };
        if let Some(text) = server.config.canned.clone() {
            server.canned = canned_bodies(&server, &text);
        }
        server
    }

    pub(crate) fn life(&self) -> Life {
        *self.life.borrow()
    }

    /// Changes the server's life and waits until its port has followed.
    pub(crate) async fn change_life(&self, life: Life) {
        let mut arrived = self.arrived.subscribe();
        self.life.send_replace(life);
        let there = |arrived: &Arrived| matches!(arrived, Arrived::At(at) if *at == life);
        // The sender lives in `self`, so there is no error to meet.
        let _ = arrived
            .wait_for(|arrived| there(arrived) || matches!(arrived, Arrived::AtTheEnd))
            .await;
    }

    /// Waits while the server does not answer.
    pub(crate) async fn silence(&self) {
        if !self.life().answers() {
            // The sender lives in `self`, so this ends only with an answer.
            let _ = self.life.subscribe().wait_for(|life| life.answers()).await;
        }
    }

    /// How long the next answer takes, if it takes any time.
    pub(crate) fn thinking_time(&self) -> Option<Duration> {
        let SimConfig {
            latency, jitter, ..
        } = self.config;
        if jitter.is_zero() {
            return Some(latency).filter(|latency| !latency.is_zero());
        }
        Some(latency + jitter.mul_f64(Draws::of_request(self.next_number()).uniform()))
    }

    /// A number that no other call has got.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Ends the server as a crash does: see [`SimConfig::with_die_after`].
    pub(crate) fn die(&self) {
        self.dead.notify_one();
    }

    /// Makes right log-probabilities what this server would report: of its precision, and with its fault.
    /// `asked` says that tokens were asked for by id.
    pub(crate) fn report(&self, told: &mut [Told], asked: bool) {
        if !self.config.full_precision {
            told.iter_mut().for_each(Told::round);
        }
        self.flaws.spoil(told, asked, &mut self.unseeded_draws());
    }

    /// Random numbers for a request without a seed.
    pub(crate) fn unseeded_draws(&self) -> Draws {
        let parts: [&[u8]; 2] = [
            &self.entropy.to_be_bytes(),
            &self.next_number().to_be_bytes(),
        ];
        Draws::named("grace-sim.unseeded/v1", &parts)
    }
}

fn canned_bodies(server: &Shared, text: &str) -> BTreeMap<&'static str, Bytes> {
    let texts = || {
        vec![Text {
            content: text.to_owned(),
            finish_reason: "stop",
            stop_reason: None,
        }]
    };
    let generated = Generated {
        texts: texts(),
        prompt_tokens: 1,
        completion_tokens: crate::tokens::count(text) + 1,
    };
    let usage = (generated.prompt_tokens, generated.completion_tokens);
    let headers = HeaderMap::new();
    let choices = answer::plain_choices(texts());
    let completion = serde_json::to_vec(&answer::completion(server, &headers, choices, usage));
    let chat = serde_json::to_vec(&answer::chat_completion(server, &headers, generated));
    // Plain structs of strings and numbers always serialise.
    BTreeMap::from([
        ("/v1/completions", completion.unwrap_or_default().into()),
        ("/v1/chat/completions", chat.unwrap_or_default().into()),
    ])
}

/// How far the accept loop has followed the server's life.
#[derive(Debug)]
enum Arrived {
    Nowhere,
    At(Life),
    AtTheEnd,
}

/// Runs a server whose handle may outlive it.
pub(crate) async fn run(
    listener: TcpListener,
    server: Arc<Shared>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let result = accept(listener, &server, shutdown).await;
    server.arrived.send_replace(Arrived::AtTheEnd);
    result
}

/// Accepts connections until `shutdown`, opening and closing the port as the server's life goes.
async fn accept(
    listener: TcpListener,
    server: &Arc<Shared>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let router = match server.config.dialect {
        Dialect::Vllm => routes::router(Arc::clone(server)),
        Dialect::LlamaCpp => llama::router(Arc::clone(server)),
    };
    let mut port = Port::Open(listener);
    let mut connections = JoinSet::new();
    let mut life = server.life.subscribe();
    let mut shutdown = std::pin::pin!(shutdown);
    let mut startup = std::pin::pin!(end_of_startup(server));
    let mut starting = true;
    loop {
        let now = *life.borrow_and_update();
        port = port.follow(now, address).await?;
        if now == Life::Gone {
            connections.shutdown().await;
        }
        server.arrived.send_replace(Arrived::At(now));
        tokio::select! {
            () = &mut shutdown => break,
            () = server.dead.notified() => {
                drop(port);
                connections.shutdown().await;
                return Err(io::Error::other(Died));
            }
            () = &mut startup, if starting => starting = false,
            _ = life.changed() => {}
            stream = port.accept() => {
                connections.spawn(serve_connection(stream, Arc::clone(server), router.clone()));
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    connections.shutdown().await;
    Ok(())
}

/// Why a server ended that was told to die.
#[derive(Debug, thiserror::Error)]
#[error("the simulated server has died, as it was told to")]
struct Died;

async fn end_of_startup(server: &Shared) {
    match server.config.startup {
        Startup::Ready => return,
        Startup::Loading(time) | Startup::Refusing(time) => tokio::time::sleep(time).await,
    }
    server.life.send_replace(Life::Ready);
}

/// Takes `address`, which may be held for a moment yet: a process that was started just before inherits open sockets
/// until it becomes another program.
async fn bind(socket: &TcpSocket, address: SocketAddr) -> io::Result<()> {
    const TRIES: u32 = 100;
    for _ in 1..TRIES {
        match socket.bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            bound => return bound,
        }
    }
    socket.bind(address)
}

/// A port that stays ours while it is closed.
enum Port {
    Open(TcpListener),
    /// Bound, but not listening: connections are refused, and nobody else can take the port.
    Closed(TcpSocket),
}

impl Port {
    /// Opens or closes as `life` has it.
    async fn follow(self, life: Life, address: SocketAddr) -> io::Result<Self> {
        match (self, life.listens()) {
            (Self::Open(listener), false) => {
                drop(listener);
                let socket = if address.is_ipv4() {
                    TcpSocket::new_v4()?
                } else {
                    TcpSocket::new_v6()?
                };
                socket.set_reuseaddr(true)?;
                bind(&socket, address).await?;
                Ok(Self::Closed(socket))
            }
            (Self::Closed(socket), true) => socket.listen(1024).map(Self::Open),
            (port, _) => Ok(port),
        }
    }

    /// The next connection; never, while the port is closed.
    async fn accept(&self) -> TcpStream {
        let Self::Open(listener) = self else {
            return std::future::pending().await;
        };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return stream,
                // Too many open files, mostly: the next moment may be better.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}
