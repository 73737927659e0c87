//! Densities without cancellation.
//!
//! Gamma functions of large arguments are huge and nearly cancel; written as Stirling's formula,
//! its remainder and a deviance, what is left is small and exact.
//!
//! Source: Loader (2000), *Fast and accurate computation of binomial probabilities*.

use std::f64::consts::PI;

/// `x^a y^b / B(a, b)` for `y = 1 − x`: the density of the beta distribution times `xy`.
pub(super) fn beta_slope(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let sum = a + b;
    let remainders = stirling_remainder(sum) - stirling_remainder(a) - stirling_remainder(b);
    let deviances = deviance(a, sum * x) + deviance(b, sum * y);
    (a * (b / sum) / (2.0 * PI)).sqrt() * (remainders - deviances).exp()
}

/// `x^a e^−x / Γ(a)`: the density of the gamma distribution times `x`.
pub(super) fn gamma_slope(a: f64, x: f64) -> f64 {
    (a / (2.0 * PI)).sqrt() * (-stirling_remainder(a) - deviance(a, x)).exp()
}

/// `ln Γ(x)` less Stirling's formula `(x − ½) ln x − x + ½ ln 2π`, for `x` over 0.
///
/// From 10 up its asymptotic series (DLMF 5.11.1) ends below rounding; smaller arguments are
/// brought there by `Γ(x + 1) = x Γ(x)`.
fn stirling_remainder(x: f64) -> f64 {
    let mut up = x;
    let mut shift = 0.0;
    while up < 10.0 {
        shift += (up + 0.5) * up.recip().ln_1p() - 1.0;
        up += 1.0;
    }
    let inverse_square = up.powi(-2);
    let series = [
        -691.0 / 360_360.0,
        1.0 / 1188.0,
        -1.0 / 1680.0,
        1.0 / 1260.0,
        -1.0 / 360.0,
        1.0 / 12.0,
    ];
    let sum = series
        .iter()
        .fold(0.0, |sum, term| sum * inverse_square + term);
    sum / up + shift
}

/// Loader's deviance term `x ln(x / mean) + mean − x`, at least 0.
fn deviance(x: f64, mean: f64) -> f64 {
    let distance = x - mean;
    if distance.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() + mean - x;
    }
    let v = distance / (x + mean);
    let mut sum = distance * v;
    let mut power = 2.0 * x * v;
    for odd in (3..).step_by(2) {
        power *= v * v;
        let next = sum + power / f64::from(odd);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_are_those_of_known_gamma_functions() {
        // Γ(1) = 1, Γ(½) = √π, Γ(5) = 24, Γ(21) = 20!.
        let known = [
            (1.0, 0.0),
            (0.5, PI.sqrt().ln()),
            (5.0, 24.0_f64.ln()),
            (21.0, 2_432_902_008_176_640_000.0_f64.ln()),
        ];
        for (x, log_gamma) in known {
            let stirling = (x - 0.5) * f64::ln(x) - x + 0.5 * (2.0 * PI).ln();
            let error = stirling_remainder(x) - (log_gamma - stirling);
            assert!(error.abs() < 2e-14, "{x}: {error}");
        }
    }

    #[test]
    fn the_two_forms_of_the_deviance_meet() {
        let mean: f64 = 100.0;
        for x in [81.0, 82.0, 100.0, 122.0, 123.0_f64] {
            let plain = x * (x / mean).ln() + mean - x;
            assert!((deviance(x, mean) - plain).abs() < 1e-13, "{x}");
        }
    }
}
