//! From Jobs to results on the claim: applied, followed, and told how they ended.

mod order;
mod running;
mod schedule;

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt;
use tokio::time::Instant;

pub use order::{Ended, LaunchSettings, Launched, Order, Outcome, Update};
use running::{Running, Seen, Start};
use schedule::Waiting;

use crate::apply::{find, is_queued};
use crate::connect::Cluster;
use crate::error::{ClusterError, FaultKind};
use crate::state::Phase;
use crate::watch::{Change, Watch};

/// Changes that come together are looked at together.
const TOGETHER: Duration = Duration::from_millis(200);
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_secs(1);
/// Before a Job is applied again that the cluster did not answer to.
const AGAIN: Duration = Duration::from_secs(5);

/// Launches all `orders` and follows them until they have ended, or until `stop` is ready: then what runs is left running.
///
/// Jobs of the same plan that are there are followed; those that are complete are skipped; those with another plan are not
/// touched. `told` hears of everything in between.
pub async fn launch(
    cluster: &Cluster,
    orders: &[Order],
    settings: &LaunchSettings,
    stop: impl Future<Output = ()>,
    told: impl FnMut(Update<'_>),
) -> Launched {
    let mut launch = Launch {
        watch: Watch::new(cluster, settings.watch.clone()),
        orders,
        settings,
        running: Vec::new(),
        waiting: (0..orders.len()).collect(),
        is_fetched: vec![false; orders.len()],
        deleting_since: vec![None; orders.len()],
        starting: None,
        failing: None,
        ended: orders.iter().map(|_| None).collect(),
        told,
    };
    tokio::pin!(stop);
    let error = tokio::select! {
        result = launch.run() => result.err(),
        () = &mut stop => None,
    };
    let ended = launch.report();
    Launched { ended, error }
}

struct Launch<'a, T> {
    watch: Watch,
    orders: &'a [Order],
    settings: &'a LaunchSettings,
    running: Vec<Running<'a>>,
    /// Places of those that wait for their turn.
    waiting: Vec<usize>,
    /// Whether the weights of each have been fetched by this launch.
    is_fetched: Vec<bool>,
    /// Since when each waits for an earlier Job of its name to be gone.
    deleting_since: Vec<Option<Instant>>,
    /// The one that is being applied: an interrupt may come between the request and its answer.
    starting: Option<usize>,
    /// Since when applying fails, and when it is tried again.
    failing: Option<(Instant, Instant)>,
    ended: Vec<Option<Ended>>,
    told: T,
}

impl<T: FnMut(Update<'_>)> Launch<'_, T> {
    async fn run(&mut self) -> Result<(), ClusterError> {
        // Otherwise a Job that was just made could look as if somebody had deleted it.
        while !self.watch.world().is_ready() {
            let change = self.watch.changed().await?;
            self.tell_of(&change);
        }
        let mut look_at = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(look_at) => {
                    self.look().await?;
                    self.start_next().await;
                    look_at = Instant::now() + TICK;
                    let is_over = self.running.is_empty() && self.waiting.is_empty();
                    if is_over || (self.settings.detach && self.failing.is_none()) {
                        return Ok(());
                    }
                }
                change = self.watch.changed() => {
                    self.tell_of(&change?);
                    look_at = look_at.min(Instant::now() + TOGETHER);
                }
            }
        }
    }

    fn tell_of(&mut self, change: &Change) {
        match change {
            Change::World => {}
            Change::Lost(error) => (self.told)(Update::Lost(error)),
            Change::Back => (self.told)(Update::Back),
        }
    }

    async fn start_next(&mut self) {
        if self.failing.is_some_and(|(_, at)| Instant::now() < at) {
            return;
        }
        // What runs already has its GPUs, whosever turn it is.
        let mut there = self.waiting.clone();
        there.retain(|&place| self.is_at_work(&self.orders[place]));
        for place in there {
            self.waiting.retain(|&it| it != place);
            self.start(place).await;
        }
        let has_failed = self.ended.iter().flatten().any(|it| !it.outcome.is_fine());
        if has_failed && !self.settings.keep_going {
            self.waiting.clear();
        }
        let waiting: Vec<Waiting> = self
            .waiting
            .iter()
            .map(|&place| Waiting {
                place,
                gpus: self.orders[place].gpus,
            })
            .collect();
        let in_use = self.gpus_in_use();
        let start = schedule::next(&waiting, self.running.len(), in_use, self.settings.max_gpus);
        for place in start {
            self.waiting.retain(|&it| it != place);
            self.start(place).await;
        }
    }

    /// Whether a Job of a model is on the cluster and has not ended. One that was suspended has given its GPUs back; one that a
    /// queue holds may get them any moment.
    fn is_at_work(&self, order: &Order) -> bool {
        let world = self.watch.world();
        let jobs = order.prefetch.iter().chain([&order.job]);
        let mut states = jobs.map(|job| world.state(&job.name_any()));
        let is_queued = is_queued(&order.job);
        states.any(|it| match it.phase {
            Phase::Deleting => false,
            Phase::Suspended => is_queued,
            phase => !phase.is_end(),
        })
    }

    /// Those of running models, and of those that may start any moment: stuck ones, and such that may have been applied.
    fn gpus_in_use(&self) -> u32 {
        let running = self.running.iter().map(|it| it.order.gpus);
        let is_stuck = |it: &Ended| {
            let is_unknown = |it: &Outcome| {
                matches!(
                    it,
                    Outcome::NotApplied {
                        is_transient: true,
                        ..
                    }
                )
            };
            matches!(it.outcome, Outcome::Stuck { .. }) || is_unknown(&it.outcome)
        };
        let stuck = self
            .ended
            .iter()
            .zip(self.orders)
            .filter_map(|(ended, order)| {
                ended.as_ref().is_some_and(is_stuck).then_some(order.gpus)
            });
        running.chain(stuck).sum()
    }

    async fn start(&mut self, place: usize) {
        let order = &self.orders[place];
        let how = running::How {
            is_fetched: self.is_fetched[place],
            detach: self.settings.detach,
        };
        self.starting = Some(place);
        let started = running::start(&mut self.watch, order, place, how).await;
        self.starting = None;
        if !matches!(started, Start::Again(_)) && self.failing.take().is_some() {
            (self.told)(Update::Back);
        }
        match started {
            Start::Running {
                running,
                is_attached,
                differences,
            } => {
                let (model, job) = (running.order.model.as_str(), running.job_name());
                if !differences.is_empty() {
                    let differences = &differences;
                    (self.told)(Update::Adjusted { model, differences });
                }
                (self.told)(Update::Started {
                    model,
                    job: &job,
                    is_attached,
                });
                (self.told)(Update::State {
                    model,
                    is_prefetch: running.is_prefetch(),
                    state: &running.state,
                });
                self.running.push(*running);
            }
            Start::Later => self.wait_for_deletion(place).await,
            Start::Again(error) => self.try_again(place, &error).await,
            Start::Ended(ended) => self.end(place, *ended).await,
        }
    }

    /// Waits and tries again, for as long as the patience lasts.
    async fn try_again(&mut self, place: usize, error: &ClusterError) {
        let now = Instant::now();
        if self.failing.is_none() {
            (self.told)(Update::Lost(error));
        }
        let since = self.failing.map_or(now, |(since, _)| since);
        if now.duration_since(since) >= self.settings.watch.patience {
            let order = &self.orders[place];
            let state = self.watch.world().state(&order.name());
            self.failing = None;
            self.end(place, Ended::new(order, running::not_applied(error), state))
                .await;
            return;
        }
        self.failing = Some((since, now + AGAIN.min(self.settings.watch.patience)));
        self.waiting.push(place);
        if error.is_login() {
            self.watch.log_in().await;
        }
    }

    async fn wait_for_deletion(&mut self, place: usize) {
        let since = *self.deleting_since[place].get_or_insert_with(Instant::now);
        if since.elapsed() < self.settings.stuck_deadline {
            self.waiting.push(place);
            return;
        }
        let message = format!(
            "an earlier Job of this name has been in deletion for {} s; `kubectl describe job` says what holds it",
            since.elapsed().as_secs()
        );
        let outcome = Outcome::NotApplied {
            message,
            is_transient: true,
        };
        let order = &self.orders[place];
        let state = self.watch.world().state(&order.name());
        self.end(place, Ended::new(order, outcome, state)).await;
    }

    /// Looks at all that run: tells of changes, goes from downloads to replications, and notes ends.
    async fn look(&mut self) -> Result<(), ClusterError> {
        let (mut place, is_heard) = (0, self.watch.is_heard());
        while place < self.running.len() {
            let world = self.watch.world();
            let running = &self.running[place];
            let state = world.state_of(world.job_with_uid(running.uid()));
            let is_replaced = world.job(&running.job_name()).is_some();
            if state.phase == Phase::NotThere && !self.is_gone(place).await? {
                place += 1;
                continue;
            }
            let running = &mut self.running[place];
            let world = self.watch.world();
            if state.phase == Phase::NotThere
                && let Some(last) = world.last_of(running.uid())
            {
                running.see_off(world.state_of(Some(last)));
            }
            let seen = running.see(state, is_replaced, is_heard, self.settings);
            if seen.is_new {
                (self.told)(Update::State {
                    model: &running.order.model,
                    is_prefetch: running.is_prefetch(),
                    state: &running.state,
                });
            }
            if seen.is_failing {
                let model = running.order.model.as_str();
                let lines = running.read_log(self.watch.cluster(), self.settings.log_lines);
                let lines = lines.await;
                if !lines.is_empty() {
                    (self.told)(Update::Log { model, lines });
                }
            }
            place += usize::from(!self.conclude(place, seen).await);
        }
        Ok(())
    }

    /// Takes what was seen to its end, if it is one: whether this one does not run any more.
    async fn conclude(&mut self, place: usize, seen: Seen) -> bool {
        let Some(outcome) = seen.outcome else {
            return false;
        };
        let running = self.running.remove(place);
        if running.is_prefetch() && outcome == Outcome::Complete {
            // Its turn goes on, with the replications.
            self.is_fetched[running.place] = true;
            self.start(running.place).await;
            return true;
        }
        let place = running.place;
        let ended = running.ended(outcome);
        self.end(place, ended).await;
        true
    }

    /// Whether a Job that the watch does not know is really gone.
    async fn is_gone(&mut self, place: usize) -> Result<bool, ClusterError> {
        let running = &self.running[place];
        match find::<Job>(self.watch.cluster(), &running.job_name()).await {
            Ok(Some(job)) if job.metadata.uid.as_deref() == Some(running.uid()) => {
                self.watch.put(job);
                Ok(false)
            }
            Ok(_) => Ok(true),
            // The watch has its own patience with both.
            Err(error) if error.is_transient() || *error.kind() == FaultKind::Unauthorized => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn end(&mut self, place: usize, ended: Ended) {
        let order = &self.orders[place];
        let is_complete = matches!(ended.outcome, Outcome::Complete | Outcome::AlreadyComplete);
        if is_complete && self.settings.delete_finished {
            for error in running::delete_finished(&self.watch, order).await {
                let model = order.model.as_str();
                (self.told)(Update::NotDeleted {
                    model,
                    error: &error,
                });
            }
        }
        (self.told)(Update::Ended(&ended));
        self.ended[place] = Some(ended);
    }

    fn report(self) -> Vec<Ended> {
        let Self {
            mut ended,
            running,
            orders,
            watch,
            starting,
            ..
        } = self;
        for running in running {
            let place = running.place;
            ended[place] = Some(running.ended(Outcome::LeftRunning));
        }
        if let Some(place) = starting {
            let state = watch.world().state(&orders[place].name());
            ended[place] = Some(Ended::new(&orders[place], Outcome::LeftRunning, state));
        }
        let not_started = |(ended, order): (Option<Ended>, &Order)| {
            ended.unwrap_or_else(|| {
                let state = watch.world().state(&order.name());
                Ended::new(order, Outcome::NotStarted, state)
            })
        };
        ended.into_iter().zip(orders).map(not_started).collect()
    }
}
