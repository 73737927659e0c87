//! The regularised incomplete gamma function.

use super::density::gamma_slope;
use super::tail::{Tail, Tails, point};

/// The tails of the gamma distribution with shape `a` and scale 1 at `x`.
///
/// # Source
///
/// Below `a + 1` the series of DLMF 8.11.4, above it the continued fraction of DLMF 8.9.2.
pub(super) fn tails(a: f64, x: f64) -> Tails {
    let slope = gamma_slope(a, x);
    if x < a + 1.0 {
        let lower = (slope * series(a, x) / a).min(1.0);
        Tails {
            lower,
            upper: 1.0 - lower,
            slope,
        }
    } else {
        let upper = (slope * fraction(a, x)).min(1.0);
        Tails {
            lower: 1.0 - upper,
            upper,
            slope,
        }
    }
}

/// The point with the given tail.
pub(super) fn quantile(a: f64, tail: Tail) -> f64 {
    point(a.ln(), tail, |log| tails(a, log.exp())).exp()
}

/// `Σ x^n / ((a + 1) … (a + n))`.
fn series(a: f64, x: f64) -> f64 {
    let mut denominator = a;
    let mut term = 1.0;
    let mut sum = 1.0;
    while term > f64::EPSILON / 4.0 * sum {
        denominator += 1.0;
        term *= x / denominator;
        sum += term;
    }
    sum
}

/// `1 / (x + 1 − a − 1(1 − a) / (x + 3 − a − …))`, by Lentz's method.
fn fraction(a: f64, x: f64) -> f64 {
    const TERMS: u32 = 1_000_000;
    let mut constant = x + 1.0 - a;
    let mut numerators = f64::INFINITY;
    let mut denominators = constant.recip();
    let mut value = denominators;
    for term in 1..TERMS {
        let n = f64::from(term);
        let coefficient = -n * (n - a);
        constant += 2.0;
        denominators = (coefficient * denominators + constant).recip();
        numerators = constant + coefficient / numerators;
        let change = numerators * denominators;
        value *= change;
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}
