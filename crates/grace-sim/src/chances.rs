//! What is done to probabilities: normalising, choosing by utility, lapsing, tilting, sharpening.

/// Weights, not all 0, divided by their sum.
pub(crate) fn normalised<const N: usize>(weights: [f64; N]) -> [f64; N] {
    let total: f64 = weights.iter().sum();
    weights.map(|weight| weight / total)
}

/// Probabilities in proportion to exp(utility); −∞ is never chosen, but must not be all.
pub(crate) fn softmax<const N: usize>(utilities: [f64; N]) -> [f64; N] {
    let largest = utilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    normalised(utilities.map(|utility| (utility - largest).exp()))
}

/// Mixes in a lapse: with probability `rate` all options are equally likely.
pub(crate) fn with_lapse<const N: usize>(p: [f64; N], rate: f64) -> [f64; N] {
    p.map(|probability| (1.0 - rate) * probability + rate / N as f64)
}

/// Tilts a distribution: log p gains `shift` times the option's score, then all are normalised.
///
/// Scores one apart move the log-odds of two options by exactly `shift`.
pub(crate) fn tilted<const N: usize>(p: [f64; N], scores: [f64; N], shift: f64) -> [f64; N] {
    softmax(std::array::from_fn(|option| {
        p[option].ln() + shift * scores[option]
    }))
}

/// The distribution sampled at a temperature: p^(1/T), normalised; at T = 0 all mass goes to the
/// most likely option (the first of equals).
pub(crate) fn at_temperature<const N: usize>(p: [f64; N], temperature: f64) -> [f64; N] {
    if temperature > 0.0 {
        return softmax(p.map(|probability| probability.ln() / temperature));
    }
    let largest = p.iter().copied().fold(0.0, f64::max);
    let first = p.iter().position(|&probability| probability >= largest);
    std::array::from_fn(|option| f64::from(first == Some(option)))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "0 and 1 come out exactly")]
mod tests {
    use super::*;

    #[test]
    fn a_shift_moves_the_log_odds_by_itself() {
        let p = tilted([0.7, 0.3], [0.0, 1.0], 0.5);
        let before = (0.3_f64 / 0.7).ln();
        let after = (p[1] / p[0]).ln();
        assert!((after - before - 0.5).abs() < 1e-12);
    }

    #[test]
    fn temperature_one_changes_nothing() {
        let p = [0.1, 0.2, 0.3, 0.4];
        for (a, b) in at_temperature(p, 1.0).into_iter().zip(p) {
            assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn a_low_temperature_does_not_lose_all_mass() {
        let p = at_temperature([0.1, 0.5, 0.4], 1e-4);
        assert!((p[1] - 1.0).abs() < 1e-12 && p.iter().all(|x| x.is_finite()));
    }

    #[test]
    fn temperature_zero_takes_the_first_of_the_most_likely() {
        assert_eq!(at_temperature([0.2, 0.4, 0.4], 0.0), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn what_is_impossible_stays_so() {
        assert_eq!(tilted([0.0, 1.0], [1.0, 0.0], 50.0), [0.0, 1.0]);
        assert_eq!(at_temperature([0.0, 1.0], 2.0), [0.0, 1.0]);
    }
}
