//! What containers wrote, and how it is read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use crate::answer::{Answer, Pipe, piped, whole};
use crate::clock;
use crate::gc::pods;
use crate::request::Query;
use crate::resource::Target;
use crate::state::{Shared, State};
use crate::status::Refusal;

#[derive(Debug, Clone)]
struct Line {
    at: Timestamp,
    text: Vec<u8>,
}

/// The lines of all pods.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    lines: BTreeMap<(String, String), Vec<Line>>,
    written: u64,
}

impl Logs {
    pub(crate) fn append(&mut self, namespace: &str, pod: &str, text: &[u8]) {
        self.written += 1;
        let place = (namespace.to_owned(), pod.to_owned());
        let at = Timestamp::now();
        let lines = self.lines.entry(place).or_default();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        lines.extend(text.split(|&byte| byte == b'\n').map(|line| Line {
            at,
            text: line.to_owned(),
        }));
    }

    pub(crate) fn remove(&mut self, namespace: &str, pod: &str) {
        self.lines.remove(&(namespace.to_owned(), pod.to_owned()));
    }

    /// Rises with each line.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    fn of(&self, namespace: &str, pod: &str) -> &[Line] {
        let place = (namespace.to_owned(), pod.to_owned());
        self.lines.get(&place).map_or(&[], Vec::as_slice)
    }
}

/// How a log is asked for.
#[derive(Debug, Clone, Default)]
struct Options {
    follow: bool,
    timestamps: bool,
    tail: Option<usize>,
    since: Option<Timestamp>,
    limit: Option<usize>,
}

impl Options {
    fn of(query: &Query) -> Result<Self, Refusal> {
        let number = |name| query.get(name).and_then(|text| text.parse::<usize>().ok());
        let since = match query.get("sinceTime") {
            None => None,
            Some(text) => Some(text.parse().map_err(|error| {
                Refusal::bad_request(format!("parsing time \"{text}\": {error}"))
            })?),
        };
        let seconds = number("sinceSeconds").and_then(|seconds| {
            let seconds = Duration::from_secs(u64::try_from(seconds).ok()?);
            Timestamp::now().checked_sub(seconds).ok()
        });
        Ok(Self {
            follow: query.is_on("follow"),
            timestamps: query.is_on("timestamps"),
            tail: number("tailLines"),
            since: since.or(seconds),
            limit: number("limitBytes"),
        })
    }

    fn print(&self, line: &Line) -> Vec<u8> {
        let mut printed = Vec::new();
        if self.timestamps {
            let time = clock::to_the_nanosecond(line.at);
            printed.extend_from_slice(format!("{time} ").as_bytes());
        }
        printed.extend_from_slice(&line.text);
        printed.push(b'\n');
        printed
    }

    fn wants(&self, line: &Line) -> bool {
        self.since.is_none_or(|since| line.at >= since)
    }

    /// The first lines of an answer, from where the tail begins.
    fn first(&self, lines: &[Line]) -> Vec<u8> {
        let from = self.tail.map_or(0, |tail| lines.len().saturating_sub(tail));
        let wanted = lines.iter().skip(from).filter(|line| self.wants(line));
        let mut text: Vec<u8> = wanted.flat_map(|line| self.print(line)).collect();
        text.truncate(self.limit.unwrap_or(usize::MAX));
        text
    }
}

/// Answers `pods/NAME/log`.
pub(crate) fn log(shared: &Arc<Shared>, target: &Target, query: &Query) -> Result<Answer, Refusal> {
    let options = Options::of(query)?;
    let (namespace, name) = (target.namespace().to_owned(), target.name().to_owned());
    let first = shared.look(|state| {
        let Some(pod) = state.store.get(pods(), &namespace, &name) else {
            return Err(Refusal::not_found(pods(), &name));
        };
        if !check(pod, &name, query)? {
            return Ok(None);
        }
        let lines = state.logs.of(&namespace, &name);
        Ok(Some((
            options.first(lines),
            lines.len(),
            is_over(state, &namespace, &name),
        )))
    })?;
    let Some((text, told, over)) = first else {
        let mut nothing = whole(204, "text/plain", "");
        nothing.headers_mut().clear();
        return Ok(nothing);
    };
    if !options.follow || over {
        return Ok(whole(200, "text/plain", text));
    }
    let (pipe, answer) = piped("text/plain");
    let follower = Follower {
        namespace,
        name,
        options,
        told,
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move { follower.run(&shared, &pipe, text).await });
    Ok(answer)
}

/// A log that is read as it grows.
struct Follower {
    namespace: String,
    name: String,
    options: Options,
    told: usize,
}

impl Follower {
    async fn run(mut self, shared: &Shared, pipe: &Pipe, first: Vec<u8>) {
        let mut changes = shared.changes();
        let mut text = first;
        let mut over = false;
        loop {
            if !text.is_empty() && pipe.send(Ok(Bytes::from(text))).await.is_err() {
                return;
            }
            if over {
                return;
            }
            changes.borrow_and_update();
            (text, over) = shared.look(|state| self.news(state));
            if text.is_empty() && !over {
                tokio::select! {
                    _ = changes.changed() => {}
                    () = pipe.closed() => return,
                }
            }
        }
    }

    fn news(&mut self, state: &State) -> (Vec<u8>, bool) {
        let lines = state.logs.of(&self.namespace, &self.name);
        let new = lines.get(self.told..).unwrap_or_default();
        let wanted = new.iter().filter(|line| self.options.wants(line));
        let text = wanted.flat_map(|line| self.options.print(line)).collect();
        self.told = self.told.max(lines.len());
        (text, is_over(state, &self.namespace, &self.name))
    }
}

fn is_over(state: &State, namespace: &str, name: &str) -> bool {
    let pod = state.store.get(pods(), namespace, name);
    pod.is_none_or(|pod| {
        ["Succeeded", "Failed"]
            .iter()
            .any(|end| pod["status"]["phase"] == *end)
    })
}

/// Whether there is a log to read; the recorded refusals otherwise. A pod that no node has is no refusal but nothing.
fn check(pod: &Value, name: &str, query: &Query) -> Result<bool, Refusal> {
    if query.get("stream").is_some() {
        // log-stdout
        let mut refusal =
            Refusal::invalid(pods(), name, "stream", "Forbidden: may not be specified");
        refusal.body["message"] =
            format!("PodLogOptions \"{name}\" is invalid: stream: Forbidden: may not be specified")
                .into();
        refusal.body["details"]["kind"] = "PodLogOptions".into();
        refusal.body["details"]["causes"][0]["reason"] = "FieldValueForbidden".into();
        return Err(refusal);
    }
    let container = container(pod, name, query)?;
    if is_unscheduled(pod) {
        return Ok(false);
    }
    if query.is_on("previous") {
        // log-previous
        return Err(Refusal::bad_request(format!(
            "previous terminated container \"{container}\" in pod \"{name}\" not found"
        )));
    }
    match waiting(pod, &container) {
        Some(why) => Err(Refusal::bad_request(format!(
            "container \"{container}\" in pod \"{name}\" is waiting to start: {why}"
        ))),
        None => Ok(true),
    }
}

/// The container that is meant. log-badcontainer
fn container(pod: &Value, name: &str, query: &Query) -> Result<String, Refusal> {
    let names = |list: &str| -> Vec<String> {
        let all = pod["spec"][list].as_array().into_iter().flatten();
        all.filter_map(|one| one["name"].as_str().map(str::to_owned))
            .collect()
    };
    let own = names("containers");
    match (query.get("container"), own.as_slice()) {
        (Some(asked), _)
            if own
                .iter()
                .chain(&names("initContainers"))
                .any(|one| one == asked) =>
        {
            Ok(asked.to_owned())
        }
        (Some(asked), _) => {
            let message = format!("container {asked} is not valid for pod {name}");
            Err(Refusal::bad_request(message))
        }
        (None, [only]) => Ok(only.clone()),
        (None, []) => Ok(String::new()),
        (None, many) => Err(Refusal::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            many.join(" ")
        ))),
    }
}

fn is_unscheduled(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let refused = conditions
        .into_iter()
        .any(|one| one["type"] == "PodScheduled" && one["status"] == "False");
    let nowhere = pod["spec"]["nodeName"].is_null()
        && pod["status"]["phase"] == "Pending"
        && pod["status"]["containerStatuses"].is_null();
    refused || nowhere
}

/// Why a container does not write yet (log-400-1, log-waiting-*).
fn waiting(pod: &Value, container: &str) -> Option<String> {
    let lists = ["containerStatuses", "initContainerStatuses"];
    let statuses = lists
        .iter()
        .flat_map(|list| pod["status"][list].as_array().into_iter().flatten());
    let status = statuses.into_iter().find(|one| one["name"] == container)?;
    let reason = status["state"]["waiting"]["reason"].as_str()?;
    Some(match reason {
        "ErrImagePull" => "image can't be pulled".to_owned(),
        "ImagePullBackOff" => "trying and failing to pull image".to_owned(),
        other => other.to_owned(),
    })
}
