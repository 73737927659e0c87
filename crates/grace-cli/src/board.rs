//! Progress of models on a cluster: on a terminal a line each, elsewhere a line each every 30 s.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::time::{Duration, Instant};

use grace_launch::launch::Update;
use grace_launch::state::{JobState, Phase, format_indexes};

use crate::live::Live;
use crate::progress::say;

/// Between lines where there is no terminal.
const EVERY: Duration = Duration::from_secs(30);
/// Between redraws on one.
const REDRAW: Duration = Duration::from_secs(1);

/// The models that are followed.
pub(crate) struct Board {
    live: Option<Live>,
    models: BTreeMap<String, Model>,
    told: Instant,
}

/// Tries that failed and were told of: index and pod.
type Told = BTreeSet<(u32, Option<String>)>;

struct Model {
    told: Told,
    state: Option<JobState>,
    is_prefetch: bool,
    since: Instant,
    /// Replications that were done when it was first seen.
    done_before: Option<usize>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            live: Live::on_terminal(),
            models: BTreeMap::new(),
            told: Instant::now(),
        }
    }

    /// Redraws, or tells every 30 s, until it is dropped.
    pub(crate) async fn keep_telling(board: &RefCell<Self>) -> Infallible {
        loop {
            tokio::time::sleep(REDRAW).await;
            board.borrow_mut().tick();
        }
    }

    /// Takes an update in.
    pub(crate) fn take(&mut self, update: &Update<'_>) {
        match update {
            Update::Started {
                model,
                job,
                is_attached,
            } => {
                let how = if *is_attached {
                    "follows the Job that is there"
                } else {
                    "started"
                };
                self.say(&format!("{model}: {how}, {job}"));
                self.add(model);
            }
            Update::Adjusted { model, differences } => {
                for difference in *differences {
                    self.say(&format!("{model}: changed {difference}"));
                }
            }
            Update::State {
                model,
                is_prefetch,
                state,
            } => self.see(model, *is_prefetch, state),
            Update::Log { model, lines } => self.show_log(model, lines),
            Update::Ended(ended) => {
                self.remove(&ended.model);
                self.say(&format!("{}: {}", ended.model, ended.summary));
            }
            Update::Lost(error) => {
                self.say(&format!(
                    "connection lost, trying again; the Jobs go on: {error}"
                ));
                if let Some(hint) = error.hint() {
                    self.say(&format!("  {hint}"));
                }
            }
            Update::NotDeleted { model, error } => {
                self.say(&format!(
                    "{model}: complete, but its Job is not deleted: {error}"
                ));
            }
            Update::Back => self.say("connection is back"),
            _ => {}
        }
    }

    fn show_log(&self, model: &str, lines: &[String]) {
        if !lines.is_empty() {
            self.say(&format!("{model}: the last lines of its log:"));
        }
        for line in lines {
            self.say(&format!("  | {line}"));
        }
    }

    /// Prints a line above those that are drawn.
    fn say(&self, text: &str) {
        match &self.live {
            Some(live) => live.say(text),
            None => say(text),
        }
    }

    fn add(&mut self, model: &str) {
        let begun = Model {
            told: Told::new(),
            state: None,
            is_prefetch: false,
            since: Instant::now(),
            done_before: None,
        };
        self.models.insert(model.to_owned(), begun);
        self.draw();
    }

    fn remove(&mut self, model: &str) {
        self.models.remove(model);
        self.draw();
    }

    fn texts(&self) -> Vec<String> {
        let models = self.models.iter();
        models.map(|(key, model)| model.text(key)).collect()
    }

    fn draw(&mut self) {
        let texts = self.texts();
        if let Some(live) = &mut self.live {
            live.draw(&texts);
        }
    }

    fn see(&mut self, key: &str, is_prefetch: bool, state: &JobState) {
        let Some(model) = self.models.get_mut(key) else {
            return;
        };
        let before = model.state.replace(state.clone());
        if is_prefetch != std::mem::replace(&mut model.is_prefetch, is_prefetch) {
            // Another Job: what was seen of the last one says nothing of it.
            (model.since, model.done_before) = (Instant::now(), None);
        }
        if state.phase == Phase::Suspended {
            // Time in a queue, or of a pause, is no time of work.
            (model.since, model.done_before) = (Instant::now(), Some(state.done.len()));
        }
        model.done_before.get_or_insert(state.done.len());
        for line in news(key, before.as_ref(), state, &mut model.told) {
            self.say(&format!("{key}: {line}"));
        }
    }

    fn tick(&mut self) {
        self.draw();
        if self.live.is_none() && self.told.elapsed() >= EVERY {
            for text in self.texts() {
                say(&text);
            }
            self.told = Instant::now();
        }
    }
}

/// What may need somebody, and was not so before.
fn news(key: &str, before: Option<&JobState>, state: &JobState, told: &mut Told) -> Vec<String> {
    let mut lines = Vec::new();
    let is_failing = |state: &JobState| matches!(state.phase, Phase::Failing(_));
    if is_failing(state) && !before.is_some_and(is_failing) {
        lines.push(state.to_string());
    }
    // An index fails before it is known what becomes of it, which is what is new then.
    for failure in state.tried_again() {
        let try_of = (failure.index, failure.pod.clone());
        if told.insert(try_of) {
            lines.push(format!("{failure}; it is tried again"));
        }
    }
    for failure in state.given_up() {
        let was_told = before.is_some_and(|before| before.failed.contains(&failure.index));
        if !was_told && state.left() > 0 {
            let index = failure.index;
            lines.push(format!(
                "{failure}; it is not tried again, the others go on; `grace-cli logs {key} {index}` shows why"
            ));
        }
    }
    let known: Vec<_> = before.map(JobState::trouble).unwrap_or_default();
    for (obstacle, indexes) in state.trouble() {
        if known.iter().any(|(it, _)| *it == obstacle) {
            continue;
        }
        let whose = match indexes.as_slice() {
            [] => String::new(),
            some => format!("index {}: ", format_indexes(some.iter().copied())),
        };
        let hint = obstacle.hint().map(|hint| format!("\n  {hint}"));
        lines.push(format!("{whose}{obstacle}{}", hint.unwrap_or_default()));
    }
    lines
}

impl Model {
    fn text(&self, key: &str) -> String {
        let what = if self.is_prefetch {
            "fetching weights: "
        } else {
            ""
        };
        let followed = self.since.elapsed();
        let Some(state) = &self.state else {
            let so_far = clock(followed);
            return format!("{key}: {what}waiting for the cluster, {so_far} so far");
        };
        let elapsed = begun(state).unwrap_or_default().max(followed);
        let left = self.left(state, elapsed);
        let left = left.map(|left| format!(", about {} to go", clock(left)));
        let aside = format!(", {} so far{}", clock(elapsed), left.unwrap_or_default());
        format!("{key}: {what}{}", state.with_aside(&aside))
    }

    /// The time that is left, if all replications take as long as those that were done in the time that is known.
    fn left(&self, state: &JobState, elapsed: Duration) -> Option<Duration> {
        // A Job that was suspended started anew: only what was done under our eyes took a known time.
        let (time, before) = if state.was_suspended {
            (self.since.elapsed(), self.done_before.unwrap_or_default())
        } else {
            (elapsed, 0)
        };
        let done = state.done.len().saturating_sub(before);
        let done = u32::try_from(done).ok().filter(|&it| it > 0)?;
        (!state.running.is_empty()).then(|| time / done * state.left())
    }
}

/// How long ago the controller took a Job up.
fn begun(state: &JobState) -> Option<Duration> {
    let started = state.started_at.as_deref()?;
    let started = started.parse::<jiff::Timestamp>().ok()?;
    Duration::try_from(jiff::Timestamp::now().duration_since(started)).ok()
}

/// A duration as people read it: `2 h 05 min`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use grace_launch::state::observe;
    use k8s_openapi::api::batch::v1::Job;
    use serde_json::json;

    use super::*;

    /// A Job of five, begun an hour ago, with these indexes done and one pod at work.
    fn state(done: &str) -> JobState {
        let hour_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
        let job: Job = serde_json::from_value(json!({
            "metadata": {"name": "x", "uid": "u"},
            "spec": {"completionMode": "Indexed", "completions": 5, "parallelism": 1, "template": {}},
            "status": {"completedIndexes": done, "startTime": hour_ago.to_string()},
        }))
        .expect("a Job");
        let pod = serde_json::from_value(json!({
            "metadata": {"name": "x-4", "uid": "p", "labels": {
                "batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-completion-index": "4"}},
            "status": {"phase": "Running"},
        }))
        .expect("a pod");
        observe(Some(&job), &[&pod], &[])
    }

    fn text(state: JobState) -> String {
        let model = Model {
            told: Told::new(),
            done_before: Some(state.done.len()),
            state: Some(state),
            is_prefetch: false,
            since: Instant::now(),
        };
        model.text("tiny")
    }

    #[test]
    fn a_line_has_counts_elapsed_and_an_estimate_once_one_is_done() {
        assert_eq!(
            text(state("0-1")),
            "tiny: running 1/5, done 2, failed 0, 1 h 00 min so far, about 1 h 30 min to go"
        );
        assert_eq!(
            text(state("")),
            "tiny: running 1/5, done 0, failed 0, 1 h 00 min so far"
        );
    }

    #[test]
    fn what_is_wrong_stands_behind_the_times() {
        let mut state = state("0-1");
        state.without_pods = Some(grace_launch::state::Obstacle::Quota(String::from("q")));
        assert_eq!(
            text(state),
            "tiny: running 1/5, done 2, failed 0, 1 h 00 min so far, about 1 h 30 min to go; quota: q"
        );
    }

    #[test]
    fn a_job_that_was_resumed_has_an_estimate_of_what_was_done_since() {
        let resumed = |done: &str| {
            let mut state = state(done);
            state.was_suspended = true;
            state.started_at = Some(jiff::Timestamp::now().to_string());
            state
        };
        // Three were done before, in a time that is not known.
        let mut model = Model {
            told: Told::new(),
            done_before: Some(3),
            state: Some(resumed("0-2")),
            is_prefetch: false,
            since: Instant::now()
                .checked_sub(Duration::from_mins(1))
                .expect("a machine that is up for a minute"),
        };
        let without = "tiny: running 1/5, done 3, failed 0, 1 min 00 s so far";
        assert_eq!(model.text("tiny"), without);
        model.state = Some(resumed("0-3"));
        let with = "tiny: running 1/5, done 4, failed 0, 1 min 00 s so far, about 1 min 00 s to go";
        assert_eq!(model.text("tiny"), with);
    }

    #[test]
    fn nothing_is_told_twice() {
        assert_eq!(news("small", None, &state("0"), &mut Told::new()), [""; 0]);
        let waiting = |message: &str| {
            let mut state = state("0");
            let obstacle = grace_launch::state::Obstacle::Quota(message.to_owned());
            state.without_pods = Some(obstacle);
            state
        };
        let first = news(
            "small",
            None,
            &waiting("exceeded quota: q"),
            &mut Told::new(),
        );
        assert_eq!(
            first,
            [
                "quota: exceeded quota: q\n  wait for others to finish, lower --parallelism, or ask for a larger quota"
            ]
        );
        assert_eq!(
            news(
                "small",
                Some(&waiting("exceeded quota: q")),
                &waiting("exceeded quota: q"),
                &mut Told::new()
            ),
            [""; 0]
        );
    }

    /// A Job of two with a failed pod of index 0, and perhaps its next one.
    fn failing(failed_indexes: &str, has_next: bool) -> JobState {
        let job: Job = serde_json::from_value(json!({
            "metadata": {"name": "x", "uid": "u"},
            "spec": {"completionMode": "Indexed", "completions": 2, "parallelism": 2, "template": {}},
            "status": {"failedIndexes": failed_indexes},
        }))
        .expect("a Job");
        let pod = |name: &str, made: &str, status: serde_json::Value| {
            serde_json::from_value(json!({
                "metadata": {"name": name, "uid": name, "creationTimestamp": made, "labels": {
                    "batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-completion-index": "0"}},
                "status": status,
            }))
            .expect("a pod")
        };
        let ended = json!({"phase": "Failed", "containerStatuses": [
            {"name": "replicate", "image": "", "imageID": "", "ready": false, "restartCount": 0,
             "state": {"terminated": {"exitCode": 75}}}]});
        let first = pod("x-0-a", "2026-11-29T08:00:00Z", ended);
        let next = pod("x-0-b", "2026-11-29T08:01:00Z", json!({"phase": "Running"}));
        let pods: Vec<&k8s_openapi::api::core::v1::Pod> = if has_next {
            vec![&first, &next]
        } else {
            vec![&first]
        };
        observe(Some(&job), &pods, &[])
    }

    #[test]
    fn it_is_told_what_becomes_of_a_failed_index_once_it_is_known() {
        let (unknown, again, over) = (failing("", false), failing("", true), failing("0", false));
        let mut told = Told::new();
        let mut news = |before, state| news("small", before, state, &mut told);
        assert_eq!(news(None, &unknown), [""; 0]);
        let told = news(Some(&unknown), &again);
        assert!(told[0].ends_with("; it is tried again"), "{told:?}");
        // Its next pod was evicted, and replaced.
        assert_eq!(news(Some(&again), &unknown), [""; 0]);
        assert_eq!(news(Some(&unknown), &again), [""; 0]);
        let told = news(Some(&unknown), &over);
        assert!(
            told[0].contains("exit 75") && told[0].contains("`grace-cli logs small 0` shows why"),
            "{told:?}"
        );
        assert_eq!(news(Some(&over), &over), [""; 0]);
    }

    #[test]
    fn times_as_people_read_them() {
        let text = |seconds| clock(Duration::from_secs(seconds));
        assert_eq!(
            [text(9), text(69), text(3600 * 26 + 300)],
            ["9 s", "1 min 09 s", "26 h 05 min"]
        );
    }
}
