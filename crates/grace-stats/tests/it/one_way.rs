//! The one-way model, against exact arithmetic, R and lme4.

use grace_stats::Interval;
use grace_stats::law::Confidence;
use grace_stats::one_way::{Estimate, Groups, Margin, OneWay, analyse, permutation_test};
use grace_stats::random::SplitMix64;
use proptest::prelude::*;

use crate::cases::{Case, Table, cases};
use crate::references::{assert_close, assert_ratio};

const ICC: f64 = 1e-10;
const RATIO: f64 = 1e-9;

fn estimate(case: &Case) -> Option<Box<Estimate>> {
    match analyse(&case.groups(), Confidence::P95) {
        OneWay::Estimated(estimate) => Some(estimate),
        _ => None,
    }
}

/// Runs a check on all cases that have an estimate.
fn for_estimates(check: impl Fn(&Case, &Estimate)) {
    for case in cases() {
        if let Some(estimate) = estimate(&case) {
            check(&case, &estimate);
        }
    }
}

#[test]
fn statuses_come_first() {
    for case in cases() {
        let groups = case.groups();
        let analysed = analyse(&groups, Confidence::P95);
        assert_eq!(analysed.status().as_str(), case.status, "{}", case.id);
        assert_eq!(groups.missing(), case.n_rows_missing, "{}", case.id);
        assert_eq!(
            analysed.icc_raw().is_some(),
            case.expected.icc_raw.is_some(),
            "{}",
            case.id
        );
        assert_eq!(
            analysed.is_below(Margin::TENTH),
            case.expected.below_0_10,
            "{}",
            case.id
        );
    }
}

#[test]
fn perfect_conditions_have_an_icc_of_1() {
    for case in cases() {
        let OneWay::Perfect(perfect) = analyse(&case.groups(), Confidence::P95) else {
            continue;
        };
        let components = case.variance_components_anova.as_ref().unwrap();
        assert_eq!(case.expected.icc_raw, Some(1.0));
        assert_eq!(perfect.anova.ss_within, 0.0, "{}", case.id);
        assert_ratio(&case.id, perfect.between(), components.between_raw, RATIO);
    }
}

#[test]
fn tables_agree_with_exact_arithmetic() {
    for_estimates(|case, estimate| {
        let (id, anova) = (case.id.as_str(), &estimate.anova);
        let expected: &Table = case.anova.as_ref().unwrap();
        assert_eq!(
            (anova.groups, anova.total),
            (expected.k, expected.total),
            "{id}"
        );
        assert_ratio(id, anova.mean, expected.grand_mean, RATIO);
        assert_ratio(id, anova.ss_between, expected.ssb, RATIO);
        assert_ratio(id, anova.ss_within, expected.ssw, RATIO);
        assert_ratio(id, anova.ms_between(), expected.msb.unwrap(), RATIO);
        assert_ratio(id, anova.ms_within(), expected.msw.unwrap(), RATIO);
        assert_ratio(id, anova.n0, expected.n0.unwrap(), RATIO);
        assert_ratio(id, estimate.f, expected.f.unwrap(), RATIO);
        assert_ratio(id, estimate.p, expected.p.unwrap(), RATIO);
    });
}

#[test]
fn iccs_and_intervals_agree_with_exact_arithmetic() {
    for_estimates(|case, estimate| {
        let (id, expected) = (case.id.as_str(), &case.expected);
        assert_close(id, estimate.icc_raw, expected.icc_raw.unwrap(), ICC);
        assert_close(id, estimate.icc(), expected.icc.unwrap(), ICC);
        let f = &estimate.f_interval_raw;
        assert_close(id, f.lower, expected.ci_lower_raw.unwrap(), ICC);
        assert_close(id, f.upper, expected.ci_upper_raw.unwrap(), ICC);
        let recommended = expected.recommended_ci.as_ref().unwrap();
        let wald = &case.ci_alternatives.as_ref().unwrap().wald_exact;
        for limits in [recommended, wald] {
            assert_close(id, estimate.interval.lower, limits.lower, ICC);
            assert_close(id, estimate.interval.upper, limits.upper, ICC);
        }
        assert_ratio(
            id,
            estimate.design_effect(),
            expected.design_effect.unwrap(),
            RATIO,
        );
        assert_ratio(
            id,
            estimate.effective_total(),
            expected.effective_total.unwrap(),
            RATIO,
        );
    });
}

#[test]
fn the_f_interval_is_walds_when_balanced() {
    for_estimates(|case, estimate| {
        if estimate.anova.balanced {
            let f = estimate.f_interval_raw.clipped(0.0, 1.0);
            assert_close(&case.id, estimate.interval.lower, f.lower, 1e-12);
            assert_close(&case.id, estimate.interval.upper, f.upper, 1e-12);
        }
    });
}

#[test]
fn variance_components_agree_with_exact_arithmetic() {
    for_estimates(|case, estimate| {
        let (id, found) = (case.id.as_str(), &estimate.components);
        let expected = case.variance_components_anova.as_ref().unwrap();
        assert_ratio(id, found.within, expected.within, RATIO);
        let within = &found.within_interval;
        assert_ratio(id, within.lower, expected.within_ci_lower.unwrap(), RATIO);
        assert_ratio(id, within.upper, expected.within_ci_upper.unwrap(), RATIO);
        // Differences of mean squares may cancel: the unit is the variance within.
        let tolerance = RATIO * expected.within;
        assert_close(id, found.between_raw, expected.between_raw, tolerance);
        let between = &found.between_interval_raw;
        let (lower, upper) = (
            expected.between_ci_lower_tukey_williams_raw.unwrap(),
            expected.between_ci_upper_tukey_williams_raw.unwrap(),
        );
        assert_close(id, between.lower, lower, tolerance.max(RATIO * lower.abs()));
        assert_close(id, between.upper, upper, tolerance.max(RATIO * upper.abs()));
    });
}

#[test]
fn iccs_agree_with_what_r_prints() {
    for_estimates(|case, estimate| {
        let psych = case.tools.psych.iter().flatten().take(1);
        let others = [&case.tools.icc_est, &case.tools.irr];
        for printed in psych.chain(others.into_iter().flatten()) {
            if case.is_trap() {
                continue;
            }
            let close = |found: f64, expected: Option<f64>| {
                assert_close(&case.id, found, expected.unwrap(), 1e-10);
            };
            close(estimate.icc_raw, printed.icc);
            close(estimate.f_interval_raw.lower, printed.lower);
            close(estimate.f_interval_raw.upper, printed.upper);
        }
    });
}

#[test]
fn reml_fits_agree_with_what_r_prints() {
    for_estimates(|case, estimate| {
        // They leave the criterion where it is flat to their own tolerances.
        for (printed, tolerance) in [(&case.tools.lmer, 1e-6), (&case.tools.nlme, 1.5e-5)] {
            if let (Some(icc), false) = (printed.as_ref().and_then(|p| p.icc), case.is_trap()) {
                assert_close(&case.id, estimate.reml.icc, icc, tolerance);
            }
        }
    });
}

#[test]
fn reml_fits_agree_with_exact_optima() {
    for_estimates(|case, estimate| {
        let (id, found) = (case.id.as_str(), &estimate.reml);
        let expected = case.reml.as_ref().unwrap();
        assert_eq!(found.boundary, expected.boundary, "{id}");
        assert_close(id, found.icc, expected.icc, ICC);
        assert_ratio(id, found.within, expected.var_within, RATIO);
        assert_close(
            id,
            found.between,
            expected.var_between,
            RATIO * expected.var_within,
        );
        assert_ratio(id, found.mean, expected.mu, RATIO);
        assert_ratio(id, found.mean_se, expected.se_mu, RATIO);
        assert_ratio(id, found.criterion, expected.criterion, 1e-10);
        assert_ratio(
            id,
            found.criterion_at_zero,
            expected.criterion_at_zero,
            1e-10,
        );
        assert_close(id, found.lrt_stat(), expected.lrt_stat, 1e-7);
    });
}

#[test]
fn the_permutation_test_agrees_with_f_where_values_are_normal() {
    for_estimates(|case, estimate| {
        // 50 to 400 values, and a p that 999 rounds can tell from 0.
        let is_normal = case.id.starts_with("bal_") || case.id.starts_with("unb_");
        if is_normal
            && estimate.anova.total >= 50
            && estimate.anova.total <= 400
            && estimate.p > 0.05
        {
            let mut random = SplitMix64::new(31);
            let test = permutation_test(&case.groups(), 999, &mut random).unwrap();
            // Four standard errors of a share of 999.
            assert_close(&case.id, test.p(), estimate.p, 0.064);
        }
    });
}

/// Two to six replications of one to eight values, not all alike, some labels left out.
fn rows() -> impl Strategy<Value = Vec<(u32, Option<f64>)>> {
    let value = prop_oneof![(-5_i32..5).prop_map(f64::from), -10.0..10.0_f64];
    let group = prop::collection::vec(value, 1..9);
    prop::collection::vec((0..3_u32, group), 2..7).prop_map(|groups| {
        let mut label = 0;
        let mut rows = Vec::new();
        for (gap, group) in groups {
            label += 1 + gap;
            rows.extend(group.into_iter().map(|value| (label, Some(value))));
        }
        rows
    })
}

fn analysed(rows: &[(u32, Option<f64>)]) -> OneWay {
    analyse(
        &Groups::from_rows(rows.iter().copied()).unwrap(),
        Confidence::P95,
    )
}

/// Fails unless both have the same status and, within `tolerance`, the same ICC and interval.
#[track_caller]
fn assert_alike(one: &OneWay, other: &OneWay, tolerance: f64) {
    assert_eq!(one.status(), other.status());
    for (one, other) in one.icc_raw().iter().zip(other.icc_raw()) {
        assert_close("icc", *one, other, tolerance);
    }
    for (one, other) in one.interval().iter().zip(other.interval()) {
        assert_close("lower", one.lower, other.lower, tolerance);
        assert_close("upper", one.upper, other.upper, tolerance);
    }
}

proptest! {
    #[test]
    fn shift_and_scale_leave_the_icc_alone(rows in rows(), shift in -100.0..100.0_f64, log in -20..20_i32) {
        // A power of two, and a shift by eighths, so that equal values stay equal.
        let (shift, scale) = ((shift * 8.0).round() / 8.0, 2.0_f64.powi(log));
        let scaled: Vec<_> = rows.iter().map(|(r, v)| (*r, v.map(|v| v * scale))).collect();
        assert_alike(&analysed(&rows), &analysed(&scaled), 1e-12);
        let whole: Vec<_> = rows.iter().map(|(r, v)| (*r, v.map(f64::round))).collect();
        let shifted: Vec<_> = whole.iter().map(|(r, v)| (*r, v.map(|v| v + shift))).collect();
        assert_alike(&analysed(&whole), &analysed(&shifted), 1e-12);
    }

    #[test]
    fn order_and_labels_do_not_matter(rows in rows(), seed in any::<u64>()) {
        let mut shuffled = rows.clone();
        SplitMix64::new(seed).shuffle(&mut shuffled);
        assert_alike(&analysed(&rows), &analysed(&shuffled), 1e-12);
        let renamed: Vec<_> = rows.iter().map(|(label, v)| (1000 - 7 * label, *v)).collect();
        assert_alike(&analysed(&rows), &analysed(&renamed), 1e-12);
    }

    #[test]
    fn missing_values_are_as_rows_that_were_not_given(rows in rows(), at in any::<prop::sample::Index>()) {
        let mut with_missing = rows.clone();
        with_missing.insert(at.index(rows.len()), (0, None));
        assert_alike(&analysed(&rows), &analysed(&with_missing), 0.0);
    }

    #[test]
    fn estimates_keep_their_bounds(rows in rows()) {
        if let OneWay::Estimated(estimate) = analysed(&rows) {
            let floor = -1.0 / (estimate.anova.n0 - 1.0);
            prop_assert!(estimate.icc_raw <= 1.0);
            prop_assert!(estimate.icc_raw >= floor - 1e-9 * floor.abs());
            let Interval { lower, upper } = estimate.interval;
            prop_assert!(0.0 <= lower && lower <= upper && upper <= 1.0);
            prop_assert!((0.0..=1.0).contains(&estimate.p));
            prop_assert!(estimate.design_effect() >= 1.0);
            let reml = estimate.reml;
            prop_assert!(reml.between >= 0.0 && reml.within > 0.0 && reml.lrt_stat() >= 0.0);
            prop_assert!(reml.criterion <= reml.criterion_at_zero + 1e-9);
        }
    }

    #[test]
    fn less_confidence_is_a_narrower_interval(rows in rows()) {
        let groups = Groups::from_rows(rows).unwrap();
        let wide = analyse(&groups, Confidence::new(0.99).unwrap()).interval();
        let narrow = analyse(&groups, Confidence::new(0.8).unwrap()).interval();
        for (wide, narrow) in wide.iter().zip(narrow) {
            prop_assert!(wide.lower <= narrow.lower + 1e-12);
            prop_assert!(narrow.upper <= wide.upper + 1e-12);
        }
    }
}
