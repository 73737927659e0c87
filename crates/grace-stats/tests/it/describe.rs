//! Lines, means and proportions, against SciPy and statsmodels.

use grace_stats::describe::{Trend, mean, trend, wilson_interval};
use grace_stats::law::Confidence;
use proptest::prelude::*;
use serde::Deserialize;

use crate::references::{assert_close, assert_ratio, copied};

#[derive(Deserialize)]
struct File {
    lines: Vec<Line>,
    means: Vec<Sample>,
    proportions: Vec<Proportion>,
}

#[derive(Deserialize)]
struct Line {
    x: Vec<f64>,
    y: Vec<f64>,
    slope: f64,
    intercept: f64,
    slope_se: f64,
    p: f64,
    lower: f64,
    upper: f64,
}

#[derive(Deserialize)]
struct Sample {
    values: Vec<f64>,
    mean: f64,
    sd: f64,
    lower: f64,
    upper: f64,
}

#[derive(Deserialize)]
struct Proportion {
    yes: usize,
    total: usize,
    lower: f64,
    upper: f64,
}

fn file() -> Option<File> {
    copied("lines.json")
}

#[test]
fn slopes_agree_with_scipy() {
    for case in file().iter().flat_map(|file| &file.lines) {
        let points: Vec<(f64, f64)> = case.x.iter().copied().zip(case.y.iter().copied()).collect();
        let Trend::Fitted(fit) = trend(&points, Confidence::P95).unwrap() else {
            panic!("different places");
        };
        let test = fit.test.unwrap();
        let tolerance = 1e-9 * test.se;
        assert_close("slope", fit.slope, case.slope, tolerance);
        assert_close(
            "intercept",
            fit.intercept,
            case.intercept,
            1e-9 * case.intercept.abs().max(1.0),
        );
        assert_ratio("se", test.se, case.slope_se, 1e-9);
        assert_ratio("p", test.p, case.p, 1e-8);
        assert_close("lower", test.interval.lower, case.lower, tolerance);
        assert_close("upper", test.interval.upper, case.upper, tolerance);
        assert_eq!(test.df, points.len() - 2);
    }
}

#[test]
fn means_agree_with_scipy() {
    for case in file().iter().flat_map(|file| &file.means) {
        let found = mean(&case.values, Confidence::P95).unwrap().unwrap();
        assert_ratio("mean", found.mean, case.mean, 1e-13);
        assert_ratio("sd", found.sd.unwrap(), case.sd, 1e-9);
        let interval = found.interval.unwrap();
        assert_close("lower", interval.lower, case.lower, 1e-8 * case.sd);
        assert_close("upper", interval.upper, case.upper, 1e-8 * case.sd);
    }
}

#[test]
fn proportions_agree_with_statsmodels() {
    for case in file().iter().flat_map(|file| &file.proportions) {
        let found = wilson_interval(case.yes, case.total, Confidence::P95).unwrap();
        assert_close("lower", found.lower, case.lower, 1e-12);
        assert_close("upper", found.upper, case.upper, 1e-12);
    }
}

proptest! {
    #[test]
    fn a_proportion_is_in_its_interval(no in 0_usize..5_000, yes in 0_usize..5_000) {
        let total = (yes + no).max(1);
        let interval = wilson_interval(yes, total, Confidence::P95).unwrap();
        prop_assert!(0.0 <= interval.lower && interval.upper <= 1.0 && interval.width() > 0.0);
        prop_assert!(interval.contains(yes as f64 / total as f64));
    }

    #[test]
    fn a_shift_in_time_leaves_the_slope_alone(
        values in prop::collection::vec(-10.0..10.0_f64, 3..40),
        start in -1e6..1e6_f64,
    ) {
        let at = |start: f64| -> Vec<(f64, f64)> {
            values.iter().zip(0..).map(|(value, i)| (start + f64::from(i), *value)).collect()
        };
        let of = |points: &[(f64, f64)]| match trend(points, Confidence::P95).unwrap() {
            Trend::Fitted(fit) => fit.slope,
            other => panic!("{other:?}"),
        };
        prop_assert!((of(&at(0.0)) - of(&at(start.round()))).abs() < 1e-9);
    }
}
