//! Mistakes name key and line, all at once.

use grace_k8s_gen::GenerateError;

use crate::config::{SMALL, lab, made, parsed};

#[track_caller]
fn problems(error: GenerateError) -> String {
    match error {
        GenerateError::Configuration(problems) => problems.to_string(),
        other => panic!("{other}"),
    }
}

/// A second model under `key`.
fn with(key: &str) -> String {
    let (head, rest) = SMALL.split_once("cluster:").unwrap();
    let model = head.strip_prefix("models:\n").unwrap();
    format!(
        "{head}{}cluster:{rest}",
        model.replace("tiny:", &format!("{key}:"))
    )
}

#[test]
fn two_models_with_the_same_job_name_are_refused() {
    let config = parsed(&with("a.b").replacen("tiny:", "a_b:", 1));
    let message = problems(made(&config, 5, 1, &[]).unwrap_err());
    assert_eq!(
        message,
        "models.yaml:6: `models.a.b` makes the Job name `grace-a-b-replicated`, as `a_b` does; `.` and `_` become `-`, so change one key"
    );
}

#[test]
fn a_key_that_makes_no_name_says_how_to_fix_it() {
    let long = "k".repeat(50);
    let config = parsed(&with(&long).replacen("tiny:", "Tiny:", 1));
    let message = problems(made(&config, 5, 1, &[]).unwrap_err());
    assert!(
        message.contains("models.yaml:2: `models.Tiny` makes the Job name `grace-Tiny-replicated`"),
        "{message}"
    );
    assert!(message.contains("`tiny` would do"), "{message}");
    assert!(
        message.contains("models.yaml:6:") && message.contains("shorten the key by 6"),
        "{message}"
    );
}

#[test]
fn more_at_once_than_there_are_is_refused() {
    let message = problems(made(&lab(), 2, 1, &[]).unwrap_err());
    assert_eq!(message.lines().count(), 4, "{message}");
    assert!(message.contains("models.yaml:17: `models.gemma-2b-rtx3090.replication_parallelism` is 3, over the 2 replications"), "{message}");
    let message = problems(made(&parsed(SMALL), 2, 3, &[]).unwrap_err());
    assert!(
        message.contains("models.yaml:2: `models.tiny.replication_parallelism` is 3, over the 2"),
        "{message}"
    );
}

#[test]
fn more_failed_indexes_than_there_are_is_refused() {
    let config =
        parsed(&SMALL.replace("namespace: lab", "namespace: lab\n  max_failed_indexes: 6"));
    let message = problems(made(&config, 5, 1, &[]).unwrap_err());
    assert!(
        message
            .contains("models.yaml:8: `cluster.max_failed_indexes` is 6, over the 5 replications"),
        "{message}"
    );
}

#[test]
fn a_model_that_is_not_there_is_refused() {
    let message = problems(made(&parsed(SMALL), 5, 1, &["nope".parse().unwrap()]).unwrap_err());
    assert_eq!(
        message,
        "models.yaml: `models` has no model `nope`, expected one of `tiny`"
    );
}
