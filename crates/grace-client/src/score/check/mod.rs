//! The check of a server that is to score, before it does.

mod chain;
mod error;
mod noise;
mod prober;
mod repeat;
mod special;

pub use error::{CheckName, ScoringProbeError};
pub use noise::NoiseFloor;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use self::prober::Prober;
use super::audit::TokenisedOptions;
use super::method::{BorderRule, ScoreMethod};
use crate::{generate::Input, transport::Transport};

/// What a server is to be checked with.
///
/// The samples should be prompts and options of the work to come: the options
/// are audited in the tokens of the server's model, and the numbers are
/// compared on these prompts.
#[derive(Debug, Clone)]
pub struct ScoringProbeRequest {
    model: String,
    samples: Vec<(Input, Vec<String>)>,
    method: Option<ScoreMethod>,
    tolerance_nat: f64,
    concurrency: usize,
    bos: Option<bool>,
}

impl ScoringProbeRequest {
    /// Checks `model` on `samples`, of which there must be one at least; the
    /// first that works of [`ScoreMethod::EXACT`] is chosen.
    pub fn new(model: impl Into<String>, samples: Vec<(Input, Vec<String>)>) -> Self {
        Self {
            model: model.into(),
            samples,
            method: None,
            tolerance_nat: 0.25,
            concurrency: 8,
            bos: None,
        }
    }

    /// Asks for this method and no other.
    #[must_use]
    pub fn with_method(mut self, method: ScoreMethod) -> Self {
        self.method = Some(method);
        self
    }

    /// Sets how far two log-probabilities of one token may lie apart that
    /// should be the same, in nats; 0.25 by default, which leaves room for
    /// 16-bit arithmetic. Float32 servers stay within 0.001.
    #[must_use]
    pub fn with_tolerance(mut self, nats: f64) -> Self {
        self.tolerance_nat = nats;
        self
    }

    /// Says whether the model wants a beginning-of-sequence token before every
    /// prompt; a server that does otherwise is refused. By default whatever the
    /// server does is taken for right, unless it puts one there twice.
    #[must_use]
    pub fn with_bos(mut self, wanted: bool) -> Self {
        self.bos = Some(wanted);
        self
    }

    /// Sets how many scores are under way together when the noise under load
    /// is measured; 8 by default.
    #[must_use]
    pub fn with_concurrency(mut self, scores: usize) -> Self {
        self.concurrency = scores.max(1);
        self
    }
}

/// How a server scores, and how well.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ScoringProbe {
    /// The method to use.
    pub method: ScoreMethod,
    /// The tokens that the server puts before every text: a
    /// beginning-of-sequence token, or none. A conversation begins as its
    /// template says.
    pub special_prefix: Vec<u32>,
    /// Where the tokens of options come from, for each sample: known before
    /// the first score.
    pub borders: Vec<BorderRule>,
    /// How far apart log-probabilities of one token were allowed to be.
    pub tolerance_nat: f64,
    /// The largest difference between the log-probability of a token within
    /// an option and that of the same token read one by one; `None` for
    /// [`ScoreMethod::FirstToken`], which knows no second token.
    pub chain_rule_nat: Option<f64>,
    /// How many tokens were compared for that.
    pub chain_rule_tokens: usize,
    /// How much repeated scores differ.
    pub noise_floor: NoiseFloor,
}

/// The audit of the options alone, on a server that need not be able to score.
pub(crate) async fn audit(
    transport: &Transport,
    request: &ScoringProbeRequest,
    cancel: &CancellationToken,
) -> Result<(), ScoringProbeError> {
    let prober = Prober::new(transport, request, cancel);
    let Some((input, _)) = request.samples.first() else {
        return Err(ScoringProbeError::NoSample);
    };
    let prefix = prober.special_prefix(input).await?;
    let method = request.method.unwrap_or(ScoreMethod::EXACT[0]);
    prober.audit(method, &prefix).await.map(drop)
}

pub(crate) async fn probe(
    transport: &Transport,
    request: &ScoringProbeRequest,
    cancel: &CancellationToken,
) -> Result<ScoringProbe, ScoringProbeError> {
    let prober = Prober::new(transport, request, cancel);
    let Some((input, options)) = request.samples.first() else {
        return Err(ScoringProbeError::NoSample);
    };
    let special_prefix = prober.special_prefix(input).await?;
    let method = prober.choose(input, options).await?;
    let tokenised = prober.audit(method, &special_prefix).await?;
    let chain = match method {
        ScoreMethod::FirstToken => None,
        _ => Some(prober.chain_rule(method, &tokenised).await?),
    };
    prober.greedy_tokens(&tokenised).await?;
    let noise_floor = prober.noise_floor(method).await?;
    Ok(ScoringProbe {
        method,
        special_prefix,
        borders: tokenised.iter().map(TokenisedOptions::border).collect(),
        tolerance_nat: request.tolerance_nat,
        chain_rule_nat: chain.map(|(difference, _)| difference),
        chain_rule_tokens: chain.map_or(0, |(_, tokens)| tokens),
        noise_floor,
    })
}
