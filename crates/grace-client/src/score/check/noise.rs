use serde::Serialize;

use crate::score::scores::OptionScores;

/// How much scores of the same options behind the same prompt differ, in nats.
///
/// Zero where the server computes every prompt in the same way. Not so where the
/// arithmetic depends on what else is in the batch: 16-bit floats, and several
/// slots of llama.cpp.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NoiseFloor {
    /// The largest difference of an option's log-probability between two scores,
    /// one after the other. The requests of one score may be under way together.
    pub alone_nat: f64,
    /// The largest difference to the first score among those that were under
    /// way together.
    pub loaded_nat: f64,
    /// How many options were compared, alone and under load together.
    pub options: usize,
}

/// How far two scores of the same options lie apart.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Distance {
    /// The largest difference of a token's log-probability.
    pub(super) token: f64,
    /// The largest difference of an option's.
    pub(super) option: f64,
    /// Options compared.
    pub(super) options: usize,
}

impl Distance {
    pub(super) fn between(first: &OptionScores, again: &OptionScores) -> Self {
        let mut distance = Self::default();
        for (one, other) in first.options.iter().zip(&again.options) {
            distance.options += 1;
            distance.option = distance.option.max(gap(one.logprob(), other.logprob()));
            let tokens = one.token_logprobs.iter().zip(&other.token_logprobs);
            let gaps = tokens.map(|(&one, &other)| gap(one, other));
            distance.token = gaps.fold(distance.token, f64::max);
        }
        distance
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self {
            token: self.token.max(other.token),
            option: self.option.max(other.option),
            options: self.options + other.options,
        }
    }
}

/// |a − b|; nothing lies between two impossible tokens.
#[expect(
    clippy::float_cmp,
    reason = "equal infinities have no finite difference"
)]
pub(super) fn gap(a: f64, b: f64) -> f64 {
    if a == b { 0.0 } else { (a - b).abs() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_tokens_are_equal_and_infinitely_far_from_possible_ones() {
        let gaps = [
            gap(f64::NEG_INFINITY, f64::NEG_INFINITY),
            gap(f64::NEG_INFINITY, -3.0),
            gap(-1.0, -1.5),
        ];
        assert_eq!(
            gaps.map(f64::to_bits),
            [0.0, f64::INFINITY, 0.5].map(f64::to_bits)
        );
    }
}
