//! Watches.

use std::time::Duration;

use grace_mock_cluster::{Fault, MockCluster, NAMESPACE, Trouble};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{JOBS, PODS, client, get, job, pod, said, until};

struct Watch {
    response: Response,
    text: String,
}

impl Watch {
    async fn open(cluster: &MockCluster, path: &str) -> Self {
        let url = format!("{}{path}", cluster.url());
        let response = client().get(url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let event = serde_json::from_str(line).unwrap();
                self.text = rest.into();
                return Some(event);
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }

    async fn told(&mut self) -> (String, String) {
        let event = self.next().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            text(&event["type"]),
            text(&event["object"]["metadata"]["name"]),
        )
    }
}

fn told(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

async fn version(cluster: &MockCluster, path: &str) -> String {
    let (_, list) = get(cluster, path).await;
    list["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn tells_what_happened_since_a_list() {
    let cluster = MockCluster::start().await;
    cluster.put("jobs", job("old"));
    let from = version(&cluster, JOBS).await;
    cluster.put("jobs", job("between"));
    let mut watch = Watch::open(&cluster, &format!("{JOBS}?watch=1&resourceVersion={from}")).await;
    assert_eq!(watch.told().await, told("ADDED", "between"));
    cluster.modify("jobs", NAMESPACE, "old", |job| {
        job["spec"]["suspend"] = json!(true);
    });
    assert_eq!(watch.told().await, told("MODIFIED", "old"));
    cluster.put("pods", pod("not-a-job", &json!({}), None));
    cluster.remove("jobs", NAMESPACE, "old");
    assert_eq!(watch.told().await, told("DELETED", "old"));
    assert_eq!(cluster.open_watches("jobs"), 1);
    drop(watch);
    until("the watch is closed", || cluster.open_watches("jobs") == 0).await;
}

#[tokio::test]
async fn without_a_version_it_begins_with_what_there_is() {
    let cluster = MockCluster::start().await;
    cluster.put("jobs", job("a"));
    cluster.put("jobs", job("b"));
    let mut watch = Watch::open(&cluster, &format!("{JOBS}?watch=true")).await;
    assert_eq!(watch.told().await, told("ADDED", "a"));
    assert_eq!(watch.told().await, told("ADDED", "b"));
}

#[tokio::test]
async fn what_leaves_a_selector_is_deleted() {
    let cluster = MockCluster::start().await;
    let from = version(&cluster, PODS).await;
    let path = format!(
        "{PODS}?watch=1&resourceVersion={from}&labelSelector=app%3Dgrace&fieldSelector=status.phase%3DRunning"
    );
    let mut watch = Watch::open(&cluster, &path).await;
    cluster.put("pods", pod("other", &json!({"app": "x"}), None));
    cluster.put("pods", pod("p", &json!({"app": "grace"}), None));
    assert_eq!(watch.told().await, told("ADDED", "p"));
    cluster.modify("pods", NAMESPACE, "p", |pod| {
        pod["status"]["phase"] = json!("Failed");
    });
    assert_eq!(watch.told().await, told("DELETED", "p"));
}

#[tokio::test]
async fn a_forgotten_version_is_an_event_with_410() {
    let cluster = MockCluster::start().await;
    let from = version(&cluster, JOBS).await;
    let path = format!("{JOBS}?watch=1&resourceVersion={from}");
    let mut open = Watch::open(&cluster, &path).await;
    cluster.compact();
    let oldest = version(&cluster, JOBS).await;
    let expected = said("watch-expired-410", &[("2728", &from), ("2776", &oldest)]);
    assert_eq!(open.next().await.unwrap(), expected);
    assert_eq!(open.next().await, None);
    let mut resumed = Watch::open(&cluster, &path).await;
    assert_eq!(resumed.next().await.unwrap(), expected);
    assert_eq!(resumed.next().await, None);
    cluster.put("jobs", job("x"));
    let path = format!("{JOBS}?watch=1&resourceVersion={oldest}");
    assert_eq!(
        Watch::open(&cluster, &path).await.told().await,
        told("ADDED", "x")
    );
}

#[tokio::test]
async fn bookmarks_carry_the_newest_version() {
    let cluster = MockCluster::start().await;
    cluster.set_bookmarks(Duration::from_millis(20));
    let from = version(&cluster, JOBS).await;
    let path = format!("{JOBS}?watch=1&resourceVersion={from}&allowWatchBookmarks=true");
    let mut watch = Watch::open(&cluster, &path).await;
    cluster.put("pods", pod("p", &json!({}), None));
    let newest = version(&cluster, JOBS).await;
    loop {
        let event = watch.next().await.unwrap();
        assert_eq!(
            (&event["type"], &event["object"]["kind"]),
            (&json!("BOOKMARK"), &json!("Job"))
        );
        if event["object"]["metadata"]["resourceVersion"] == newest {
            break;
        }
    }
}

#[tokio::test]
async fn ends_in_order_after_its_timeout() {
    let cluster = MockCluster::start().await;
    let path = format!("{JOBS}?watch=1&resourceVersion=999999999&timeoutSeconds=1");
    assert_eq!(Watch::open(&cluster, &path).await.next().await, None);
}

#[tokio::test]
async fn initial_events_are_refused_as_by_older_servers() {
    let cluster = MockCluster::start().await;
    let path = format!("{JOBS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
    assert_eq!(get(&cluster, &path).await.0, 422);
}

#[tokio::test]
async fn a_watch_may_be_cut_or_silent() {
    let cluster = MockCluster::start().await;
    let from = version(&cluster, JOBS).await;
    let path = format!("{JOBS}?watch=1&resourceVersion={from}");
    cluster.fault(Fault::new("watch", "jobs", Trouble::Cut { after: 20 }));
    let mut watch = Watch::open(&cluster, &path).await;
    cluster.put("jobs", job("x"));
    assert_eq!(watch.response.chunk().await.unwrap().unwrap().len(), 20);
    watch.response.chunk().await.unwrap_err();

    cluster.fault(Fault::new("watch", "jobs", Trouble::Silent));
    let mut watch = Watch::open(&cluster, &path).await;
    let silence = tokio::time::timeout(Duration::from_millis(100), watch.response.chunk());
    silence.await.unwrap_err();
}
