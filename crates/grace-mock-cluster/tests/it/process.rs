//! Pods that are local processes.

use std::process::Command;

use grace_mock_cluster::{Container, MockCluster, NAMESPACE, Outcome, Workload};
use reqwest::Method;
use serde_json::json;

use crate::support::{JOBS, ask, job, until};

/// A Job of one index whose pods run `script` of the shell in the environment of the container.
async fn run(script: &'static str) -> MockCluster {
    let cluster = MockCluster::start().await;
    cluster.put(
        "configmaps",
        json!({"metadata": {"name": "settings"}, "data": {"a": "from a", "b": "from b"}}),
    );
    let workload = Workload::new(move |_| {
        Outcome::process(move |container: &Container| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]).envs(&container.env);
            command.env("ARGV", container.argv.join(" "));
            for (path, content) in &container.files {
                command.env(path.replace('/', "_"), content);
            }
            command
        })
    });
    cluster.controller(workload);
    let mut job = job("real");
    job["spec"]["completions"] = json!(1);
    job["spec"]["backoffLimitPerIndex"] = json!(2);
    let pod = &mut job["spec"]["template"]["spec"];
    pod["containers"][0]["env"] = json!([
        {"name": "GIVEN", "value": "given"},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]);
    pod["containers"][0]["volumeMounts"] = json!([{"name": "config", "mountPath": "/config"}]);
    let items = json!([{"key": "a", "path": "x"}]);
    pod["volumes"] = json!([
        {"name": "config", "projected": {"sources": [{"configMap": {"name": "settings", "items": items}}]}},
    ]);
    let (code, answer) = ask(&cluster, Method::POST, JOBS, Some(&job)).await;
    assert_eq!(code, 201, "{answer}");
    cluster
}

fn pods(cluster: &MockCluster) -> Vec<serde_json::Value> {
    cluster.list("pods", NAMESPACE)
}

fn succeeded(cluster: &MockCluster) -> bool {
    let job = cluster.get("jobs", NAMESPACE, "real").unwrap();
    job["status"]["succeeded"] == 1
}

#[tokio::test]
async fn a_process_has_the_environment_and_files_of_its_container_and_its_output_is_the_log() {
    let cluster =
        run("echo \"$GIVEN $POD $JOB_COMPLETION_INDEX $ARGV $_config_x$_config_b\"; echo oh >&2")
            .await;
    until("the Job succeeds", || succeeded(&cluster)).await;
    let pod = pods(&cluster)[0]["metadata"]["name"].clone();
    let pod = pod.as_str().unwrap();
    let log = format!(
        "{}/api/v1/namespaces/{NAMESPACE}/pods/{pod}/log",
        cluster.url()
    );
    let log = crate::support::client().get(log).send().await.unwrap();
    let log = log.text().await.unwrap();
    let expected = format!("given {pod} 0 /bin/sh -c sleep 1 from a\n");
    assert!(log.contains(&expected), "{log}");
    assert!(log.contains("oh\n"), "{log}");
}

#[tokio::test]
async fn its_exit_code_is_that_of_the_pod() {
    let cluster = run("exit 43").await;
    let code = || {
        let pod = pods(&cluster).pop()?;
        let state = &pod["status"]["containerStatuses"][0]["state"];
        state["terminated"]["exitCode"].as_i64()
    };
    until("a pod fails", || code().is_some()).await;
    assert_eq!(code(), Some(43));
}

#[tokio::test]
async fn it_is_killed_with_its_pod_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark").display().to_string();
    let script = format!(
        "if [ -e {mark} ]; then exit 0; fi; touch {mark}; echo $$ >{mark}.pid; exec sleep 600"
    );
    let cluster = run(Box::leak(script.into_boxed_str())).await;
    let pid_file = folder.path().join("mark.pid");
    let pid = || {
        let text = std::fs::read_to_string(&pid_file).unwrap_or_default();
        text.trim().parse::<u32>().ok()
    };
    until("the process runs", || pid().is_some()).await;
    let process = format!("/proc/{}", pid().unwrap());
    assert!(std::path::Path::new(&process).exists());
    let pod = pods(&cluster)[0]["metadata"]["name"].clone();
    assert!(cluster.delete_pod(NAMESPACE, pod.as_str().unwrap()));
    until("the second try succeeds", || succeeded(&cluster)).await;
    until("the first is gone", || {
        !std::path::Path::new(&process).exists()
    })
    .await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_start_error() {
    let cluster = MockCluster::start().await;
    cluster.controller(Workload::new(|_| {
        Outcome::process(|_| Command::new("/no/such/program"))
    }));
    let (code, _) = ask(&cluster, Method::POST, JOBS, Some(&job("real"))).await;
    assert_eq!(code, 201);
    let reason = || {
        let pod = pods(&cluster).pop()?;
        let state = &pod["status"]["containerStatuses"][0]["state"];
        state["terminated"]["reason"].as_str().map(str::to_owned)
    };
    until("a pod fails", || reason().is_some()).await;
    assert_eq!(reason().as_deref(), Some("StartError"));
}
