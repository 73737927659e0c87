//! `icc`: how much replications differ.

use std::fs;

use tempfile::TempDir;

use crate::aggregate::replicated;
use crate::command::{Ended, grace};

/// Two replications under two conditions, one value missing.
const TABLE: &str = "run,item,rating,known\n\
    r1,a,1,yes\nr1,a,2,no\nr1,a,4,yes\nr2,a,3,no\nr2,a,4,no\nr2,a,,no\n\
    r1,b,5,yes\nr2,b,5,yes\nr1,b,5,yes\nr2,b,5,yes\n";

fn table(text: &str, args: &[&str]) -> Ended {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("table.csv");
    fs::write(&path, text).unwrap();
    grace(["icc".as_ref(), "--table".as_ref(), path.as_os_str()])
        .args(["--replication", "run"])
        .args(args)
        .run()
}

#[test]
fn any_table_has_rows_with_status_and_estimate() {
    let rows = table(
        TABLE,
        &["--value", "rating", "--by", "item", "--output", "json"],
    )
    .exits(0)
    .json();
    let (a, b) = (&rows[0], &rows[1]);
    assert_eq!(
        (&a["item"], &a["status"], &a["replications"], &a["trials"]),
        (&"a".into(), &"ok".into(), &2.into(), &5.into())
    );
    // MSB = (7/3 - 2.8)^2 * 3 + (3.5 - 2.8)^2 * 2, MSW = (14/3 + 0.5) / 3, n0 = 5 - 13/5.
    let (between, within, n0) = (49.0 / 30.0, 31.0 / 18.0, 2.4);
    let icc = (between - within) / (between + (n0 - 1.0) * within);
    assert!((a["icc"].as_f64().unwrap() - icc).abs() < 1e-12, "{a}");
    assert_eq!(
        (&a["icc_clipped"], &a["reml_icc"], &a["missing"]),
        (&0.0.into(), &0.0.into(), &1.into())
    );
    assert_eq!(b["status"], "undefined_no_variance");
    assert!(b["icc"].is_null() && b["ci_low"].is_null() && b["verdict"].is_null());
}

#[test]
fn the_order_of_rows_does_not_matter_in_any_table() {
    let mut lines: Vec<&str> = TABLE.lines().collect();
    lines[1..].reverse();
    let args = ["--value", "rating,known", "--by", "item", "--output", "csv"];
    let reversed = table(&(lines.join("\n") + "\n"), &args).exits(0).stdout;
    assert_eq!(table(TABLE, &args).exits(0).stdout, reversed);
}

#[test]
fn mistakes_in_a_table_are_told_with_their_lines() {
    table(TABLE, &["--value", "item,ratings"])
        .exits(42)
        .says(&["table.csv: `ratings` is no column of this file; it has run, item, rating, known"]);
    table(TABLE, &["--value", "item"])
        .exits(42)
        .says(&["table.csv:2: `item` is `a`", "table.csv:11: `item` is `b`"]);
}

#[test]
fn results_have_a_row_for_each_measure_and_condition() {
    let study = replicated(3);
    let rows = grace(["icc".as_ref(), study.results().as_os_str()])
        .args([
            "--by",
            "access",
            "--measure",
            "quantity,knowledge",
            "--output",
            "json",
        ])
        .run()
        .exits(0)
        .json();
    let rows = rows.as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!(
            (&row["model"], &row["replications"]),
            (&"tiny".into(), &3.into()),
            "{row}"
        );
        assert!(
            row["access"].is_string() && row["status"].is_string(),
            "{row}"
        );
    }
    let text = grace(["icc".as_ref(), study.results().as_os_str()])
        .run()
        .exits(0);
    text.says(&[
        "study1_exp1",
        "study2_exp1",
        "polarity=was",
        "conditions with an ICC < 0.10",
    ]);
}

#[test]
fn what_is_left_out_is_told_beside_the_rows() {
    let study = replicated(2);
    let results = study.results();
    fs::remove_file(results.join("tiny/replication-0/study1_exp1.json")).unwrap();
    let icc = |args: &[&str]| {
        grace(["icc".as_ref(), results.as_os_str()])
            .args(args)
            .run()
    };
    let ended = icc(&["--output", "csv"]).exits(0);
    assert!(
        ended.stderr.contains("replication-0/study1_exp1.json"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stdout.starts_with("experiment,model,"),
        "{}",
        ended.stdout
    );
    icc(&["--strict"]).exits(100);
}

#[test]
fn a_design_tells_how_many_replications_it_takes() {
    let plan = grace([
        "icc",
        "design",
        "--replications",
        "5",
        "--icc",
        "0,0.2",
        "--output",
        "json",
    ])
    .run()
    .exits(0)
    .json();
    // From the reference table of exact chances: 5 replications of 50 trials.
    let chances = &plan["chances"];
    assert!(
        (chances[0]["below"].as_f64().unwrap() - 0.468).abs() < 1e-3,
        "{plan}"
    );
    assert!(
        (chances[1]["estimated_below"].as_f64().unwrap() - 0.254).abs() < 1e-3,
        "{plan}"
    );
    assert_eq!(plan["needed"][0]["verdict"], "below");
    grace(["icc", "design", "--replications", "1"])
        .run()
        .exits(2)
        .says(&["at least 2"]);
}
