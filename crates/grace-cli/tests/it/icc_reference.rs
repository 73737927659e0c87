//! `icc --table` on a study of which R, lme4 and exact arithmetic gave the numbers (testdata/stats/README.md).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{Ended, grace};

/// Study 1 from the repository, and both studies where `shared/refs` is beside it.
fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let copied = root.join("../../testdata/stats/study");
    let shared = root.join("../../../shared/refs/study");
    let shared = Some(shared).filter(|folder| folder.exists());
    std::iter::once(copied).chain(shared).collect()
}

struct Study {
    folder: PathBuf,
    expected: Value,
}

impl Study {
    fn all() -> impl Iterator<Item = Self> {
        folders().into_iter().map(|folder| {
            let text = fs::read_to_string(folder.join("expected.json")).unwrap();
            let expected = serde_json::from_str(&text).unwrap();
            Self { folder, expected }
        })
    }

    fn measures(&self) -> Vec<(&'static str, &'static str)> {
        let all = [
            ("study1", "quantity,knowledge"),
            ("study2", "rating,negation"),
        ];
        let here = |(study, _): &(&str, &str)| self.folder.join(format!("{study}.csv")).exists();
        all.into_iter().filter(here).collect()
    }

    fn icc(&self, study: &str, measures: &str, output: &str) -> Ended {
        let table = self.folder.join(format!("{study}.csv"));
        grace(["icc".as_ref(), "--table".as_ref(), table.as_os_str()])
            .args(["--value", measures, "--replication", "replication"])
            .args(["--by", "model,condition", "--output", output])
            .run()
            .exits(0)
    }

    fn cells(&self, study: &str) -> Vec<&Value> {
        let cells = self.expected["icc_table"].as_array().unwrap().iter();
        cells.filter(|cell| cell["study"] == study).collect()
    }
}

#[test]
fn any_table_meets_the_reference_numbers() {
    let mut compared = 0;
    for study in Study::all() {
        for (name, measures) in study.measures() {
            let rows = study.icc(name, measures, "json").json();
            let rows = rows.as_array().unwrap();
            let cells = study.cells(name);
            assert_eq!(rows.len(), cells.len(), "{name}");
            for cell in cells {
                let key = |row: &&Value| {
                    ["model", "condition", "measure"].map(|key| row[key].clone())
                        == ["model", "condition", "measure"].map(|key| cell[key].clone())
                };
                meets(rows.iter().find(key).unwrap(), cell);
                compared += 1;
            }
        }
    }
    assert!(compared >= 24, "{compared}");
}

/// The tolerances of the references: 1e-10, and a share of 1e-9 for mean squares and p.
fn meets(row: &Value, cell: &Value) {
    let what = format!("found {row}, expected {cell}");
    for (found, expected) in [
        ("status", "status"),
        ("replications", "k"),
        ("trials", "N"),
        ("missing", "n_missing"),
    ] {
        assert_eq!(row[found], cell[expected], "{found}: {what}");
    }
    for (found, expected, tolerance, share) in [
        ("icc", "icc_raw", 1e-10, 0.0),
        ("icc_clipped", "icc", 1e-10, 0.0),
        ("ci_low", "wald_ci_lower", 1e-10, 0.0),
        ("ci_high", "wald_ci_upper", 1e-10, 0.0),
        ("f_ci_low_raw", "ci_lower_raw", 1e-10, 0.0),
        ("f_ci_high_raw", "ci_upper_raw", 1e-10, 0.0),
        ("reml_icc", "reml_icc", 1e-10, 0.0),
        ("n0", "n0", 0.0, 1e-9),
        ("ms_between", "msb", 0.0, 1e-9),
        ("ms_within", "msw", 0.0, 1e-9),
        ("f", "F", 0.0, 1e-9),
        ("p", "p", 0.0, 1e-9),
        // From quadrature with 25 nodes; null where there is no optimum.
        ("latent_icc", "/glmm/icc_latent", 2e-4, 0.0),
    ] {
        let expected = cell.pointer(expected).unwrap_or(&cell[expected]);
        // A table of constants has mean squares; grace prints none where there is no ICC.
        if row[found].is_null() && row["status"] == "undefined_no_variance" {
            continue;
        }
        match (row[found].as_f64(), expected.as_f64()) {
            (Some(found_number), Some(number)) => {
                let allowed = tolerance + share * number.abs();
                let difference = (found_number - number).abs();
                assert!(difference <= allowed, "{found}: {what}");
            }
            (found_number, number) => assert_eq!(found_number, number, "{found}: {what}"),
        }
    }
    let below = row["icc"].as_f64().is_some_and(|icc| icc < 0.10);
    assert_eq!(below, cell["below_0_10"] == true, "{what}");
    let end = |name: &str| cell[name].as_f64();
    let verdict = match (end("wald_ci_lower"), end("wald_ci_upper")) {
        (_, Some(upper)) if upper < 0.10 => "below".into(),
        (Some(lower), _) if lower >= 0.10 => "above".into(),
        (Some(_), Some(_)) => "not resolved".into(),
        _ => Value::Null,
    };
    assert_eq!(row["verdict"], verdict, "{what}");
}

#[test]
fn conditions_below_the_margin_are_counted_as_the_reference_counts_them() {
    for study in Study::all() {
        for (name, measures) in study.measures() {
            let text = study.icc(name, measures, "text").stdout;
            let (_, totals) = text.split_once("conditions with an ICC < 0.10:").unwrap();
            for model in ["model-a", "model-b"] {
                let line = totals.lines().find(|line| line.starts_with(model)).unwrap();
                let found: Vec<&str> = line.split_whitespace().collect();
                assert_eq!(found, study.totals(name, model), "{name}\n{totals}");
            }
        }
    }
}

impl Study {
    /// The line of a model: below by estimate, of how many, whether that is most, below and above by interval, neither,
    /// constant, not estimable.
    fn totals(&self, study: &str, model: &str) -> Vec<String> {
        let verdicts = self.expected["verdicts"].as_array().unwrap().iter();
        let of_model: Vec<&Value> = verdicts
            .filter(|one| one["study"] == study && one["model"] == model)
            .collect();
        let sum =
            |key: &str| -> u64 { of_model.iter().map(|one| one[key].as_u64().unwrap()).sum() };
        let (estimated, estimable) = (sum("n_below_0_10"), sum("n_estimable"));
        let most = if 2 * estimated > estimable {
            "yes"
        } else {
            "no"
        };
        let below = sum("n_wald_ci_upper_below_0_10");
        let above = sum("n_wald_ci_lower_at_or_above_0_10");
        [
            model.to_owned(),
            estimated.to_string(),
            estimable.to_string(),
            most.to_owned(),
            below.to_string(),
            above.to_string(),
            (estimable - below - above).to_string(),
            sum("n_constant").to_string(),
            sum("n_not_estimable_other").to_string(),
        ]
        .to_vec()
    }
}
