use serde::{Deserialize, Serialize};

use crate::answer::Value;
use crate::experiment::{GenerateQuery, Query, QueryKind, ScoreQuery};
use crate::journal::{JournalLine, RequestOutcome};
use crate::scoring::Scores;

/// What became of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// An answer that could be read.
    Answered,
    /// An answer that could not be read: null, and counted.
    Unparsable,
    /// The token limit came before the answer.
    Truncated,
    /// The server refused the request as such.
    RefusedByServer,
    /// Prompt and answer do not fit the model's context.
    OverContext,
    /// No answer yet; asking again may help. Never in a sealed file.
    Failed,
}

impl Outcome {
    /// All outcomes, in the order of tables.
    pub const ALL: [Self; 6] = [
        Self::Answered,
        Self::Unparsable,
        Self::Truncated,
        Self::RefusedByServer,
        Self::OverContext,
        Self::Failed,
    ];

    /// The name in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unparsable => "unparsable",
            Self::Truncated => "truncated",
            Self::RefusedByServer => "refused_by_server",
            Self::OverContext => "over_context",
            Self::Failed => "failed",
        }
    }
}

/// The outcome of a query with the measures read, or the reason why there are none.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// What became of it.
    pub outcome: Outcome,
    /// Why there is no measure.
    pub reason: Option<String>,
    /// One value for each column of the query; empty without an answer.
    pub values: Vec<Value>,
    /// Of scores, the logarithm of the probability of all options together before normalising.
    pub log_mass: Option<f64>,
}

impl Judgement {
    /// Judges the answer that `line` holds to `query`.
    ///
    /// A text cut off by the token limit counts only if it ends a sentence or line somewhere before: "Either 1
    /// or" says nothing yet, "2. I think" does. Scores count if they make a distribution.
    pub fn of(query: &Query, line: &JournalLine<'_>) -> Self {
        let outcome = match line.outcome {
            RequestOutcome::Answered => {
                return match &query.kind {
                    QueryKind::Generate(generate) => Self::of_text(generate, line),
                    QueryKind::Score(score) => Self::of_scores(score, line),
                };
            }
            RequestOutcome::Unparsable => Outcome::Unparsable,
            RequestOutcome::Truncated => Outcome::Truncated,
            RequestOutcome::RefusedByServer => Outcome::RefusedByServer,
            RequestOutcome::OverContext => Outcome::OverContext,
            RequestOutcome::Failed => Outcome::Failed,
        };
        Self::without_answer(outcome, line.reason.as_deref().map(str::to_owned))
    }

    fn of_text(query: &GenerateQuery, line: &JournalLine<'_>) -> Self {
        let text = line.text.as_deref().unwrap_or_default();
        let cut = line.finish_reason.as_deref() == Some("length");
        let unfinished = cut && !text.contains(['.', '!', '?', '\n']);
        let (outcome, reason) = match query.reading.read(text) {
            Ok(values) if !unfinished => return Self::answered(values, None),
            Ok(_) => {
                let reason = "the token limit came before the end of a sentence";
                (Outcome::Truncated, reason.to_owned())
            }
            Err(reason) if cut => {
                let reason = format!("the token limit came before the end, and {reason}");
                (Outcome::Truncated, reason)
            }
            Err(reason) => (Outcome::Unparsable, reason.to_string()),
        };
        Self::without_answer(outcome, Some(reason))
    }

    fn of_scores(query: &ScoreQuery, line: &JournalLine<'_>) -> Self {
        let unusable = |reason| Self::without_answer(Outcome::Unparsable, Some(reason));
        let Some(entry) = &line.score else {
            return unusable(String::from("the journal holds no scores"));
        };
        match Scores::new(query, entry) {
            Ok(scores) => Self::answered(scores.values(query), Some(scores.log_mass())),
            Err(error) => unusable(error.to_string()),
        }
    }

    fn answered(values: Vec<Value>, log_mass: Option<f64>) -> Self {
        Self {
            outcome: Outcome::Answered,
            reason: None,
            values,
            log_mass,
        }
    }

    fn without_answer(outcome: Outcome, reason: Option<String>) -> Self {
        Self {
            outcome,
            reason,
            values: Vec::new(),
            log_mass: None,
        }
    }
}
