//! The fit.

use std::collections::BTreeMap;

use super::Crossed;
use super::likelihood::{ConditionMean, Residuals};
use crate::one_way::{NotEstimable, Status};
use crate::profile::{boundary_test, minimise};

/// What is known about a measure over all conditions: status first, number second.
#[derive(Clone, Debug, PartialEq)]
pub enum Mixed {
    /// There is nothing to estimate; `NoWithinDf` where conditions and replications together have
    /// as many effects as there are values.
    NotEstimable(NotEstimable),
    /// All values of each condition are equal.
    NoVariance,
    /// Conditions and replications explain every value, so the ratio of variances has no bound.
    NoWithinVariance,
    /// There is a fit.
    Fitted(Box<MixedFit>),
}

impl Mixed {
    /// The status.
    pub fn status(&self) -> Status {
        match self {
            Self::NotEstimable(reason) => Status::NotEstimable(*reason),
            Self::NoVariance => Status::NoVariance,
            Self::NoWithinVariance => Status::NoWithinVariance,
            Self::Fitted(_) => Status::Ok,
        }
    }
}

/// The mean of a condition and how it differs from the first.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConditionEffect {
    /// The estimated mean, in units of the values.
    pub mean: f64,
    /// Its standard error.
    pub mean_se: f64,
    /// The mean less that of the first condition, in units of the values.
    pub difference: f64,
    /// Its standard error; 0 for the first condition.
    pub difference_se: f64,
}

/// The REML fit of `value ~ condition + (1 | replication)`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MixedFit {
    /// Variance between replications, in squared units of the values; 0 at the boundary.
    pub between: f64,
    /// Residual variance, in squared units of the values.
    pub within: f64,
    /// The adjusted ICC, from 0 to 1.
    pub icc: f64,
    /// The conditions, in the order of their labels.
    pub conditions: Vec<ConditionEffect>,
    /// Minus twice the restricted log-likelihood, as lme4's `REMLcrit`.
    pub criterion: f64,
    /// The same without a variance between replications.
    pub criterion_at_zero: f64,
    /// Whether the best variance between replications is 0.
    pub boundary: bool,
}

impl MixedFit {
    /// The restricted likelihood-ratio statistic for a variance between replications, at least 0.
    pub fn lrt_stat(&self) -> f64 {
        (self.criterion_at_zero - self.criterion).max(0.0)
    }

    /// The probability of such a statistic or a larger one without variance between replications,
    /// `½ P(χ²₁ > stat)`; 1 if the statistic is 0.
    ///
    /// # Source
    ///
    /// Self & Liang (1987), *JASA* 82, 605–610, case 5.
    pub fn lrt_p(&self) -> f64 {
        boundary_test(self.lrt_stat())
    }
}

/// The ICC from which on a fit counts as unbounded: the residual variance would be rounding.
const UNBOUNDED: f64 = 1.0 - 1e-10;

/// Fits the mixed model.
///
/// # Examples
///
/// ```
/// use grace_stats::mixed::{Crossed, Mixed, fit};
///
/// // Replication, condition, value: the second condition is about 2 higher.
/// let rows = [
///     (0, "a", 1.0), (0, "a", 2.0), (0, "b", 3.0), (0, "b", 4.5),
///     (1, "a", 2.0), (1, "a", 1.0), (1, "b", 4.0), (1, "b", 3.5),
/// ];
/// let rows = rows.map(|(replication, condition, value)| (replication, condition, Some(value)));
/// let Mixed::Fitted(fit) = fit(&Crossed::from_rows(rows)?) else {
///     unreachable!("values vary within both");
/// };
/// assert_eq!(format!("{:.2}", fit.conditions[1].difference), "2.25");
/// assert!(fit.boundary && fit.icc == 0.0);
/// # Ok::<(), grace_stats::ValueError>(())
/// ```
///
/// # Source
///
/// Bates, Mächler, Bolker & Walker (2015), *Journal of Statistical Software* 67(1), section 3, for
/// one random intercept: `d(θ) = (N − p) ln Q + Σ ln(1 + θ n_i) + ln |Xᵀ V⁻¹ X|`.
pub fn fit(crossed: &Crossed) -> Mixed {
    if crossed.total() == 0 {
        return Mixed::NotEstimable(NotEstimable::NoData);
    }
    if crossed.replications() < 2 {
        return Mixed::NotEstimable(NotEstimable::OneGroup);
    }
    if crossed.total() < crossed.conditions() + crossed.replications() {
        return Mixed::NotEstimable(NotEstimable::NoWithinDf);
    }
    if conditions_are_constant(crossed) {
        return Mixed::NoVariance;
    }
    let residuals = Residuals::new(crossed);
    let theta = minimise(&residuals);
    let icc = theta / (1.0 + theta);
    // NaN where the residual sum of squares has fallen to 0.
    if icc.is_nan() || icc > UNBOUNDED {
        return Mixed::NoWithinVariance;
    }
    Mixed::Fitted(Box::new(fitted(&residuals, theta)))
}

fn conditions_are_constant(crossed: &Crossed) -> bool {
    let mut firsts = BTreeMap::new();
    let mut values = crossed.values();
    values.all(|(_, condition, value)| *firsts.entry(condition).or_insert(value) == value)
}

fn fitted(residuals: &Residuals, theta: f64) -> MixedFit {
    let at = residuals.at(theta);
    let scaled_within = at.q / residuals.df();
    let deviation = scaled_within.sqrt() * residuals.scale;
    let conditions = residuals.condition_means.len();
    let means: Vec<ConditionMean> = residuals
        .condition_means
        .iter()
        .zip(&at.shifts)
        .map(|(mean, shift)| mean.moved(shift * residuals.scale))
        .collect();
    let se = |contrast: &[(usize, f64)]| {
        let mut vector = vec![0.0; conditions];
        for (condition, weight) in contrast {
            vector[*condition] += weight;
        }
        deviation * at.factor.inverse_form(&vector).sqrt()
    };
    let effect = |condition: usize| ConditionEffect {
        mean: means[condition].value(),
        mean_se: se(&[(condition, 1.0)]),
        difference: means[condition].less(means[0]),
        difference_se: se(&[(condition, 1.0), (0, -1.0)]),
    };
    let within = scaled_within * residuals.scale * residuals.scale;
    MixedFit {
        between: theta * within,
        within,
        icc: theta / (1.0 + theta),
        conditions: (0..conditions).map(effect).collect(),
        criterion: residuals.criterion(theta),
        criterion_at_zero: residuals.criterion(0.0),
        boundary: theta == 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(rows: &[(u32, u32, f64)]) -> &'static str {
        let rows = rows.iter().map(|(r, c, value)| (*r, *c, Some(*value)));
        fit(&Crossed::from_rows(rows).unwrap()).status().as_str()
    }

    #[test]
    fn the_first_status_that_applies_is_given() {
        assert_eq!(status(&[]), "not_estimable_no_data");
        assert_eq!(
            status(&[(0, 0, 1.0), (0, 1, 2.0)]),
            "not_estimable_one_group"
        );
        assert_eq!(
            status(&[(0, 0, 1.0), (0, 1, 2.0), (1, 0, 3.0)]),
            "not_estimable_no_within_df"
        );
        let constant = [(0, 0, 1.0), (0, 1, 2.0), (1, 0, 1.0), (1, 1, 2.0)];
        assert_eq!(status(&constant), "undefined_no_variance");
        let additive = [(0, 0, 1.0), (0, 1, 3.0), (1, 0, 2.0), (1, 1, 4.0)];
        assert_eq!(status(&additive), "perfect_no_within_variance");
        let noisy = [(0, 0, 1.0), (0, 1, 3.0), (1, 0, 2.0), (1, 1, 3.5)];
        assert_eq!(status(&noisy), "ok");
    }
}
