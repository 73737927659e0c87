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
mod record;
mod request;
mod scores;
mod tokenise;
mod trie;
mod walk;
mod wire;

pub use again::RecordedScore;
pub use audit::{OptionProblem, TokenisedOptions};
pub use check::{CheckName, NoiseFloor, ScoringProbe, ScoringProbeError, ScoringProbeRequest};
pub use error::{ScoreError, ScoreProblem};
pub use method::{BorderRule, ScoreMethod, ScoreMethodError};
pub use request::ScoreRequest;
pub use scores::{OptionScore, OptionScores, ScoreExchange};

pub(crate) use check::{audit, probe};

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
    let scorer = Scorer::new(transport, request.settings(), cancel);
    let scored = score_input(&scorer, request).await;
    let (scores, exchanges, elapsed) = scorer.finish(scored)?;
    Ok(OptionScores {
        exchanges,
        elapsed,
        ..scores
    })
}

async fn score_input(
    scorer: &Scorer<'_>,
    request: &ScoreRequest,
) -> Result<OptionScores, ScoreProblem> {
    match (&request.input, request.method) {
        // The server tells the ids together with the numbers.
        (Input::Completion(prompt), ScoreMethod::PromptLogprobs) => {
            prompt_logprobs::score_text(scorer, prompt, &request.options).await
        }
        (input, method) => {
            let tokenised = tokenise::options(scorer, method, input, &request.options).await?;
            score_tokens(scorer, method, tokenised).await
        }
    }
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
    let scorer = Scorer::new(transport, settings, cancel);
    let again = again::rescore(&scorer, recorded).await;
    Ok(scorer.finish(again)?.0)
}

/// Scores options that are token ids already.
pub(crate) async fn score_tokens(
    scorer: &Scorer<'_>,
    method: ScoreMethod,
    options: TokenisedOptions,
) -> Result<OptionScores, ScoreProblem> {
    match method {
        ScoreMethod::PromptLogprobs => prompt_logprobs::score_tokens(scorer, options).await,
        ScoreMethod::Trie => trie::score_tokens(scorer, options).await,
        ScoreMethod::ForcedTokens => forced_tokens::score_tokens(scorer, options).await,
        ScoreMethod::FirstToken => first_token::score_tokens(scorer, options).await,
    }
}
