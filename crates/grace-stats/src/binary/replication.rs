//! The likelihood of one replication, with its random effect integrated out.

use super::counts::Cell;
use super::quadrature::log_terms;

/// The parameters: log-odds of each condition where the random effect is 0, and the standard
/// deviation of the random effect on that scale.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameters {
    pub(super) log_odds: Vec<f64>,
    pub(super) sigma: f64,
}

/// Log-likelihood and derivatives by all parameters, `sigma` last.
#[derive(Clone, Debug)]
pub(super) struct Derivatives {
    pub(super) log_likelihood: f64,
    pub(super) gradient: Vec<f64>,
    /// Minus the matrix of second derivatives.
    pub(super) information: Vec<Vec<f64>>,
    /// The same if the random effects were known, which is never negative.
    pub(super) complete: Vec<Vec<f64>>,
}

impl Derivatives {
    pub(super) fn zero(parameters: usize) -> Self {
        Self {
            log_likelihood: 0.0,
            gradient: vec![0.0; parameters],
            information: vec![vec![0.0; parameters]; parameters],
            complete: vec![vec![0.0; parameters]; parameters],
        }
    }
}

/// A replication's answers at given parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replication<'a> {
    pub(super) cells: &'a [Cell],
    pub(super) parameters: &'a Parameters,
}

impl Replication<'_> {
    /// The log-likelihood: the logarithm of the integral over the random effect, by a rule about
    /// the most likely effect, on the scale of the curvature there.
    pub(super) fn log_likelihood(&self) -> f64 {
        let terms = self.terms();
        log_sum_exp(&terms)
    }

    /// Adds log-likelihood and derivatives.
    ///
    /// # Source
    ///
    /// Louis (1982), *JRSS B* 44(2), 226–233: derivatives of an integrated likelihood are means and
    /// covariances, over the random effect given the answers, of those with the effect known.
    pub(super) fn add_to(&self, sum: &mut Derivatives) {
        let terms = self.terms();
        let log_likelihood = log_sum_exp(&terms);
        sum.log_likelihood += log_likelihood;
        let size = sum.gradient.len();
        let mut mean = vec![0.0; size];
        let mut second = vec![vec![0.0; size]; size];
        for (effect, log_term) in terms {
            let prob = (log_term - log_likelihood).exp();
            let score = self.score(effect);
            for i in 0..size {
                mean[i] += prob * score[i];
                for j in 0..=i {
                    second[i][j] += prob * score[i] * score[j];
                }
            }
            self.add_complete(effect, prob, sum);
        }
        for i in 0..size {
            sum.gradient[i] += mean[i];
            for j in 0..=i {
                sum.information[i][j] -= second[i][j] - mean[i] * mean[j];
            }
        }
    }

    /// The derivatives of the log-likelihood with the effect known.
    fn score(&self, effect: f64) -> Vec<f64> {
        let residual = |(cell, log_odds): (&Cell, &f64)| {
            cell.yes as f64 - cell.total as f64 * logistic(log_odds + self.sigma() * effect)
        };
        let pairs = self.cells.iter().zip(&self.parameters.log_odds);
        let mut score: Vec<f64> = pairs.map(residual).collect();
        let by_sigma = score.iter().sum::<f64>() * effect;
        score.push(by_sigma);
        score
    }

    /// Adds the information with the effect known, to both matrices (lower triangles).
    fn add_complete(&self, effect: f64, weight: f64, sum: &mut Derivatives) {
        let last = self.cells.len();
        let pairs = self.cells.iter().zip(&self.parameters.log_odds);
        for (condition, (cell, log_odds)) in pairs.enumerate() {
            let prob = logistic(log_odds + self.sigma() * effect);
            let variance = weight * cell.total as f64 * prob * (1.0 - prob);
            for matrix in [&mut sum.information, &mut sum.complete] {
                matrix[condition][condition] += variance;
                matrix[last][condition] += variance * effect;
                matrix[last][last] += variance * effect * effect;
            }
        }
    }

    /// Effects and the logarithms of what each adds to the likelihood.
    fn terms(&self) -> Vec<(f64, f64)> {
        let mode = self.mode();
        let curvature = self.curvature(mode);
        log_terms(mode, curvature, self.sigma(), |effect| {
            self.log_joint(effect)
        })
    }

    /// The most likely random effect, by Newton's method: the logarithm is concave.
    fn mode(&self) -> f64 {
        const STEPS: usize = 100;
        let mut effect = 0.0;
        let mut height = self.log_joint(effect);
        for _ in 0..STEPS {
            let slope =
                self.sigma() * self.score(effect).iter().rev().skip(1).sum::<f64>() - effect;
            let mut step = slope / self.curvature(effect);
            while self.log_joint(effect + step) < height && step.abs() > 1e-12 {
                step /= 2.0;
            }
            effect += step;
            height = self.log_joint(effect);
            if step.abs() < 1e-10 {
                break;
            }
        }
        effect
    }

    /// The logarithm of the probability of the answers and the effect.
    fn log_joint(&self, effect: f64) -> f64 {
        let pairs = self.cells.iter().zip(&self.parameters.log_odds);
        let answers = pairs.map(|(cell, log_odds)| {
            let log_odds = log_odds + self.sigma() * effect;
            cell.yes as f64 * log_odds - cell.total as f64 * softplus(log_odds)
        });
        answers.sum::<f64>() - effect * effect / 2.0 - (2.0 * std::f64::consts::PI).ln() / 2.0
    }

    /// Minus the second derivative of [`log_joint`](Self::log_joint), at least 1.
    fn curvature(&self, effect: f64) -> f64 {
        let pairs = self.cells.iter().zip(&self.parameters.log_odds);
        let variances = pairs.map(|(cell, log_odds)| {
            let prob = logistic(log_odds + self.sigma() * effect);
            cell.total as f64 * prob * (1.0 - prob)
        });
        1.0 + self.sigma().powi(2) * variances.sum::<f64>()
    }

    fn sigma(&self) -> f64 {
        self.parameters.sigma
    }
}

/// The probability of log-odds.
pub(super) fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// `ln(1 + exp(x))`.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn log_sum_exp(terms: &[(f64, f64)]) -> f64 {
    let logs = || terms.iter().map(|(_, log)| *log);
    let largest = logs().fold(f64::NEG_INFINITY, f64::max);
    largest + logs().map(|log| (log - largest).exp()).sum::<f64>().ln()
}
