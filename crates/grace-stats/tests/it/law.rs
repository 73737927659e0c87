//! F and χ², against mpmath.

use grace_stats::law::{ChiSquared, FisherF};
use proptest::prelude::*;
use serde::Deserialize;

use crate::references::{assert_close, assert_ratio, copied, shared};

const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Expected {
    f_quantiles: Vec<FisherQuantile>,
    f_tail: Vec<FisherTail>,
    chi2_quantiles: Vec<ChiQuantile>,
}

#[derive(Deserialize)]
struct FisherQuantile {
    d1: f64,
    d2: f64,
    p: f64,
    x: f64,
}

#[derive(Deserialize)]
struct FisherTail {
    #[serde(rename = "F")]
    f: f64,
    d1: f64,
    d2: f64,
    sf: f64,
    cdf: f64,
}

#[derive(Deserialize)]
struct ChiQuantile {
    df: f64,
    p: f64,
    x: f64,
}

fn check(expected: &Expected) {
    for case in &expected.f_quantiles {
        let law = FisherF::new(case.d1, case.d2).unwrap();
        let what = format!("F({}, {}) at {}", case.d1, case.d2, case.p);
        assert_ratio(&what, law.lower_quantile(case.p), case.x, TOLERANCE);
        assert_ratio(&what, law.upper_quantile(1.0 - case.p), case.x, TOLERANCE);
    }
    for case in &expected.f_tail {
        let law = FisherF::new(case.d1, case.d2).unwrap();
        let what = format!("F({}, {}) over {}", case.d1, case.d2, case.f);
        assert_ratio(&what, law.upper_prob(case.f), case.sf, TOLERANCE);
        // Their lower tails are 1 less the upper one, to 40 digits.
        let tolerance = TOLERANCE * case.cdf + 1e-40;
        assert_close(&what, law.lower_prob(case.f), case.cdf, tolerance);
    }
    for case in &expected.chi2_quantiles {
        let law = ChiSquared::new(case.df).unwrap();
        let what = format!("χ²({}) at {}", case.df, case.p);
        assert_ratio(&what, law.lower_quantile(case.p), case.x, TOLERANCE);
        assert_ratio(&what, law.upper_quantile(1.0 - case.p), case.x, TOLERANCE);
    }
}

#[test]
fn agrees_with_mpmath() {
    let copied = copied::<Expected>("f_chi2.json");
    let shared = shared::<Expected>("dist/f_chi2.json");
    copied.iter().chain(&shared).for_each(check);
}

#[test]
fn lower_tails_keep_their_digits() {
    // mpmath 1.4.1 with 60 digits: betainc(49/2, 9950/2, 0, x, regularized=True).
    let found = FisherF::new(49.0, 9950.0).unwrap().lower_prob(0.01);
    assert_ratio("F(49, 9950)", found, 2.933_883_447_812_164e-40, 1e-12);
}

proptest! {
    #[test]
    fn quantiles_undo_probabilities(
        numerator in 0.3..300.0_f64,
        denominator in 0.3..20_000.0_f64,
        log_prob in -60.0..-0.01_f64,
    ) {
        let prob = log_prob.exp();
        let f = FisherF::new(numerator, denominator).unwrap();
        let chi = ChiSquared::new(numerator).unwrap();
        for (found, law) in [
            (f.lower_prob(f.lower_quantile(prob)), "lower F"),
            (f.upper_prob(f.upper_quantile(prob)), "upper F"),
            (chi.lower_prob(chi.lower_quantile(prob)), "lower χ²"),
            (chi.upper_prob(chi.upper_quantile(prob)), "upper χ²"),
        ] {
            prop_assert!((found / prob - 1.0).abs() < 1e-11, "{law}: {found} of {prob}");
        }
    }

    #[test]
    fn turning_the_ratio_round_swaps_the_tails(a in 0.3..50.0_f64, b in 0.3..5000.0_f64, x in 0.01..100.0_f64) {
        let one = FisherF::new(a, b).unwrap().lower_prob(x);
        let other = FisherF::new(b, a).unwrap().upper_prob(x.recip());
        prop_assert!((one - other).abs() <= 1e-12 * one);
    }
}
