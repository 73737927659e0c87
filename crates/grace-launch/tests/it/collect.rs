//! Collecting from pods that misbehave: what they say is checked, and they are deleted all the same.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use grace_launch::collect::{CollectError, Collected, Monitor, Order, ReaderPod, collect};
use grace_mock_cluster::{Fault, NAMESPACE, Trouble};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::lab::{Lab, SOON};

struct Nobody;
impl Monitor for Nobody {}

const VOLUME: &str =
    r#"{"line":"volume","schema":"grace.export/v1","free_bytes":5,"total_bytes":9}"#;

fn order(lab: &Lab) -> Order {
    let pod = json!({
        "metadata": {"name": "reader"},
        // The mock runs no pods: this one says itself that it runs.
        "spec": {"containers": [{"name": "read"}]}, "status": {"phase": "Running"},
    });
    Order {
        reader: ReaderPod {
            pod: serde_json::from_value(pod).unwrap(),
            container: String::from("read"),
            program: String::from("/grace-cli"),
            results: String::from("/results"),
            mark: String::from("/tmp/mark"),
            claim: String::from("results"),
            start_limit: Duration::from_secs(5),
        },
        models: Vec::new(),
        out: lab.folder.path().join("out"),
        replace: false,
        retries: 2,
        pause: Duration::from_millis(10),
    }
}

/// Collects from a pod whose every command is this script.
async fn collected(lab: &Lab, script: &'static str) -> Result<Collected, CollectError> {
    lab.mock.put(
        "persistentvolumeclaims",
        json!({"metadata": {"name": "results"}}),
    );
    lab.mock.on_exec(move |argv| {
        let mut command = Command::new("sh");
        command
            .args(["-c", script, "sh"])
            .args(argv)
            .env("VOLUME", VOLUME);
        command
    });
    let cluster = lab.cluster().await;
    let (order, stop) = (order(lab), CancellationToken::new());
    let all = collect(&cluster, &order, Arc::new(Nobody), &stop);
    let result = tokio::time::timeout(SOON, all).await.expect("it ends");
    let staying = lab.mock.list("pods", NAMESPACE).into_iter();
    let staying = staying.filter(|it| it["metadata"]["deletionTimestamp"].is_null());
    assert_eq!(staying.count(), 0, "no pod stays");
    result
}

#[tokio::test]
async fn an_empty_volume_is_collected_at_once() {
    let lab = Lab::new().await;
    let script = r#"echo "$VOLUME"; echo '{"line":"end","replications":0}'"#;
    let collected = collected(&lab, script).await.unwrap();
    assert_eq!(
        (collected.replications.len(), collected.free_bytes),
        (0, Some(5))
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_understood_is_no_success() {
    for (script, says) in [
        ("echo hello", "a line of the list is none"),
        (r#"echo "$VOLUME""#, "the list has no end"),
        ("true", "the list has no end"),
        (
            r#"echo '{"line":"volume","schema":"grace.export/v9"}'"#,
            "grace.export/v9",
        ),
    ] {
        let lab = Lab::new().await;
        let error = collected(&lab, script).await.unwrap_err();
        assert!(
            matches!(error, CollectError::Answer { .. }) && !error.is_transient(),
            "{error}"
        );
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint().unwrap().contains("cluster.image"));
    }
}

#[tokio::test]
async fn a_stream_that_brings_nothing_of_what_was_asked_for_ends() {
    let lab = Lab::new().await;
    // Two blocks of zeros are a whole archive; a header named `end` is the stream's own end.
    let script = r#"case "$*" in
        *send*) python3 -c 'import sys, tarfile
out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|"); out.addfile(tarfile.TarInfo("end")); out.close()';;
        *) echo "$VOLUME"
           digest=$(printf %064d 1)
           echo '{"line":"replication","model":"m","index":0,"state":"sealed","manifest":{"name":"MANIFEST.sha256","bytes":1,"sha256":"'$digest'"},"files":[],"attempts":[]}'
           echo '{"line":"end","replications":1}';;
    esac"#;
    let error = collected(&lab, script).await.unwrap_err();
    assert!(
        error.to_string().contains("without any of the files"),
        "{error}"
    );
}

#[tokio::test]
async fn a_command_that_fails_is_told_with_its_words() {
    let lab = Lab::new().await;
    let script = "echo 'error: unrecognized subcommand' >&2; exit 2";
    let error = collected(&lab, script).await.unwrap_err();
    assert!(!error.is_transient());
    assert!(
        error
            .to_string()
            .ends_with("failed with exit code 2: error: unrecognized subcommand"),
        "{error}"
    );
}

#[tokio::test]
async fn a_command_that_asks_for_another_try_gets_some() {
    let lab = Lab::new().await;
    let error = collected(&lab, "exit 75").await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(lab.mock.requests_for("get", "pods/exec").len(), 3);
}

#[tokio::test]
async fn stderr_of_any_size_blocks_nothing() {
    let lab = Lab::new().await;
    let script = r#"head -c 300000 /dev/zero | tr '\0' x >&2; echo "$VOLUME"; echo '{"line":"end","replications":0}'"#;
    collected(&lab, script).await.unwrap();
}

#[tokio::test]
async fn an_api_that_is_away_for_a_moment_is_asked_again() {
    let lab = Lab::new().await;
    for (verb, resource) in [
        ("get", "persistentvolumeclaims"),
        ("get", "pods"),
        ("get", "pods/exec"),
    ] {
        lab.mock
            .fault(Fault::new(verb, resource, Trouble::status(503)));
    }
    let script = r#"echo "$VOLUME"; echo '{"line":"end","replications":0}'"#;
    collected(&lab, script).await.unwrap();
}
