//! From Jobs to results on the claim: applied, followed, and told how they ended.

mod order;
mod running;
mod schedule;

use std::time::Duration;

use tokio::time::Instant;

pub use order::{Ended, LaunchSettings, Order, Outcome, Update};
use running::{Running, Seen, Start};
use schedule::Waiting;

use crate::apply::find;
use crate::connect::Cluster;
use crate::error::ClusterError;
use crate::state::Phase;
use crate::watch::{Change, Watch};

/// Changes that come together are looked at together.
const TOGETHER: Duration = Duration::from_millis(200);
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_secs(1);

/// Launches all `orders` and follows them until they have ended, or until `stop` is ready: then what runs is left running.
///
/// Jobs of the same plan that are there are followed; those that are complete are skipped; those with another plan are not
/// touched. `told` hears of everything in between. In the order of `orders`, how each of them ended.
///
/// # Errors
///
/// Returns an error if the cluster cannot be watched (any more). What was applied goes on there.
pub async fn launch(
    cluster: &Cluster,
    orders: &[Order],
    settings: &LaunchSettings,
    stop: impl Future<Output = ()>,
    told: impl FnMut(Update<'_>),
) -> Result<Vec<Ended>, ClusterError> {
    let mut launch = Launch {
        watch: Watch::new(cluster, settings.watch.clone()),
        orders,
        settings,
        running: Vec::new(),
        waiting: (0..orders.len()).collect(),
        is_fetched: vec![false; orders.len()],
        deleting_since: vec![None; orders.len()],
        starting: None,
        ended: orders.iter().map(|_| None).collect(),
        told,
    };
    tokio::pin!(stop);
    tokio::select! {
        result = launch.run() => result?,
        () = &mut stop => {}
    }
    Ok(launch.report())
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
                    if is_over || self.settings.detach {
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

    /// Those of running models, and of stuck ones, which may start any moment.
    fn gpus_in_use(&self) -> u32 {
        let running = self.running.iter().map(|it| it.order.gpus);
        let is_stuck = |it: &Ended| matches!(it.outcome, Outcome::Stuck { .. });
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
                self.running.push(*running);
            }
            Start::Later => self.wait_for_deletion(place),
            Start::Ended(outcome) => self.end(place, *outcome),
        }
    }

    fn wait_for_deletion(&mut self, place: usize) {
        let since = *self.deleting_since[place].get_or_insert_with(Instant::now);
        if since.elapsed() < self.settings.stuck_deadline {
            self.waiting.push(place);
            return;
        }
        let message = format!(
            "an earlier Job of this name has been in deletion for {} s; `kubectl describe job` says what holds it",
            since.elapsed().as_secs()
        );
        let is_transient = true;
        self.end(
            place,
            Outcome::NotApplied {
                message,
                is_transient,
            },
        );
    }

    /// Looks at all that run: tells of changes, goes from downloads to replications, and notes ends.
    async fn look(&mut self) -> Result<(), ClusterError> {
        let mut place = 0;
        while place < self.running.len() {
            let world = self.watch.world();
            let state = world.state(&self.running[place].job_name());
            if state.phase == Phase::NotThere && !self.is_gone(place).await? {
                place += 1;
                continue;
            }
            let running = &mut self.running[place];
            let seen = running.see(state, self.settings);
            if seen.is_new {
                (self.told)(Update::State {
                    model: &running.order.model,
                    is_prefetch: running.is_prefetch(),
                    state: &running.state,
                });
            }
            if seen.is_failing {
                running
                    .read_log(self.watch.cluster(), self.settings.log_lines)
                    .await;
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
        if outcome == Outcome::Complete && self.settings.delete_finished {
            running.delete(self.watch.cluster()).await;
        }
        let place = running.place;
        let ended = running.ended(outcome);
        (self.told)(Update::Ended(&ended));
        self.ended[place] = Some(ended);
        true
    }

    /// Whether a Job that the watch does not know is really gone.
    async fn is_gone(&mut self, place: usize) -> Result<bool, ClusterError> {
        let name = self.running[place].job_name();
        match find(self.watch.cluster(), &name).await {
            Ok(None) => Ok(true),
            Ok(Some(job)) => {
                self.watch.put(job);
                Ok(false)
            }
            Err(error) if error.is_transient() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn end(&mut self, place: usize, outcome: Outcome) {
        let order = &self.orders[place];
        let state = self.watch.world().state(&order.name());
        let ended = Ended::new(order, outcome, state);
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
        for mut running in running {
            let place = running.place;
            // It may not have been looked at since it was applied.
            let state = watch.world().state(&running.job_name());
            if state.phase != Phase::NotThere {
                running.state = state;
            }
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
