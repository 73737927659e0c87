//! `launch`, where the API is slow, says no, breaks off or falls silent.

use std::time::Duration;

use grace_mock_cluster::{Fault, NAMESPACE, Outcome, Trouble, Workload};

use crate::cluster_lab::ClusterLab;

/// A lab whose Jobs end well.
fn lab() -> ClusterLab {
    let lab = ClusterLab::new();
    let workload = Workload::new(|_| Outcome::success().after(Duration::from_millis(300)));
    lab.mock.controller(workload);
    lab
}

/// An answer with this code that asks for a second of patience.
fn later(code: u16) -> Trouble {
    Trouble::Status {
        code,
        body: None,
        retry_after: Some(1),
    }
}

#[test]
fn a_job_that_another_manager_owns_is_left_to_it() {
    let lab = lab();
    let conflict = Trouble::recorded("ssa-conflict-409-template");
    lab.mock
        .fault(Fault::new("patch", "jobs", conflict).on("grace-small-replicated"));
    let ended = lab.run(lab.launch(&["--keep-going"])).exits(42);
    for expected in [
        "apply Job grace-small-replicated",
        ".spec.template.spec.containers[name=\"run\"].command",
        "another program owns",
    ] {
        let output = ended.output();
        assert!(output.contains(expected), "{expected}:\n{output}");
    }
    // The recorded answer names two managers; what it dumps of the object is not repeated.
    let longest = ended.stderr.lines().map(str::len).max();
    assert!(longest < Some(500), "{}", ended.stderr);
    let went_on = "large   3/3       0  complete: 3 of 3";
    assert!(ended.stdout.contains(went_on), "{}", ended.output());
    assert_eq!(lab.jobs(), ["grace-large-replicated"]);
}

/// Nothing of this is an end: the Job is applied once, followed, and complete.
#[test]
fn what_goes_by_is_waited_for() {
    let late = || Trouble::Slow(Duration::from_secs(2));
    for (verb, resource, trouble) in [
        ("list", "pods", late()),
        ("watch", "pods", late()),
        ("get", "persistentvolumeclaims", late()),
        ("patch", "jobs", late()),
        ("patch", "jobs", later(429)),
        ("patch", "jobs", later(503)),
        ("patch", "jobs", Trouble::Cut { after: 10 }),
        ("patch", "jobs", Trouble::Silent),
        ("watch", "jobs", later(429)),
        ("watch", "jobs", Trouble::recorded("watch-expired-410")),
        ("watch", "jobs", Trouble::Cut { after: 100 }),
    ] {
        let what = format!("{verb} {resource}: {trouble:?}");
        let what: String = what.chars().take(80).collect();
        let lab = lab();
        lab.mock.fault(Fault::new(verb, resource, trouble));
        let ended = lab.run(lab.launch(&["--model", "small"]));
        assert_eq!(ended.code(), Some(0), "{what}\n{}", ended.output());
        // Applied unheard, it may be complete before it is seen.
        let complete = ["complete: 3 of 3", "complete before: 3 of 3"];
        let complete = complete.iter().any(|text| ended.stdout.contains(text));
        assert!(complete, "{what}\n{}", ended.output());
        assert!(ended.took < Duration::from_mins(1), "{what}");
        let uid = &lab.job("small")["metadata"]["uid"];
        let pods = lab.mock.list("pods", NAMESPACE);
        let ours = |pod: &serde_json::Value| &pod["metadata"]["ownerReferences"][0]["uid"] == uid;
        assert!(pods.iter().all(ours), "{what}");
    }
}
