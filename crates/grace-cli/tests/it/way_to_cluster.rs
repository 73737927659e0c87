//! Ways to a cluster: kubeconfig and contexts, TLS, and the account of the pod that the command runs in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use grace_mock_cluster::{Https, NAMESPACE, Outcome, Workload};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster_lab::{ClusterLab, TOKEN};
use crate::command::Grace;
use crate::volume::{VolumeCluster, exported, seal};

fn lab() -> ClusterLab {
    let lab = ClusterLab::new();
    lab.mock.controller(Workload::new(|_| Outcome::success()));
    lab
}

/// A kubeconfig of two contexts, of which the first, the current one, is of a cluster that is not there.
fn two_contexts(folder: &Path, cluster: &Value) -> PathBuf {
    let nowhere = json!({"server": "http://127.0.0.1:9"});
    let context = |name: &str| json!({"name": name, "context": {"cluster": name, "user": "me", "namespace": NAMESPACE}});
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "nowhere",
        "clusters": [{"name": "nowhere", "cluster": nowhere}, {"name": "lab", "cluster": cluster}],
        "users": [{"name": "me", "user": {"token": TOKEN}}],
        "contexts": [context("nowhere"), context("lab")],
    });
    let path = folder.join("two-contexts");
    fs::write(&path, config.to_string()).unwrap();
    path
}

/// `status`, which needs no more than a connection.
fn status(lab: &ClusterLab, kubeconfig: &Path, more: &[&str]) -> Grace {
    let args = [&["status"], more].concat();
    lab.grace(&args)
        .env("KUBECONFIG", kubeconfig.to_str().unwrap())
}

#[test]
fn the_context_is_the_current_one_or_the_one_that_is_named() {
    let lab = lab();
    let config = two_contexts(lab.path(), &json!({"server": lab.mock.url()}));
    let ended = lab.run(status(&lab, &config, &[])).exits(75);
    let said = "the API server cannot be reached";
    assert!(ended.stderr.contains(said), "{}", ended.output());
    for (more, namespace) in [(&[][..], NAMESPACE), (&["--namespace", "third"], "third")] {
        let more = [&["--context", "lab"], more].concat();
        let ended = lab.run(status(&lab, &config, &more));
        let asked = lab.mock.requests();
        let path = &asked.last().unwrap().path;
        let expected = format!("/namespaces/{namespace}/");
        assert!(path.contains(&expected), "{path}\n{}", ended.output());
    }
}

#[test]
fn tls_trusts_the_authority_of_the_kubeconfig_and_no_other() {
    let lab = lab();
    let (https, other) = (lab.mock.https(), lab.mock.https());
    let write = |name: &str, https: &Https| {
        let path = lab.path().join(name);
        fs::write(&path, https.authority()).unwrap();
        path
    };
    let server = format!("https://127.0.0.1:{}", https.port());
    let trusting = |authority: &Path| {
        let cluster = json!({"server": server, "certificate-authority": authority});
        two_contexts(lab.path(), &cluster)
    };
    let config = trusting(&write("right.crt", &https));
    let ended = lab
        .run(status(&lab, &config, &["--context", "lab"]))
        .exits(0);
    assert!(
        ended.stdout.contains("no Job of grace"),
        "{}",
        ended.output()
    );

    let before = lab.mock.requests().len();
    let config = trusting(&write("wrong.crt", &other));
    let ended = lab.run(status(&lab, &config, &["--context", "lab"]));
    let said = ended.output();
    assert_ne!(ended.code(), Some(0), "{said}");
    assert!(said.contains("certificate"), "{said}");
    assert_eq!(lab.mock.requests().len(), before);
}

#[test]
fn results_come_over_tls_as_well() {
    let results = TempDir::new().unwrap();
    seal(results.path(), "tiny", 0, 100_000);
    let here = VolumeCluster::new(results.path());
    let https = here.cluster.https();
    let authority = results.path().join("right.crt");
    fs::write(&authority, https.authority()).unwrap();
    let server = format!("https://127.0.0.1:{}", https.port());
    let cluster = json!({"server": server, "certificate-authority": authority});
    let config = two_contexts(results.path(), &cluster);
    let collect = here.collect().args(["--context", "lab"]);
    let collect = collect.env("KUBECONFIG", config.to_str().unwrap());
    collect.run().exits(0).says(&["collected"]);
    let sealed = here.out().join("tiny/replication-0/MANIFEST.sha256");
    assert!(sealed.exists());
}

/// A kubeconfig of the lab with this user.
fn with_user(lab: &ClusterLab, user: &Value) -> PathBuf {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": lab.mock.url()}}],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
    });
    let path = lab.path().join("with-user");
    fs::write(&path, config.to_string()).unwrap();
    path
}

/// A user whose credentials a plugin gives, which is this script.
fn by_plugin(script: &str) -> Value {
    json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
        "command": "sh", "args": ["-c", script],
    }})
}

#[test]
fn nobody_is_impersonated() {
    let lab = lab();
    for key in ["as", "as-uid"] {
        let config = with_user(&lab, &json!({"token": TOKEN, key: "admin"}));
        let ended = lab.run(status(&lab, &config, &[])).exits(42);
        let said = "impersonates another (`as`), which grace does not do";
        assert!(ended.stderr.contains(said), "{}", ended.output());
    }
    assert!(lab.mock.requests().is_empty());

    // Variables by which kube may be debugged do nothing here.
    let launch = lab
        .launch(&["--model", "small"])
        .env("KUBE_RS_DEBUG_IMPERSONATE_USER", "admin")
        .env("KUBE_RS_DEBUG_IMPERSONATE_GROUP", "system:masters")
        .env("KUBE_RS_DEBUG_OVERRIDE_URL", "http://127.0.0.1:9");
    lab.run(launch).exits(0);
    let requests = lab.mock.requests();
    assert!(!requests.is_empty() && requests.iter().all(|it| !it.impersonates));
}

#[test]
fn a_credential_plugin_that_hangs_is_given_up_and_can_be_interrupted() {
    let lab = lab();
    let config = with_user(&lab, &by_plugin("exec sleep 50"));
    let ended = lab.run(status(&lab, &config, &[])).exits(75);
    let said = "gave no credentials within 30 s";
    assert!(ended.stderr.contains(said), "{}", ended.output());
    assert!(ended.took < Duration::from_secs(45), "{:?}", ended.took);
    for command in ["status", "doctor"] {
        let begun = lab.path().join("begun").join(command);
        fs::create_dir_all(begun.parent().unwrap()).unwrap();
        let script = format!("touch {}; exec sleep 20", begun.display());
        let config = with_user(&lab, &by_plugin(&script));
        let command = lab
            .grace(&[command])
            .env("KUBECONFIG", config.to_str().unwrap());
        let running = command.start();
        lab.until("the plugin is asked", || begun.exists());
        running.signal("INT");
        running.wait(Duration::from_secs(10)).exits(130);
    }
}

#[test]
fn a_credential_plugin_is_asked_again_when_its_token_has_expired() {
    let lab = lab();
    lab.mock.controller(Workload::new(|_| {
        Outcome::success().after(Duration::from_secs(8))
    }));
    let file = lab.path().join("credential");
    let write = |token: &str| {
        let credential = json!({
            "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
            "status": {"token": token},
        });
        fs::write(&file, credential.to_string()).unwrap();
    };
    write(TOKEN);
    let config = with_user(
        &lab,
        &by_plugin(&format!("sleep 2; cat {}", file.display())),
    );
    let launch = lab.launch(&["--model", "small"]);
    let mut running = launch.env("KUBECONFIG", config.to_str().unwrap()).start();
    assert!(running.says("small: started"));
    let renewed = "another-token-that-nobody-may-see";
    write(renewed);
    lab.mock.set_token(Some(renewed));
    lab.mock.cut_connections();
    let ended = running.wait(Duration::from_mins(1)).exits(0);
    let output = ended.output();
    assert!(output.contains("complete: 3 of 3"), "{output}");
    assert!(!output.contains(TOKEN) && !output.contains(renewed));
}

/// Whatever is logged, and whatever command it is.
#[test]
fn no_token_is_printed_and_no_right_beyond_the_namespace_used() {
    let results = TempDir::new().unwrap();
    seal(results.path(), "small", 0, 10);
    let lab = lab();
    let (volume, mark) = (results.path().to_owned(), lab.path().join("mark"));
    lab.mock.on_exec(move |argv| exported(argv, &volume, &mark));
    let traced = |command: Grace| lab.run(command.env("RUST_LOG", "trace"));
    traced(lab.launch(&["--model", "small"])).exits(0);
    traced(lab.grace(&["status", "--watch"])).exits(0);
    traced(lab.grace(&["logs", "small", "0"]));
    traced(lab.grace(&["cancel", "--delete", "--yes"])).exits(0);
    let out = lab.path().join("out");
    let collect = lab.grace(&["collect", "--start-deadline", "2s", "--out"]);
    traced(collect.args([&out]));
    for request in lab.mock.requests() {
        let path = request.path.as_str();
        assert!(path.contains("/namespaces/lemn-lab/"), "{path}");
        assert_eq!(request.authorization.unwrap(), format!("Bearer {TOKEN}"));
    }
}

/// The same command as a pod has it: in a file system of its own, with the account mounted where the kubelet does.
/// `None` if this user may not mount.
fn in_pod(command: Grace, account: &Path, https: &Https) -> Option<Grace> {
    const MOUNT: &str = r#"set -e
mount -t tmpfs tmpfs /var/run
mkdir -p /var/run/secrets/kubernetes.io
cp -r "$1" /var/run/secrets/kubernetes.io/serviceaccount
shift
exec "$@""#;
    let unshare: &[&str] = if is_root() {
        &["unshare", "--mount"]
    } else {
        &["unshare", "--map-root-user", "--mount"]
    };
    let mut trial = Command::new(unshare[0]);
    let may = trial.args(&unshare[1..]).arg("true").status();
    if !may.is_ok_and(|status| status.success()) {
        println!("not checked: this user may not mount the account of a pod");
        return None;
    }
    let script = ["sh", "-c", MOUNT, "sh", account.to_str().unwrap()];
    let home = account.to_str().unwrap();
    let command = command
        .without_env("KUBECONFIG")
        .env("HOME", home)
        .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .env("KUBERNETES_SERVICE_PORT", &https.port().to_string());
    Some(command.within(&[unshare, &script].concat()))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

/// Token, certificate and namespace as files.
fn account(lab: &ClusterLab, https: &Https) -> PathBuf {
    let folder = lab.path().join("account");
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in [
        ("token", TOKEN),
        ("ca.crt", https.authority()),
        ("namespace", NAMESPACE),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

#[test]
fn in_a_pod_its_account_is_the_way() {
    let lab = lab();
    let https = lab.mock.https();
    let account = account(&lab, &https);
    let launch = lab.launch(&["--model", "small"]);
    let Some(launch) = in_pod(launch, &account, &https) else {
        return;
    };
    let ended = lab.run(launch).exits(0);
    assert!(
        ended.stdout.contains("complete: 3 of 3"),
        "{}",
        ended.output()
    );
    for request in lab.mock.requests() {
        let path = request.path.as_str();
        assert!(path.contains("/namespaces/lemn-lab/"), "{path}");
    }

    fs::write(account.join("token"), "expired").unwrap();
    let status = in_pod(lab.grace(&["status"]), &account, &https).unwrap();
    let ended = lab.run(status).exits(42);
    let said = "does not accept these credentials (401)";
    assert!(ended.stderr.contains(said), "{}", ended.output());
}
