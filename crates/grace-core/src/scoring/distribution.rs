use grace_stats::distribution::{Distribution, DistributionError};

use super::ScoreEntry;
use crate::answer::Value;
use crate::experiment::{ScoreColumns, ScoreQuery};

/// The most that probabilities of options had by `method` may add up to, which exclude each other; with room for rounding.
///
/// A trie's come of one distribution at each token. Elsewhere each option has a prompt or a request of its own, whose numbers
/// move with the batch: by as much as is allowed of the least precise server, 0.25 nat, and 1 nat of llama.cpp.
fn most_mass(method: &str) -> f64 {
    let noise: f64 = match method {
        "prompt_logprobs" => 0.25,
        "forced_tokens" => 1.0,
        _ => 0.0,
    };
    1.01 * noise.exp()
}

/// The distribution over the options of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    distribution: Distribution,
}

/// Scores that make no distribution.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoresError {
    /// The scores are those of other options.
    #[error("{found} options were scored, expected {expected}")]
    Options {
        /// Options of the entry.
        found: usize,
        /// Options of the query.
        expected: usize,
    },
    /// Tokens of an option have no log-probability.
    #[error(
        "option number {option} has {tokens} tokens and {logprobs} log-probabilities, expected one for each"
    )]
    Tokens {
        /// The option, from 0.
        option: usize,
        /// Its tokens.
        tokens: usize,
        /// Its log-probabilities.
        logprobs: usize,
    },
    /// Options that exclude each other cannot be so likely.
    #[error(
        "the options have the probability {mass} together, expected at most 1 (up to {most:.2} for the noise of the server)"
    )]
    Mass {
        /// The sum of their probabilities.
        mass: f64,
        /// The most that it may be.
        most: f64,
    },
    /// The numbers make no distribution.
    #[error(transparent)]
    Distribution(#[from] DistributionError),
}

impl Scores {
    /// Normalises the scores of `entry` over the options of `query`.
    ///
    /// # Errors
    ///
    /// Returns [`ScoresError`] if the entry is not about these options, or if none of them has any probability.
    pub fn new(query: &ScoreQuery, entry: &ScoreEntry<'_>) -> Result<Self, ScoresError> {
        let (found, expected) = (entry.options.len(), query.options.len());
        if found != expected {
            return Err(ScoresError::Options { found, expected });
        }
        for (option, scored) in entry.options.iter().enumerate() {
            let (tokens, logprobs) = (scored.token_ids.len(), scored.logprobs.len());
            if tokens != logprobs || tokens == 0 {
                return Err(ScoresError::Tokens {
                    option,
                    tokens,
                    logprobs,
                });
            }
        }
        let logprobs: Vec<f64> = entry
            .options
            .iter()
            .map(super::ScoredOption::logprob)
            .collect();
        let distribution = Distribution::from_logprobs(&logprobs)?;
        let mass = distribution.mass();
        let most = most_mass(&entry.method);
        if mass > most {
            return Err(ScoresError::Mass { mass, most });
        }
        Ok(Self { distribution })
    }

    /// The natural logarithm of the probability that the model gives the options together, before normalising.
    pub fn log_mass(&self) -> f64 {
        self.distribution.log_mass()
    }

    /// One value for each column of the query, in order.
    pub fn values(&self, query: &ScoreQuery) -> Vec<Value> {
        let ScoreColumns {
            mean,
            std,
            entropy,
            marginals,
            ..
        } = &query.columns;
        let probs = self.distribution.probs();
        let mut values: Vec<f64> = probs.to_vec();
        // That every option has a value where they are asked for was checked with the file.
        let numbers: Option<Vec<f64>> = query.options.iter().map(|option| option.value).collect();
        let valued =
            numbers.and_then(|numbers| self.distribution.clone().with_values(&numbers).ok());
        if let Some(valued) = valued {
            values.extend(mean.is_some().then(|| valued.mean()));
            values.extend(std.is_some().then(|| valued.std()));
        }
        values.extend(entropy.is_some().then(|| self.distribution.entropy_bits()));
        for (_, labels) in marginals {
            let belongs = |option: usize| labels.contains(&query.options[option].label);
            values.push(self.distribution.prob_where(belongs));
        }
        values.into_iter().map(Value::Real).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Experiment, QueryKind, builtin};
    use crate::scoring::{Logprob, ScoredOption};

    fn query(experiment: &str, id: &str) -> ScoreQuery {
        let file = builtin(experiment).unwrap();
        let experiment = Experiment::parse(file.file, file.text).unwrap();
        let found = experiment
            .queries
            .into_iter()
            .find(|query| query.id.as_str() == id);
        match found.unwrap().kind {
            QueryKind::Score(score) => score,
            QueryKind::Generate(_) => panic!("{id} is no score query"),
        }
    }

    fn entry(logprobs: &[f64]) -> ScoreEntry<'static> {
        let option = |&logprob: &f64| ScoredOption {
            token_ids: vec![1, 2],
            logprobs: vec![Logprob(logprob), Logprob(0.0)],
        };
        ScoreEntry {
            method: "trie".into(),
            border: "joint".into(),
            prompt_tokens: 3,
            options: logprobs.iter().map(option).collect(),
            requests: 1,
            tokenise_requests: 0,
            prompt_tokens_sent: 9,
        }
    }

    fn reals(values: Vec<Value>) -> Vec<f64> {
        let real = |value| match value {
            Value::Real(real) => real,
            other => panic!("{other:?}"),
        };
        values.into_iter().map(real).collect()
    }

    #[test]
    fn percentages_have_mean_deviation_and_entropy() {
        let query = query("study1_exp2", "state0");
        let mut logprobs = [f64::NEG_INFINITY; 11];
        (logprobs[2], logprobs[6]) = (-700.0, -700.0);
        let scores = Scores::new(&query, &entry(&logprobs)).unwrap();
        let values = reals(scores.values(&query));
        assert_eq!(values.len(), query.column_names().len());
        let expected = [
            0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 40.0, 20.0, 1.0,
        ];
        for (value, expected) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-12, "{values:?}");
        }
    }

    #[test]
    fn marginals_add_up() {
        let query = query("study2_exp2", "response");
        let logprobs = [-2.0, -3.0, -4.0, -5.0, -2.5, -3.5, -4.5, -5.5];
        let scores = Scores::new(&query, &entry(&logprobs)).unwrap();
        let values = reals(scores.values(&query));
        let by_name: std::collections::BTreeMap<&str, f64> =
            query.column_names().into_iter().zip(values).collect();
        let sum = |names: [&str; 2]| names.iter().map(|name| by_name[*name]).sum::<f64>();
        assert!((sum(["prob_was", "prob_wasnt"]) - 1.0).abs() < 1e-12);
        assert!((sum(["prob_was_bad", "prob_wasnt_bad"]) - by_name["prob_bad"]).abs() < 1e-12);
        let mass: f64 = logprobs.iter().map(|logprob| logprob.exp()).sum();
        assert!((scores.log_mass() - mass.ln()).abs() < 1e-12);
    }

    #[test]
    fn scores_of_other_options_and_impossible_ones_are_refused() {
        let query = query("study1_exp2", "knowledge");
        let error = Scores::new(&query, &entry(&[-1.0])).unwrap_err();
        assert_eq!(error.to_string(), "1 options were scored, expected 2");
        let error = Scores::new(&query, &entry(&[f64::NEG_INFINITY; 2])).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("none of 2 options has any probability")
        );
        let error = Scores::new(&query, &entry(&[-0.2, -0.3])).unwrap_err();
        assert!(
            error.to_string().contains("together, expected at most 1"),
            "{error}"
        );
        // Noise may make a little more than 1 of options that have a request each, and of no others.
        let mut noisy = entry(&[-0.6, -0.6]);
        assert!(Scores::new(&query, &noisy).is_err());
        noisy.method = "prompt_logprobs".into();
        let log_mass = Scores::new(&query, &noisy).unwrap().log_mass();
        assert!((log_mass.exp() - 1.098).abs() < 1e-3, "{log_mass}");
        let mut noisy = entry(&[-0.2, -0.3]);
        noisy.method = "prompt_logprobs".into();
        assert!(Scores::new(&query, &noisy).is_err());
        noisy.method = "forced_tokens".into();
        assert!(Scores::new(&query, &noisy).is_ok());
        let mut short = entry(&[-1.0, -2.0]);
        short.options[1].logprobs.pop();
        let error = Scores::new(&query, &short).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("option number 1 has 2 tokens and 1 log-prob")
        );
    }
}
