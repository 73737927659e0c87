//! The regularised incomplete beta function.

use super::density::beta_slope;
use super::tail::{Tail, Tails, point};

/// The tails of the beta distribution at `x = 1 − y`, both given so that neither loses digits.
///
/// # Source
///
/// The continued fraction of DLMF 8.17.22, on the side of the mean where it converges.
pub(super) fn tails(a: f64, b: f64, x: f64, y: f64) -> Tails {
    let slope = beta_slope(a, b, x, y);
    if x * (a + b + 2.0) <= a + 1.0 {
        let lower = (slope * fraction(a, b, x) / a).min(1.0);
        Tails {
            lower,
            upper: 1.0 - lower,
            slope,
        }
    } else {
        let upper = (slope * fraction(b, a, y) / b).min(1.0);
        Tails {
            lower: 1.0 - upper,
            upper,
            slope,
        }
    }
}

/// The logit `ln(x / y)` of the point with the given tail.
pub(super) fn logit(a: f64, b: f64, tail: Tail) -> f64 {
    point((a / b).ln(), tail, |logit| {
        let odds = logit.exp();
        tails(a, b, odds / (1.0 + odds), 1.0 / (1.0 + odds))
    })
}

/// Evaluates the continued fraction by Lentz's method as modified by Thompson and Barnett (1986),
/// *Journal of Computational Physics* 64, 490–509.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    const TERMS: u32 = 1_000_000;
    let nonzero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut numerators = 1.0;
    let mut denominators = nonzero(1.0 - (a + b) * x / (a + 1.0)).recip();
    let mut value = denominators;
    for term in 1..TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            denominators = nonzero(1.0 + coefficient * denominators).recip();
            numerators = nonzero(1.0 + coefficient / numerators);
            change *= numerators * denominators;
        }
        value *= change;
        if (change - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}
