//! What was expected and what was found.

use std::fs;

use grace_analysis::Results;
use grace_analysis::completeness::State;
use grace_analysis::schema::Definitions;
use serde_json::json;

use crate::sealed::{Folder, ONE, record, records};

#[test]
fn whole_results_have_no_findings() {
    let folder = Folder::with_replications(2);
    let completeness = folder.completeness();
    assert!(completeness.is_whole());
    let rows: Vec<_> = completeness
        .rows
        .iter()
        .map(|row| {
            (
                row.replication,
                row.state,
                row.expected_trials,
                row.found_trials,
                row.rows,
                row.answered,
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            (Some(0), State::Sealed, Some(3), 3, 3, Some(3)),
            (Some(1), State::Sealed, Some(3), 3, 3, Some(3))
        ]
    );
}

#[test]
fn a_gap_is_a_missing_replication() {
    let folder = Folder::with_replications(3);
    fs::remove_dir_all(folder.replication("m", 1)).unwrap();
    assert_eq!(
        folder.findings(),
        ["missing: m/replication-1: replication 1 of m is not there"]
    );
    let rows = folder.completeness().rows;
    assert_eq!(
        (rows[1].state, rows[1].expected_trials, rows[1].rows),
        (State::Missing, Some(3), 0)
    );
}

#[test]
fn models_are_measured_by_the_one_with_most_replications_or_by_what_is_asked() {
    let folder = Folder::with_replications(3);
    folder.seal("n", 0, &[("tiny", records("tiny", 0, 3))]);
    assert_eq!(folder.findings().len(), 2);
    let asked = folder.survey(ONE).completeness(Some(4));
    assert_eq!(asked.findings.len(), 1 + 3);
}

#[test]
fn an_experiment_that_one_replication_lacks_is_missing_there() {
    let folder = Folder::with_replications(1);
    folder.seal(
        "m",
        1,
        &[
            ("tiny", records("tiny", 1, 3)),
            ("more", records("more", 1, 2)),
        ],
    );
    assert_eq!(
        folder.findings(),
        [
            "missing: m/replication-0/more.json: is not there, though other replications of the model have it"
        ]
    );
    let rows = folder.completeness().rows;
    assert_eq!(rows[0].experiment.as_deref(), Some("more"));
    assert_eq!(
        (rows[0].state, rows[0].expected_trials, rows[0].rows),
        (State::Missing, Some(2), 0)
    );
}

#[test]
fn answers_that_are_none_are_counted_by_outcome() {
    let folder = Folder::new();
    let outcomes = ["answered", "unparsable", "refused_by_server", "truncated"];
    let with = |(place, outcome): (u32, &&str)| {
        let mut record = record(
            "tiny",
            0,
            place,
            place,
            json!({"story": "s", "answer": null}),
        );
        record["outcomes"]["q"] = json!({"outcome": outcome, "reason": "why"});
        record
    };
    folder.seal(
        "m",
        0,
        &[("tiny", (0..).zip(&outcomes).map(with).collect())],
    );
    let row = folder.completeness().rows.remove(0);
    assert_eq!(
        (
            row.answered,
            row.unparsable,
            row.truncated,
            row.refused_by_server,
            row.failed
        ),
        (Some(1), Some(1), Some(1), Some(1), Some(0))
    );
    assert_eq!(
        folder.findings(),
        ["refused: m/replication-0/tiny.json: 1 queries were refused by the server"]
    );
    assert_eq!(folder.columns("tiny", &["outcomes.q.outcome"]), outcomes);
}

#[test]
fn a_replication_under_two_names_counts_once() {
    let folder = Folder::with_replications(1);
    let copy = folder.results().join("copy");
    fs::create_dir_all(&copy).unwrap();
    for name in ["metadata.json", "tiny.json", "MANIFEST.sha256"] {
        fs::copy(folder.replication("m", 0).join(name), copy.join(name)).unwrap();
    }
    let findings = folder.findings();
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].starts_with("duplicated: m/replication-0"),
        "{findings:?}"
    );
    assert_eq!(folder.columns("tiny", &["trial_id"]).len(), 3);
}

#[test]
fn a_single_replication_has_no_siblings_to_miss() {
    let folder = Folder::with_replications(3);
    let one = folder.replication("m", 2);
    let results = Results::survey(&one, &Definitions::default(), ONE).unwrap();
    assert!(results.completeness(None).is_whole());
    assert!(!results.completeness(Some(3)).is_whole());
}

#[test]
fn replications_with_the_same_seeds_are_one() {
    let folder = Folder::with_replications(3);
    folder.change_metadata("m", 2, |metadata| {
        metadata["seeds"]["base_seed"] = 1001.into();
    });
    assert_eq!(
        folder.findings(),
        [
            "duplicated: m/replication-2: has the same base_seed as m/replication-0, 1001: its random numbers are the same"
        ]
    );
}
