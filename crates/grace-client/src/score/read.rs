//! Reading log-probabilities from answers, by token id and never by text.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::failure::{Failure, FailureKind, ServerSaid};

/// vLLM's floor for `-inf`, since JSON has no infinities.
const VLLM_FLOOR: f64 = -9999.0;

/// The largest rounding error of a logarithm of 1; llama.cpp's probabilities of a whole vocabulary add up to 1.0002.
const ROUNDING: f64 = 0.01;

/// Why an answer cannot be read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// It is none.
    Failure(Failure),
    /// It lacks the numbers that were asked for.
    Unusable(Unusable),
}

/// What an answer with status 200 lacks.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("`{field}` is absent, though it was asked for")]
    Absent { field: &'static str },
    #[error("tokens are named by their text, which is not unique, and not by their id")]
    ByText,
    #[error("{sent} prompts were sent and {returned} answers came back")]
    Choices { sent: usize, returned: usize },
    #[error("{sent} tokens went in and {returned} log-probabilities came back")]
    Count { sent: usize, returned: usize },
    #[error("the answer is about other tokens than those that were sent")]
    OtherTokens,
    #[error("no log-probability came back for token {id}")]
    Missing { id: u32 },
    #[error("the log-probability of token {id} is {value}, expected a number up to 0")]
    NoNumber { id: u32, value: String },
}

impl From<Unusable> for ReadError {
    fn from(unusable: Unusable) -> Self {
        Self::Unusable(unusable)
    }
}

#[derive(Deserialize)]
struct WireAnswer<'a> {
    choices: Option<Vec<WireChoice>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireChoice {
    index: usize,
    prompt_token_ids: Option<Vec<u32>>,
    prompt_logprobs: Option<Vec<Option<BTreeMap<String, WireLogprob>>>>,
    logprobs: Option<WireLogprobs>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct WireLogprob {
    logprob: Option<f64>,
}

/// Log-probabilities by name of token.
type Listed = BTreeMap<String, Option<f64>>;

/// vLLM keeps OpenAI's older shape for completions, llama.cpp takes that of chats.
#[derive(Deserialize)]
struct WireLogprobs {
    tokens: Option<Vec<String>>,
    token_logprobs: Option<Vec<Option<f64>>>,
    top_logprobs: Option<Vec<Option<Listed>>>,
    content: Option<Vec<WireToken>>,
}

#[derive(Deserialize)]
struct WireToken {
    id: u32,
    logprob: Option<f64>,
    #[serde(default)]
    top_logprobs: Vec<Self>,
}

/// A prompt as the server tokenised it.
#[derive(Debug, PartialEq)]
pub(super) struct ScoredPrompt {
    pub(super) ids: Vec<u32>,
    /// Of every token but the first, which nothing goes before.
    logprobs: Vec<f64>,
}

impl ScoredPrompt {
    /// The log-probabilities from token number `border` on, which is not 0.
    pub(super) fn behind(&self, border: usize) -> Vec<f64> {
        let before = border.saturating_sub(1);
        self.logprobs.get(before..).unwrap_or_default().to_vec()
    }

    /// The log-probabilities of the last tokens, if these are `ids`.
    pub(super) fn end(&self, ids: &[u32]) -> Option<Vec<f64>> {
        let border = self.ids.strip_suffix(ids)?.len();
        Some(self.behind(border))
    }
}

/// The ids and log-probabilities of `sent` prompts, from `prompt_logprobs` and `prompt_token_ids`.
pub(super) fn prompts(raw: &RawValue, sent: usize) -> Result<Vec<ScoredPrompt>, ReadError> {
    let choices = choices(raw, sent)?;
    Ok(choices
        .into_iter()
        .map(scored_prompt)
        .collect::<Result<_, Unusable>>()?)
}

/// Those of however many prompts there were.
pub(super) fn all_prompts(raw: &RawValue) -> Result<Vec<ScoredPrompt>, ReadError> {
    let count: WireCount = serde_json::from_str(raw.get()).unwrap_or_default();
    prompts(raw, count.choices.len())
}

#[derive(Default, Deserialize)]
struct WireCount {
    #[serde(default)]
    choices: Vec<serde::de::IgnoredAny>,
}

fn scored_prompt(choice: WireChoice) -> Result<ScoredPrompt, Unusable> {
    let absent = |field| Unusable::Absent { field };
    let entries = choice.prompt_logprobs.ok_or(absent("prompt_logprobs"))?;
    let ids = choice.prompt_token_ids.ok_or(absent("prompt_token_ids"))?;
    if entries.len() != ids.len() {
        return Err(Unusable::Count {
            sent: ids.len(),
            returned: entries.len(),
        });
    }
    let of_token = |(entry, &id): (Option<BTreeMap<_, WireLogprob>>, &u32)| {
        let entry = entry.unwrap_or_default();
        let found = entry.get(&id.to_string());
        logprob(id, found.ok_or(Unusable::Missing { id })?.logprob)
    };
    let logprobs = entries.into_iter().zip(&ids).skip(1).map(of_token);
    Ok(ScoredPrompt {
        logprobs: logprobs.collect::<Result<_, _>>()?,
        ids,
    })
}

/// For each of `sent` prompts, the log-probability of every listed token as its next one.
pub(super) fn next_tokens(
    raw: &RawValue,
    sent: usize,
) -> Result<Vec<BTreeMap<u32, f64>>, ReadError> {
    let choices = choices(raw, sent)?;
    Ok(choices
        .into_iter()
        .map(listed)
        .collect::<Result<_, Unusable>>()?)
}

fn listed(choice: WireChoice) -> Result<BTreeMap<u32, f64>, Unusable> {
    const ABSENT: Unusable = Unusable::Absent { field: "logprobs" };
    let logprobs = choice.logprobs.ok_or(ABSENT)?;
    if let Some(content) = logprobs.content {
        let first = content.into_iter().next().ok_or(ABSENT)?;
        let all = first.top_logprobs.into_iter();
        return all
            .map(|token| Ok((token.id, logprob(token.id, token.logprob)?)))
            .collect();
    }
    let first = logprobs.top_logprobs.into_iter().flatten().next();
    let first = first.flatten().ok_or(ABSENT)?;
    first
        .into_iter()
        .map(|(key, value)| {
            let id = token_id(&key)?;
            Ok((id, logprob(id, value)?))
        })
        .collect()
}

/// A generated token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    pub(super) id: u32,
    pub(super) logprob: f64,
    /// The largest log-probability that was listed for its place, if any was.
    pub(super) likeliest: Option<f64>,
}

/// The generated tokens of a single prompt.
pub(super) fn steps(raw: &RawValue) -> Result<Vec<Step>, ReadError> {
    Ok(generated(raw)?.0)
}

/// The same without the token that ended the text, which servers list like any other.
pub(super) fn steps_before_end(raw: &RawValue) -> Result<Vec<Step>, ReadError> {
    let (mut steps, ended) = generated(raw)?;
    if ended {
        steps.pop();
    }
    Ok(steps)
}

/// The generated tokens, and whether the last of them ended the text.
fn generated(raw: &RawValue) -> Result<(Vec<Step>, bool), ReadError> {
    let absent = Unusable::Absent { field: "logprobs" };
    let choice = choices(raw, 1)?.pop().ok_or(absent.clone())?;
    let ended = choice.finish_reason.as_deref() == Some("stop");
    Ok((spoken(choice.logprobs.ok_or(absent)?)?, ended))
}

fn spoken(logprobs: WireLogprobs) -> Result<Vec<Step>, Unusable> {
    if let Some(content) = logprobs.content {
        let step = |token: WireToken| {
            let listed = token.top_logprobs.iter().map(|listed| listed.logprob);
            step(token.id, token.logprob, listed)
        };
        return content.into_iter().map(step).collect();
    }
    let listed = logprobs.top_logprobs.unwrap_or_default();
    let keys = logprobs.tokens.unwrap_or_default();
    let values = logprobs.token_logprobs.unwrap_or_default();
    if keys.len() != values.len() {
        return Err(Unusable::Count {
            sent: keys.len(),
            returned: values.len(),
        });
    }
    let of_place = |(place, (key, value)): (usize, (String, Option<f64>))| {
        let listed = listed.get(place).and_then(Option::as_ref);
        step(
            token_id(&key)?,
            value,
            listed.into_iter().flat_map(Listed::values).copied(),
        )
    };
    keys.into_iter()
        .zip(values)
        .enumerate()
        .map(of_place)
        .collect()
}

fn step(
    id: u32,
    value: Option<f64>,
    listed: impl Iterator<Item = Option<f64>>,
) -> Result<Step, Unusable> {
    let logprob = logprob(id, value)?;
    Ok(Step {
        id,
        logprob,
        likeliest: listed.flatten().reduce(f64::max),
    })
}

/// The choices by index, one for each prompt.
fn choices(raw: &RawValue, sent: usize) -> Result<Vec<WireChoice>, ReadError> {
    let body = raw.get().as_bytes();
    let failure = |kind, what: &str| {
        let failure = Failure::new(kind, format!("server answered 200 OK {what}"));
        ReadError::Failure(failure.with_answer(StatusCode::OK, body))
    };
    let answer: WireAnswer<'_> = serde_json::from_slice(body).map_err(|error| {
        let what = format!("with a body of another shape: {error}");
        failure(FailureKind::BrokenBody, &what)
    })?;
    if answer.error.is_some() {
        let said = ServerSaid::parse(body).message;
        let what = format!("with an error: {said}");
        return Err(failure(FailureKind::ServerError, &what));
    }
    // A proxy may answer 200 in the server's place.
    let absent = || failure(FailureKind::BrokenBody, "without `choices`");
    let mut choices = answer.choices.ok_or_else(absent)?;
    if choices.is_empty() {
        return Err(failure(FailureKind::EmptyChoices, "without choices"));
    }
    choices.sort_by_key(|choice| choice.index);
    let in_order = choices.iter().map(|choice| choice.index).eq(0..sent);
    if !in_order {
        let returned = choices.len();
        return Err(Unusable::Choices { sent, returned }.into());
    }
    Ok(choices)
}

/// vLLM, told to name tokens by id.
fn token_id(key: &str) -> Result<u32, Unusable> {
    let id = key.strip_prefix("token_id:").and_then(|id| id.parse().ok());
    id.ok_or(Unusable::ByText)
}

/// A logarithm as a server puts it in JSON. What servers write in place of `-inf` becomes that again.
fn logprob(id: u32, value: Option<f64>) -> Result<f64, Unusable> {
    match value {
        Some(VLLM_FLOOR) => Ok(f64::NEG_INFINITY),
        // llama.cpp takes the logarithm of a 32-bit probability, and this number for that of 0.
        Some(value) if value <= f64::from(f32::MIN) => Ok(f64::NEG_INFINITY),
        Some(value) if value <= ROUNDING => Ok(value),
        other => Err(Unusable::NoNumber {
            id,
            value: other.map_or_else(|| "null".to_owned(), |value| value.to_string()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[track_caller]
    fn unusable<T: std::fmt::Debug>(read: Result<T, ReadError>, expected: &str) {
        match read.unwrap_err() {
            ReadError::Unusable(unusable) => assert_eq!(unusable.to_string(), expected),
            ReadError::Failure(failure) => panic!("{failure}"),
        }
    }

    fn choice(index: usize, entries: &str, ids: &str) -> String {
        format!(r#"{{"index":{index},"prompt_logprobs":{entries},"prompt_token_ids":{ids}}}"#)
    }

    fn answer(choices: &[String]) -> Box<RawValue> {
        raw(&format!(r#"{{"choices":[{}]}}"#, choices.join(",")))
    }

    #[test]
    fn prompts_are_read_in_the_order_of_their_index() {
        let second = choice(
            1,
            r#"[null,{"9":{"logprob":-9999.0},"3":{"logprob":-1}}]"#,
            "[1,9]",
        );
        let first = choice(0, r#"[null,{"2":{"logprob":-0.5,"rank":4}}]"#, "[1,2]");
        let read = prompts(&answer(&[second, first]), 2).unwrap();
        assert_eq!(read[0].ids, [1, 2]);
        assert_eq!(read[0].behind(1), [-0.5]);
        assert_eq!(read[1].behind(1), [f64::NEG_INFINITY]);
    }

    #[test]
    fn what_a_server_did_not_return_is_named() {
        let one = |entries: &str, ids: &str| prompts(&answer(&[choice(0, entries, ids)]), 1);
        unusable(
            one("null", "[1]"),
            "`prompt_logprobs` is absent, though it was asked for",
        );
        unusable(
            one("[null]", "null"),
            "`prompt_token_ids` is absent, though it was asked for",
        );
        unusable(
            one(r#"[null,{"2":{"logprob":-1}}]"#, "[1,2,3]"),
            "3 tokens went in and 2 log-probabilities came back",
        );
        unusable(
            one(r#"[null,{"2":{"logprob":-1}}]"#, "[1,3]"),
            "no log-probability came back for token 3",
        );
        unusable(
            one(r#"[null,{"2":{"logprob":-1}},null]"#, "[1,2,3]"),
            "no log-probability came back for token 3",
        );
        unusable(
            one(r#"[null,{"3":{"logprob":null}}]"#, "[1,3]"),
            "the log-probability of token 3 is null, expected a number up to 0",
        );
        unusable(
            one(r#"[null,{"3":{"logprob":0.7}}]"#, "[1,3]"),
            "the log-probability of token 3 is 0.7, expected a number up to 0",
        );
        unusable(
            prompts(&answer(&[choice(1, "[]", "[]")]), 1),
            "1 prompts were sent and 1 answers came back",
        );
    }

    #[test]
    fn next_tokens_are_read_in_both_shapes() {
        let vllm = r#"{"choices":[{"index":0,"logprobs":{"tokens":["token_id:5"],"token_logprobs":[-1.5],
            "top_logprobs":[{"token_id:5":-1.5,"token_id:7":-2.25}]}}]}"#;
        let llama = r#"{"choices":[{"index":0,"logprobs":{"content":[{"id":5,"logprob":-1.5,
            "top_logprobs":[{"id":5,"logprob":-1.5},{"id":7,"logprob":-2.25}]}]}}]}"#;
        for text in [vllm, llama] {
            let next = next_tokens(&raw(text), 1).unwrap();
            assert_eq!(next[0], BTreeMap::from([(5, -1.5), (7, -2.25)]));
            let step = Step {
                id: 5,
                logprob: -1.5,
                likeliest: Some(-1.5),
            };
            assert_eq!(steps(&raw(text)).unwrap(), [step]);
        }
        let by_text = vllm.replace("token_id:", "");
        unusable(
            steps(&raw(&by_text)),
            "tokens are named by their text, which is not unique, and not by their id",
        );
        let without = raw(r#"{"choices":[{"index":0,"logprobs":null}]}"#);
        unusable(
            steps(&without),
            "`logprobs` is absent, though it was asked for",
        );
    }

    #[test]
    fn an_error_under_status_200_is_a_failure_of_the_server() {
        let read = prompts(&raw(r#"{"error":{"message":"no room"}}"#), 1);
        let Err(ReadError::Failure(failure)) = read else {
            panic!("{read:?}");
        };
        assert_eq!(failure.kind(), FailureKind::ServerError);
        assert!(failure.to_string().ends_with("with an error: no room"));
    }

    #[test]
    fn the_logarithm_of_0_is_infinite_however_it_is_written() {
        assert_eq!(
            logprob(1, Some(-3.402_823_466_385_288_6e38)),
            Ok(f64::NEG_INFINITY)
        );
        assert_eq!(logprob(1, Some(-9998.5)), Ok(-9998.5));
        assert_eq!(logprob(1, Some(0.000_2)), Ok(0.000_2));
        assert!(logprob(1, Some(f64::NAN)).is_err());
    }
}
