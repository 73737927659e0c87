//! The first steps of a check: special tokens, a method, options as tokens.

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::{
    ScoringProbeRequest,
    error::{CheckName, ScoringProbeError},
    special,
};
use crate::{
    error::RequestErrorKind,
    generate::Input,
    score::{
        audit::TokenisedOptions,
        choose::{Trial, trial},
        error::ScoreProblem,
        exchange::{Scorer, Settings},
        first_token,
        method::ScoreMethod,
        read::{ReadError, Unusable},
        tokenise, wire,
    },
    transport::{Endpoint, Transport},
};

/// Characters of a prompt that a message shows.
const SHOWN: usize = 60;

/// Makes the steps of a check.
pub(super) struct Prober<'a> {
    pub(super) transport: &'a Transport,
    pub(super) request: &'a ScoringProbeRequest,
    pub(super) cancel: &'a CancellationToken,
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

    pub(super) fn scorer(&self, seed: u64) -> Scorer<'a> {
        self.scorer_at(1.0, seed)
    }

    pub(super) fn scorer_at(&self, temperature: f64, seed: u64) -> Scorer<'a> {
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

    pub(super) fn unanswered(&self, error: ScoreProblem) -> ScoringProbeError {
        ScoringProbeError::unanswered(self.transport.root(), error)
    }

    /// A score that did not come within a check: answers without its numbers fail the check, whatever else happened is none
    /// of the server's numbers.
    pub(super) fn unscored(&self, check: CheckName, error: ScoreProblem) -> ScoringProbeError {
        let unusable = error
            .request()
            .filter(|request| request.kind() == RequestErrorKind::Unusable);
        match unusable.and_then(|request| request.attempts().last()) {
            Some(last) => self.failed(check, last.failure.clone().unwrap_or_default()),
            None => self.unanswered(error),
        }
    }

    pub(super) fn failed(&self, check: CheckName, found: impl Into<String>) -> ScoringProbeError {
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
                ScoreProblem::Options(source) => ScoringProbeError::Options {
                    prompt: end_of(&text_of(input)),
                    source,
                },
                error @ ScoreProblem::Request(_) => self.unanswered(error),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{ClientConfig, RequestError, error::Attempt, failure::FailureKind};

    /// A request whose last answer had no numbers, and what it came to.
    fn lost(kind: RequestErrorKind) -> ScoreProblem {
        let attempt = Attempt {
            started_after: Duration::ZERO,
            took: Duration::ZERO,
            status: Some(200),
            failure: Some(String::from("is null")),
            kind: Some(FailureKind::Unusable),
            waited_before: Duration::ZERO,
        };
        let body = RawValue::from_string(String::from("{}")).unwrap();
        let history = (vec![attempt], Duration::ZERO);
        RequestError::new(kind, String::from("http://x"), body, history, None).into()
    }

    #[tokio::test]
    async fn only_answers_without_numbers_fail_a_check() {
        let transport = Transport::new(ClientConfig::new("http://127.0.0.1:9").unwrap()).unwrap();
        let request = ScoringProbeRequest::new("tiny", Vec::new());
        let cancel = CancellationToken::new();
        let prober = Prober::new(&transport, &request, &cancel);
        let unscored = |kind| prober.unscored(CheckName::ChainRule, lost(kind));
        let check = unscored(RequestErrorKind::Unusable);
        assert!(
            matches!(&check, ScoringProbeError::Check { found, .. } if found == "is null"),
            "{check:?}"
        );
        let gave_up = unscored(RequestErrorKind::GaveUp);
        assert!(gave_up.is_transient(), "{gave_up:?}");
        let cancelled = unscored(RequestErrorKind::Cancelled);
        assert!(
            matches!(cancelled, ScoringProbeError::Cancelled { .. }),
            "{cancelled:?}"
        );
    }
}
