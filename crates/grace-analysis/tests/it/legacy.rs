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
    folder.write(
        "old/replication-1/study1_exp1.json",
        &array(&[record(1), record(0)]),
    );
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
        ["old|0|3|2|2", "old|0|3|2|3", "old|1|3|2|1", "old|1|3|2|0"]
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

#[test]
fn sealed_records_say_what_a_stimulus_column_holds() {
    let folder = Folder::with_replications(1);
    for index in 0..3 {
        // pandas reads "1" as a number, and as 1.0 where a row lacks it.
        let group = if index == 2 { json!(1.0) } else { json!(1) };
        let record = json!({"story": true, "group": group, "answer": index});
        folder.write(
            &format!("old/replication-{index}/tiny.json"),
            &array(&[record]),
        );
    }
    assert_eq!(
        folder.findings(),
        [
            "missing: m/replication-1: replication 1 of m is not there",
            "missing: m/replication-2: replication 2 of m is not there"
        ]
    );
    assert_eq!(
        folder.columns("tiny", &["model_key", "group", "story", "answer"])[2..],
        [
            "m|0|story 0, \"quoted\"|0",
            "old|1|true|0",
            "old|1|true|1",
            "old|1|true|2"
        ]
    );
}

#[test]
fn numbers_in_place_of_an_answer_in_words_are_no_stimuli() {
    let folder = Folder::new();
    let record = |knowledge: serde_json::Value| json!({"response_quantity": 2, "quantity": 2, "knowledge": knowledge});
    folder.write(
        "old/replication-0/study1_exp1.json",
        &array(&[record(json!(1))]),
    );
    folder.write(
        "old/replication-1/study1_exp1.json",
        &array(&[record(json!("no"))]),
    );
    let findings = folder.findings();
    assert!(
        findings[0].contains("`knowledge` holds a whole number, expected text"),
        "{findings:?}"
    );
    assert_eq!(
        folder.columns(
            "study1_exp1",
            &["replication_id", "response_quantity", "knowledge"]
        ),
        ["1|2|no"]
    );
}

#[test]
fn answers_that_cannot_be_are_missing() {
    let folder = Folder::new();
    let answers = [
        (json!(2), "Yes"),
        (json!(-1), ""),
        (json!(3.0), "unclear"),
        (json!(4), "no"),
    ];
    let record = |(quantity, knowledge)| json!({"access": 3, "observe": 2, "quantity": quantity, "knowledge": knowledge});
    folder.write(
        "old/replication-0/study1_exp1.json",
        &array(&answers.map(record)),
    );
    assert_eq!(
        folder.columns("study1_exp1", &["quantity", "knowledge"]),
        ["2|yes", "|", "3|", "|no"]
    );
}

fn answered(count: usize, answer: usize) -> String {
    let record =
        |trial: usize| json!({"trial": trial, "response": "a", "answer": (trial * answer) % 97});
    array(&(0..count).map(record).collect::<Vec<_>>())
}

#[test]
fn a_half_written_file_of_an_earlier_script_is_left_out() {
    let folder = Folder::new();
    for (model, index, count) in [
        ("a", 0, 4),
        ("a", 1, 3),
        ("a", 2, 4),
        ("b", 0, 0),
        ("b", 1, 4),
    ] {
        let name = format!("{model}/replication-{index}/old.json");
        folder.write(
            &name,
            &answered(count, 1 + 3 * usize::from(model == "b") + index),
        );
    }
    let findings = folder.findings();
    assert_eq!(
        findings,
        [
            "missing: a/replication-1/old.json: holds 3 records, expected 4, as most files of this experiment have",
            "missing: b/replication-0/old.json: holds no records",
            "missing: b/replication-2: replication 2 of b is not there",
        ]
    );
    assert_eq!(folder.columns("old", &["replication_id"]).len(), 12);
}

#[test]
fn of_two_lengths_the_longer_one_is_whole() {
    let folder = Folder::new();
    folder.write("a/replication-0/old.json", &answered(2, 1));
    folder.write("a/replication-1/old.json", &answered(3, 2));
    assert_eq!(folder.columns("old", &["replication_id"]), ["1"; 3]);
}

#[test]
fn empty_files_do_not_tell_how_many_records_there_should_be() {
    let folder = Folder::new();
    for (index, count) in [(0, 0), (1, 0), (2, 3)] {
        folder.write(
            &format!("a/replication-{index}/old.json"),
            &answered(count, 1),
        );
    }
    assert_eq!(folder.columns("old", &["replication_id"]), ["2"; 3]);
    assert_eq!(folder.findings().len(), 2);
}

#[test]
fn a_copy_of_an_earlier_replication_is_no_replication() {
    let folder = Folder::new();
    for (index, answer) in [(0, 1), (1, 2), (2, 1)] {
        let name = format!("a/replication-{index}/old.json");
        folder.write(&name, &answered(20, answer));
    }
    // The same answers in the order of another replication.
    let mut records: Vec<serde_json::Value> = serde_json::from_str(&answered(20, 2)).unwrap();
    records.reverse();
    folder.write("a/replication-3/old.json", &array(&records));
    assert_eq!(
        folder.findings(),
        [
            "duplicated: a/replication-2: holds the records of a/replication-0: a copy, or the same random numbers",
            "duplicated: a/replication-3: holds the records of a/replication-1: a copy, or the same random numbers",
        ]
    );
    assert_eq!(folder.columns("old", &["replication_id"]).len(), 40);
}

#[test]
fn equal_scores_are_no_copy() {
    let folder = Folder::new();
    let options = ["terrible", "bad", "good", "amazing"];
    let mut record = json!({"Goal": "to make her feel good", "State": "2 hearts", "entropy_response": 1.5,
        "prob_was": 0.4, "prob_wasn't": 0.6});
    for quality in options {
        record[format!("prob_was_{quality}")] = json!(0.1);
        record[format!("prob_wasn't_{quality}")] = json!(0.15);
        record[format!("prob_{quality}")] = json!(0.25);
    }
    for index in 0..2 {
        let name = format!("old/replication-{index}/study2_exp2.json");
        folder.write(&name, &array(std::slice::from_ref(&record)));
    }
    assert_eq!(folder.findings(), [""; 0]);
}

#[test]
fn a_stray_file_hides_nothing() {
    let folder = Folder::with_replications(2);
    folder.write("notes.json", "{}");
    folder.write("m/summary.json", "[]");
    folder.write("old/replication-0/tiny.json", r#"[{"answer": 2}]"#);
    folder.write("old/models.json", "[]");
    let notes = folder.completeness().notes;
    let strays = notes.iter().filter(|one| one.contains("part of none"));
    assert_eq!(strays.count(), 3, "{notes:?}");
    assert_eq!(folder.columns("tiny", &["model_key"]).len(), 7);
}

#[test]
fn what_stands_behind_an_error_is_no_answer() {
    let folder = Folder::new();
    let records = r#"[{"age": 30, "response": "ERROR: timeout", "score": 0}, {"age": 31, "response": "3", "score": 3}]"#;
    folder.write("old/replication-0/mine.json", records);
    assert_eq!(folder.columns("mine", &["age", "score"]), ["30|", "31|3"]);
}
