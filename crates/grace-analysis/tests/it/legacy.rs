//! Results of the lab's earlier scripts: arrays of records with the columns of the experiment alone.

use serde_json::json;

use crate::sealed::{Folder, array, records};

#[test]
fn records_get_model_replication_and_conditions_from_where_they_are() {
    let folder = Folder::new();
    let record = |quantity: i32| {
        json!({"participant_id": "1", "access": "3", "observe": "2", "response_quantity": quantity.to_string(),
            "quantity": quantity, "response_knowledge": "yes", "knowledge": "yes"})
    };
    folder.write(
        "old/replication-0/study1_exp1.json",
        &array(&[record(2), record(3)]),
    );
    folder.write("old/replication-1/study1_exp1.json", &array(&[record(1)]));
    assert_eq!(
        folder.columns(
            "study1_exp1",
            &[
                "model_key",
                "replication_id",
                "conditions.access",
                "conditions.observe",
                "quantity"
            ]
        ),
        ["old|0|3|2|2", "old|0|3|2|3", "old|1|3|2|1"]
    );
    assert_eq!(folder.findings(), [""; 0]);
}

#[test]
fn errors_become_missing_answers_and_are_counted() {
    let folder = Folder::new();
    let records = [
        json!({"access": "3", "observe": "2", "response_quantity": "ERROR: timeout", "quantity": 0,
            "response_knowledge": "no", "knowledge": "no"}),
        json!({"access": "3", "observe": "2", "response_quantity": "2", "quantity": 2,
            "response_knowledge": "no", "knowledge": "no"}),
    ];
    folder.write("old/rep0/study1_exp1.json", &array(&records));
    assert_eq!(
        folder.columns(
            "study1_exp1",
            &["response_quantity", "quantity", "knowledge"]
        ),
        ["||no", "2|2|no"]
    );
    assert_eq!(folder.completeness().rows[0].failed, Some(1));
}

#[test]
fn names_with_an_apostrophe_are_those_of_today() {
    let folder = Folder::new();
    let options = ["terrible", "bad", "good", "amazing"];
    let mut record =
        json!({"Goal": "to make her feel good", "State": "2 hearts", "entropy_response": 1.5});
    for quality in options {
        record[format!("prob_was_{quality}")] = json!(0.1);
        record[format!("prob_wasn't_{quality}")] = json!(0.15);
        record[format!("prob_{quality}")] = json!(0.25);
    }
    record["prob_was"] = json!(0.4);
    record["prob_wasn't"] = json!(0.6);
    folder.write("old/replication-0/study2_exp2.json", &array(&[record]));
    assert_eq!(
        folder.columns(
            "study2_exp2",
            &["prob_wasnt_good", "prob_wasnt", "conditions.goal"]
        ),
        ["0.15|0.6|social"]
    );
}

#[test]
fn earlier_and_present_results_share_a_table() {
    let folder = Folder::with_replications(1);
    folder.write(
        "old/replication-0/tiny.json",
        r#"[{"story": "s", "group": "1", "response": " 2", "answer": 2}]"#,
    );
    assert_eq!(
        folder.columns("tiny", &["model_key", "trial_id", "answer"]),
        ["m|2|2", "m|1|3", "m|0|0", "old||2"]
    );
}

#[test]
fn numbers_that_are_none_are_missing() {
    let folder = Folder::new();
    folder.write(
        "old/replication-0/tiny.json",
        r#"[{"story": "NaN", "answer": NaN}, {"story": "s", "answer": 2}]"#,
    );
    assert_eq!(
        folder.columns("tiny", &["story", "answer"]),
        ["NaN|", "s|2"]
    );
}

#[test]
fn a_broken_file_of_an_earlier_script_is_left_out() {
    let folder = Folder::new();
    folder.write("old/replication-0/study1_exp1.json", r#"[{"quantity": 2}"#);
    folder.write("old/replication-1/study1_exp1.json", r#"[{"quantity": 2}]"#);
    let findings = folder.findings();
    assert!(
        findings[0].starts_with("broken: old/replication-0/study1_exp1.json: EOF"),
        "{findings:?}"
    );
    assert_eq!(folder.columns("study1_exp1", &["replication_id"]), ["1"]);
}

#[test]
fn records_of_grace_without_anything_else_are_no_earlier_results() {
    let folder = Folder::new();
    folder.write("m/replication-0/tiny.json", &array(&records("tiny", 0, 2)));
    let findings = folder.findings();
    assert!(
        findings[0].contains("no metadata.json of grace"),
        "{findings:?}"
    );
}

#[test]
fn a_folder_without_a_number_is_refused() {
    let folder = Folder::new();
    folder.write("old/results/study1_exp1.json", "[]");
    assert_eq!(
        folder.findings(),
        [
            "refused: old/results: does not tell which replication it is: expected a name such as replication-0"
        ]
    );
}
