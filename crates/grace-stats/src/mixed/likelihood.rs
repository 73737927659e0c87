//! The restricted likelihood of the mixed model.

use std::f64::consts::PI;

use super::Crossed;
use crate::cholesky::{Cholesky, dot};
use crate::profile::{Profile, Slope};
use crate::units::power_of_two;

/// What the likelihood needs to know of the values. The model has a column for each condition;
/// values are taken about their condition's mean and scaled by a power of two, which changes
/// neither the fit nor, once it is unscaled, the criterion.
#[derive(Clone, Debug)]
pub(super) struct Residuals {
    /// Values in each condition, by replication.
    pub(super) counts: Vec<Vec<f64>>,
    /// Sum of the scaled residuals of each replication.
    sums: Vec<f64>,
    /// Sum of squares of the scaled residuals.
    pub(super) squares: f64,
    /// Mean of each condition, in units of the values.
    pub(super) condition_means: Vec<ConditionMean>,
    /// What the residuals were divided by.
    pub(super) scale: f64,
    total: usize,
}

impl Residuals {
    pub(super) fn new(crossed: &Crossed) -> Self {
        let means = condition_means(crossed);
        let residuals = || {
            crossed.values().map(|(replication, condition, value)| {
                (replication, means[condition].residual(value))
            })
        };
        let largest = residuals().fold(0.0, |largest: f64, (_, r)| largest.max(r.abs()));
        let scale = power_of_two(largest);
        let mut counts = vec![vec![0.0; crossed.conditions()]; crossed.replications()];
        for (replication, condition, _) in crossed.values() {
            counts[replication][condition] += 1.0;
        }
        let mut sums = vec![0.0; crossed.replications()];
        let mut squares = 0.0;
        for (replication, residual) in residuals() {
            sums[replication] += residual / scale;
            squares += (residual / scale).powi(2);
        }
        Self {
            counts,
            sums,
            squares,
            condition_means: means,
            scale,
            total: crossed.total(),
        }
    }

    /// Values less conditions, the degrees of freedom of the restricted likelihood.
    pub(super) fn df(&self) -> f64 {
        (self.total - self.condition_means.len()) as f64
    }

    /// Number of values and sum of residuals of each replication, and its counts.
    fn replications(&self) -> impl Iterator<Item = (f64, f64, &[f64])> {
        let sums = self.counts.iter().zip(&self.sums);
        sums.map(|(counts, sum)| (counts.iter().sum(), *sum, counts.as_slice()))
    }

    /// The generalised least-squares fit at a ratio `θ = σ²_b / σ²_w`.
    ///
    /// `V = I + θ Z Zᵀ` has the inverse `I − Z diag(θ / (1 + θ n_i)) Zᵀ`, so `A = Xᵀ V⁻¹ X` and the
    /// rest come from counts and sums alone.
    pub(super) fn at(&self, theta: f64) -> At {
        let conditions = self.condition_means.len();
        let mut a = vec![vec![0.0; conditions]; conditions];
        let mut b = vec![0.0; conditions];
        let (mut squares, mut log_determinant) = (self.squares, 0.0);
        for (n, sum, counts) in self.replications() {
            let weight = theta / (1.0 + theta * n);
            squares -= weight * sum * sum;
            log_determinant += (theta * n).ln_1p();
            for i in 0..conditions {
                a[i][i] += counts[i];
                b[i] -= weight * counts[i] * sum;
                for j in 0..=i {
                    a[i][j] -= weight * counts[i] * counts[j];
                }
            }
        }
        let factor = Cholesky::new(&a);
        let shifts = factor.solve(&b);
        At {
            q: squares - dot(&b, &shifts),
            log_determinant: log_determinant + factor.log_determinant(),
            shifts,
            factor,
        }
    }

    /// Minus twice the restricted log-likelihood at a ratio, in units of the values.
    pub(super) fn criterion(&self, theta: f64) -> f64 {
        let at = self.at(theta);
        let df = self.df();
        let log_q = at.q.ln() + 2.0 * self.scale.ln();
        df * log_q + at.log_determinant + df * (1.0 + (2.0 * PI / df).ln())
    }
}

/// A fit at some ratio.
#[derive(Clone, Debug)]
pub(super) struct At {
    /// The weighted sum of squares of the scaled residuals.
    pub(super) q: f64,
    log_determinant: f64,
    /// What the fit adds to the condition means, scaled.
    pub(super) shifts: Vec<f64>,
    /// `Xᵀ V⁻¹ X`.
    pub(super) factor: Cholesky,
}

impl Profile for Residuals {
    fn value(&self, theta: f64) -> f64 {
        self.criterion(theta)
    }

    fn slope(&self, theta: f64) -> Slope {
        let at = self.at(theta);
        let (mut rising, mut squares) = (0.0, 0.0);
        for (n, sum, counts) in self.replications() {
            let shrink = 1.0 / (1.0 + theta * n);
            let residual = sum - dot(counts, &at.shifts);
            squares += (shrink * residual).powi(2);
            rising += shrink * n - shrink * shrink * at.factor.inverse_form(counts);
        }
        Slope {
            rising,
            falling: self.df() * squares / at.q,
        }
    }
}

/// A mean in two parts, the first value and what is added to it, so that differences lose no
/// digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConditionMean {
    first: f64,
    rest: f64,
}

impl ConditionMean {
    pub(super) fn value(self) -> f64 {
        self.first + self.rest
    }

    pub(super) fn moved(self, by: f64) -> Self {
        Self {
            rest: self.rest + by,
            ..self
        }
    }

    pub(super) fn less(self, other: Self) -> f64 {
        (self.first - other.first) + (self.rest - other.rest)
    }

    fn residual(self, value: f64) -> f64 {
        (value - self.first) - self.rest
    }
}

fn condition_means(crossed: &Crossed) -> Vec<ConditionMean> {
    let conditions = crossed.conditions();
    let mut firsts = vec![None; conditions];
    let mut sums = vec![0.0; conditions];
    let mut counts = vec![0.0; conditions];
    for (_, condition, value) in crossed.values() {
        let first: f64 = *firsts[condition].get_or_insert(value);
        sums[condition] += value - first;
        counts[condition] += 1.0;
    }
    let parts = firsts.into_iter().zip(sums.into_iter().zip(counts));
    parts
        .map(|(first, (sum, count))| ConditionMean {
            first: first.unwrap_or(0.0),
            rest: sum / count,
        })
        .collect()
}
