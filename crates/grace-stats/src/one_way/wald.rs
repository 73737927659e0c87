//! Wald's exact interval, for any group sizes.

use super::summary::Summary;
use crate::Interval;
use crate::law::{Confidence, FisherF};

/// The exact interval for the ICC, whatever the group sizes, clipped at 0.
///
/// `H(θ)`, the weighted mean square between groups over MSW, has an F distribution at the true
/// ratio `θ = σ²_b / σ²_w` and falls as `θ` grows, so the ratios at which it is a quantile bound
/// the true one. When balanced this is the F interval, clipped.
///
/// # Source
///
/// Wald (1940), *Annals of Mathematical Statistics* 11(1), 96–100; Seely & El-Bassiouni (1983),
/// *Annals of Statistics* 11(1), 197–201; Burdick & Graybill (1992), *Confidence Intervals on
/// Variance Components*, chapter 4.
pub(super) fn interval(summary: &Summary, confidence: Confidence) -> Interval {
    let df_between = summary.sizes.len() - 1;
    let df_within = summary.total() - summary.sizes.len();
    let law = FisherF::of_counts(df_between, df_within);
    let unit = summary.ss_within / df_within as f64 * df_between as f64;
    let tail = confidence.tail_prob();
    let limit = |quantile: f64| falls_to(quantile, |icc| between(summary, icc) / unit);
    Interval {
        lower: limit(law.upper_quantile(tail)),
        upper: limit(law.lower_quantile(tail)),
    }
}

/// The weighted sum of squares between groups at an ICC from 0 to 1:
/// `Σ w_i (ȳ_i − ȳ_w)²` with `w_i = n_i / (1 + n_i θ)`, `θ = icc / (1 − icc)`.
fn between(summary: &Summary, icc: f64) -> f64 {
    let weight = |size: f64| size * (1.0 - icc) / ((1.0 - icc) + size * icc);
    let (mut sum, mut weights) = (0.0, 0.0);
    for (size, mean) in summary.groups() {
        sum += weight(size) * mean;
        weights += weight(size);
    }
    if weights == 0.0 {
        return 0.0;
    }
    let centre = sum / weights;
    let groups = summary.groups();
    groups
        .map(|(size, mean)| weight(size) * (mean - centre).powi(2))
        .sum()
}

/// The point from 0 to 1 at which a falling function reaches `level`; 0 if it starts below.
fn falls_to(level: f64, of: impl Fn(f64) -> f64) -> f64 {
    if of(0.0) <= level {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    while high - low > f64::EPSILON * high {
        let middle = f64::midpoint(low, high);
        if middle == low || middle == high {
            break;
        }
        if of(middle) > level {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pivot_falls_as_the_icc_grows() {
        let summary = Summary {
            sizes: vec![200, 50, 20, 10, 1],
            means: vec![0.0, -0.3, 0.2, 1.0, 0.7],
            ss_within: 280.0,
            ss_between: 0.0,
            shift: 0.0,
            scale: 1.0,
        };
        let mut last = f64::INFINITY;
        for step in 0..=1000 {
            let pivot = between(&summary, f64::from(step) / 1000.0);
            assert!(pivot < last, "{step}");
            last = pivot;
        }
        assert_eq!(last, 0.0);
    }

    #[test]
    fn a_level_is_found_to_the_last_digits() {
        for root in [1e-12, 0.3, 0.999_999_999] {
            let found = falls_to(-root, |x| -x);
            assert!((found - root).abs() < 1e-15, "{root}");
        }
        assert_eq!(falls_to(1.0, |x| 0.5 - x), 0.0);
    }
}
