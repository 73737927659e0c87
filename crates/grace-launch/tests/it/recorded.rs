//! What is said of what a real API server answered.

use grace_launch::state::{JobState, Obstacle, Phase, observe};
use grace_mock_cluster::{NAMESPACE, recorded, recorded_object};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use serde_json::{Value, json};

/// A Job that has ended, with the pods that were left.
fn ended(name: &str) -> JobState {
    let pods = recorded(name)["pods"].clone();
    let pods: Vec<Pod> = serde_json::from_value(pods).unwrap();
    of(recorded_object(name), &pods, &[])
}

fn of(job: Value, pods: &[Pod], events: &[Event]) -> JobState {
    let job: Job = serde_json::from_value(job).unwrap();
    observe(
        Some(&job),
        &pods.iter().collect::<Vec<_>>(),
        &events.iter().collect::<Vec<_>>(),
    )
}

/// A running Job of one replication, with this pod.
fn with_pod(name: &str) -> JobState {
    let pod: Pod = serde_json::from_value(recorded_object(name)).unwrap();
    let uid = pod.metadata.labels.as_ref().unwrap()["batch.kubernetes.io/controller-uid"].clone();
    let job = json!({
        "metadata": {"name": "x", "uid": uid},
        "spec": {"completionMode": "Indexed", "completions": 1, "parallelism": 1, "template": {}},
        "status": {"active": 1},
    });
    of(job, &[pod], &[])
}

/// A Job without any pod, with the events that say why.
fn with_events(name: &str) -> JobState {
    let list = recorded_object(name);
    let events: Vec<Event> = serde_json::from_value(list["items"].clone()).unwrap();
    let about = &events[0].involved_object;
    let job = json!({
        "metadata": {"name": about.name, "uid": about.uid},
        "spec": {"completionMode": "Indexed", "completions": 2, "parallelism": 1, "template": {}},
        "status": {},
    });
    of(job, &[], &events)
}

#[test]
fn all_complete() {
    assert_eq!(
        ended("job-indexed-complete").to_string(),
        "complete: 5 of 5"
    );
    let state = ended("job-suspend-resume-complete");
    assert_eq!(state.to_string(), "complete: 2 of 2");
    assert_eq!(state.ended_at.as_deref(), Some("2026-11-23T16:53:49Z"));
}

#[test]
fn disruptions_that_were_replaced_are_no_failures() {
    let state = ended("job-podfailurepolicy-ignore");
    assert_eq!(state.phase, Phase::Complete);
    assert_eq!(state.failures, []);
}

#[test]
fn failures_name_index_exit_code_and_what_is_done() {
    assert_eq!(
        ended("job-failed-perindex0-max1").to_string(),
        "failed: index 1, exit 5 in container `run`; failed indexes 1, 3 (MaxFailedIndexesExceeded, done 2 of 8)"
    );
    assert_eq!(
        ended("job-podfailurepolicy-failjob").to_string(),
        "failed: index 0, exit 42 in container `run` (PodFailurePolicy, done 0 of 3)"
    );
    assert_eq!(
        ended("job-failed-backofflimit0").to_string(),
        "failed: index 1, exit 3 in container `run` (BackoffLimitExceeded, done 0 of 5)"
    );
}

#[test]
fn where_the_others_went_on_all_that_failed_are_named() {
    for (name, expected) in [
        (
            "job-failed-perindex0-max5",
            "failed: index 1, exit 5 in container `run`; failed indexes 1, 3 (FailedIndexes, done 3 of 5)",
        ),
        (
            "job-failed-perindex1",
            "failed: index 1, exit 5 in container `run`; failed indexes 1, 3 (FailedIndexes, done 3 of 5)",
        ),
        (
            "job-podfailurepolicy-failindex",
            "failed: index 0, exit 42 in container `run` (FailedIndexes, done 2 of 3)",
        ),
    ] {
        let state = ended(name);
        assert!(matches!(state.phase, Phase::Failed(_)), "{name}");
        assert_eq!(state.to_string(), expected, "{name}");
    }
}

#[test]
fn the_last_try_of_an_index_counts() {
    let state = ended("job-failed-perindex1");
    assert_eq!(state.failed.iter().copied().collect::<Vec<_>>(), [1, 3]);
    let tries: Vec<(u32, &str)> = state
        .failures
        .iter()
        .map(|it| (it.index, it.pod.as_deref().unwrap()))
        .collect();
    assert_eq!(
        tries,
        [(1, last_pod("1").as_str()), (3, last_pod("3").as_str())]
    );
}

/// The pod of the second try, as its annotation says.
fn last_pod(index: &str) -> String {
    let all = recorded("job-failed-perindex1");
    let pods = all["pods"].as_array().unwrap();
    let is_last = |pod: &&Value| {
        let notes = &pod["metadata"]["annotations"];
        notes["batch.kubernetes.io/job-completion-index"] == *index
            && notes["batch.kubernetes.io/job-index-failure-count"] == "1"
    };
    let pod = pods.iter().find(is_last).unwrap();
    pod["metadata"]["name"].as_str().unwrap().to_owned()
}

#[test]
fn before_all_pods_have_ended_it_is_failing() {
    let mut job = recorded_object("job-podfailurepolicy-failjob");
    let conditions = job["status"]["conditions"].as_array_mut().unwrap();
    conditions.retain(|it| it["type"] == "FailureTarget");
    let pods: Vec<Pod> =
        serde_json::from_value(recorded("job-podfailurepolicy-failjob")["pods"].clone()).unwrap();
    let state = of(job, &pods, &[]);
    assert!(matches!(state.phase, Phase::Failing(_)));
    assert_eq!(
        state.to_string(),
        "failing: index 0, exit 42 in container `run` (PodFailurePolicy, done 0 of 3)"
    );
}

#[test]
fn the_pod_that_the_controller_names_is_the_cause() {
    let mut pods = recorded("job-podfailurepolicy-failjob")["pods"].clone();
    // Another index failed before, and was being tried again.
    let mut earlier = pods[0].clone();
    earlier["metadata"]["name"] = "d-pfp-0-other".into();
    earlier["metadata"]["uid"] = "other".into();
    pods[0]["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] = "1".into();
    earlier["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] = 75.into();
    let pods: Vec<Pod> = [earlier, pods[0].clone()]
        .into_iter()
        .map(|pod| serde_json::from_value(pod).unwrap())
        .collect();
    let state = of(recorded_object("job-podfailurepolicy-failjob"), &pods, &[]);
    let cause = state.cause().unwrap();
    assert_eq!((cause.index, cause.exit_code), (1, Some(42)));
}

#[test]
fn a_pod_that_cannot_be_deleted_with_its_node_is_still_lost() {
    let mut pod = recorded_object("pod-on-notready-node");
    pod["metadata"]["deletionTimestamp"] = "2026-11-23T17:21:53Z".into();
    let pod: Pod = serde_json::from_value(pod).unwrap();
    let uid = pod.metadata.labels.as_ref().unwrap()["batch.kubernetes.io/controller-uid"].clone();
    let job = json!({
        "metadata": {"name": "x", "uid": uid},
        "spec": {"completionMode": "Indexed", "completions": 1, "parallelism": 1, "template": {}},
        "status": {"active": 1},
    });
    assert_eq!(
        of(job, &[pod], &[]).to_string(),
        "node `127.0.0.1` does not answer"
    );
}

#[test]
fn suspended_and_gone() {
    let state = of(recorded_object("job-suspended"), &[], &[]);
    assert_eq!(state.to_string(), "suspended: done 0 of 2");
    assert_eq!(observe(None, &[], &[]).to_string(), "not there");
}

#[test]
fn what_never_ends_by_itself_is_said() {
    assert_eq!(
        with_pod("pod-l-pend").to_string(),
        "unschedulable: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector"
    );
    assert_eq!(
        with_pod("pod-unschedulable-k-gpu9").to_string(),
        "unschedulable: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu"
    );
    assert_eq!(
        with_pod("pod-l-noimg").to_string(),
        "image cannot be pulled: lab.local/absent:1: failed to pull and unpack image \"lab.local/absent:1\": failed to resolve \
         image: failed to do request: Head \"https://lab.local/v2/absent/manifests/1\": dial tcp: lookup lab.local on \
         10.255.255.53:53: no such host"
    );
    assert_eq!(
        with_pod("pod-l-nosecret").to_string(),
        "container cannot be made: secret \"hf-token-missing\" not found"
    );
    assert_eq!(
        with_pod("pod-on-notready-node").to_string(),
        "node `127.0.0.1` does not answer"
    );
    assert_eq!(
        with_pod("pod-l-init").to_string(),
        "pending: init container `ini` is at work"
    );
}

#[test]
fn without_pods_the_jobs_events_say_why() {
    assert_eq!(
        with_events("events-quota-failedcreate").to_string(),
        "pending: quota: exceeded quota: q, requested: requests.nvidia.com/gpu=4, used: requests.nvidia.com/gpu=0, limited: \
         requests.nvidia.com/gpu=2"
    );
    // A short recording: what each event says, in a line.
    let short = recorded("events-failedcreate-sa");
    let [_, reason, _, job, message, count] = short[0].as_array().unwrap().as_slice() else {
        panic!("{short}");
    };
    let event = serde_json::from_value(json!({
        "metadata": {"name": "e", "namespace": NAMESPACE}, "type": "Warning", "reason": reason, "message": message,
        "count": count, "involvedObject": {"kind": "Job", "name": job, "uid": "u"},
    }));
    let job = json!({
        "metadata": {"name": job, "uid": "u"},
        "spec": {"completionMode": "Indexed", "completions": 2, "parallelism": 1, "template": {}},
        "status": {},
    });
    assert_eq!(
        of(job, &[], &[event.unwrap()]).to_string(),
        "pending: pods cannot be created: error looking up service account lemn-lab/absent-sa: serviceaccount \"absent-sa\" not found"
    );
    let state = with_events("events-psa-failedcreate");
    assert!(matches!(state.without_pods, Some(Obstacle::Refused(_))));
    let text = state.to_string();
    assert!(
        text.starts_with(
            "pending: pods cannot be created: violates PodSecurity \"restricted:latest\""
        ),
        "{text}"
    );
}

#[test]
fn a_volume_that_cannot_be_mounted_is_said_by_the_pods_events() {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "x-0", "uid": "p", "labels": {
            "batch.kubernetes.io/controller-uid": "j", "batch.kubernetes.io/job-completion-index": "0"}},
        "status": {"phase": "Pending", "containerStatuses": [{"name": "replicate", "image": "x", "imageID": "", "ready": false,
            "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}}]},
    }))
    .unwrap();
    let event: Event = serde_json::from_value(json!({
        "metadata": {"name": "e"}, "involvedObject": {"uid": "p"}, "reason": "FailedMount", "type": "Warning",
        "message": "MountVolume.SetUp failed for volume \"results\" : not found",
    }))
    .unwrap();
    let job = json!({
        "metadata": {"name": "x", "uid": "j"},
        "spec": {"completionMode": "Indexed", "completions": 1, "parallelism": 1, "template": {}}, "status": {},
    });
    assert_eq!(
        of(job, &[pod], &[event]).to_string(),
        "volume cannot be mounted: MountVolume.SetUp failed for volume \"results\" : not found"
    );
}

#[test]
fn an_old_event_is_no_trouble_once_the_pods_are_there() {
    let list = recorded_object("events-quota-failedcreate");
    let events: Vec<Event> = serde_json::from_value(list["items"].clone()).unwrap();
    let uid = events[0].involved_object.uid.clone();
    let job = json!({
        "metadata": {"name": "q", "uid": uid},
        "spec": {"completionMode": "Indexed", "completions": 2, "parallelism": 1, "template": {}},
        "status": {"active": 1},
    });
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "q-0-x", "uid": "p", "labels": {
            "batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-completion-index": "0"}},
        "status": {"phase": "Running"},
    }))
    .unwrap();
    let state = of(job.clone(), std::slice::from_ref(&pod), &events);
    assert_eq!(state.to_string(), "running 1/2, done 0, failed 0");
    // Nor between that pod and the next.
    let mut over = serde_json::to_value(&pod).unwrap();
    over["metadata"]["creationTimestamp"] = "2026-11-23T17:00:00Z".into();
    over["status"]["phase"] = "Succeeded".into();
    let over: Pod = serde_json::from_value(over).unwrap();
    assert_eq!(of(job, &[over], &events).without_pods, None);
}

#[test]
fn how_containers_end() {
    let failure = |name: &str| with_pod(name).failures[0].to_string();
    assert_eq!(
        failure("pod-oomkilled"),
        "index 0, exit 137, OOMKilled in container `run`, out of memory: raise `resources.memory_limit`"
    );
    let text = failure("pod-starterror-128");
    assert!(
        text.starts_with("index 0, exit 128, StartError in container `run`, the program could not be started: failed to"),
        "{text}"
    );
}

#[test]
fn pods_of_an_earlier_job_of_the_name_are_left_out() {
    let pods: Vec<Pod> =
        serde_json::from_value(recorded("job-failed-perindex0-max1")["pods"].clone()).unwrap();
    let job = json!({
        "metadata": {"name": "c-pi0-max1", "uid": "another"},
        "spec": {"completionMode": "Indexed", "completions": 8, "parallelism": 2, "template": {}},
        "status": {},
    });
    assert_eq!(of(job, &pods, &[]).to_string(), "pending: no pod yet");
}
