//! The whole answer for one condition.

use super::anova::f_interval;
use super::summary::{Summarised, Summary, summarise};
use super::{Anova, Groups, Margin, NotEstimable, Reml, Status, VarianceComponents, Verdict};
use super::{reml, wald};
use crate::Interval;
use crate::law::Confidence;

/// What is known about one condition: status first, number second.
#[derive(Clone, Debug, PartialEq)]
pub enum OneWay {
    /// There is nothing to estimate.
    NotEstimable(NotEstimable),
    /// All values are equal: no ICC, and not 0.
    Constant {
        /// The value.
        value: f64,
    },
    /// Values are equal within each replication, and differ between them.
    Perfect(Perfect),
    /// There is an estimate.
    Estimated(Box<Estimate>),
}

/// Replications that differ although nothing varies within them: the ICC is 1, as are both limits
/// of its interval, F is infinite and its p is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Perfect {
    /// The table, with 0 within replications.
    pub anova: Anova,
}

/// The ICC of one condition and what belongs to it.
///
/// # Source
///
/// ICC(1): Shrout & Fleiss (1979), *Psychological Bulletin* 86(2), 420–428; for unequal group
/// sizes Donner (1986), *International Statistical Review* 54(1), 67–82. Its exact interval: Wald
/// (1940), *Annals of Mathematical Statistics* 11(1), 96–100, as in Burdick & Graybill (1992),
/// *Confidence Intervals on Variance Components*, chapter 4.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// The analysis of variance.
    pub anova: Anova,
    /// MSB / MSW.
    pub f: f64,
    /// The probability of such an F or a larger one if replications do not differ; exact for
    /// normal values and any group sizes.
    pub p: f64,
    /// `ICC(1) = (MSB − MSW) / (MSB + (n0 − 1) MSW)`, at most 1, not clipped: it is negative where
    /// replications differ less than chance alone would make them, down to `−1 / (n0 − 1)`.
    pub icc_raw: f64,
    /// Wald's exact interval for the ICC, clipped at 0.
    pub interval: Interval,
    /// The F interval for the ICC, not clipped: exact when balanced, else with `n0` for the group
    /// size, which is good for mild imbalance only.
    pub f_interval_raw: Interval,
    /// The variance components of the analysis of variance.
    pub components: VarianceComponents,
    /// The REML fit.
    pub reml: Reml,
}

/// Analyses one condition.
///
/// # Examples
///
/// ```
/// use grace_stats::law::Confidence;
/// use grace_stats::one_way::{Groups, Margin, OneWay, Verdict, analyse};
///
/// // Shrout & Fleiss (1979), table 2: six targets, four ratings each.
/// let ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]];
/// let rows = ratings.iter().enumerate().flat_map(|(target, values)| {
///     values.iter().map(move |value| (target, Some(f64::from(*value))))
/// });
/// let OneWay::Estimated(estimate) = analyse(&Groups::from_rows(rows)?, Confidence::P95) else {
///     unreachable!("values vary within and between");
/// };
/// assert_eq!(format!("{:.2}", estimate.icc_raw), "0.17");
/// assert_eq!(estimate.verdict(Margin::TENTH), Verdict::NotResolved);
/// # Ok::<(), grace_stats::ValueError>(())
/// ```
pub fn analyse(groups: &Groups, confidence: Confidence) -> OneWay {
    match summarise(groups) {
        Summarised::NotEstimable(reason) => OneWay::NotEstimable(reason),
        Summarised::Constant(value) => OneWay::Constant { value },
        Summarised::Perfect(summary) => OneWay::Perfect(Perfect {
            anova: Anova::new(&summary),
        }),
        Summarised::Varying(summary) => {
            OneWay::Estimated(Box::new(Estimate::new(&summary, confidence)))
        }
    }
}

impl OneWay {
    /// The status.
    pub fn status(&self) -> Status {
        match self {
            Self::NotEstimable(reason) => Status::NotEstimable(*reason),
            Self::Constant { .. } => Status::NoVariance,
            Self::Perfect(_) => Status::NoWithinVariance,
            Self::Estimated(_) => Status::Ok,
        }
    }

    /// The ICC, not clipped; 1 if perfect.
    pub fn icc_raw(&self) -> Option<f64> {
        match self {
            Self::NotEstimable(_) | Self::Constant { .. } => None,
            Self::Perfect(_) => Some(1.0),
            Self::Estimated(estimate) => Some(estimate.icc_raw),
        }
    }

    /// The exact interval for the ICC; 1 to 1 if perfect.
    pub fn interval(&self) -> Option<Interval> {
        match self {
            Self::NotEstimable(_) | Self::Constant { .. } => None,
            Self::Perfect(_) => Some(Interval::point(1.0)),
            Self::Estimated(estimate) => Some(estimate.interval),
        }
    }

    /// The verdict by the interval.
    pub fn verdict(&self, margin: Margin) -> Option<Verdict> {
        self.interval()
            .map(|interval| Verdict::of(&interval, margin))
    }

    /// Whether the ICC, not clipped, is under the margin: the verdict by the estimate alone.
    pub fn is_below(&self, margin: Margin) -> Option<bool> {
        self.icc_raw().map(|icc| icc < margin.value())
    }
}

impl Perfect {
    /// The variance between replications, `MSB / n0`, in squared units of the values.
    pub fn between(&self) -> f64 {
        self.anova.ms_between() / self.anova.n0
    }
}

impl Estimate {
    fn new(summary: &Summary, confidence: Confidence) -> Self {
        let anova = Anova::new(summary);
        // Ratios are taken in scaled units, which are always in range.
        let between = summary.ss_between / anova.df_between() as f64;
        let within = summary.ss_within / anova.df_within() as f64;
        let f = between / within;
        Self {
            f,
            p: anova.null_law().upper_prob(f),
            icc_raw: (between - within) / (between + (anova.n0 - 1.0) * within),
            interval: wald::interval(summary, confidence),
            f_interval_raw: f_interval(&anova, f, confidence),
            components: VarianceComponents::new(&anova, confidence),
            reml: reml::fit(summary),
            anova,
        }
    }

    /// The ICC brought to at least 0.
    pub fn icc(&self) -> f64 {
        self.icc_raw.max(0.0)
    }

    /// How much larger the variance of the mean of all values is than that of as many independent
    /// ones, `1 + (n0 − 1) ICC`; at least 1.
    ///
    /// # Source
    ///
    /// Kish (1965), *Survey Sampling*.
    pub fn design_effect(&self) -> f64 {
        1.0 + (self.anova.n0 - 1.0) * self.icc()
    }

    /// How many independent values would tell as much about the mean: N over the design effect.
    pub fn effective_total(&self) -> f64 {
        self.anova.total as f64 / self.design_effect()
    }

    /// The verdict by the exact interval.
    pub fn verdict(&self, margin: Margin) -> Verdict {
        Verdict::of(&self.interval, margin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(groups: &[&[f64]]) -> &'static str {
        let rows = groups.iter().enumerate();
        let rows = rows.flat_map(|(label, group)| group.iter().map(move |v| (label, Some(*v))));
        let groups = Groups::from_rows(rows).unwrap();
        analyse(&groups, Confidence::P95).status().as_str()
    }

    #[test]
    fn the_first_status_that_applies_is_given() {
        assert_eq!(status(&[]), "not_estimable_no_data");
        assert_eq!(status(&[&[1.0]]), "not_estimable_one_group");
        assert_eq!(status(&[&[1.0, 2.0]]), "not_estimable_one_group");
        assert_eq!(status(&[&[1.0], &[1.0]]), "not_estimable_no_within_df");
        assert_eq!(status(&[&[1.0, 1.0], &[1.0]]), "undefined_no_variance");
        assert_eq!(status(&[&[1.0, 1.0], &[2.0]]), "perfect_no_within_variance");
        assert_eq!(status(&[&[1.0, 2.0], &[2.0]]), "ok");
    }

    #[test]
    fn constancy_is_equality_and_no_small_variance() {
        let tenths = [0.1; 10];
        assert_eq!(status(&[&tenths, &tenths]), "undefined_no_variance");
        let one_off = f64::from_bits(0.1_f64.to_bits() + 1);
        assert_eq!(status(&[&[0.1, 0.1], &[0.1, one_off]]), "ok");
        assert_eq!(
            status(&[&[0.0, -0.0], &[0.0, 0.0]]),
            "undefined_no_variance"
        );
    }

    #[test]
    fn squares_out_of_range_do_not_reach_the_icc() {
        let at = |scale: f64| {
            let values = [[1.0, 2.0, 4.0], [3.0, 4.0, 6.0], [2.0, 9.0, 4.0]];
            let rows = values.iter().enumerate();
            let rows =
                rows.flat_map(|(label, row)| row.iter().map(move |v| (label, Some(v * scale))));
            let groups = Groups::from_rows(rows).unwrap();
            analyse(&groups, Confidence::P95).icc_raw().unwrap()
        };
        let plain = at(1.0);
        for scale in [1e-290, 1e-12, 1e120, 1e149] {
            assert!((at(scale) - plain).abs() < 1e-13, "{scale}");
        }
    }
}
