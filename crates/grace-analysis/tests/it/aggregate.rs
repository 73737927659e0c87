//! Tables of whole results.

use std::num::NonZeroUsize;
use std::path::Path;

use expect_test::expect_file;
use grace_analysis::aggregate::aggregate;
use grace_analysis::schema::Definitions;
use proptest::prelude::*;
use serde_json::json;

use crate::sealed::{Folder, ONE, record, records};

#[test]
fn golden_table_of_a_small_set() {
    let folder = Folder::new();
    folder.seal("m", 1, &[("tiny", records("tiny", 1, 3))]);
    folder.seal("m", 0, &[("tiny", records("tiny", 0, 3))]);
    folder.seal("a", 0, &[("tiny", records("tiny", 0, 1))]);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/dataset");
    expect_file![golden.join("tiny.csv")].assert_eq(&folder.csv("tiny"));
    let completeness = folder.survey(ONE).completeness(None);
    let text = String::from_utf8(completeness.to_csv()).unwrap();
    expect_file![golden.join("completeness.csv")].assert_eq(&text);
}

#[test]
fn rows_are_sorted_by_model_replication_and_place() {
    let folder = Folder::new();
    for (model, index) in [("b", 0), ("a", 10), ("a", 9)] {
        folder.seal(model, index, &[("tiny", records("tiny", index, 2))]);
    }
    assert_eq!(
        folder.columns(
            "tiny",
            &[
                "model_key",
                "replication_id",
                "trial_order_in_replication",
                "trial_id"
            ]
        ),
        [
            "a|9|0|1", "a|9|1|0", "a|10|0|1", "a|10|1|0", "b|0|0|1", "b|0|1|0"
        ]
    );
}

#[test]
fn each_experiment_has_a_table() {
    let folder = Folder::new();
    folder.seal(
        "m",
        0,
        &[("one", records("one", 0, 2)), ("two", records("two", 0, 3))],
    );
    let names: Vec<String> = folder.tables(ONE).into_keys().collect();
    assert_eq!(
        names,
        [
            "completeness.csv",
            "findings.csv",
            "one.csv",
            "one.parquet",
            "two.csv",
            "two.parquet"
        ]
    );
    assert_eq!(folder.columns("two", &["experiment_name"]), ["two"; 3]);
}

#[test]
fn what_nobody_knows_is_kept() {
    let folder = Folder::new();
    let own = json!({"story": "s", "extra": {"a": [1, {"b": null}]}, "flag": false, "share": 0.1});
    folder.seal("m", 0, &[("tiny", vec![record("tiny", 0, 0, 0, own)])]);
    assert_eq!(
        folder.columns("tiny", &["extra", "flag", "share"]),
        [r#"{"a":[1,{"b":null}]}|false|0.1"#]
    );
}

#[test]
fn a_column_that_one_replication_has_is_empty_in_others() {
    let folder = Folder::new();
    for index in 0..2 {
        let own = if index == 0 {
            json!({"story": "s"})
        } else {
            json!({"story": "s", "late": 7})
        };
        folder.seal(
            "m",
            index,
            &[("tiny", vec![record("tiny", index, 0, 0, own)])],
        );
    }
    assert_eq!(folder.columns("tiny", &["late"]), ["", "7"]);
    assert!(folder.completeness().is_whole());
}

#[test]
fn values_behind_the_first_record_count_for_the_type_of_a_column() {
    let folder = Folder::new();
    for index in 0..2 {
        let shares = if index == 0 {
            [1.into(), 2.into()]
        } else {
            [json!(1), json!(2.5)]
        };
        let record =
            |place: u32, share| record("tiny", index, place, place, json!({"share": share}));
        let [first, second] = shares;
        folder.seal(
            "m",
            index,
            &[("tiny", vec![record(0, first), record(1, second)])],
        );
    }
    assert_eq!(
        folder.columns("tiny", &["share"]),
        ["1.0", "2.0", "1.0", "2.5"]
    );
    assert!(folder.completeness().is_whole());
}

#[test]
fn tables_are_replaced_as_a_whole() {
    let folder = Folder::with_replications(2);
    let first = folder.tables(ONE);
    assert_eq!(folder.tables(ONE), first);
    assert!(first["tiny.parquet"].starts_with(b"PAR1") && first["tiny.parquet"].ends_with(b"PAR1"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn tables_do_not_depend_on_threads_nor_on_when_folders_were_made(
        trials in prop::collection::vec(1_u32..40, 1..6),
        reversed: bool,
        threads in 2_usize..6,
    ) {
        let (straight, other) = (Folder::new(), Folder::new());
        let mut indexes: Vec<usize> = (0..trials.len()).collect();
        // A model each: replications of one model have equally many trials.
        let seal = |folder: &Folder, index: usize| {
            let records = records("tiny", 0, trials[index]);
            folder.seal(&format!("m{index}"), 0, &[("tiny", records)]);
        };
        for &index in &indexes {
            seal(&straight, index);
        }
        if reversed {
            indexes.reverse();
        }
        for &index in &indexes {
            seal(&other, index);
        }
        prop_assert_eq!(straight.tables(ONE), other.tables(NonZeroUsize::new(threads).unwrap()));
    }
}

#[test]
fn tables_of_other_results_are_told_of() {
    let folder = Folder::with_replications(1);
    let out = tempfile::TempDir::new().unwrap();
    for name in ["gone.csv", "gone.parquet", "mine.csv"] {
        std::fs::write(out.path().join(name), "a\n1\n").unwrap();
    }
    let aggregated = aggregate(
        &folder.results(),
        &Definitions::default(),
        None,
        out.path(),
        ONE,
    );
    let notes = aggregated.unwrap().completeness.notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("gone.csv are of an earlier run"),
        "{notes:?}"
    );
}
