//! Exec, as `kube` asks for it.

use std::process::Command;

use grace_mock_cluster::MockCluster;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, AttachParams, AttachedProcess};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::pod;
use crate::with_kube::client_of;

async fn running() -> (MockCluster, Api<Pod>) {
    let cluster = MockCluster::start().await;
    cluster.put("pods", pod("p", &json!({}), None));
    cluster.on_exec(|argv| {
        let mut command = Command::new(&argv[0]);
        command.args(&argv[1..]);
        command
    });
    let pods = Api::default_namespaced(client_of(&cluster).await);
    (cluster, pods)
}

async fn read_all(process: &mut AttachedProcess) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut stdout = process.stdout().unwrap();
    stdout.read_to_end(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn carries_stdin_to_stdout_until_it_is_closed() {
    let (_cluster, pods) = running().await;
    let attach = AttachParams::default().stdin(true).stderr(false);
    let mut process = pods.exec("p", ["cat"], &attach).await.unwrap();
    let status = process.take_status().unwrap();
    let mut stdin = process.stdin().unwrap();
    let sent: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let write = async {
        stdin.write_all(&sent).await.unwrap();
        stdin.shutdown().await.unwrap();
        drop(stdin);
    };
    let ((), received) = tokio::join!(write, read_all(&mut process));
    assert!(
        received == sent,
        "{} bytes came back of {}",
        received.len(),
        sent.len()
    );
    assert_eq!(status.await.unwrap().status.as_deref(), Some("Success"));
}

#[tokio::test]
async fn a_failure_has_its_exit_code_as_a_cause() {
    let (_cluster, pods) = running().await;
    let attach = AttachParams::default();
    let script = "echo out; echo err >&2; exit 3";
    let mut process = pods.exec("p", ["sh", "-c", script], &attach).await.unwrap();
    let status = process.take_status().unwrap();
    let mut stderr = process.stderr().unwrap();
    let mut err = String::new();
    let (out, _) = tokio::join!(read_all(&mut process), stderr.read_to_string(&mut err));
    assert_eq!((out.as_slice(), err.as_str()), (&b"out\n"[..], "err\n"));
    let status = status.await.unwrap();
    assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
    let cause = &status.details.unwrap().causes.unwrap()[0];
    assert_eq!(
        (cause.reason.as_deref(), cause.message.as_deref()),
        (Some("ExitCode"), Some("3"))
    );
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let (_cluster, pods) = running().await;
    let attach = AttachParams::default();
    let mut process = pods.exec("p", ["no-such-program"], &attach).await.unwrap();
    let status = process.take_status().unwrap().await.unwrap();
    let message = status.message.unwrap();
    assert!(
        message.contains("exec: \"no-such-program\": executable file not found"),
        "{message}"
    );
}

#[tokio::test]
async fn a_fault_cuts_after_so_many_bytes_once() {
    let (cluster, pods) = running().await;
    cluster.exec_fault(70_000);
    let attach = AttachParams::default();
    let argv = ["head", "-c", "200000", "/dev/zero"];
    let mut process = pods.exec("p", argv, &attach).await.unwrap();
    let mut status = std::pin::pin!(process.take_status().unwrap());
    let mut stdout = process.stdout().unwrap();
    let (mut received, mut buffer) = (0, [0; 4096]);
    // After a cut kube 5.0 never ends its stdout: only the status tells.
    let ended = loop {
        tokio::select! {
            biased;
            count = stdout.read(&mut buffer) => received += count.unwrap(),
            ended = &mut status => break ended,
        }
    };
    assert!(ended.is_none(), "a cut has no status");
    assert_eq!(received, 70_000);
    let mut process = pods.exec("p", argv, &attach).await.unwrap();
    assert_eq!(read_all(&mut process).await.len(), 200_000);
}

#[tokio::test]
async fn a_pod_that_does_not_run_refuses() {
    let (cluster, pods) = running().await;
    cluster.modify("pods", "lemn-lab", "p", |pod| {
        pod["status"]["phase"] = json!("Succeeded");
    });
    let refused = pods.exec("p", ["true"], &AttachParams::default()).await;
    assert!(refused.is_err());
    cluster.forbid("get", "pods/exec");
    assert!(
        pods.exec("p", ["true"], &AttachParams::default())
            .await
            .is_err()
    );
}
