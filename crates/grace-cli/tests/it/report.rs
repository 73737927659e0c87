//! `report` and `drift`: what many replications say, for people.

use std::fs;

use crate::aggregate::replicated;
use crate::command::grace;

#[test]
fn a_page_is_written_and_named() {
    let study = replicated(2);
    let out = study.folder().join("pages/report.html");
    let report = |args: &[&str]| {
        grace(["report".as_ref(), study.results().as_os_str()])
            .args(["--out".as_ref(), out.as_os_str()])
            .args(args)
            .run()
    };
    report(&["--title", "Ours & <theirs>"])
        .exits(0)
        .says(&[out.to_str().unwrap()]);
    let page = fs::read_to_string(&out).unwrap();
    assert!(page.starts_with("<!doctype html>"), "{page}");
    assert!(page.contains("<h1>Ours &amp; &lt;theirs&gt;</h1>"));
    assert!(page.contains("ICC of quantity") && page.contains("2 replications in the tables"));
    report(&["--title", "Ours & <theirs>", "--threads", "1"]).exits(0);
    assert_eq!(fs::read_to_string(&out).unwrap(), page);
    let files: Vec<_> = fs::read_dir(out.parent().unwrap()).unwrap().collect();
    assert_eq!(files.len(), 1, "nothing but the page");
}

#[test]
fn a_page_about_faulty_results_is_written_and_strict_ends_with_100() {
    let study = replicated(2);
    let results = study.results();
    fs::remove_file(results.join("tiny/replication-0/study1_exp1.json")).unwrap();
    let out = study.folder().join("report.html");
    grace(["report".as_ref(), results.as_os_str()])
        .args(["--strict".as_ref(), "--out".as_ref(), out.as_os_str()])
        .run()
        .exits(100)
        .says(&["replication-0/study1_exp1.json"]);
    let page = fs::read_to_string(&out).unwrap();
    assert!(page.contains("1 replication in the tables, 1 left out"));
}

#[test]
fn a_page_that_cannot_be_written_is_a_failure_to_try_again() {
    let study = replicated(1);
    let out = study.folder().join("taken");
    fs::write(&out, "a file, no folder").unwrap();
    let out = out.join("report.html");
    grace(["report".as_ref(), study.results().as_os_str()])
        .args(["--out".as_ref(), out.as_os_str()])
        .run()
        .exits(75)
        .says(&["writing", "report.html failed"]);
    grace([
        "report".as_ref(),
        study.folder().join("nowhere").as_os_str(),
    ])
    .args(["--out", "x.html"])
    .run()
    .exits(42);
}

#[test]
fn drift_has_text_csv_and_json() {
    let study = replicated(2);
    let drift = |args: &[&str]| {
        grace(["drift".as_ref(), study.results().as_os_str()])
            .args(args)
            .run()
            .exits(0)
    };
    drift(&[]).says(&[
        "change of each measure from the first trial to the last",
        "sign of shared random numbers",
        "no: not on record",
    ]);
    let json = drift(&["--output", "json"]).json();
    for key in ["slopes", "machines", "shared_numbers"] {
        assert!(!json[key].as_array().unwrap().is_empty(), "{key}");
    }
    let csv = drift(&["--output", "csv"]).stdout;
    assert!(
        csv.starts_with("experiment,model,measure,replication,against,"),
        "{csv}"
    );
    assert_eq!(
        csv.lines().count(),
        json["slopes"].as_array().unwrap().len() + 1
    );
}

#[test]
fn all_conditions_together_have_a_row_for_each_measure() {
    let study = replicated(2);
    let pooled = |format: &str| {
        grace(["icc".as_ref(), study.results().as_os_str()])
            .args(["--pooled", "--output", format])
            .run()
            .exits(0)
    };
    let rows = pooled("json").json();
    let measures: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["measure"])
        .collect();
    assert_eq!(measures[..2], ["knowledge", "quantity"]);
    assert_eq!(
        (&rows[0]["model"], &rows[0]["replications"]),
        (&"tiny".into(), &2.into())
    );
    pooled("csv").says(&["experiment,model,measure,status,replications,conditions,"]);
    pooled("text").says(&["between", "quantity"]);
}
