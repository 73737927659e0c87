//! The one-way analysis of variance.

use super::summary::Summary;
use crate::Interval;
use crate::law::{Confidence, FisherF};

/// The table of the one-way analysis of variance, for any group sizes.
///
/// # Source
///
/// Searle (1971), *Linear Models*, chapter 10; `n0` also in Lessells & Boag (1987), *The Auk*
/// 104(1), 116–121.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Anova {
    /// Replications that have values, *k*.
    pub groups: usize,
    /// Values, *N*.
    pub total: usize,
    /// Whether all replications have as many values.
    pub balanced: bool,
    /// Mean of all values.
    pub mean: f64,
    /// Sum of squares between replications, `Σ n_i (ȳ_i − ȳ)²`, in squared units of the values.
    pub ss_between: f64,
    /// Sum of squares within replications, `ΣΣ (y_ij − ȳ_i)²`, in squared units of the values.
    pub ss_within: f64,
    /// The average group size that makes `E[MSB] = σ²_w + n0 σ²_b`:
    /// `(N − Σ n_i² / N) / (k − 1)`; the common size when balanced.
    pub n0: f64,
}

impl Anova {
    pub(super) fn new(summary: &Summary) -> Self {
        let total = summary.total();
        let groups = summary.sizes.len();
        let squares: f64 = summary.groups().map(|(size, _)| size * size).sum();
        let n = total as f64;
        let sum: f64 = summary.groups().map(|(size, mean)| size * mean).sum();
        let mut sizes = summary.sizes.iter();
        let first = summary.sizes[0];
        let balanced = sizes.all(|size| *size == first);
        Self {
            groups,
            total,
            balanced,
            mean: summary.shift + sum / n * summary.scale,
            ss_between: summary.unscaled_square(summary.ss_between),
            ss_within: summary.unscaled_square(summary.ss_within),
            n0: if balanced {
                first as f64
            } else {
                (n - squares / n) / (groups - 1) as f64
            },
        }
    }

    /// Degrees of freedom between replications, `k − 1`.
    pub fn df_between(&self) -> usize {
        self.groups - 1
    }

    /// Degrees of freedom within replications, `N − k`.
    pub fn df_within(&self) -> usize {
        self.total - self.groups
    }

    /// Mean square between replications, MSB, in squared units of the values.
    pub fn ms_between(&self) -> f64 {
        self.ss_between / self.df_between() as f64
    }

    /// Mean square within replications, MSW, in squared units of the values.
    pub fn ms_within(&self) -> f64 {
        self.ss_within / self.df_within() as f64
    }

    /// The law of MSB / MSW if replications do not differ.
    pub(super) fn null_law(&self) -> FisherF {
        FisherF::of_counts(self.df_between(), self.df_within())
    }
}

/// The interval for the ICC from the F distribution, with `n0` for the group size: exact when
/// balanced, good for mild imbalance only. Not clipped.
///
/// # Source
///
/// Shrout & Fleiss (1979), *Psychological Bulletin* 86(2), 420–428; with `n0` Searle (1971),
/// *Linear Models*, chapter 9.
pub(super) fn f_interval(anova: &Anova, f: f64, confidence: Confidence) -> Interval {
    let law = anova.null_law();
    let tail = confidence.tail_prob();
    let limit = |quantile: f64| {
        let ratio = f / quantile;
        (ratio - 1.0) / (ratio + anova.n0 - 1.0)
    };
    Interval {
        lower: limit(law.upper_quantile(tail)),
        upper: limit(law.lower_quantile(tail)),
    }
}
