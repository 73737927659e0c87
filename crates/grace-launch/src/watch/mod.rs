//! One list and one watch per kind, kept alive through all that happens to connections.
//!
//! `kube`'s watcher lists again after 410 Gone, backs off, and gives up silent connections; what it cannot do is get new
//! credentials, and decide how long to go on without an answer.

mod mirror;
mod settings;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{BoxStream, SelectAll, StreamExt};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use tokio::time::Instant;

use mirror::Mirror;
pub use settings::WatchSettings;
pub use world::World;
use world::{trimmed, trimmed_pod};

use crate::connect::Cluster;
use crate::error::{ClusterError, FaultKind};

/// The longest time until all has been heard once, where nobody waits for better times.
const FIRST: Duration = Duration::from_secs(45);
/// Failures that are further apart than this belong to two outages: while one lasts, they come more often.
const APART: Duration = Duration::from_mins(3);
/// So often events are asked for where they are forbidden, though they were not before.
const FORBIDDEN: u32 = 3;
/// While an outage lasts, a failure follows the one before within this time.
const RECENT: Duration = Duration::from_secs(75);

/// Which Jobs are grace's; their pods have the same label.
pub(crate) const OURS: &str = "app.kubernetes.io/managed-by=grace-cli";

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Change {
    /// The world may look different now.
    World,
    /// No connection: it is tried again.
    Lost(ClusterError),
    /// The connection is back.
    Back,
}

enum Heard {
    Job(Box<watcher::Event<Job>>),
    Pod(Box<watcher::Event<Pod>>),
    Event(Box<watcher::Event<Event>>),
    Failed(Kind, watcher::Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Jobs,
    Pods,
    Events,
}

/// The world, and the streams that keep it true.
pub struct Watch {
    cluster: Cluster,
    settings: WatchSettings,
    streams: SelectAll<BoxStream<'static, Heard>>,
    world: World,
    outages: BTreeMap<Kind, Outage>,
    /// How often events were forbidden, one time after the other.
    forbidden: u32,
    /// Whether an outage was told of.
    is_lost: bool,
    /// When credentials that were not accepted are read again.
    login_at: Option<Instant>,
    /// Credentials on their way: a plugin may take its time, while whoever waits for changes comes and goes.
    login: Option<BoxFuture<'static, Result<Cluster, ClusterError>>>,
}

/// Failure after failure, with no answer in between.
#[derive(Debug, Clone, Copy)]
struct Outage {
    since: Instant,
    last: Instant,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("cluster", &self.cluster)
            .field("outages", &self.outages)
            .finish_non_exhaustive()
    }
}

impl Watch {
    /// Watches grace's Jobs in the cluster's namespace, with their pods and the namespace's warnings.
    pub fn new(cluster: &Cluster, settings: WatchSettings) -> Self {
        let mut watch = Self {
            cluster: cluster.clone(),
            settings,
            streams: SelectAll::new(),
            world: World::new(),
            outages: BTreeMap::new(),
            forbidden: 0,
            is_lost: false,
            login_at: None,
            login: None,
        };
        watch.open();
        watch
    }

    /// What is known now.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The cluster, with the newest credentials.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Whether what is known is what is so: nothing has failed twice without an answer since. A kind of which there is nothing
    /// new does not say that it is back, so that its failures are forgotten after a while.
    pub(crate) fn is_heard(&self) -> bool {
        let lasts = |it: &Outage| it.last > it.since && it.last.elapsed() < RECENT;
        !self.outages.values().any(lasts)
    }

    /// Puts a Job in that was just made, before the watch tells of it.
    pub fn put(&mut self, job: Job) {
        self.world.jobs.put(trimmed(job));
    }

    fn open(&mut self) {
        let timeout = u32::try_from(self.settings.silence.as_secs()).unwrap_or(60);
        let config = watcher::Config::default().timeout(timeout.max(1));
        let ours = config.clone().labels(OURS);
        let jobs = watcher(self.cluster.api::<Job>(), ours.clone())
            .default_backoff()
            .map(|heard| match heard {
                Ok(event) => Heard::Job(Box::new(event)),
                Err(error) => Heard::Failed(Kind::Jobs, error),
            });
        let pods = watcher(self.cluster.api::<Pod>(), ours)
            .default_backoff()
            .map(|heard| match heard {
                Ok(event) => Heard::Pod(Box::new(event)),
                Err(error) => Heard::Failed(Kind::Pods, error),
            });
        self.streams = SelectAll::new();
        self.streams.push(jobs.boxed());
        self.streams.push(pods.boxed());
        if !self.world.without_events {
            let warnings = config.fields("type=Warning");
            let events = watcher(self.cluster.api::<Event>(), warnings)
                .default_backoff()
                .map(|heard| match heard {
                    Ok(event) => Heard::Event(Box::new(event)),
                    Err(error) => Heard::Failed(Kind::Events, error),
                });
            self.streams.push(events.boxed());
        }
    }

    /// Waits until all has been heard once.
    ///
    /// # Errors
    ///
    /// Returns an error if a right is missing, or if the cluster does not answer; this does not wait for better times.
    pub async fn ready(&mut self) -> Result<&World, ClusterError> {
        let mut busy = None;
        let all_heard = async {
            while !self.world.is_ready() {
                match self.changed().await? {
                    // It may have time a little later.
                    Change::Lost(error) if error.is_busy() => busy = Some(error),
                    Change::Lost(error) => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        };
        let heard = tokio::time::timeout(FIRST, all_heard).await;
        heard.unwrap_or_else(|_| {
            let fault = FaultKind::TimedOut(FIRST.as_secs());
            let silent = || ClusterError::new("list Jobs, pods and events", fault);
            Err(busy.unwrap_or_else(silent))
        })?;
        Ok(&self.world)
    }

    /// Waits until something has happened. Safe to cancel.
    ///
    /// # Errors
    ///
    /// Returns an error when it makes no sense to go on: a right is missing, or nothing was heard for all of
    /// [`WatchSettings::patience`].
    pub async fn changed(&mut self) -> Result<Change, ClusterError> {
        loop {
            let login = self.login_at.unwrap_or_else(|| Instant::now() + APART);
            let heard = tokio::select! {
                heard = self.streams.next() => heard,
                () = tokio::time::sleep_until(login), if self.login_at.is_some() => {
                    self.begin_login();
                    continue;
                }
                cluster = arrived(&mut self.login) => {
                    self.log_in_as(cluster);
                    continue;
                }
            };
            let change = match heard {
                Some(heard) => self.take(heard)?,
                // Watchers never end.
                None => None,
            };
            if let Some(change) = change {
                return Ok(change);
            }
        }
    }

    /// Reads the credentials anew, and watches with them.
    pub(crate) async fn log_in(&mut self) {
        let cluster = self.cluster.reconnect().await;
        self.log_in_as(cluster);
    }

    fn begin_login(&mut self) {
        self.login_at = None;
        let cluster = self.cluster.clone();
        self.login = Some(async move { cluster.reconnect().await }.boxed());
    }

    fn log_in_as(&mut self, cluster: Result<Cluster, ClusterError>) {
        (self.login_at, self.login) = (None, None);
        // A kubeconfig that cannot be read may be in the middle of being written: the old credentials are tried again.
        if let Ok(cluster) = cluster {
            self.cluster = cluster;
        }
        self.open();
    }

    fn take(&mut self, heard: Heard) -> Result<Option<Change>, ClusterError> {
        let (kind, is_answer) = match heard {
            Heard::Failed(kind, error) => return self.failed(kind, &error),
            Heard::Job(event) => {
                if let watcher::Event::Delete(job) = &*event
                    && let Some(uid) = job.metadata.uid.clone()
                {
                    self.world.deleted.insert(uid, trimmed(job.clone()));
                }
                (Kind::Jobs, take_into(&mut self.world.jobs, *event, trimmed))
            }
            Heard::Pod(event) => (
                Kind::Pods,
                take_into(&mut self.world.pods, *event, trimmed_pod),
            ),
            Heard::Event(event) => (
                Kind::Events,
                take_into(&mut self.world.events, *event, trimmed),
            ),
        };
        if !is_answer {
            return Ok(None);
        }
        self.outages.remove(&kind);
        if kind == Kind::Events {
            self.forbidden = 0;
        }
        // A kind of which there is nothing new says nothing when it is back.
        let is_back = std::mem::take(&mut self.is_lost);
        Ok(Some(if is_back { Change::Back } else { Change::World }))
    }

    fn failed(
        &mut self,
        kind: Kind,
        error: &watcher::Error,
    ) -> Result<Option<Change>, ClusterError> {
        let Some(fault) = fault(error) else {
            // 410 Gone: the watcher lists again by itself.
            return Ok(None);
        };
        // What breaks was there before: this is another outage than the last.
        if matches!(error, watcher::Error::WatchFailed(_)) {
            self.outages.remove(&kind);
        }
        let error = ClusterError::new(format!("watch {}", kind.name()), fault);
        let is_login = error.is_login();
        let is_forbidden = matches!(error.kind(), FaultKind::Forbidden(_));
        if kind == Kind::Events && is_forbidden {
            return Ok(self.without_events());
        }
        // An API server that has just started may not know rights yet that there were before.
        let may_pass = error.is_transient() || is_login || (is_forbidden && self.world.is_ready());
        if !may_pass {
            return Err(error);
        }
        if is_login && self.login_at.is_none() && self.login.is_none() {
            self.login_at = Some(Instant::now() + self.settings.login);
        }
        self.in_outage(kind, error, is_login)
    }

    /// Goes on without events, which are forbidden: at once if there have been none yet. Later a server that has just started may
    /// not know the right yet.
    fn without_events(&mut self) -> Option<Change> {
        self.forbidden += 1;
        if self.world.events.is_ready() && self.forbidden < FORBIDDEN {
            return None;
        }
        self.outages.remove(&Kind::Events);
        self.world.events = Mirror::new();
        self.world.without_events = true;
        self.open();
        Some(Change::World)
    }

    fn in_outage(
        &mut self,
        kind: Kind,
        error: ClusterError,
        is_login: bool,
    ) -> Result<Option<Change>, ClusterError> {
        let now = Instant::now();
        let before = self.outages.get(&kind).copied();
        let before = before.filter(|it| now.duration_since(it.last) < APART);
        let since = before.map_or(now, |it| it.since);
        if now.duration_since(since) >= self.settings.patience {
            return Err(error);
        }
        self.outages.insert(kind, Outage { since, last: now });
        // A watch that is cut once and goes on is nothing to tell.
        let is_lost = before.is_some() || is_login;
        let was_lost = self.is_lost;
        self.is_lost |= is_lost;
        Ok((is_lost && !was_lost).then_some(Change::Lost(error)))
    }
}

/// What comes of a login; never, if there is none under way.
async fn arrived<T>(login: &mut Option<BoxFuture<'static, T>>) -> T {
    match login {
        Some(login) => login.await,
        None => std::future::pending().await,
    }
}

/// Takes a change over; whether the API server has answered.
fn take_into<K: kube::Resource>(
    mirror: &mut Mirror<K>,
    event: watcher::Event<K>,
    trim: impl Fn(K) -> K,
) -> bool {
    // Sent before a list is asked for.
    let is_answer = !matches!(event, watcher::Event::Init);
    mirror.apply(map(event, trim));
    is_answer
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Jobs => "Jobs",
            Self::Pods => "pods",
            Self::Events => "events",
        }
    }
}

fn map<K>(event: watcher::Event<K>, trim: impl Fn(K) -> K) -> watcher::Event<K> {
    use watcher::Event::{Apply, Delete, Init, InitApply, InitDone};
    match event {
        Apply(object) => Apply(trim(object)),
        Delete(object) => Delete(object),
        InitApply(object) => InitApply(trim(object)),
        Init => Init,
        InitDone => InitDone,
    }
}

/// What went wrong; none if it is a part of normal life.
fn fault(error: &watcher::Error) -> Option<FaultKind> {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    let fault = match error {
        InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => {
            FaultKind::of(error)
        }
        WatchError(status) => FaultKind::of_status(status),
        watcher::Error::NoResourceVersion => FaultKind::Other(error.to_string()),
    };
    (!matches!(fault, FaultKind::Server { code: 410, .. })).then_some(fault)
}
