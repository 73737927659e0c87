//! The journal: one line for each finished request, with all that was sent and received.
//!
//! The format is `docs/formats.md`, "journal"; this is its type.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::scoring::ScoreEntry;

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequestOutcome {
    /// A text came back.
    Answered,
    /// Whole answers came back, each without what makes them one: log-probabilities that are none, or no end.
    Unparsable,
    /// The token limit came before the answer: a thought without an end.
    Truncated,
    /// The server refused the request as such.
    RefusedByServer,
    /// Prompt and answer do not fit the model's context.
    OverContext,
    /// No answer for now; asking again may help.
    Failed,
}

impl RequestOutcome {
    /// Whether asking again cannot help.
    pub fn is_final(self) -> bool {
        self != Self::Failed
    }
}

/// One line of a journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JournalLine<'a> {
    /// The row of the stimulus.
    pub trial_id: u32,
    /// The query.
    #[serde(borrow)]
    pub query: Cow<'a, str>,
    /// The seed that was sent.
    pub seed: u64,
    /// What became of the request.
    pub outcome: RequestOutcome,
    /// Why there is no answer, where there is none.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// The answer.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub text: Option<Cow<'a, str>>,
    /// The log-probabilities of the options, of a query that scores.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub score: Option<ScoreEntry<'a>>,
    /// The thought before the answer.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Cow<'a, str>>,
    /// Why the server stopped, in its own word.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<Cow<'a, str>>,
    /// The server's id of the result.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub result_id: Option<Cow<'a, str>>,
    /// Tokens of the prompt, as the server counted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    /// Tokens of the answer, as the server counted them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
    /// When the request was first tried, RFC 3339 UTC.
    #[serde(borrow)]
    pub started_at: Cow<'a, str>,
    /// Seconds from the first try to the end of the last.
    pub seconds: f64,
    /// Each try.
    pub attempts: Vec<Try>,
    /// The body that was sent, to the byte; of a query that scores, a list of what was sent where.
    #[serde(borrow)]
    pub request: &'a RawValue,
    /// The body that came back, or the list of them; absent where none did, and where `score` says it all.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub response: Option<&'a RawValue>,
    /// The body of the last refusal or failure, cut short, if it had one.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub error_body: Option<Cow<'a, str>>,
}

/// One try of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Try {
    /// Seconds from the call to the start of this try.
    pub after: f64,
    /// Seconds that it took.
    pub took: f64,
    /// The HTTP status, if one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed; absent for the one that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The part of a line that tells which request it finished; cheap to read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JournalKey<'a> {
    /// The row of the stimulus.
    pub trial_id: u32,
    /// The query.
    #[serde(borrow)]
    pub query: Cow<'a, str>,
    /// The seed that was sent.
    pub seed: u64,
    /// What became of the request.
    pub outcome: RequestOutcome,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        let request: Box<RawValue> =
            serde_json::from_str(r#"{"prompt":"a \"b\"","seed":7}"#).unwrap();
        let line = JournalLine {
            trial_id: 3,
            query: "quantity".into(),
            seed: 7,
            outcome: RequestOutcome::Answered,
            reason: None,
            text: Some("it’s \"2\"\n".into()),
            score: None,
            reasoning: None,
            finish_reason: Some("stop".into()),
            result_id: None,
            prompt_tokens: Some(5),
            completion_tokens: Some(1),
            started_at: "2026-11-23T18:00:00Z".into(),
            seconds: 0.25,
            attempts: vec![Try {
                after: 0.0,
                took: 0.25,
                status: Some(200),
                failure: None,
            }],
            request: &request,
            response: None,
            error_body: None,
        };
        let text = serde_json::to_string(&line).unwrap();
        assert!(!text.contains('\n'));
        let read: JournalLine<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let key: JournalKey<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (key.trial_id, key.query.as_ref(), key.seed),
            (3, "quantity", 7)
        );
    }
}
