//! Server-side apply and merge patches.

use grace_mock_cluster::{MockCluster, NAMESPACE};
use reqwest::Method;
use serde_json::json;

use crate::support::{JOBS, apply, job, said, send};

#[tokio::test]
async fn the_same_content_changes_nothing() {
    let cluster = MockCluster::start().await;
    let options = "fieldManager=grace&fieldValidation=Strict";
    let (code, created) = apply(&cluster, "h-ssa", options, &job("h-ssa")).await;
    assert_eq!((code, &created["spec"]["suspend"]), (201, &json!(false)));
    for manager in ["grace", "other"] {
        let options = format!("fieldManager={manager}");
        let (code, again) = apply(&cluster, "h-ssa", &options, &job("h-ssa")).await;
        assert_eq!((code, &again), (200, &created), "{manager}");
    }
    let asked = cluster.requests_for("patch", "jobs");
    assert_eq!(asked[0].query.get("fieldManager"), Some("grace"));
    assert_eq!(asked[0].query.get("fieldValidation"), Some("Strict"));
    assert_eq!(
        asked[0].content_type.as_deref(),
        Some("application/apply-patch+yaml")
    );
}

#[tokio::test]
async fn a_value_of_another_manager_is_a_conflict() {
    let cluster = MockCluster::start().await;
    for manager in ["lemn", "other"] {
        apply(
            &cluster,
            "h-ssa",
            &format!("fieldManager={manager}"),
            &job("h-ssa"),
        )
        .await;
    }
    let mut changed = job("h-ssa");
    changed["spec"]["parallelism"] = json!(2);
    let (code, mut refused) = apply(&cluster, "h-ssa", "fieldManager=third", &changed).await;
    // The recorded causes are in no order.
    refused["details"]["causes"]
        .as_array_mut()
        .unwrap()
        .reverse();
    assert_eq!((code, refused), (409, said("ssa-conflict-409", &[])));
    let (code, taken) = apply(&cluster, "h-ssa", "fieldManager=third&force=true", &changed).await;
    assert_eq!((code, &taken["spec"]["parallelism"]), (200, &json!(2)));

    let mut command = job("h-ssa");
    command["spec"]["template"]["spec"]["containers"][0]["command"] = json!(["x"]);
    let (code, refused) = apply(&cluster, "h-ssa", "fieldManager=lemn", &command).await;
    assert_eq!(code, 409);
    let field = said("ssa-conflict-409-template", &[])["details"]["causes"][0]["field"].take();
    let causes = refused["details"]["causes"].as_array().unwrap();
    assert!(
        causes.iter().any(|cause| cause["field"] == field),
        "{refused}"
    );
}

#[tokio::test]
async fn a_template_cannot_change() {
    let cluster = MockCluster::start().await;
    apply(&cluster, "h-ssa", "fieldManager=grace", &job("h-ssa")).await;
    let mut changed = job("h-ssa");
    let container = &mut changed["spec"]["template"]["spec"]["containers"][0];
    container["env"] = json!([{"name": "HF_TOKEN", "value": "hunter2"}]);
    let (code, refused) = apply(&cluster, "h-ssa", "fieldManager=grace", &changed).await;
    let recorded = said("job-template-immutable-422-ssa", &[]);
    assert_eq!(code, 422);
    for pointer in [
        "/reason",
        "/details/name",
        "/details/kind",
        "/details/causes/0/field",
        "/details/causes/0/reason",
    ] {
        assert_eq!(
            refused.pointer(pointer),
            recorded.pointer(pointer),
            "{pointer}"
        );
    }
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.starts_with("Job.batch \"h-ssa\" is invalid: spec.template.spec: Invalid value: {")
    );
    assert!(
        message.ends_with("field is immutable") && message.contains("hunter2"),
        "{message}"
    );

    for (field, value) in [
        ("completions", json!(4)),
        ("completionMode", json!("NonIndexed")),
    ] {
        let mut changed = job("h-ssa");
        changed["spec"][field] = value;
        let (code, _) = apply(&cluster, "h-ssa", "fieldManager=grace", &changed).await;
        assert_eq!(code, 422, "{field}");
    }
}

#[tokio::test]
async fn what_is_no_longer_applied_goes() {
    let cluster = MockCluster::start().await;
    let mut with_ttl = job("x");
    with_ttl["spec"]["ttlSecondsAfterFinished"] = json!(5);
    apply(&cluster, "x", "fieldManager=grace", &with_ttl).await;
    let (code, without) = apply(&cluster, "x", "fieldManager=grace", &job("x")).await;
    assert_eq!(
        (code, without["spec"].get("ttlSecondsAfterFinished")),
        (200, None)
    );
}

#[tokio::test]
async fn creating_by_apply_needs_the_right_to_create() {
    let cluster = MockCluster::start().await;
    cluster.forbid("create", "jobs");
    let refused = apply(&cluster, "po", "fieldManager=lemn", &job("po")).await;
    assert_eq!(
        refused,
        (
            403,
            said("auth-ssa-patchonly-403", &[("nobody", "launcher")])
        )
    );
    let (code, _) = apply(&cluster, "po", "", &job("po")).await;
    assert_eq!(code, 422, "no field manager");
}

#[tokio::test]
async fn a_merge_patch_suspends() {
    let cluster = MockCluster::start().await;
    apply(&cluster, "x", "fieldManager=grace", &job("x")).await;
    let path = format!("{JOBS}/x?fieldManager=grace");
    let kind = "application/merge-patch+json";
    let patch = json!({"spec": {"suspend": true, "parallelism": 2}});
    let response = send(&cluster, Method::PATCH, &path, kind, Some(&patch)).await;
    assert_eq!(response.status(), 200);
    let job = cluster.get("jobs", NAMESPACE, "x").unwrap();
    assert_eq!(
        (&job["spec"]["suspend"], &job["metadata"]["generation"]),
        (&json!(true), &json!(2))
    );
    let stale = json!({"metadata": {"resourceVersion": "1"}, "spec": {"suspend": false}});
    let response = send(&cluster, Method::PATCH, &path, kind, Some(&stale)).await;
    assert_eq!(response.status(), 409);
}
