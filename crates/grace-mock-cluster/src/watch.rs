//! Watches: what changed since a version, as it happens.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::answer::{Answer, Pipe, piped};
use crate::request::Query;
use crate::resource::Target;
use crate::selector::Selector;
use crate::state::{Shared, State};
use crate::status::Refusal;
use crate::store::Change;

/// One open watch.
struct Watch {
    target: Target,
    selector: Selector,
    /// Changes up to here are told.
    told: u64,
    /// The compactions it began under: one more, and it has lost its place.
    compactions: u64,
    bookmarks: bool,
    bookmark_every: Duration,
    ends: Option<Instant>,
}

/// Opens a watch; what it tells is written by a task of its own.
pub(crate) fn watch(
    shared: &Arc<Shared>,
    target: &Target,
    query: &Query,
) -> Result<Answer, Refusal> {
    if query.is_on("sendInitialEvents") {
        // As servers answer that do not have the feature; clients then list first.
        let message = "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
        return Err(Refusal::new(422, "Invalid", message));
    }
    let selector = Selector::of(query, target.resource)?;
    let seconds = query
        .get("timeoutSeconds")
        .and_then(|text| text.parse().ok());
    let ends = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let from = query.get("resourceVersion").unwrap_or_default();
    let (pipe, answer) = piped("application/json");
    let (watch, first) = shared.edit(|state| {
        let mut watch = Watch {
            target: target.clone(),
            selector,
            told: state.store.version(),
            compactions: state.store.compactions(),
            bookmarks: query.is_on("allowWatchBookmarks"),
            bookmark_every: state.bookmark_every,
            ends,
        };
        let first = match from {
            "" | "0" => watch.all_there_is(state),
            from => {
                watch.told = from.parse().unwrap_or(0);
                Vec::new()
            }
        };
        *state
            .open_watches
            .entry(target.resource.plural)
            .or_default() += 1;
        (watch, first)
    });
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let plural = watch.target.resource.plural;
        // The client left: nothing is owed to it.
        let _ = watch.tell(&shared, &pipe, first).await;
        shared.edit(|state| {
            if let Some(open) = state.open_watches.get_mut(plural) {
                *open -= 1;
            }
        });
    });
    Ok(answer)
}

/// The client is gone.
struct Gone;

impl Watch {
    async fn tell(mut self, shared: &Shared, pipe: &Pipe, first: Vec<Value>) -> Result<(), Gone> {
        let mut changes = shared.changes();
        send(pipe, first).await?;
        let mut bookmark_at = Instant::now() + self.bookmark_every;
        loop {
            changes.borrow_and_update();
            let (events, expired) = shared.look(|state| self.news(state));
            send(pipe, events).await?;
            if expired {
                return Ok(());
            }
            let never = Instant::now() + Duration::from_hours(24);
            tokio::select! {
                _ = changes.changed() => {}
                () = pipe.closed() => return Err(Gone),
                () = sleep_until(bookmark_at), if self.bookmarks => {
                    send(pipe, vec![self.bookmark()]).await?;
                    bookmark_at = Instant::now() + self.bookmark_every;
                }
                () = sleep_until(self.ends.unwrap_or(never)) => {
                    if self.bookmarks {
                        send(pipe, vec![self.bookmark()]).await?;
                    }
                    return Ok(());
                }
            }
        }
    }

    /// What has not been told yet; and whether the watch is over because its place is forgotten.
    fn news(&mut self, state: &State) -> (Vec<Value>, bool) {
        let store = &state.store;
        if self.told < store.oldest() || self.compactions != store.compactions() {
            return (vec![expired(self.told, store.oldest())], true);
        }
        let changes = store.changes_after(self.told);
        let events = changes.iter().filter_map(|change| self.event(change));
        let events = events.collect();
        self.told = self.told.max(store.version());
        (events, false)
    }

    /// What a change is to this watch: an object may enter or leave what it selects.
    fn event(&self, change: &Change) -> Option<Value> {
        let (plural, namespace, _) = &change.key;
        let here = *plural == self.target.resource.plural
            && self
                .target
                .namespace
                .as_ref()
                .is_none_or(|wanted| wanted == namespace);
        if !here {
            return None;
        }
        let before = change.before.as_ref();
        let was = before.is_some_and(|object| self.selector.matches(object));
        let is = !change.deleted && self.selector.matches(&change.object);
        let kind = match (was, is) {
            (false, false) => return None,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
        };
        Some(json!({"type": kind, "object": *change.object}))
    }

    fn all_there_is(&self, state: &State) -> Vec<Value> {
        let namespace = self.target.namespace.as_deref();
        let there = state.store.list(self.target.resource, namespace);
        let selected = there.filter(|object| self.selector.matches(object));
        selected
            .map(|object| json!({"type": "ADDED", "object": **object}))
            .collect()
    }

    /// watch-initial-bookmark
    fn bookmark(&self) -> Value {
        let mut object = json!({"metadata": {"resourceVersion": self.told.to_string()}});
        self.target.resource.mark(&mut object);
        match self.target.resource.plural {
            "jobs" => {
                let template = json!({"metadata": {}, "spec": {"containers": null}});
                object["spec"] = json!({"template": template});
                object["status"] = json!({});
            }
            "pods" => {
                object["spec"] = json!({"containers": null});
                object["status"] = json!({});
            }
            "events" => object["involvedObject"] = json!({}),
            _ => {}
        }
        json!({"type": "BOOKMARK", "object": object})
    }
}

/// watch-expired-410
fn expired(asked: u64, oldest: u64) -> Value {
    let message = format!("too old resource version: {asked} ({oldest})");
    json!({"type": "ERROR", "object": Refusal::new(410, "Expired", message).body})
}

async fn send(pipe: &Pipe, events: Vec<Value>) -> Result<(), Gone> {
    if events.is_empty() {
        return Ok(());
    }
    let mut lines = String::new();
    for event in &events {
        lines += &event.to_string();
        lines.push('\n');
    }
    pipe.send(Ok(Bytes::from(lines))).await.map_err(|_| Gone)
}
