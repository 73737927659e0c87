//! Scores again, alone and under load.

use futures_util::future::try_join_all;

use super::{
    error::{CheckName, ScoringProbeError},
    noise::{Distance, NoiseFloor},
    prober::Prober,
};
use crate::score::{
    error::{ScoreError, ScoreProblem},
    method::ScoreMethod,
    request::ScoreRequest,
    score,
    scores::OptionScores,
};

/// The most that probabilities of events that exclude each other may add up to, rounding included.
const MOST_MASS: f64 = 1.01;

impl Prober<'_> {
    /// How much repeated scores differ.
    pub(super) async fn noise_floor(
        &self,
        method: ScoreMethod,
    ) -> Result<NoiseFloor, ScoringProbeError> {
        let chosen = self.fewest_and_most_options();
        let samples = chosen.len();
        let scored = async |sample| {
            let scored = self.score(method, sample).await;
            scored.map_err(|error| self.unscored(CheckName::RepeatedScoring, error))
        };
        let (mut first, mut alone) = (Vec::with_capacity(samples), Distance::default());
        for &sample in &chosen {
            let scores = scored(sample).await?;
            self.check_mass(method, &scores)?;
            alone = alone.or(Distance::between(&scores, &scored(sample).await?));
            first.push(scores);
        }
        let copies = self.request.concurrency.max(samples);
        let together = chosen.iter().cycle().take(copies);
        let together = together.map(|&sample| self.score(method, sample));
        let together = try_join_all(together).await;
        let mut loaded = Distance::default();
        for (first, again) in first
            .iter()
            .cycle()
            .zip(together.map_err(|error| self.unscored(CheckName::RepeatedScoring, error))?)
        {
            loaded = loaded.or(Distance::between(first, &again));
        }
        let (largest, tolerance) = (alone.token.max(loaded.token), self.request.tolerance_nat);
        if largest > tolerance {
            let found = format!(
                "the log-probability of one token behind one prompt differs by {largest} nat from one score to another, \
                 at most {tolerance} may lie between them"
            );
            return Err(self.failed(CheckName::RepeatedScoring, found));
        }
        Ok(NoiseFloor {
            alone_nat: alone.option,
            loaded_nat: loaded.option,
            options: alone.options + loaded.options,
        })
    }

    /// Options exclude each other, so their probabilities add up to 1 at most. Numbers that are no log-probabilities, such
    /// as raw logits, may do all else right.
    fn check_mass(
        &self,
        method: ScoreMethod,
        scores: &OptionScores,
    ) -> Result<(), ScoringProbeError> {
        let noise = if method.asks_option_by_option() {
            self.request.tolerance_nat
        } else {
            0.0
        };
        let most = MOST_MASS * noise.exp();
        let mass: f64 = scores
            .options
            .iter()
            .map(|option| option.logprob().exp())
            .sum();
        if mass <= most {
            return Ok(());
        }
        let found = format!(
            "options that exclude each other have the probability {mass} together, at most {most:.2} is noise"
        );
        Err(self.failed(CheckName::TotalProbability, found))
    }

    /// The samples to repeat.
    fn fewest_and_most_options(&self) -> Vec<usize> {
        let samples = &self.request.samples;
        let options = |&sample: &usize| samples[sample].1.len();
        let fewest = (0..samples.len()).min_by_key(options);
        let most = (0..samples.len()).max_by_key(options);
        let mut chosen: Vec<usize> = fewest.into_iter().chain(most).collect();
        chosen.dedup();
        chosen
    }

    async fn score(
        &self,
        method: ScoreMethod,
        sample: usize,
    ) -> Result<OptionScores, ScoreProblem> {
        let (input, options) = &self.request.samples[sample];
        let model = self.request.model.as_str();
        let request = ScoreRequest::new(model, input.clone(), options.clone(), method);
        let scored = score(self.transport, &request, self.cancel).await;
        scored.map_err(ScoreError::into_problem)
    }
}
