//! The life of a server that grace starts.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use grace_core::model::Model;
use grace_core::settings::ScoringServer;

use super::command::{Launch, Purpose};
use super::error::SuperviseError;
use super::listener::{Stranger, stranger_at};
use super::log_tail::{last_line, log_tail};
use super::port_lock::PortLock;
use super::process::{Exit, Process};
use super::secrets::Secrets;
use crate::clock::Timestamp;
use crate::durable::Attempted;

/// How grace starts a server; what it runs is said by the model's `server` section.
#[derive(Debug, Clone)]
pub struct ManagedServer {
    /// The command that runs a [`Guard`](super::Guard). The server's command line follows after `--stop-grace-ms N --`.
    pub guard: Vec<OsString>,
    /// The port on 127.0.0.1, the one that the client asks.
    pub port: u16,
    /// How long loading may take.
    pub ready_timeout: Duration,
    /// Which server measures probabilities.
    pub scoring: ScoringServer,
    /// Values of the environment that must not be shown.
    pub secrets: Secrets,
}

/// Starts a server, and stops it, and starts it again.
#[derive(Debug)]
pub(crate) struct Supervisor {
    managed: ManagedServer,
    log: PathBuf,
    secrets: Secrets,
    stop_grace: Duration,
    restarts_left: u32,
    restarts: u32,
    running: Option<Running>,
    lock: Option<PortLock>,
}

#[derive(Debug)]
struct Running {
    process: Process,
    program: String,
    purpose: Purpose,
    /// Where its own part of the log begins.
    log_from: u64,
}

impl Supervisor {
    /// Nothing is started yet; the server of `model` will print to `log`.
    pub(crate) fn new(managed: ManagedServer, model: &Model, log: PathBuf) -> Self {
        let env = &model.start.env;
        let own = env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let secrets = managed.secrets.and(&Secrets::of_variables(own));
        Self {
            managed,
            log,
            secrets,
            stop_grace: model.start.stop_grace,
            restarts_left: model.start.restarts,
            restarts: 0,
            running: None,
            lock: None,
        }
    }

    pub(crate) fn managed(&self) -> &ManagedServer {
        &self.managed
    }

    pub(crate) fn log(&self) -> &PathBuf {
        &self.log
    }

    /// How often it was started again.
    pub(crate) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// A command line to be shown, without secrets.
    pub(crate) fn shown(&self, launch: &Launch) -> Vec<String> {
        self.secrets.hide_in_command(&launch.argv)
    }

    /// Starts the server. It is not ready when this returns, only begun.
    pub(crate) fn start(
        &mut self,
        model: &Model,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<(), SuperviseError> {
        let port = self.managed.port;
        let launch = Launch::new(model, port, purpose)?;
        self.lock_port()?;
        self.check_port()?;
        let (log, log_from) = self.open_log(&launch, now)?;
        let process = Process::start(&self.managed.guard, &launch, self.stop_grace, log)
            .map_err(|source| SuperviseError::Guard { source })?;
        self.running = Some(Running {
            process,
            program: launch.program().to_owned(),
            purpose,
            log_from,
        });
        Ok(())
    }

    /// Two graces that start their servers at one time would both find the port free.
    fn lock_port(&mut self) -> Result<(), SuperviseError> {
        let port = self.managed.port;
        if self.lock.is_none() {
            let lock = PortLock::take(port);
            self.lock = Some(lock.map_err(|source| SuperviseError::Port { port, source })?);
        }
        Ok(())
    }

    /// Whether it is the server started here that answers: a port that was free may be another's by now.
    pub(crate) fn check_listener(&self) -> Result<(), SuperviseError> {
        let Some(running) = &self.running else {
            return Ok(());
        };
        let (port, guard) = (self.managed.port, running.process.guard());
        match stranger_at(port, guard) {
            None => Ok(()),
            Some(Stranger { pid, name }) => Err(SuperviseError::OtherServer {
                port,
                pid,
                name,
                expected: guard.as_raw_nonzero().get(),
            }),
        }
    }

    fn check_port(&self) -> Result<(), SuperviseError> {
        let port = self.managed.port;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .map(drop)
            .map_err(|source| SuperviseError::Port { port, source })
    }

    /// Waits a while for the port of a server that has just ended.
    pub(crate) async fn wait_for_port(&self) {
        const POLL: Duration = Duration::from_millis(50);
        const LIMIT: Duration = Duration::from_secs(10);
        let free = async {
            while self.check_port().is_err() {
                tokio::time::sleep(POLL).await;
            }
        };
        // One that stays taken is an error when the server is started.
        let _ = tokio::time::timeout(LIMIT, free).await;
    }

    fn open_log(&self, launch: &Launch, now: Timestamp) -> Result<(File, u64), SuperviseError> {
        let mut log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .attempted("opening", &self.log)?;
        let shown = self.shown(launch).join(" ");
        writeln!(log, "── grace: {now}: {shown}").attempted("writing", &self.log)?;
        let length = log.metadata().attempted("reading", &self.log)?.len();
        Ok((log, length))
    }

    /// What the running server was started for.
    pub(crate) fn purpose(&self) -> Option<Purpose> {
        self.running.as_ref().map(|running| running.purpose)
    }

    /// Waits for the end of the server; for ever if none runs.
    pub(crate) fn ended(&self) -> impl Future<Output = Exit> + use<> {
        let ended = self.running.as_ref().map(|running| running.process.ended());
        async move {
            match ended {
                Some(ended) => ended.await,
                None => std::future::pending().await,
            }
        }
    }

    /// How the server ended, if it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.running.as_ref()?.process.exit()
    }

    /// Stops the server, if one runs. No process of it is left when this returns.
    pub(crate) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.process.stop().await;
        }
    }

    /// Takes one of the restarts that are left; false if there is none.
    pub(crate) fn take_restart(&mut self) -> bool {
        let left = self.restarts_left.checked_sub(1);
        self.restarts += u32::from(left.is_some());
        self.restarts_left = left.unwrap_or_default();
        left.is_some()
    }

    /// The last lines of the server's own part of the log.
    pub(crate) fn last_lines(&self) -> String {
        let from = self.running.as_ref().map_or(0, |running| running.log_from);
        log_tail(&self.log, from, &self.secrets)
    }

    /// The very last line of it, if there is any.
    pub(crate) fn last_line(&self) -> Option<String> {
        let from = self.running.as_ref()?.log_from;
        last_line(&self.log, from, &self.secrets)
    }

    /// What it means that the server ended before it was ready.
    pub(crate) fn ended_early(&self, exit: Exit) -> SuperviseError {
        let (log, last_lines) = (self.log.clone(), self.last_lines());
        if exit.is_not_found() {
            let program = self.running.as_ref().map(|running| running.program.clone());
            return SuperviseError::NotFound {
                program: program.unwrap_or_default(),
                log,
                last_lines,
            };
        }
        SuperviseError::EndedEarly {
            exit,
            log,
            last_lines,
        }
    }

    /// What it means that the server was not ready in time.
    pub(crate) fn not_ready(&self) -> SuperviseError {
        SuperviseError::NotReady {
            seconds: self.managed.ready_timeout.as_secs(),
            log: self.log.clone(),
            last_lines: self.last_lines(),
        }
    }
}
