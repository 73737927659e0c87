//! Get, list, create, and who may.

use grace_mock_cluster::{Fault, MockCluster, NAMESPACE, Trouble, recorded_object};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{JOBS, PODS, ask, client, get, job, pod, said, until};

#[tokio::test]
async fn creates_as_recorded() {
    let cluster = MockCluster::start().await;
    let recorded = said("job-create-201", &[]);
    let mut body = recorded.clone();
    body["metadata"] = json!({"name": "a-good"});
    body.as_object_mut().unwrap().remove("status");
    for field in [
        "selector",
        "manualSelector",
        "suspend",
        "podReplacementPolicy",
    ] {
        body["spec"].as_object_mut().unwrap().remove(field);
    }
    body["spec"]["template"]["metadata"] = json!({"labels": {"app": "lemn"}});
    let pod = body["spec"]["template"]["spec"].as_object_mut().unwrap();
    for field in ["dnsPolicy", "securityContext", "schedulerName"] {
        pod.remove(field);
    }
    let (code, created) = ask(&cluster, Method::POST, JOBS, Some(&body)).await;
    assert_eq!(code, 201);
    // Identity is the mock's own, everything else is what the real one made of it.
    let mut expected = recorded.to_string();
    for field in ["uid", "creationTimestamp", "resourceVersion"] {
        let of = |object: &Value| object["metadata"][field].as_str().unwrap().to_owned();
        expected = expected.replace(&of(&recorded), &of(&created));
    }
    assert_eq!(created, serde_json::from_str::<Value>(&expected).unwrap());

    let (code, again) = ask(&cluster, Method::POST, JOBS, Some(&body)).await;
    assert_eq!(code, 409);
    assert_eq!(
        again,
        said("create-already-exists-409", &[("h-ssa", "a-good")])
    );
    assert_eq!(
        get(&cluster, &format!("{JOBS}/a-good")).await,
        (200, created)
    );
}

#[tokio::test]
async fn a_dry_run_leaves_nothing() {
    let cluster = MockCluster::start().await;
    let path = format!("{JOBS}?dryRun=All&fieldValidation=Strict");
    let (code, created) = ask(&cluster, Method::POST, &path, Some(&job("x"))).await;
    assert_eq!((code, &created["spec"]["suspend"]), (201, &json!(false)));
    assert_eq!(cluster.list("jobs", NAMESPACE), Vec::<Value>::new());
    assert!(cluster.requests()[0].is_dry_run());
}

#[tokio::test]
async fn generates_names() {
    let cluster = MockCluster::start().await;
    let body = json!({"metadata": {"generateName": "reader-"}, "spec": {"containers": []}});
    let (_, first) = ask(&cluster, Method::POST, PODS, Some(&body)).await;
    let (_, second) = ask(&cluster, Method::POST, PODS, Some(&body)).await;
    let name = first["metadata"]["name"].as_str().unwrap();
    assert_eq!(
        (name.len(), &first["status"]["phase"]),
        (12, &json!("Pending"))
    );
    assert_ne!(first["metadata"]["name"], second["metadata"]["name"]);
}

#[tokio::test]
async fn lists_what_selectors_select() {
    let cluster = MockCluster::start().await;
    for (name, job) in [("a", "x"), ("b", "x"), ("c", "y")] {
        cluster.put("pods", pod(name, &json!({"job-name": job}), None));
    }
    let (_, list) = get(&cluster, &format!("{PODS}?labelSelector=job-name%3Dx")).await;
    assert_eq!(list["kind"], "PodList");
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|one| one["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&list), ["a", "b"]);
    assert_eq!(list["items"][0].get("kind"), None);
    let (_, list) = get(&cluster, "/api/v1/pods?fieldSelector=metadata.name%3Dc").await;
    assert_eq!(names(&list), ["c"]);
    let version: u64 = list["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let path = format!("{PODS}?resourceVersion=999999999&resourceVersionMatch=NotOlderThan");
    let (code, refused) = get(&cluster, &path).await;
    let current = version.to_string();
    assert_eq!(
        (code, refused),
        (504, said("list-future-rv", &[("218", &current)]))
    );
}

#[tokio::test]
async fn refuses_as_recorded() {
    let cluster = MockCluster::start().await;
    let refusals = [
        (format!("{JOBS}/nope"), 404, said("job-get-404", &[])),
        (
            "/apis/batch/v2/jobs".to_owned(),
            404,
            said("unknown-group-404", &[]),
        ),
        (format!("{PODS}/no-such-pod/log"), 404, said("log-404", &[])),
    ];
    for (path, code, body) in refusals {
        assert_eq!(get(&cluster, &path).await, (code, body), "{path}");
    }
    let path = "/apis/batch/v1/namespaces/nope/jobs";
    let refused = ask(&cluster, Method::POST, path, Some(&job("badns"))).await;
    assert_eq!(refused, (404, said("namespace-not-found-404", &[])));
    let refused = ask(&cluster, Method::POST, JOBS, Some(&job(&"n".repeat(62)))).await;
    assert_eq!((refused.0, &refused.1["reason"]), (422, &json!("Invalid")));
    let huge = json!({"metadata": {"name": "x", "annotations": {"a": "x".repeat(3_300_000)}}});
    let refused = ask(&cluster, Method::POST, JOBS, Some(&huge)).await;
    assert_eq!(refused, (413, said("request-too-large-413", &[])));
}

#[tokio::test]
async fn tokens_and_rights_count() {
    let cluster = MockCluster::start().await;
    cluster.set_token(Some("secret"));
    let with = |token: &str| {
        let request = client().get(format!("{}{JOBS}", cluster.url()));
        request.bearer_auth(token)
    };
    let response = with("stale").send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(
        response.json::<Value>().await.unwrap(),
        said("auth-list-jobs-bad-token-401", &[])
    );
    assert_eq!(
        get(&cluster, JOBS).await,
        (403, said("auth-list-jobs-anonymous-403", &[]))
    );
    assert_eq!(with("secret").send().await.unwrap().status(), 200);

    cluster.set_token(None);
    cluster.forbid("create", "jobs");
    cluster.forbid("list", "nodes");
    let refused = ask(&cluster, Method::POST, JOBS, Some(&job("x"))).await;
    let as_launcher = &[("viewer", "launcher")];
    assert_eq!(
        refused,
        (403, said("auth-create-job-viewer-403", as_launcher))
    );
    assert_eq!(
        get(&cluster, "/api/v1/nodes").await,
        (403, said("auth-nodes-403", &[]))
    );
    let review = said("auth-ssar-viewer", &[]);
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert_eq!(
        ask(&cluster, Method::POST, path, Some(&review)).await,
        (201, review.clone())
    );
    cluster.allow("create", "jobs");
    let (_, allowed) = ask(&cluster, Method::POST, path, Some(&review)).await;
    assert_eq!(allowed["status"]["allowed"], true);
}

#[tokio::test]
async fn logs_are_read_and_refused_as_recorded() {
    let cluster = MockCluster::start().await;
    for name in [
        "pod-l-pend",
        "pod-l-init",
        "pod-l-noimg",
        "pod-l-nosecret",
        "pod-starterror-128",
    ] {
        cluster.put("pods", recorded_object(name));
    }
    for (pod, recording) in [
        ("l-init-0-stq5z", "log-waiting-l-init"),
        ("l-noimg-0-xd9qz", "log-waiting-l-noimg"),
        ("l-nosecret-0-6knc4", "log-waiting-l-nosecret"),
    ] {
        let refused = get(&cluster, &format!("{PODS}/{pod}/log")).await;
        assert_eq!(refused, (400, said(recording, &[])), "{recording}");
    }
    let read = async |path: &str| {
        let response = client().get(format!("{}{PODS}/{path}", cluster.url()));
        let response = response.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(read("l-pend-0-84dls/log").await, (204, String::new()));
    let ended = cluster.list("pods", NAMESPACE);
    let ended = ended
        .iter()
        .find(|pod| pod["status"]["phase"] == "Failed")
        .unwrap();
    let ended = ended["metadata"]["name"].as_str().unwrap();
    assert_eq!(read(&format!("{ended}/log")).await, (200, String::new()));
}

#[tokio::test]
async fn parts_of_a_log_are_read_as_recorded() {
    let cluster = MockCluster::start().await;
    let read = async |path: &str| {
        let response = client().get(format!("{}{PODS}/{path}", cluster.url()));
        response.send().await.unwrap().text().await.unwrap()
    };
    cluster.put("pods", pod("l-run-0-zst5h", &json!({}), None));
    let run = "l-run-0-zst5h/log";
    for line in ["line 0", "err 0", "line 1", "err 1"] {
        cluster.append_log(NAMESPACE, "l-run-0-zst5h", line);
    }
    assert_eq!(read(&format!("{run}?tailLines=2")).await, "line 1\nerr 1\n");
    assert_eq!(read(&format!("{run}?limitBytes=5")).await, "line ");
    let stamped = read(&format!("{run}?timestamps=true&tailLines=1")).await;
    let (time, text) = stamped.split_once(' ').unwrap();
    assert_eq!((time.len(), text), (30, "err 1\n"));
    assert_eq!(read(&format!("{run}?sinceTime={time}")).await, "err 1\n");
    let said_of = |recording| said(recording, &[]);
    assert_eq!(
        get(&cluster, &format!("{PODS}/{run}?container=nope")).await,
        (400, said_of("log-badcontainer"))
    );
    assert_eq!(
        get(&cluster, &format!("{PODS}/{run}?previous=true")).await,
        (400, said_of("log-previous"))
    );
    let path = format!("{PODS}/{run}?stream=Stdout&tailLines=2");
    assert_eq!(get(&cluster, &path).await, (422, said_of("log-stdout")));
    cluster.fault(Fault::new(
        "get",
        "pods/log",
        Trouble::recorded("log-kubelet-down"),
    ));
    assert_eq!(
        get(&cluster, &format!("{PODS}/{run}")).await,
        (500, said_of("log-kubelet-down"))
    );
}

#[tokio::test]
async fn a_followed_log_grows_until_its_container_ends() {
    let cluster = MockCluster::start().await;
    cluster.put("pods", pod("p", &json!({}), None));
    cluster.append_log(NAMESPACE, "p", "one");
    let url = format!("{}{PODS}/p/log?follow=true", cluster.url());
    let mut response = client().get(url).send().await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "one\n");
    cluster.append_log(NAMESPACE, "p", "two");
    assert_eq!(response.chunk().await.unwrap().unwrap(), "two\n");
    cluster.modify("pods", NAMESPACE, "p", |pod| {
        pod["status"]["phase"] = json!("Succeeded");
    });
    assert_eq!(response.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn faults_meet_the_requests_they_are_for() {
    let cluster = MockCluster::start().await;
    let slow_down = Trouble::Status {
        code: 429,
        body: None,
        retry_after: Some(1),
    };
    cluster.fault(Fault::new("get", "jobs", slow_down).on("x").times(2));
    cluster.put("jobs", job("x"));
    cluster.put("jobs", job("y"));
    let x = format!("{JOBS}/x");
    let codes = [
        get(&cluster, &format!("{JOBS}/y")).await.0,
        get(&cluster, &x).await.0,
        get(&cluster, &x).await.0,
        get(&cluster, &x).await.0,
    ];
    assert_eq!(codes, [200, 429, 429, 200]);

    cluster.fault(Fault::new("list", "jobs", Trouble::Cut { after: 10 }));
    let response = client()
        .get(format!("{}{JOBS}", cluster.url()))
        .send()
        .await
        .unwrap();
    response.bytes().await.unwrap_err();

    cluster.put("pods", pod("p", &json!({}), None));
    cluster.append_log(NAMESPACE, "p", "a long line");
    cluster.fault(Fault::new("get", "pods/log", Trouble::End { after: 6 }));
    let url = format!("{}{PODS}/p/log?follow=true", cluster.url());
    assert_eq!(
        client()
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "a long"
    );
}

#[tokio::test]
async fn a_restart_refuses_and_comes_back_with_its_objects() {
    let cluster = MockCluster::start().await;
    cluster.put("jobs", job("x"));
    let url = format!("{}{JOBS}/x", cluster.url());
    cluster.down().await;
    assert!(client().get(&url).send().await.unwrap_err().is_connect());
    cluster.up().await;
    assert_eq!(client().get(&url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn silence_lasts_until_the_connection_is_cut() {
    let cluster = MockCluster::start().await;
    cluster.fault(Fault::new("list", "jobs", Trouble::Silent));
    let url = format!("{}{JOBS}", cluster.url());
    let request = tokio::spawn(client().get(url).send());
    until("the request is there", || cluster.requests().len() == 1).await;
    assert!(!request.is_finished());
    cluster.cut_connections();
    request.await.unwrap().unwrap_err();
}
