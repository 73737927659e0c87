use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::{
    ScoringProbeRequest,
    error::{CheckName, ScoringProbeError},
    noise::{Distance, NoiseFloor, gap},
    special,
};
use crate::{
    failure::FailureKind,
    generate::Input,
    score::{
        audit::TokenisedOptions,
        choose::{Trial, trial},
        error::ScoreError,
        exchange::{Scorer, Settings},
        first_token,
        method::{BorderRule, ScoreMethod},
        read::{ReadError, Step, Unusable},
        request::ScoreRequest,
        score, score_tokens,
        scores::OptionScores,
        tokenise,
        walk::walk,
        wire,
    },
    transport::{Endpoint, Transport},
};

/// Tokens of a walk: enough for an option of one token and one of two behind it.
const WALK: usize = 3;
/// Walks of different seeds, should a model end its text at once.
const WALKS: u64 = 4;
/// Prompts on which walks are made.
const WALKED: usize = 3;
/// The most that probabilities of events that exclude each other may add up to, rounding included.
const MOST_MASS: f64 = 1.01;
/// Characters of a prompt that a message shows.
const SHOWN: usize = 60;

/// Makes the steps of a check.
pub(super) struct Prober<'a> {
    transport: &'a Transport,
    request: &'a ScoringProbeRequest,
    cancel: &'a CancellationToken,
}

impl<'a> Prober<'a> {
    pub(super) fn new(
        transport: &'a Transport,
        request: &'a ScoringProbeRequest,
        cancel: &'a CancellationToken,
    ) -> Self {
        Self {
            transport,
            request,
            cancel,
        }
    }

    fn scorer(&self, seed: u64) -> Scorer<'a> {
        self.scorer_at(1.0, seed)
    }

    fn scorer_at(&self, temperature: f64, seed: u64) -> Scorer<'a> {
        let settings = Settings {
            model: &self.request.model,
            seed,
            temperature,
        };
        Scorer::new(self.transport, settings, self.cancel)
    }

    fn url(&self) -> String {
        self.transport.root().to_owned()
    }

    fn unanswered(&self, error: ScoreError) -> ScoringProbeError {
        ScoringProbeError::unanswered(self.transport.root(), error)
    }

    /// A score that did not come within a check: an answer without its numbers fails the check.
    fn unscored(&self, check: CheckName, error: ScoreError) -> ScoringProbeError {
        let last = error
            .request()
            .and_then(|request| request.attempts().last());
        match last.filter(|attempt| attempt.kind == Some(FailureKind::BrokenBody)) {
            Some(attempt) => {
                let found = attempt.failure.clone().unwrap_or_default();
                self.failed(check, found)
            }
            None => self.unanswered(error),
        }
    }

    fn failed(&self, check: CheckName, found: impl Into<String>) -> ScoringProbeError {
        ScoringProbeError::Check {
            url: self.url(),
            check,
            found: found.into(),
        }
    }

    /// What the server puts before a prompt; the same for texts and for the ids that `/tokenize` gives.
    pub(super) async fn special_prefix(
        &self,
        input: &Input,
    ) -> Result<Vec<u32>, ScoringProbeError> {
        let scorer = self.scorer(0);
        let text = text_of(input);
        let ids = async |special| {
            let ids = tokenise::text_ids(&scorer, &text, special).await;
            ids.map_err(|error| self.unanswered(error))
        };
        let (with, bare) = (ids(true).await?, ids(false).await?);
        let refused = |found| self.failed(CheckName::SpecialTokens, found);
        let prefix = special::prefix(&with, &bare).map_err(refused)?;
        if let Some(wanted) = self
            .request
            .bos
            .filter(|&wanted| wanted == prefix.is_empty())
        {
            return Err(refused(special::unexpected(wanted, &prefix)));
        }
        let body = wire::completion(scorer.settings, &text, 1, wire::WarmUp::ON);
        let counted = scorer.try_post(Endpoint::Completions, body, prompt_tokens);
        let counted = counted.await.map_err(|error| self.unanswered(error))?;
        match counted {
            Ok(count) if count != with.len() as u64 => Err(refused(format!(
                "a prompt sent as text has {count} tokens, and {} from `/tokenize`",
                with.len()
            ))),
            // A server that counts no tokens cannot be held to them.
            Ok(_) | Err(_) => Ok(prefix),
        }
    }

    /// The method that was asked for, else the first that works.
    pub(super) async fn choose(
        &self,
        input: &Input,
        options: &[String],
    ) -> Result<ScoreMethod, ScoringProbeError> {
        let scorer = self.scorer(0);
        let option = options.first().map_or("", String::as_str);
        let (text, mut tried) = (text_of(input), Vec::new());
        let ids = async |text, special| {
            let ids = tokenise::text_ids(&scorer, text, special).await;
            ids.map_err(|error| self.unanswered(error))
        };
        let (prompt, option) = (ids(&text, true).await?, ids(option, false).await?);
        let candidates = match &self.request.method {
            Some(method) => std::slice::from_ref(method),
            None => &ScoreMethod::EXACT[..],
        };
        for &method in candidates {
            let found = trial(&scorer, method, &prompt, &option).await;
            match found.map_err(|error| self.unanswered(error))? {
                Trial::Works => return Ok(method),
                Trial::Unknown(why) => tried.push((method, why)),
                Trial::Broken(found) => {
                    let found = format!("`{method}`: {found}");
                    return Err(self.failed(CheckName::TokenCount, found));
                }
            }
        }
        let url = self.url();
        Err(ScoringProbeError::NoMethod { url, tried })
    }

    /// Every sample in the tokens of the model.
    pub(super) async fn audit(
        &self,
        method: ScoreMethod,
        prefix: &[u32],
    ) -> Result<Vec<TokenisedOptions>, ScoringProbeError> {
        let scorer = self.scorer(0);
        let mut all = Vec::with_capacity(self.request.samples.len());
        for (input, options) in &self.request.samples {
            let tokenised = tokenise::options(&scorer, method, input, options).await;
            let tokenised = tokenised.map_err(|error| match error {
                ScoreError::Options(source) => ScoringProbeError::Options {
                    prompt: end_of(&text_of(input)),
                    source,
                },
                error @ ScoreError::Request(_) => self.unanswered(error),
            })?;
            let prompt = tokenised.prompt();
            if let Some(id) = special::doubled(prompt, prefix) {
                return Err(self.failed(CheckName::SpecialTokens, special::twice(id)));
            }
            // A template may leave out what the server puts before texts.
            if self.request.bos == Some(true) && !prompt.starts_with(prefix) {
                let found = special::unexpected(true, &[]);
                return Err(self.failed(CheckName::SpecialTokens, found));
            }
            if method == ScoreMethod::FirstToken {
                first_token::distinct(&tokenised.clone().first_tokens()).map_err(|source| {
                    let prompt = end_of(&text_of(input));
                    ScoringProbeError::Options { prompt, source }
                })?;
            }
            all.push(tokenised);
        }
        Ok(all)
    }

    /// The largest difference that breaks the chain rule, and the number of tokens compared.
    pub(super) async fn chain_rule(
        &self,
        method: ScoreMethod,
        tokenised: &[TokenisedOptions],
    ) -> Result<(f64, usize), ScoringProbeError> {
        let (mut largest, mut tokens) = (0.0_f64, 0);
        for prompt in prompts(tokenised) {
            let walked = self.walked(prompt).await?;
            let in_parts = self.in_parts(method, prompt, &walked).await;
            let in_parts = in_parts.map_err(|error| self.unscored(CheckName::ChainRule, error))?;
            for ((step, whole), part) in walked.iter().zip(in_parts.0).zip(in_parts.1) {
                let Step {
                    id, logprob: alone, ..
                } = *step;
                let difference = gap(whole, alone).max(gap(whole, part));
                if difference > self.request.tolerance_nat {
                    return Err(self.failed(
                        CheckName::ChainRule,
                        format!(
                            "token {id} has the log-probability {whole} within an option of {} tokens, {part} with the tokens \
                             before it in the prompt, and {alone} when the server generates it; at most {} nat may lie between them",
                            walked.len(),
                            self.request.tolerance_nat
                        ),
                    ));
                }
                largest = largest.max(difference);
                tokens += 1;
            }
        }
        Ok((largest, tokens))
    }

    /// Whether the server generates by the log-probabilities that it tells.
    pub(super) async fn greedy_tokens(
        &self,
        tokenised: &[TokenisedOptions],
    ) -> Result<(), ScoringProbeError> {
        let scorer = self.scorer_at(0.0, 0);
        let (tolerance, mut compared) = (self.request.tolerance_nat, 0);
        for prompt in prompts(tokenised) {
            let walked = walk(&scorer, prompt, WALK).await;
            let walked = walked.map_err(|error| self.unanswered(error))?;
            let refused = |found: String| self.failed(CheckName::GreedyToken, found);
            let steps = walked.map_err(|unusable| {
                refused(format!(
                    "nothing to compare with, of generated tokens: {unusable}"
                ))
            })?;
            for step in &steps {
                let Some(likeliest) = step.likeliest else {
                    continue;
                };
                if likeliest - step.logprob > tolerance {
                    return Err(refused(format!(
                        "at temperature 0 the server chose token {} with the log-probability {}, and lists another with {likeliest}; \
                         at most {tolerance} nat may lie between them",
                        step.id, step.logprob
                    )));
                }
                compared += 1;
            }
        }
        if compared == 0 {
            let found = "the server lists no likeliest tokens of what it generates";
            return Err(self.failed(CheckName::GreedyToken, found));
        }
        Ok(())
    }

    /// At least two tokens that the server generates behind `prompt`.
    async fn walked(&self, prompt: &[u32]) -> Result<Vec<Step>, ScoringProbeError> {
        let refused = |found: String| self.failed(CheckName::ChainRule, found);
        for seed in 1..=WALKS {
            let scorer = self.scorer(seed);
            let walked = walk(&scorer, prompt, WALK).await;
            let walked = walked.map_err(|error| self.unanswered(error))?;
            let tokens = walked.map_err(|unusable| {
                refused(format!(
                    "nothing to compare with, of generated tokens: {unusable}"
                ))
            })?;
            if tokens.len() >= 2 {
                return Ok(tokens);
            }
        }
        Err(refused(format!(
            "the model ended its text after less than two tokens, {WALKS} times"
        )))
    }

    /// The tokens of a walk as one option, and as two options one behind the other.
    async fn in_parts(
        &self,
        method: ScoreMethod,
        prompt: &[u32],
        walked: &[Step],
    ) -> Result<(Vec<f64>, Vec<f64>), ScoreError> {
        let ids: Vec<u32> = walked.iter().map(|step| step.id).collect();
        let (first, rest) = ids.split_at(1);
        let whole = self.logprobs(method, prompt, &ids).await?;
        let mut parts = self.logprobs(method, prompt, first).await?;
        let longer = [prompt, first].concat();
        parts.extend(self.logprobs(method, &longer, rest).await?);
        Ok((whole, parts))
    }

    async fn logprobs(
        &self,
        method: ScoreMethod,
        prompt: &[u32],
        option: &[u32],
    ) -> Result<Vec<f64>, ScoreError> {
        let (names, ids) = ([String::from("walk")], vec![option.to_vec()]);
        let tokenised = TokenisedOptions::new(prompt.to_vec(), &names, ids, BorderRule::Appended)?;
        let scores = score_tokens(&self.scorer(0), method, tokenised).await?;
        let first = scores.options.into_iter().next();
        Ok(first
            .map(|option| option.token_logprobs)
            .unwrap_or_default())
    }

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
            self.check_mass(&scores)?;
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
    fn check_mass(&self, scores: &OptionScores) -> Result<(), ScoringProbeError> {
        let mass: f64 = scores
            .options
            .iter()
            .map(|option| option.logprob().exp())
            .sum();
        if mass <= MOST_MASS {
            return Ok(());
        }
        let found = format!("options that exclude each other have the probability {mass} together");
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

    async fn score(&self, method: ScoreMethod, sample: usize) -> Result<OptionScores, ScoreError> {
        let (input, options) = &self.request.samples[sample];
        let model = self.request.model.as_str();
        let request = ScoreRequest::new(model, input.clone(), options.clone(), method);
        score(self.transport, &request, self.cancel).await
    }
}

/// Distinct prompts, a few of them.
fn prompts(tokenised: &[TokenisedOptions]) -> impl Iterator<Item = &[u32]> {
    let prompts: BTreeSet<&[u32]> = tokenised.iter().map(TokenisedOptions::prompt).collect();
    prompts.into_iter().take(WALKED)
}

fn text_of(input: &Input) -> String {
    match input {
        Input::Completion(prompt) => prompt.clone(),
        Input::Chat(messages) => {
            let texts: Vec<&str> = messages.iter().map(|turn| turn.content.as_str()).collect();
            texts.join("\n")
        }
    }
}

fn end_of(prompt: &str) -> String {
    let skipped = prompt.chars().count().saturating_sub(SHOWN);
    prompt.chars().skip(skipped).collect()
}

/// The tokens of the prompt as the server counts them.
fn prompt_tokens(raw: &RawValue) -> Result<u64, ReadError> {
    #[derive(Deserialize)]
    struct Wire {
        usage: Option<Usage>,
    }
    #[derive(Deserialize)]
    struct Usage {
        prompt_tokens: u64,
    }
    let said: Option<Wire> = serde_json::from_str(raw.get()).ok();
    let usage = said.and_then(|said| said.usage);
    let absent = Unusable::Absent { field: "usage" };
    Ok(usage.ok_or(absent)?.prompt_tokens)
}
