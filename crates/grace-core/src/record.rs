//! Records: what a trial leaves behind in the sealed file.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Serialize as DeriveSerialize};

use crate::answer::{Unparsable, Value};
use crate::experiment::{GenerateQuery, Query};
use crate::journal::{JournalLine, RequestOutcome};
use crate::plan::ExperimentPlan;
use crate::stimuli::Stimulus;

/// What became of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, DeriveSerialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What became of it.
    pub outcome: Outcome,
    /// Why there is no measure.
    pub reason: Option<String>,
    /// One value for each column of the reading; empty without an answer.
    pub values: Vec<Value>,
}

impl Judgement {
    /// Judges the answer that `line` holds to `query`.
    ///
    /// An answer cut off by the token limit counts only if it ends a sentence or line somewhere before: "Either 1
    /// or" says nothing yet, "2. I think" does.
    pub fn of(query: &GenerateQuery, line: &JournalLine<'_>) -> Self {
        let without_answer = |outcome| Self {
            outcome,
            reason: line.reason.as_deref().map(str::to_owned),
            values: Vec::new(),
        };
        match line.outcome {
            RequestOutcome::Answered => {
                let text = line.text.as_deref().unwrap_or_default();
                let cut = line.finish_reason.as_deref() == Some("length");
                let unfinished = cut && !text.contains(['.', '!', '?', '\n']);
                Self::of_text(query.reading.read(text), cut, unfinished)
            }
            RequestOutcome::Truncated => without_answer(Outcome::Truncated),
            RequestOutcome::RefusedByServer => without_answer(Outcome::RefusedByServer),
            RequestOutcome::OverContext => without_answer(Outcome::OverContext),
            RequestOutcome::Failed => without_answer(Outcome::Failed),
        }
    }

    fn of_text(read: Result<Vec<Value>, Unparsable>, cut: bool, unfinished: bool) -> Self {
        let (outcome, reason, values) = match read {
            Ok(values) if !unfinished => (Outcome::Answered, None, values),
            Ok(_) => {
                let reason = String::from("the token limit came before the end of a sentence");
                (Outcome::Truncated, Some(reason), Vec::new())
            }
            Err(reason) if cut => {
                let reason = format!("the token limit came before the end, and {reason}");
                (Outcome::Truncated, Some(reason), Vec::new())
            }
            Err(reason) => (Outcome::Unparsable, Some(reason.to_string()), Vec::new()),
        };
        Self {
            outcome,
            reason,
            values,
        }
    }
}

/// What all records of an experiment share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFrame {
    /// The index of the replication.
    pub replication_id: u32,
    /// When the replication started, RFC 3339 UTC.
    pub run_timestamp: String,
    /// The model's full name.
    pub model_name: String,
    /// The model's key.
    pub model_key: String,
}

/// The record of one trial; serialises to one object of the sealed array, columns in the order of `docs/formats.md`.
#[derive(Debug)]
pub struct TrialRecord<'a> {
    /// What all records share.
    pub frame: &'a RecordFrame,
    /// The experiment and its seeds.
    pub plan: &'a ExperimentPlan,
    /// The stimulus.
    pub stimulus: &'a Stimulus,
    /// The row of the stimulus.
    pub trial_id: u32,
    /// Its place in the order, from 0.
    pub place: u32,
    /// The line and judgement of each query, in the order of the experiment.
    pub answers: &'a [(JournalLine<'a>, Judgement)],
}

impl Serialize for TrialRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (column, value) in self.stimulus.values() {
            map.serialize_entry(column, value)?;
        }
        for (query, line, judgement) in self.generated() {
            serialize_answer(&mut map, query, line, judgement)?;
        }
        map.serialize_entry("conditions", &Conditions(self))?;
        map.serialize_entry("trial_id", &self.trial_id)?;
        map.serialize_entry("trial_order_in_replication", &self.place)?;
        map.serialize_entry("replication_id", &self.frame.replication_id)?;
        map.serialize_entry("replication_seed", &self.plan.seed.0)?;
        map.serialize_entry("request_seeds", &self.by_query(|line, _| line.seed))?;
        let shuffled = self.plan.rules.order != grace_seed::OrderAlgorithm::AsGiven;
        map.serialize_entry("trial_order_shuffled", &shuffled)?;
        map.serialize_entry("order_algorithm", &self.plan.rules.order.to_string())?;
        map.serialize_entry("run_timestamp", &self.frame.run_timestamp)?;
        map.serialize_entry("model_name", &self.frame.model_name)?;
        map.serialize_entry("model_key", &self.frame.model_key)?;
        map.serialize_entry("experiment_name", self.plan.experiment.id.as_str())?;
        map.serialize_entry("status", &self.status())?;
        map.serialize_entry(
            "outcomes",
            &self.by_query(|_, judgement| OutcomeEntry {
                outcome: judgement.outcome,
                reason: judgement.reason.clone(),
            }),
        )?;
        map.serialize_entry(
            "timings",
            &self.by_query(|line, _| TimingEntry {
                started_at: line.started_at.as_ref().to_owned(),
                seconds: line.seconds,
                attempts: line.attempts.len(),
            }),
        )?;
        map.serialize_entry(
            "tokens",
            &self.by_query(|line, _| TokenEntry {
                prompt: line.prompt_tokens,
                completion: line.completion_tokens,
                finish_reason: line.finish_reason.as_deref().map(str::to_owned),
            }),
        )?;
        map.end()
    }
}

impl<'a> TrialRecord<'a> {
    fn queries(&self) -> impl Iterator<Item = (&'a Query, &'a JournalLine<'a>, &'a Judgement)> {
        let answers = self
            .answers
            .iter()
            .map(|(line, judgement)| (line, judgement));
        let queries = self.plan.experiment.queries.iter().zip(answers);
        queries.map(|(query, (line, judgement))| (query, line, judgement))
    }

    fn generated(
        &self,
    ) -> impl Iterator<Item = (&'a GenerateQuery, &'a JournalLine<'a>, &'a Judgement)> {
        self.queries()
            .filter_map(|(query, line, judgement)| Some((query.kind.generate()?, line, judgement)))
    }

    fn by_query<T>(&self, value: impl Fn(&JournalLine<'_>, &Judgement) -> T) -> ByQuery<'a, T> {
        let entry = |(query, line, judgement): (&'a Query, &JournalLine<'_>, &Judgement)| {
            (query.id.as_str(), value(line, judgement))
        };
        ByQuery(self.queries().map(entry).collect())
    }

    /// `complete`, or the queries that have no answer.
    fn status(&self) -> String {
        let missing: Vec<&str> = self
            .queries()
            .filter(|(_, _, judgement)| judgement.outcome != Outcome::Answered)
            .map(|(query, _, _)| query.id.as_str())
            .collect();
        if missing.is_empty() {
            String::from("complete")
        } else {
            format!("missing: {}", missing.join(", "))
        }
    }
}

fn serialize_answer<M: SerializeMap>(
    map: &mut M,
    query: &GenerateQuery,
    line: &JournalLine<'_>,
    judgement: &Judgement,
) -> Result<(), M::Error> {
    map.serialize_entry(&query.response_column, &line.text)?;
    for (position, column) in query.reading.columns().into_iter().enumerate() {
        match judgement.values.get(position) {
            Some(Value::Number(number)) => map.serialize_entry(column, number)?,
            Some(Value::Category(category)) => map.serialize_entry(column, category)?,
            None => map.serialize_entry(column, &())?,
        }
    }
    if let Some(column) = &query.result_id_column {
        map.serialize_entry(column, &line.result_id)?;
    }
    Ok(())
}

struct ByQuery<'a, T>(Vec<(&'a str, T)>);

impl<T: Serialize> Serialize for ByQuery<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(query, value)| (query, value)))
    }
}

struct Conditions<'a, 'r>(&'r TrialRecord<'a>);

impl Serialize for Conditions<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let level = |condition: &'_ crate::experiment::Condition| {
            let value = self.0.stimulus.value(&condition.column)?;
            condition.level(value).map(str::to_owned)
        };
        let conditions = &self.0.plan.experiment.conditions;
        serializer.collect_map(
            conditions
                .iter()
                .map(|condition| (&condition.name, level(condition))),
        )
    }
}

#[derive(DeriveSerialize)]
struct OutcomeEntry {
    outcome: Outcome,
    reason: Option<String>,
}

#[derive(DeriveSerialize)]
struct TimingEntry {
    started_at: String,
    seconds: f64,
    attempts: usize,
}

#[derive(DeriveSerialize)]
struct TokenEntry {
    prompt: Option<u64>,
    completion: Option<u64>,
    finish_reason: Option<String>,
}
