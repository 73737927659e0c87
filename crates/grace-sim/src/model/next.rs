//! The distribution of one token.

use super::babble::Babble;
use crate::draws::Draws;
use crate::tokenizer::Tokenizer;

/// Log-probabilities of all tokens at one place: in closed form, or one by one.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    Babble(Babble),
    /// By id.
    Full(Vec<f64>),
}

impl Next {
    /// ln P of a token; −∞ for what is none.
    pub(crate) fn logprob(&self, id: u32) -> f64 {
        match self {
            Self::Babble(babble) => babble.logprob(id),
            Self::Full(logprobs) => logprobs
                .get(id as usize)
                .copied()
                .unwrap_or(f64::NEG_INFINITY),
        }
    }

    pub(crate) fn logprobs(&self) -> Vec<f64> {
        match self {
            Self::Babble(babble) => all_ids().map(|id| babble.logprob(id)).collect(),
            Self::Full(logprobs) => logprobs.clone(),
        }
    }

    /// The token's place among all, from 1: one more than there are likelier tokens.
    pub(crate) fn rank(&self, id: u32) -> usize {
        match self {
            Self::Babble(babble) => babble.rank(id),
            Self::Full(logprobs) => {
                let own = self.logprob(id);
                1 + logprobs.iter().filter(|&&other| other > own).count()
            }
        }
    }

    /// The `count` likeliest tokens, likeliest first, lower ids first among equals.
    pub(crate) fn top(&self, count: usize) -> Vec<u32> {
        match self {
            Self::Babble(babble) => babble.top(count),
            Self::Full(logprobs) => {
                let mut ids: Vec<u32> = all_ids().take(logprobs.len()).collect();
                ids.sort_by(|&a, &b| self.logprob(b).total_cmp(&self.logprob(a)));
                ids.truncate(count);
                ids
            }
        }
    }

    /// The distribution that is sampled from at a temperature; at 0 all of it is on the likeliest token.
    pub(crate) fn at_temperature(&self, temperature: f64) -> Self {
        let mut logprobs = self.logprobs();
        if temperature > 0.0 {
            for logprob in &mut logprobs {
                *logprob /= temperature;
            }
            let largest = logprobs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logprobs.iter().map(|x| (x - largest).exp()).sum();
            let total = largest + sum.ln();
            for logprob in &mut logprobs {
                *logprob -= total;
            }
        } else {
            let first = self.top(1);
            logprobs = all_ids()
                .map(|id| {
                    if first.contains(&id) {
                        0.0
                    } else {
                        f64::NEG_INFINITY
                    }
                })
                .collect();
        }
        Self::Full(logprobs)
    }

    /// The same without a token; what is left does not add up to 1.
    pub(crate) fn without(&self, id: u32) -> Self {
        let mut logprobs = self.logprobs();
        if let Some(logprob) = logprobs.get_mut(id as usize) {
            *logprob = f64::NEG_INFINITY;
        }
        Self::Full(logprobs)
    }

    /// A token drawn at a temperature.
    pub(crate) fn sample(&self, temperature: f64, draws: &mut Draws) -> u32 {
        if temperature <= 0.0 {
            return self.top(1).first().copied().unwrap_or(Tokenizer::EOS);
        }
        let weights: Vec<f64> = self
            .at_temperature(temperature)
            .logprobs()
            .into_iter()
            .map(f64::exp)
            .collect();
        u32::try_from(draws.index(&weights)).unwrap_or(Tokenizer::EOS)
    }
}

fn all_ids() -> impl Iterator<Item = u32> {
    (0_u32..).take(Tokenizer::VOCABULARY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(p: &[f64]) -> Next {
        Next::Full(p.iter().map(|p| p.ln()).collect())
    }

    #[test]
    fn ranks_count_the_likelier_tokens() {
        let next = full(&[0.2, 0.5, 0.1, 0.2]);
        assert_eq!([0, 1, 2, 3].map(|id| next.rank(id)), [2, 1, 4, 2]);
        assert_eq!(next.top(3), [1, 0, 3]);
    }

    #[test]
    fn a_temperature_of_a_half_squares_the_odds() {
        let next = full(&[0.2, 0.8]).at_temperature(0.5);
        assert!((next.logprob(1) - next.logprob(0) - 16.0_f64.ln()).abs() < 1e-12);
        assert!((next.logprob(1).exp() + next.logprob(0).exp() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn draws_follow_the_probabilities() {
        let next = full(&[0.2, 0.8]);
        let ones: u32 = (0..4000)
            .map(|seed| next.sample(1.0, &mut Draws::of_request(seed)))
            .sum();
        assert!((f64::from(ones) / 4000.0 - 0.8).abs() < 0.02);
        assert_eq!(next.sample(0.0, &mut Draws::of_request(1)), 1);
    }
}
