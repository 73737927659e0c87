//! The journal: one line for each finished request, with all that was sent and received.
//!
//! The format is `docs/formats.md`, "journal"; this is its type.

use std::borrow::Cow;
use std::collections::BTreeSet;

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
    /// Whole answers came back, without what makes them one: log-probabilities that are none or of other tokens, or no end.
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
    /// Each try, of a query that scores those of each request after the other.
    pub attempts: Vec<Try>,
    /// The body that was sent, to the byte; of a query that scores, a list of what was sent where, without requests for
    /// token ids where there is a `score`.
    #[serde(borrow)]
    pub request: &'a RawValue,
    /// The body that came back, or the list of them with null where none did; absent where none did at all, and where
    /// `score` says it all.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub response: Option<&'a RawValue>,
    /// The body of the last refusal or failure, cut short, if it had one.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    pub error_body: Option<Cow<'a, str>>,
}

impl JournalLine<'_> {
    /// Tries beyond the first of each request.
    pub fn retries(&self) -> u64 {
        let numbers = self.attempts.iter().filter_map(|attempt| attempt.request);
        let requests = match numbers.collect::<BTreeSet<u32>>().len() {
            // Before tries were numbered, those of requests for token ids were on no record.
            0 => self
                .score
                .as_ref()
                .map_or(1, |score| score.requests as usize),
            numbered => numbered,
        };
        self.attempts.len().saturating_sub(requests) as u64
    }
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
    /// Of a query that scores: the number of its request, from 0 in the order in which they were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<u32>,
    /// Of a query that scores: where its request went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
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
                request: None,
                path: None,
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

    /// A line with tries of these requests.
    fn retries(tries: &[Option<u32>], score: Option<u32>) -> u64 {
        let attempt = |&request: &Option<u32>| Try {
            after: 0.0,
            took: 1.0,
            status: None,
            failure: None,
            request,
            path: None,
        };
        let mut line = serde_json::json!({
            "trial_id": 0, "query": "q", "seed": 1, "outcome": "failed", "started_at": "", "seconds": 1, "request": [],
            "attempts": tries.iter().map(attempt).collect::<Vec<_>>(),
        });
        if let Some(requests) = score {
            line["score"] = serde_json::json!({"method": "trie", "border": "joint", "prompt_tokens": 1, "options": [],
                "requests": requests, "tokenise_requests": 9, "prompt_tokens_sent": 1});
        }
        let text = line.to_string();
        let line: JournalLine<'_> = serde_json::from_str(&text).unwrap();
        line.retries()
    }

    #[test]
    fn retries_are_counted_by_request() {
        let numbered = [Some(0), Some(1), Some(1), Some(1), Some(2), Some(2)];
        assert_eq!(retries(&numbered, Some(1)), 3);
        assert_eq!(retries(&numbered, None), 3, "a score that failed");
        assert_eq!(retries(&[None; 3], None), 2, "a text");
        assert_eq!(
            retries(&[None; 5], Some(4)),
            1,
            "a score of an older journal"
        );
        assert_eq!(retries(&[], None), 0);
    }
}
