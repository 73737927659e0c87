//! The pod that reads results.

use std::path::Path;

use expect_test::expect_file;
use grace_k8s_gen::policy::{Policy, check};
use grace_k8s_gen::{
    Object, READER_CONTAINER, READER_MARK, READER_PROGRAM, READER_RESULTS, reader,
};

use crate::config::{SMALL, lab, parsed};

#[test]
fn golden_reader() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/k8s/reader");
    let made = reader(&lab(), "3f2a").unwrap();
    expect_file![folder.join("reader.yaml")].assert_eq(&made.text);
}

#[test]
fn keeps_to_the_policies() {
    let policies = ["nrp", "restricted"].map(|name| Policy::builtin(name).unwrap().unwrap());
    for config in [lab(), parsed(SMALL)] {
        let made = reader(&config, "3f2a").unwrap();
        assert_eq!(check(&policies, &config, &[made]), []);
    }
}

#[test]
fn a_class_that_the_policy_does_not_know_is_a_breach() {
    let config = parsed(&SMALL.replace("namespace: lab", "namespace: lab\n  priority_class: mine"));
    let nrp = Policy::builtin("nrp").unwrap().unwrap();
    let found = check(&[nrp], &config, &[reader(&config, "1").unwrap()]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn what_collect_relies_on_is_in_the_pod() {
    let made = reader(&lab(), "3f2a").unwrap();
    let Object::Pod(pod) = &made.object else {
        panic!("{:?}", made.object);
    };
    let spec = pod.spec.as_ref().unwrap();
    let container = &spec.containers[0];
    assert_eq!(container.name, READER_CONTAINER);
    assert_eq!(container.command.as_ref().unwrap(), &[READER_PROGRAM]);
    assert!(
        container
            .args
            .as_ref()
            .unwrap()
            .contains(&READER_MARK.to_owned())
    );
    let mounts = container.volume_mounts.as_ref().unwrap();
    let results = mounts
        .iter()
        .find(|it| it.mount_path == READER_RESULTS)
        .unwrap();
    assert_eq!(results.read_only, Some(true));
    assert_eq!(spec.active_deadline_seconds, Some(21_600));
    assert_eq!(spec.restart_policy.as_deref(), Some("Never"));
}

#[test]
fn a_suffix_that_no_name_can_have_is_refused() {
    assert!(reader(&lab(), "A_b").is_err());
}
