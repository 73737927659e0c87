//! How probable a model finds given options as continuations of a prompt.

mod again;
mod audit;
mod check;
mod choose;
mod error;
mod exchange;
mod first_token;
mod forced_tokens;
mod method;
mod prompt_logprobs;
mod read;
mod request;
mod scores;
mod tokenise;
mod trie;
mod walk;
mod wire;

pub use again::RecordedScore;
pub use audit::{OptionProblem, TokenisedOptions};
pub use check::{CheckName, NoiseFloor, ScoringProbe, ScoringProbeError, ScoringProbeRequest};
pub use error::ScoreError;
pub use method::{BorderRule, ScoreMethod, ScoreMethodError};
pub use request::ScoreRequest;
pub use scores::{OptionScore, OptionScores, ScoreExchange};

pub(crate) use check::probe;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::exchange::{Scorer, Settings};
use crate::generate::Input;
use crate::transport::Transport;

/// Scores the options of `request`: token ids first, then their log-probabilities.
pub(crate) async fn score(
    transport: &Transport,
    request: &ScoreRequest,
    cancel: &CancellationToken,
) -> Result<OptionScores, ScoreError> {
    let called = Instant::now();
    let scorer = Scorer::new(transport, request.settings(), cancel);
    let mut scores = match (&request.input, request.method) {
        // The server tells the ids together with the numbers.
        (Input::Completion(prompt), ScoreMethod::PromptLogprobs) => {
            prompt_logprobs::score_text(&scorer, prompt, &request.options).await?
        }
        (input, method) => {
            let tokenised = tokenise::options(&scorer, method, input, &request.options).await?;
            score_tokens(&scorer, method, tokenised).await?
        }
    };
    scores.elapsed = called.elapsed();
    Ok(scores)
}

/// Sends the requests of an earlier score again.
pub(crate) async fn rescore(
    transport: &Transport,
    recorded: &RecordedScore<'_>,
    cancel: &CancellationToken,
) -> Result<Vec<Vec<f64>>, ScoreError> {
    // Model and seed stand in the bodies.
    let settings = Settings {
        model: "",
        seed: 0,
        temperature: 1.0,
    };
    again::rescore(&Scorer::new(transport, settings, cancel), recorded).await
}

/// Scores options that are token ids already.
pub(crate) async fn score_tokens(
    scorer: &Scorer<'_>,
    method: ScoreMethod,
    options: TokenisedOptions,
) -> Result<OptionScores, ScoreError> {
    match method {
        ScoreMethod::PromptLogprobs => prompt_logprobs::score_tokens(scorer, options).await,
        ScoreMethod::Trie => trie::score_tokens(scorer, options).await,
        ScoreMethod::ForcedTokens => forced_tokens::score_tokens(scorer, options).await,
        ScoreMethod::FirstToken => first_token::score_tokens(scorer, options).await,
    }
}
