//! Values that are not of their column's type.

use serde_json::{Value, json};

use crate::sealed::{Folder, record};

/// Three replications of one trial each, the second with other columns.
fn with_odd_one(own: &Value, odd: &Value) -> Folder {
    let folder = Folder::new();
    for index in 0..3 {
        let own = if index == 1 { odd } else { own };
        folder.seal(
            "m",
            index,
            &[("tiny", vec![record("tiny", index, 0, 0, own.clone())])],
        );
    }
    folder
}

#[test]
fn a_value_of_another_type_is_no_silent_cast() {
    let folder = with_odd_one(
        &json!({"story": "s", "answer": 1}),
        &json!({"story": "s", "answer": "1"}),
    );
    assert_eq!(
        folder.columns("tiny", &["replication_id", "answer"]),
        ["0|1", "2|1"]
    );
    assert_eq!(
        folder.findings(),
        [
            "broken: m/replication-1/tiny.json: record 0: `answer` holds text, expected a whole number"
        ]
    );
}

#[test]
fn stimuli_stay_text_even_if_they_look_like_numbers() {
    let folder = with_odd_one(&json!({"number": "007"}), &json!({"number": "1e3"}));
    assert_eq!(folder.columns("tiny", &["number"]), ["007", "1e3", "007"]);
}

#[test]
fn a_field_of_grace_has_the_type_that_grace_gives_it() {
    let folder = Folder::new();
    let mut odd = record("tiny", 0, 0, 0, json!({"story": "s"}));
    odd["request_seeds"]["q"] = json!("9");
    folder.seal("m", 0, &[("tiny", vec![odd])]);
    assert_eq!(
        folder.findings(),
        [
            "broken: m/replication-0/tiny.json: record 0: `request_seeds.q` holds text, expected a whole number from 0"
        ]
    );
}

#[test]
fn large_seeds_keep_every_digit() {
    let folder = with_odd_one(&json!({"story": "s"}), &json!({"story": "s"}));
    assert_eq!(
        folder.columns("tiny", &["request_seeds.q"]),
        ["9007199254740993"; 3]
    );
}

#[test]
fn the_types_of_a_known_experiment_are_those_of_its_file() {
    let folder = Folder::new();
    let own = json!({"access": "3", "observe": "3", "response_quantity": " 2", "quantity": 2.5,
        "response_knowledge": " yes", "knowledge": "yes"});
    folder.seal(
        "m",
        0,
        &[("study1_exp1", vec![record("study1_exp1", 0, 0, 0, own)])],
    );
    assert_eq!(
        folder.findings(),
        [
            "broken: m/replication-0/study1_exp1.json: record 0: `quantity` holds a number, expected a whole number"
        ]
    );
}
