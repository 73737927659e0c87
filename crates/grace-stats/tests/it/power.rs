//! Chances of planned studies, against numerical integration and simulated studies.

use grace_stats::law::Confidence;
use grace_stats::one_way::Margin;
use grace_stats::power::{Chances, Design, Scenario};
use proptest::prelude::*;
use serde::Deserialize;

use crate::references::{assert_close, assert_ratio, copied_path, shared_path};

#[derive(Deserialize)]
struct Row {
    k: usize,
    n: usize,
    icc_true: f64,
    reps: f64,
    exact_mean_raw: f64,
    exact_bias_raw: f64,
    exact_mean_truncated: f64,
    exact_p_negative: f64,
    p_est_below_0_10: f64,
    exact_p_est_below_0_10: f64,
    p_upper_below_0_10: f64,
    exact_p_upper_below_0_10: f64,
    p_lower_above_0_10: f64,
    exact_p_lower_above_0_10: f64,
    #[serde(rename = "exact_p_F_reject_0_05")]
    exact_p_significant: f64,
}

fn rows() -> Vec<Row> {
    [copied_path(""), shared_path("power")]
        .iter()
        .filter(|folder| folder.exists())
        .map(|folder| csv::Reader::from_path(folder.join("icc_power.csv")).unwrap())
        .flat_map(|reader| reader.into_deserialize().map(Result::unwrap))
        .collect()
}

fn chances(row: &Row) -> (Design, Chances) {
    let design = Design::new(row.k, row.n).unwrap();
    let scenario = Scenario::new(row.icc_true, Margin::TENTH, Confidence::P95).unwrap();
    (design, Chances::of(design, &scenario))
}

/// The columns have six digits.
const PRINTED: f64 = 5e-6;

#[test]
fn chances_agree_with_the_exact_columns() {
    for row in rows() {
        let (_, found) = chances(&row);
        let what = format!("{} x {} at {}", row.k, row.n, row.icc_true);
        for (found, expected) in [
            (found.estimated_below, row.exact_p_est_below_0_10),
            (found.estimated_negative, row.exact_p_negative),
            (found.below, row.exact_p_upper_below_0_10),
            (found.above, row.exact_p_lower_above_0_10),
            (found.significant, row.exact_p_significant),
        ] {
            assert_ratio(&what, found, expected, PRINTED);
        }
        assert_close(
            &what,
            found.below + found.not_resolved + found.above,
            1.0,
            1e-14,
        );
    }
}

#[test]
fn mean_estimates_agree_with_the_exact_columns() {
    for row in rows() {
        let (design, _) = chances(&row);
        let what = format!("{} x {} at {}", row.k, row.n, row.icc_true);
        let mean = design.mean_estimate(row.icc_true).unwrap();
        // The printed mean has six digits too, of a number up to 1.
        assert_close(&what, mean, row.exact_mean_raw, 1e-6);
        assert_close(&what, mean - row.icc_true, row.exact_bias_raw, 1e-6);
        let clipped = design.mean_clipped_estimate(row.icc_true).unwrap();
        assert_close(&what, clipped, row.exact_mean_truncated, 1e-6);
    }
}

#[test]
fn chances_agree_with_simulated_studies() {
    for row in rows() {
        let (_, found) = chances(&row);
        let what = format!("{} x {} at {}", row.k, row.n, row.icc_true);
        for (exact, simulated) in [
            (found.estimated_below, row.p_est_below_0_10),
            (found.below, row.p_upper_below_0_10),
            (found.above, row.p_lower_above_0_10),
        ] {
            // Four standard errors, and one study.
            let tolerance = 4.0 * (exact * (1.0 - exact) / row.reps).sqrt() + 1.0 / row.reps;
            assert_close(&what, simulated, exact, tolerance);
        }
    }
}

proptest! {
    #[test]
    fn more_replications_never_hide_an_icc_of_0(k in 2_usize..60, n in 2_usize..300) {
        let scenario = Scenario::new(0.0, Margin::TENTH, Confidence::P95).unwrap();
        let below = |k| Chances::of(Design::new(k, n).unwrap(), &scenario).below;
        prop_assert!(below(k + 1) >= below(k) - 1e-12);
    }

    #[test]
    fn a_larger_icc_is_less_likely_to_pass(k in 2_usize..30, n in 2_usize..300, icc in 0.0..0.8_f64) {
        let design = Design::new(k, n).unwrap();
        let of = |icc| Chances::of(design, &Scenario::new(icc, Margin::TENTH, Confidence::P95).unwrap());
        let (small, large) = (of(icc), of(icc + 0.1));
        prop_assert!(large.estimated_below <= small.estimated_below);
        prop_assert!(large.below <= small.below && large.above >= small.above);
    }
}
