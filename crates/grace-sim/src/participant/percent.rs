//! How sure somebody is, said in steps of ten percent.

use crate::chances::softmax;

/// 0%, 10%, …, 100%.
pub(crate) const STEPS: usize = 11;
/// The spread of answers around the true percentage, in percentage points.
const SPREAD: f64 = 10.0;

/// The probabilities of saying 0%, 10%, …, 100% about something held to have the probability
/// `belief`, in [0, 1].
///
/// P(v) ∝ exp(−(v − 100 · `belief`)² / (2 · 10²)): a normal curve of 10 percentage points, read off at the
/// eleven steps and normalised.
///
/// # Examples
///
/// ```
/// let p = grace_sim::percent_distribution(0.5);
/// assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
/// assert!((p[5] / p[6] - 0.5_f64.exp()).abs() < 1e-12);
/// ```
pub fn distribution(belief: f64) -> [f64; STEPS] {
    softmax(std::array::from_fn(|step| {
        let distance = 10.0 * step as f64 - 100.0 * belief;
        -distance * distance / (2.0 * SPREAD * SPREAD)
    }))
}
