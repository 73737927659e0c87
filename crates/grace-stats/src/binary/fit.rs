//! The random-intercept logistic model.

use std::f64::consts::PI;

use super::Counts;
use super::counts::sum;
use super::likelihood::{Maximum, maximum, without_effects};
use super::quadrature::log_terms;
use super::replication::{Parameters, logistic};
use crate::one_way::NotEstimable;
use crate::profile::boundary_test;

/// What is known on the latent scale: status first, number second.
#[derive(Clone, Debug, PartialEq)]
pub enum Latent {
    /// There is nothing to estimate.
    NotEstimable(NotEstimable),
    /// All answers of each condition are the same.
    NoVariance,
    /// The answers are the same within each replication, or the likelihood grows without end: the
    /// variance between replications has no bound.
    Separated,
    /// There is a fit.
    Fitted(Box<LatentFit>),
}

/// The log-odds of a condition where the random effect is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogOdds {
    /// The condition, from 0, in the order of the labels.
    pub condition: usize,
    /// The estimate, a natural logarithm.
    pub log_odds: f64,
    /// Its standard error.
    pub log_odds_se: f64,
    /// The log-odds less those of the first condition fitted.
    pub difference: f64,
    /// Its standard error; 0 for the first condition.
    pub difference_se: f64,
}

/// The maximum-likelihood fit of `logit P(yes) = β_condition + σ u_replication`, `u ~ N(0, 1)`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LatentFit {
    /// Standard deviation between replications, in log-odds; 0 at the boundary.
    pub sigma: f64,
    /// The conditions fitted.
    pub conditions: Vec<LogOdds>,
    /// The conditions left out because all their answers are the same.
    pub dropped: Vec<usize>,
    /// The log-likelihood of the answers in their order.
    pub log_likelihood: f64,
    /// The same without variance between replications.
    pub log_likelihood_at_zero: f64,
    /// Whether the best standard deviation is 0.
    pub boundary: bool,
}

impl Latent {
    /// The name in tables.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotEstimable(NotEstimable::NoData) => "not_estimable_no_data",
            Self::NotEstimable(NotEstimable::OneGroup) => "not_estimable_one_group",
            Self::NotEstimable(NotEstimable::NoWithinDf) => "not_estimable_no_within_df",
            Self::NoVariance => "undefined_no_variance",
            Self::Separated => "separated_diverges",
            Self::Fitted(_) => "ok",
        }
    }
}

impl LatentFit {
    /// The intraclass correlation on the latent scale, `σ² / (σ² + π²/3)`, from 0 to 1.
    ///
    /// # Source
    ///
    /// π²/3 is the variance of the standard logistic distribution: Snijders & Bosker (1999),
    /// *Multilevel Analysis*, chapter 14.
    pub fn icc(&self) -> f64 {
        let between = self.sigma * self.sigma;
        between / (between + PI * PI / 3.0)
    }

    /// The probability of a 1 under a fitted condition, averaged over replications, and the ICC of
    /// the observed 0 and 1 that the fit implies, `Var(P) / (p̄ (1 − p̄))`.
    pub fn observed(&self, condition: &LogOdds) -> (f64, f64) {
        let log_normal = |u: f64| -u * u / 2.0 - (2.0 * PI).ln() / 2.0;
        let terms = log_terms(0.0, 1.0, self.sigma, log_normal);
        let average = |of: &dyn Fn(f64) -> f64| -> f64 {
            let parts = terms.iter().map(|(effect, log)| {
                let prob = logistic(condition.log_odds + self.sigma * effect);
                log.exp() * of(prob)
            });
            parts.sum()
        };
        let mean = average(&|prob| prob);
        let variance = average(&|prob| (prob - mean).powi(2));
        (mean, variance / (mean * (1.0 - mean)))
    }

    /// The likelihood-ratio statistic for a variance between replications, at least 0.
    pub fn lrt_stat(&self) -> f64 {
        (2.0 * (self.log_likelihood - self.log_likelihood_at_zero)).max(0.0)
    }

    /// The probability of such a statistic or a larger one without variance between replications;
    /// 1 at the boundary.
    ///
    /// # Source
    ///
    /// Self & Liang (1987), *JASA* 82, 605–610, case 5.
    pub fn lrt_p(&self) -> f64 {
        boundary_test(self.lrt_stat())
    }
}

/// Fits the model to one condition or several, by adaptive quadrature that is exact to about 12
/// digits.
///
/// Conditions whose answers are all the same are left out and listed.
///
/// # Examples
///
/// ```
/// use grace_stats::binary::{Counts, Latent, fit};
/// use grace_stats::one_way::Groups;
///
/// // Answers of yes among 20 in each of four replications.
/// let yes = [4, 16, 11, 9];
/// let rows = yes.iter().enumerate().flat_map(|(replication, yes)| {
///     (0..20).map(move |trial| (replication, Some(f64::from(trial < *yes))))
/// });
/// let counts = Counts::from_groups(&Groups::from_rows(rows)?)?;
/// let Latent::Fitted(fit) = fit(&counts) else {
///     unreachable!("answers differ within replications");
/// };
/// assert_eq!(format!("{:.3}", fit.icc()), "0.180");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit(counts: &Counts) -> Latent {
    if let Some(reason) = not_estimable(counts) {
        return Latent::NotEstimable(reason);
    }
    let dropped = counts.constant_conditions();
    let kept = counts.without(&dropped);
    if kept.conditions() == 0 {
        return Latent::NoVariance;
    }
    if let Some(reason) = not_estimable(&kept) {
        return Latent::NotEstimable(reason);
    }
    if kept.replications().flatten().all(|cell| cell.is_constant()) {
        return Latent::Separated;
    }
    let flat = without_effects(&kept);
    let Some(maximum) = maximum(&kept, &flat) else {
        return Latent::Separated;
    };
    let fitted: Vec<usize> = (0..counts.conditions())
        .filter(|condition| !dropped.contains(condition))
        .collect();
    Latent::Fitted(Box::new(LatentFit {
        sigma: maximum.parameters.sigma,
        conditions: conditions(&maximum, &fitted),
        dropped,
        log_likelihood: maximum.log_likelihood,
        log_likelihood_at_zero: flat.log_likelihood,
        boundary: maximum.parameters.sigma == 0.0,
    }))
}

fn not_estimable(counts: &Counts) -> Option<NotEstimable> {
    let sizes: Vec<usize> = counts
        .replications()
        .map(|cells| sum(cells.iter().copied()).total)
        .collect();
    if sizes.is_empty() {
        Some(NotEstimable::NoData)
    } else if sizes.len() < 2 {
        Some(NotEstimable::OneGroup)
    } else if sizes.iter().all(|size| *size == 1) {
        Some(NotEstimable::NoWithinDf)
    } else {
        None
    }
}

/// The log-odds of the maximum, named by the conditions that were `fitted`.
fn conditions(maximum: &Maximum, fitted: &[usize]) -> Vec<LogOdds> {
    let Parameters { log_odds, sigma } = &maximum.parameters;
    let parameters = log_odds.len() + usize::from(*sigma > 0.0);
    let se = |plus: usize, minus: Option<usize>| {
        let mut contrast = vec![0.0; parameters];
        contrast[plus] += 1.0;
        if let Some(minus) = minus {
            contrast[minus] -= 1.0;
        }
        maximum.information.inverse_form(&contrast).sqrt()
    };
    let of = |(place, condition): (usize, &usize)| LogOdds {
        condition: *condition,
        log_odds: log_odds[place],
        log_odds_se: se(place, None),
        difference: log_odds[place] - log_odds[0],
        difference_se: se(place, Some(0)),
    };
    fitted.iter().enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::one_way::Groups;

    fn status(groups: &[&[f64]]) -> &'static str {
        let rows = groups.iter().enumerate();
        let rows = rows.flat_map(|(label, group)| group.iter().map(move |v| (label, Some(*v))));
        let groups = Groups::from_rows(rows).unwrap();
        fit(&Counts::from_groups(&groups).unwrap()).as_str()
    }

    #[test]
    fn the_first_status_that_applies_is_given() {
        assert_eq!(status(&[]), "not_estimable_no_data");
        assert_eq!(status(&[&[0.0, 1.0]]), "not_estimable_one_group");
        assert_eq!(status(&[&[0.0], &[1.0]]), "not_estimable_no_within_df");
        assert_eq!(status(&[&[1.0, 1.0], &[1.0]]), "undefined_no_variance");
        assert_eq!(status(&[&[1.0, 1.0], &[0.0]]), "separated_diverges");
        assert_eq!(status(&[&[1.0, 0.0], &[0.0]]), "ok");
    }

    #[test]
    fn one_replication_that_varies_bounds_the_variance() {
        let groups = [[1.0; 30], [0.0; 30], [1.0; 30]];
        let mut last = [0.0; 30];
        last[..10].fill(1.0);
        assert_eq!(status(&[&groups[0], &groups[1], &groups[2], &last]), "ok");
    }
}
