//! Restricted maximum likelihood (REML).

use std::f64::consts::PI;

use super::summary::Summary;
use crate::profile::{Profile, Slope, boundary_test, minimise};

/// The REML fit: variances that are never negative, for any group sizes.
///
/// # Source
///
/// Harville (1977), *JASA* 72, 320–338.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reml {
    /// Variance between replications, in squared units of the values; 0 at the boundary.
    pub between: f64,
    /// Variance within replications, in squared units of the values.
    pub within: f64,
    /// The intraclass correlation, from 0 to 1.
    pub icc: f64,
    /// The generalised least-squares mean, in units of the values.
    pub mean: f64,
    /// Its standard error, in units of the values.
    pub mean_se: f64,
    /// Minus twice the restricted log-likelihood, as lme4's `REMLcrit`.
    pub criterion: f64,
    /// The same with no variance between replications.
    pub criterion_at_zero: f64,
    /// Whether the best variance between replications is 0.
    pub boundary: bool,
}

impl Reml {
    /// The likelihood-ratio statistic for a variance between replications, at least 0.
    pub fn lrt_stat(&self) -> f64 {
        (self.criterion_at_zero - self.criterion).max(0.0)
    }

    /// The probability of such a statistic or a larger one without variance between replications;
    /// 1 at the boundary.
    ///
    /// # Source
    ///
    /// Self & Liang (1987), *JASA* 82, 605–610, case 5: half the time 0, else χ² with one degree
    /// of freedom.
    pub fn lrt_p(&self) -> f64 {
        boundary_test(self.lrt_stat())
    }
}

/// Fits the one-way model.
///
/// # Source
///
/// Harville (1977), *JASA* 72, 320–338, with `σ²_w` and `μ` profiled out:
/// `d(θ) = (N − 1) ln Q + Σ ln(1 + n_i θ) + ln Σ w_i`, `Q = SSW + Σ w_i (ȳ_i − ȳ_w)²`,
/// `w_i = n_i / (1 + n_i θ)`.
pub(super) fn fit(summary: &Summary) -> Reml {
    let profile = OneWayProfile { summary };
    let theta = minimise(&profile);
    let at = profile.at(theta);
    let df = profile.df();
    let within = summary.unscaled_square(at.q / df);
    Reml {
        between: theta * within,
        within,
        icc: theta / (1.0 + theta),
        mean: summary.shift + at.mean * summary.scale,
        mean_se: (within / at.weights).sqrt(),
        criterion: profile.criterion(theta),
        criterion_at_zero: profile.criterion(0.0),
        boundary: theta == 0.0,
    }
}

struct OneWayProfile<'a> {
    summary: &'a Summary,
}

/// What the criterion is made of, at some ratio.
struct At {
    weights: f64,
    weights_squared: f64,
    mean: f64,
    q: f64,
    /// Minus the derivative of `q`.
    fall: f64,
    log_determinant: f64,
}

impl OneWayProfile<'_> {
    fn df(&self) -> f64 {
        (self.summary.total() - 1) as f64
    }

    fn at(&self, theta: f64) -> At {
        let weighted = || {
            let groups = self.summary.groups();
            groups.map(|(size, mean)| (size / (1.0 + size * theta), mean))
        };
        let weights: f64 = weighted().map(|(weight, _)| weight).sum();
        let mean = weighted().map(|(weight, mean)| weight * mean).sum::<f64>() / weights;
        let squares =
            |power: i32| weighted().map(move |(weight, m)| weight.powi(power) * (m - mean).powi(2));
        let sizes = self.summary.groups();
        At {
            weights,
            weights_squared: weighted().map(|(weight, _)| weight * weight).sum(),
            mean,
            q: self.summary.ss_within + squares(1).sum::<f64>(),
            fall: squares(2).sum(),
            log_determinant: sizes.map(|(size, _)| (size * theta).ln_1p()).sum(),
        }
    }

    /// `d(θ)` in squared units of the values, and the constant of a normal likelihood.
    fn criterion(&self, theta: f64) -> f64 {
        let at = self.at(theta);
        let df = self.df();
        let log_q = at.q.ln() + 2.0 * self.summary.scale.ln();
        df * log_q + at.log_determinant + at.weights.ln() + df * (1.0 + (2.0 * PI / df).ln())
    }
}

impl Profile for OneWayProfile<'_> {
    fn value(&self, theta: f64) -> f64 {
        self.criterion(theta)
    }

    fn slope(&self, theta: f64) -> Slope {
        let at = self.at(theta);
        Slope {
            rising: at.weights - at.weights_squared / at.weights,
            falling: self.df() * at.fall / at.q,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    /// Two to six groups of 1 to 40 values, with means as far apart as chance has it.
    fn random_summary(random: &mut SplitMix64) -> Summary {
        let groups = 2 + random.below(5);
        let sizes = (0..groups).map(|_| 1 + usize::try_from(random.below(40)).unwrap());
        let sizes: Vec<usize> = sizes.collect();
        let spread = 2.0 * random.next_unit();
        Summary {
            means: sizes.iter().map(|_| spread * random.next_unit()).collect(),
            ss_within: sizes.iter().sum::<usize>() as f64 * 0.3,
            ss_between: 0.0,
            shift: 0.0,
            scale: 1.0,
            sizes,
        }
    }

    #[test]
    fn no_ratio_of_a_grid_is_better() {
        let mut random = SplitMix64::new(77);
        let mut inside_with_one_at_0 = 0;
        for _ in 0..2000 {
            let summary = random_summary(&mut random);
            let profile = OneWayProfile { summary: &summary };
            let found = fit(&summary);
            for power in -60..60 {
                let theta = 2.0_f64.powf(f64::from(power) / 3.0);
                assert!(
                    profile.value(theta) >= found.criterion - 1e-8,
                    "{summary:?}"
                );
            }
            assert!(found.criterion <= found.criterion_at_zero);
            let slope = profile.slope(0.0);
            let rises_from_0 = slope.rising > slope.falling;
            inside_with_one_at_0 += u32::from(rises_from_0 && !found.boundary);
        }
        // Two minima are rare, but not absent.
        assert!(inside_with_one_at_0 > 0);
    }
}
