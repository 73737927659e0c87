//! Shared random numbers, against two simulated data sets.

use std::path::{Path, PathBuf};

use grace_stats::law::Confidence;
use grace_stats::one_way::{Groups, OneWay, analyse};
use grace_stats::random::SplitMix64;
use grace_stats::shared_numbers::{Answers, expected_icc};
use serde::Deserialize;

use crate::references::{assert_close, assert_ratio, copied, copied_path, shared, shared_path};

#[derive(Deserialize)]
struct File {
    expected_icc_shared: f64,
    prompt_multiplicities: Vec<usize>,
    examples: Vec<Example>,
}

#[derive(Deserialize)]
struct Example {
    file: String,
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    condition: String,
    msb: f64,
    msw: f64,
    p: f64,
    icc_raw: f64,
    ci_lower: f64,
    ci_upper: f64,
    same_prompt_pair_agreement_within_replication: f64,
    same_prompt_pair_agreement_between_replications: f64,
}

#[derive(Deserialize)]
struct Row {
    replication: u32,
    condition: String,
    prompt: u32,
    value: u32,
}

fn for_examples(check: impl Fn(&File, &Example, &Cell, &[Row])) {
    let copied = copied("sharedseed/expected.json").map(|e| (e, copied_path("sharedseed")));
    let shared = shared("sharedseed/expected.json").map(|e| (e, shared_path("sharedseed")));
    let found: Vec<(File, PathBuf)> = copied.into_iter().chain(shared).collect();
    for (expected, folder) in &found {
        for example in &expected.examples {
            for cell in &example.cells {
                let rows = rows(&folder.join(&example.file), &cell.condition);
                check(expected, example, cell, &rows);
            }
        }
    }
}

fn rows(path: &Path, condition: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let rows = reader.deserialize().map(Result::unwrap);
    rows.filter(|row: &Row| row.condition == condition)
        .collect()
}

fn answers(rows: &[Row]) -> Answers {
    Answers::from_rows(
        rows.iter()
            .map(|row| (row.replication, row.prompt, row.value)),
    )
}

#[test]
fn agreement_and_icc_agree_with_the_examples() {
    for_examples(|_, _, cell, rows| {
        let what = cell.condition.as_str();
        let found = answers(rows).agreement();
        let (within, between) = (
            cell.same_prompt_pair_agreement_within_replication,
            cell.same_prompt_pair_agreement_between_replications,
        );
        assert_close(what, found.within().unwrap(), within, 1e-14);
        assert_close(what, found.between().unwrap(), between, 1e-14);
        let values = rows
            .iter()
            .map(|row| (row.replication, Some(f64::from(row.value))));
        let groups = Groups::from_rows(values).unwrap();
        let OneWay::Estimated(estimate) = analyse(&groups, Confidence::P95) else {
            panic!("{what}");
        };
        assert_ratio(what, estimate.anova.ms_between(), cell.msb, 1e-12);
        assert_ratio(what, estimate.anova.ms_within(), cell.msw, 1e-12);
        assert_ratio(what, estimate.p, cell.p, 1e-9);
        assert_close(what, estimate.icc_raw, cell.icc_raw, 1e-12);
        assert_close(what, estimate.interval.lower, cell.ci_lower, 1e-10);
        assert_close(what, estimate.interval.upper, cell.ci_upper, 1e-10);
    });
}

#[test]
fn copies_are_found_and_independent_answers_are_not() {
    for_examples(|_, example, cell, rows| {
        let answers = answers(rows);
        let is_shared = example.file == "shared_seed.csv";
        assert_eq!(
            answers.agreement().is_copied_within(),
            is_shared,
            "{}",
            cell.condition
        );
        let p = answers.permutation_test(199, &mut SplitMix64::new(20)).p();
        assert_eq!(p < 0.01, is_shared, "{}: {p}", cell.condition);
    });
}

#[test]
fn the_expected_icc_is_that_of_the_formula() {
    for_examples(|expected, _, _, _| {
        let found = expected_icc(&expected.prompt_multiplicities).unwrap();
        assert_close("expected", found, expected.expected_icc_shared, 1e-15);
    });
}
