//! Laws of the mixed model; its values are compared in `study`.

use grace_stats::law::Confidence;
use grace_stats::mixed::{Crossed, Mixed, MixedFit, fit};
use grace_stats::one_way::{OneWay, analyse};
use grace_stats::random::SplitMix64;
use proptest::prelude::*;

use crate::cases::cases;
use crate::references::{assert_close, assert_ratio};

type Row = (u32, u32, Option<f64>);

fn fitted(rows: &[Row]) -> Option<Box<MixedFit>> {
    match fit(&Crossed::from_rows(rows.iter().copied()).unwrap()) {
        Mixed::Fitted(fit) => Some(fit),
        _ => None,
    }
}

/// Three to six replications and one to four conditions; whole values, 4 to 60 of them.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        0..6_u32,
        0..4_u32,
        (-4_i32..5).prop_map(|value| Some(f64::from(value))),
    );
    prop::collection::vec(row, 4..60)
}

/// Fails unless the fits are the same, `scale` times and up to a shift of the means.
#[track_caller]
fn assert_same(one: Option<Box<MixedFit>>, other: Option<Box<MixedFit>>, scale: f64) {
    assert_eq!(one.is_some(), other.is_some());
    for (one, other) in one.into_iter().zip(other) {
        assert_close("icc", one.icc, other.icc, 1e-9);
        assert_ratio("within", one.within * scale * scale, other.within, 1e-8);
        for (one, other) in one.conditions.iter().zip(&other.conditions) {
            assert_close(
                "difference",
                one.difference * scale,
                other.difference,
                1e-7 * scale,
            );
            assert_ratio("se", one.difference_se * scale, other.difference_se, 1e-7);
        }
    }
}

#[test]
fn one_condition_is_the_one_way_model() {
    for case in cases() {
        let groups = case.groups();
        let OneWay::Estimated(one_way) = analyse(&groups, Confidence::P95) else {
            continue;
        };
        let labelled = groups.values().enumerate();
        let rows =
            labelled.flat_map(|(label, group)| group.iter().map(move |v| (label, 0, Some(*v))));
        let Mixed::Fitted(mixed) = fit(&Crossed::from_rows(rows).unwrap()) else {
            panic!("{}", case.id);
        };
        let reml = &one_way.reml;
        assert_close(&case.id, mixed.icc, reml.icc, 1e-10);
        assert_ratio(&case.id, mixed.within, reml.within, 1e-9);
        assert_ratio(&case.id, mixed.criterion, reml.criterion, 1e-10);
        assert_ratio(&case.id, mixed.conditions[0].mean, reml.mean, 1e-9);
        assert_ratio(&case.id, mixed.conditions[0].mean_se, reml.mean_se, 1e-9);
        assert_eq!(mixed.conditions[0].difference_se, 0.0);
    }
}

proptest! {
    #[test]
    fn shift_and_scale_leave_the_adjusted_icc_alone(rows in rows(), log in -30..30_i32) {
        let scale = 2.0_f64.powi(log);
        let moved: Vec<Row> = rows
            .iter()
            .map(|(r, c, value)| (*r, *c, value.map(|v| (v + 1e9) * scale)))
            .collect();
        assert_same(fitted(&rows), fitted(&moved), scale);
    }

    #[test]
    fn order_does_not_matter(rows in rows(), seed in any::<u64>()) {
        let mut shuffled = rows.clone();
        SplitMix64::new(seed).shuffle(&mut shuffled);
        assert_same(fitted(&rows), fitted(&shuffled), 1.0);
    }

    #[test]
    fn moving_a_whole_condition_only_moves_its_mean(rows in rows(), by in -50_i32..50) {
        let moved: Vec<Row> = rows
            .iter()
            .map(|(r, c, value)| (*r, *c, value.map(|v| v + f64::from(by) * f64::from(*c))))
            .collect();
        if let (Some(one), Some(other)) = (fitted(&rows), fitted(&moved)) {
            prop_assert!((one.icc - other.icc).abs() < 1e-8);
            prop_assert!((one.criterion - other.criterion).abs() < 1e-7 * one.criterion.abs().max(1.0));
        }
    }
}
