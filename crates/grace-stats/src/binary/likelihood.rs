//! The largest likelihood of the random-intercept logistic model.

use super::Counts;
use super::replication::{Derivatives, Parameters, Replication, logistic};
use crate::cholesky::{Cholesky, dot};

/// Where the likelihood is largest.
#[derive(Clone, Debug)]
pub(super) struct Maximum {
    pub(super) parameters: Parameters,
    pub(super) log_likelihood: f64,
    /// Minus the second derivatives there, factored; log-odds first, then `sigma` unless it is 0.
    pub(super) information: Cholesky,
}

/// The log-odds of each condition without random effects. No condition is constant.
pub(super) fn without_effects(counts: &Counts) -> Maximum {
    let cells: Vec<_> = (0..counts.conditions())
        .map(|c| counts.condition(c))
        .collect();
    let mut log_likelihood = 0.0;
    let mut log_odds = Vec::new();
    let mut information = vec![vec![0.0; cells.len()]; cells.len()];
    for (condition, cell) in cells.iter().enumerate() {
        let (yes, no) = (cell.yes as f64, (cell.total - cell.yes) as f64);
        let total = cell.total as f64;
        log_likelihood += yes * (yes / total).ln() + no * (no / total).ln();
        log_odds.push((yes / no).ln());
        information[condition][condition] = yes * no / total;
    }
    Maximum {
        parameters: Parameters {
            log_odds,
            sigma: 0.0,
        },
        log_likelihood,
        information: Cholesky::new(&information),
    }
}

/// The maximum over all parameters, given that without random effects; `None` if there is no end
/// to it.
///
/// With unequal numbers of answers there can be a maximum without variance between replications and
/// a higher one with some, so both are compared. The one with variance must be higher by more than
/// rounding.
pub(super) fn maximum(counts: &Counts, flat: &Maximum) -> Option<Maximum> {
    const ROUNDING: f64 = 1e-9;
    const STARTS: [f64; 2] = [0.5, 3.0];
    let helps = effects_help(counts, &flat.parameters.log_odds);
    let starts = STARTS.map(|sigma| Parameters {
        sigma,
        ..flat.parameters.clone()
    });
    let mut best = (!helps).then(|| flat.clone());
    for found in starts.into_iter().filter_map(|start| climb(counts, start)) {
        let least = best.as_ref().map(|best| best.log_likelihood + ROUNDING);
        if least.is_none_or(|least| found.log_likelihood > least) {
            best = Some(found);
        }
    }
    best
}

/// Whether a little variance between replications makes the answers more likely: the sign of the
/// derivative by `σ²` at 0, `½ Σ ((Σ_j s_ij − n_ij p_j)² − Σ_j n_ij p_j (1 − p_j))`.
fn effects_help(counts: &Counts, log_odds: &[f64]) -> bool {
    const ROUNDING: f64 = 1e-12;
    let (mut found, mut expected) = (0.0, 0.0);
    for cells in counts.replications() {
        let mut residual = 0.0;
        for (cell, log_odds) in cells.iter().zip(log_odds) {
            let prob = logistic(*log_odds);
            residual += cell.yes as f64 - cell.total as f64 * prob;
            expected += cell.total as f64 * prob * (1.0 - prob);
        }
        found += residual * residual;
    }
    found > expected * (1.0 + ROUNDING)
}

/// Climbs from `start` to the maximum; `None` if there is no end to it.
///
/// Each step is Newton's where the likelihood is concave, else that of the complete data (Lange
/// 1995, *JRSS B* 57(2), 425–437), shortened until the likelihood grows.
fn climb(counts: &Counts, start: Parameters) -> Option<Maximum> {
    const STEPS: usize = 500;
    const LARGEST_SIGMA: f64 = 100.0;
    let mut parameters = start;
    let mut last_gain = f64::INFINITY;
    for _ in 0..STEPS {
        let at = derivatives(counts, &parameters);
        let newton = Cholesky::new(&at.information);
        let concave = newton.log_determinant().is_finite();
        let factor = if concave {
            newton
        } else {
            Cholesky::new(&at.complete)
        };
        let direction = factor.solve(&at.gradient);
        let promised = dot(&direction, &at.gradient);
        if concave && (promised < 1e-14 || (promised < 1e-8 && last_gain <= 0.0)) {
            return Some(Maximum {
                parameters,
                log_likelihood: at.log_likelihood,
                information: factor,
            });
        }
        let (next, log_likelihood) = step(counts, &parameters, &direction, at.log_likelihood)?;
        last_gain = log_likelihood - at.log_likelihood;
        parameters = next;
        if parameters.sigma > LARGEST_SIGMA {
            return None;
        }
    }
    None
}

/// The longest of the step and its halves that does not lower the likelihood.
fn step(
    counts: &Counts,
    from: &Parameters,
    direction: &[f64],
    least: f64,
) -> Option<(Parameters, f64)> {
    const HALVINGS: i32 = 60;
    (0..HALVINGS).find_map(|halvings| {
        let share = 0.5_f64.powi(halvings);
        let log_odds = from.log_odds.iter().zip(direction);
        // A sigma and its negative are the same model; staying positive keeps off the saddle at 0.
        let sigma = from.sigma + share * direction[from.log_odds.len()];
        let next = Parameters {
            log_odds: log_odds
                .map(|(log_odds, step)| log_odds + share * step)
                .collect(),
            sigma: sigma.max(from.sigma / 4.0),
        };
        let found = log_likelihood(counts, &next);
        (found >= least - 1e-13 * least.abs()).then_some((next, found))
    })
}

fn log_likelihood(counts: &Counts, parameters: &Parameters) -> f64 {
    let replications = counts.replications();
    replications
        .map(|cells| Replication { cells, parameters }.log_likelihood())
        .sum()
}

fn derivatives(counts: &Counts, parameters: &Parameters) -> Derivatives {
    let mut sum = Derivatives::zero(parameters.log_odds.len() + 1);
    for cells in counts.replications() {
        Replication { cells, parameters }.add_to(&mut sum);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::fit::{Latent, fit};
    use crate::one_way::Groups;
    use crate::random::SplitMix64;

    /// Two to six replications of up to 30 trials, often with answers that are all the same.
    fn random_counts(random: &mut SplitMix64) -> Counts {
        let mut rows = Vec::new();
        for replication in 0..2 + random.below(5) {
            let share = random.next_unit() * 1.4 - 0.2;
            for _ in 0..=random.below(30) {
                let yes = random.next_unit() < share;
                rows.push((replication, Some(f64::from(u8::from(yes)))));
            }
        }
        Counts::from_groups(&Groups::from_rows(rows).unwrap()).unwrap()
    }

    const GRIDS: u32 = 100;

    #[test]
    fn no_point_of_a_grid_is_more_likely() {
        let mut random = SplitMix64::new(2026);
        let mut fitted = 0;
        for _ in 0..GRIDS {
            let counts = random_counts(&mut random);
            let Latent::Fitted(found) = fit(&counts) else {
                let mut cells = counts.replications().flatten();
                assert!(cells.all(|cell| cell.is_constant()), "{counts:?}");
                continue;
            };
            fitted += 1;
            for sigma in [0.0, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0] {
                for beta in -12..=12 {
                    let parameters = Parameters {
                        log_odds: vec![f64::from(beta) / 2.0],
                        sigma,
                    };
                    let there = log_likelihood(&counts, &parameters);
                    let gap = found.log_likelihood - there;
                    assert!(
                        gap > -1e-9,
                        "{counts:?} at {parameters:?}: {gap}, {found:?}"
                    );
                }
            }
        }
        assert!(fitted > GRIDS / 2);
    }
}
