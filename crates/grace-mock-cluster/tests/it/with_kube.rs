//! The client that grace uses sees what it would see of a real server.

use futures_util::{Stream, StreamExt as _};
use grace_mock_cluster::{Fault, MockCluster, NAMESPACE, Trouble};
use k8s_openapi::api::batch::v1::Job;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Config, ResourceExt as _};
use serde_json::json;

use crate::support::{job, until};

pub(crate) async fn client_of(cluster: &MockCluster) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let path = cluster.kubeconfig(folder.path(), "secret");
    let config = Kubeconfig::read_from(path).unwrap();
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(config, &options)
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

/// The next thing that happens to an object, past errors that the watcher recovers from.
async fn next(events: &mut (impl Stream<Item = watcher::Result<Event<Job>>> + Unpin)) -> String {
    loop {
        match events.next().await.unwrap() {
            Ok(Event::Apply(job)) => return format!("apply {}", job.name_any()),
            Ok(Event::InitApply(job)) => return format!("init {}", job.name_any()),
            Ok(Event::Delete(job)) => return format!("delete {}", job.name_any()),
            Ok(Event::Init | Event::InitDone) | Err(_) => {}
        }
    }
}

#[tokio::test]
async fn a_watcher_survives_a_cut_and_a_410() {
    let cluster = MockCluster::start().await;
    cluster.set_token(Some("secret"));
    let jobs: Api<Job> = Api::default_namespaced(client_of(&cluster).await);
    let mut events = watcher(jobs, watcher::Config::default())
        .default_backoff()
        .boxed();
    cluster.put("jobs", job("a"));
    assert_eq!(next(&mut events).await, "init a");
    // The watch is opened as the stream is asked for more.
    let change = async {
        until("a watch is open", || cluster.open_watches("jobs") == 1).await;
        cluster.modify("jobs", NAMESPACE, "a", |job| {
            job["spec"]["suspend"] = json!(true);
        });
    };
    let (event, ()) = tokio::join!(next(&mut events), change);
    assert_eq!(event, "apply a");

    cluster.cut_connections();
    cluster.put("jobs", job("b"));
    assert_eq!(next(&mut events).await, "apply b");
    assert_eq!(
        cluster.requests_for("list", "jobs").len(),
        1,
        "a cut needs no list"
    );

    cluster.remove("jobs", NAMESPACE, "a");
    assert_eq!(next(&mut events).await, "delete a");
    cluster.compact();
    assert_eq!(next(&mut events).await, "init b");
    assert_eq!(
        cluster.requests_for("list", "jobs").len(),
        2,
        "410 needs one"
    );
}

#[tokio::test]
async fn objects_and_refusals_are_understood() {
    let cluster = MockCluster::start().await;
    let jobs: Api<Job> = Api::default_namespaced(client_of(&cluster).await);
    let params = PatchParams::apply("grace").validation_strict();
    let created = jobs
        .patch("x", &params, &Patch::Apply(job("x")))
        .await
        .unwrap();
    assert_eq!(
        created.spec.unwrap().pod_replacement_policy.as_deref(),
        Some("TerminatingOrFailed")
    );
    let code = |error: kube::Error| match error {
        kube::Error::Api(status) => status.code,
        other => panic!("{other}"),
    };
    assert_eq!(code(jobs.get("nope").await.unwrap_err()), 404);
    cluster.fault(Fault::new("get", "jobs", Trouble::status(500)));
    assert_eq!(code(jobs.get("x").await.unwrap_err()), 500);
    // kube tries some codes again by itself.
    cluster.fault(Fault::new("get", "jobs", Trouble::status(503)));
    jobs.get("x").await.unwrap();
    jobs.delete("x", &DeleteParams::background())
        .await
        .unwrap()
        .right()
        .unwrap();
    let asked = cluster.requests_for("delete", "jobs");
    assert_eq!(asked[0].propagation_policy(), Some("Background"));
    cluster.set_token(Some("another"));
    assert_eq!(code(jobs.get("x").await.unwrap_err()), 401);
}
