//! Variance components.

use super::Anova;
use crate::Interval;
use crate::law::{ChiSquared, Confidence};

/// Estimated variances between and within replications, in squared units of the values.
///
/// # Source
///
/// Searle (1971), *Linear Models*, chapter 9; the interval for the variance between is that of
/// Williams (1962), *Biometrika* 49(1/2), 278–281.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct VarianceComponents {
    /// Between replications, `(MSB − MSW) / n0`; negative where replications differ less than
    /// chance alone would make them.
    pub between_raw: f64,
    /// Within replications, MSW.
    pub within: f64,
    /// Interval for the variance between, not clipped: Tukey's and Williams' from F and χ², which
    /// is conservative and needs roughly equal group sizes.
    pub between_interval_raw: Interval,
    /// Interval for the variance within, exact for normal values.
    pub within_interval: Interval,
}

impl VarianceComponents {
    pub(super) fn new(anova: &Anova, confidence: Confidence) -> Self {
        let tail = confidence.tail_prob();
        let within_law = ChiSquared::of_count(anova.df_within());
        let between_law = ChiSquared::of_count(anova.df_between());
        let f_law = anova.null_law();
        let within = anova.ms_within();
        let excess =
            |f_quantile: f64| anova.ss_between - anova.df_between() as f64 * within * f_quantile;
        let between = |f_quantile, chi_quantile: f64| excess(f_quantile) / anova.n0 / chi_quantile;
        Self {
            between_raw: (anova.ms_between() - within) / anova.n0,
            within,
            between_interval_raw: Interval {
                lower: between(f_law.upper_quantile(tail), between_law.upper_quantile(tail)),
                upper: between(f_law.lower_quantile(tail), between_law.lower_quantile(tail)),
            },
            within_interval: Interval {
                lower: anova.ss_within / within_law.upper_quantile(tail),
                upper: anova.ss_within / within_law.lower_quantile(tail),
            },
        }
    }

    /// The variance between replications, at least 0.
    pub fn between(&self) -> f64 {
        self.between_raw.max(0.0)
    }

    /// The interval for the variance between replications, clipped at 0.
    pub fn between_interval(&self) -> Interval {
        self.between_interval_raw.clipped(0.0, f64::INFINITY)
    }
}
