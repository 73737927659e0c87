//! How often intervals hold the true ICC, over simulated studies with fixed seeds.

use std::f64::consts::PI;

use grace_stats::law::Confidence;
use grace_stats::one_way::{Groups, OneWay, analyse};
use grace_stats::random::SplitMix64;

const STUDIES: u32 = 4000;

/// A standard normal deviate (Box & Muller 1958).
fn normal(random: &mut SplitMix64) -> f64 {
    let radius = (-2.0 * (1.0 - random.next_unit()).ln()).sqrt();
    radius * (2.0 * PI * random.next_unit()).cos()
}

/// Values of replications of these sizes, with variances that add up to 1.
fn study(sizes: &[usize], icc: f64, random: &mut SplitMix64) -> Groups {
    let mut rows = Vec::new();
    for (replication, size) in sizes.iter().enumerate() {
        let shift = icc.sqrt() * normal(random);
        for _ in 0..*size {
            let value = shift + (1.0 - icc).sqrt() * normal(random);
            rows.push((replication, Some(value)));
        }
    }
    Groups::from_rows(rows).unwrap()
}

/// The share of studies whose exact interval, and whose F interval, holds the true ICC.
fn coverage(sizes: &[usize], icc: f64, seed: u64) -> (f64, f64) {
    let mut random = SplitMix64::new(seed);
    let (mut exact, mut by_f) = (0, 0);
    for _ in 0..STUDIES {
        let OneWay::Estimated(estimate) = analyse(&study(sizes, icc, &mut random), Confidence::P95)
        else {
            panic!("normal values differ");
        };
        exact += u32::from(estimate.interval.contains(icc));
        by_f += u32::from(estimate.f_interval_raw.contains(icc));
    }
    let share = |count: u32| f64::from(count) / f64::from(STUDIES);
    (share(exact), share(by_f))
}

/// Four standard errors of a share of 0.95 of 4,000 studies.
const TOLERANCE: f64 = 0.0138;

#[test]
fn walds_interval_covers_whatever_the_sizes() {
    for (seed, sizes) in (1..).zip([
        &[50, 50, 50, 50, 50][..],
        &[200, 50, 20, 10, 5],
        &[1, 1, 1, 30, 25],
    ]) {
        let (exact, _) = coverage(sizes, 0.2, seed);
        assert!((exact - 0.95).abs() < TOLERANCE, "{sizes:?}: {exact}");
    }
}

#[test]
fn the_f_interval_does_not_cover_where_sizes_differ_much() {
    let (exact, by_f) = coverage(&[200, 50, 20, 10, 5], 0.5, 4);
    assert!((exact - 0.95).abs() < TOLERANCE, "{exact}");
    // 0.892 in 20,000 studies of shared/refs/power/unbalanced_ci_coverage.csv.
    assert!((by_f - 0.892).abs() < 0.02, "{by_f}");
}

#[test]
fn a_true_icc_of_0_is_at_the_end_of_nearly_all_intervals() {
    // Clipped at 0, so only intervals that lie above miss it.
    let (exact, _) = coverage(&[50, 48, 45, 50, 39], 0.0, 5);
    assert!((exact - 0.975).abs() < 0.01, "{exact}");
}
