//! Records: what a trial leaves behind in the sealed file.

mod judgement;
mod scores;

pub use judgement::{Judgement, Outcome};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Serialize as DeriveSerialize};

use self::scores::ScoresEntry;
use crate::answer::Value;
use crate::experiment::{Query, QueryKind};
use crate::journal::JournalLine;
use crate::plan::ExperimentPlan;
use crate::stimuli::Stimulus;

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

/// What a query of a trial came to.
#[derive(Debug)]
pub struct QueryAnswer<'a> {
    /// The journal line that counts.
    pub line: JournalLine<'a>,
    /// What it says.
    pub judgement: Judgement,
    /// Whose line it is, if an equal query was asked in place of this one.
    pub reused_from: Option<ReusedFrom>,
}

/// The query whose answer was taken for an equal one.
#[derive(Debug, Clone, PartialEq, Eq, DeriveSerialize, Deserialize)]
pub struct ReusedFrom {
    /// The row of its stimulus.
    pub trial_id: u32,
    /// Its name.
    pub query: String,
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
    /// The answer to each query, in the order of the experiment.
    pub answers: &'a [QueryAnswer<'a>],
}

impl Serialize for TrialRecord<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (column, value) in self.stimulus.values() {
            map.serialize_entry(column, value)?;
        }
        for (query, answer) in self.queries() {
            serialize_answer(&mut map, query, answer)?;
        }
        map.serialize_entry("conditions", &Conditions(self))?;
        if self.plan.experiment.scores() {
            map.serialize_entry("scores", &ByQuery(self.scores()))?;
        }
        map.serialize_entry("trial_id", &self.trial_id)?;
        map.serialize_entry("trial_order_in_replication", &self.place)?;
        map.serialize_entry("replication_id", &self.frame.replication_id)?;
        map.serialize_entry("replication_seed", &self.plan.seed.0)?;
        map.serialize_entry("request_seeds", &self.by_query(|answer| answer.line.seed))?;
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
            &self.by_query(|answer| OutcomeEntry {
                outcome: answer.judgement.outcome,
                reason: answer.judgement.reason.clone(),
            }),
        )?;
        map.serialize_entry(
            "timings",
            &self.by_query(|answer| TimingEntry {
                started_at: answer.line.started_at.as_ref().to_owned(),
                seconds: answer.line.seconds,
                attempts: answer.line.attempts.len(),
            }),
        )?;
        map.serialize_entry(
            "tokens",
            &self.by_query(|answer| TokenEntry {
                prompt: answer.line.prompt_tokens,
                completion: answer.line.completion_tokens,
                finish_reason: answer.line.finish_reason.as_deref().map(str::to_owned),
            }),
        )?;
        map.end()
    }
}

impl<'a> TrialRecord<'a> {
    fn queries(&self) -> impl Iterator<Item = (&'a Query, &'a QueryAnswer<'a>)> {
        self.plan.experiment.queries.iter().zip(self.answers)
    }

    fn by_query<T>(&self, value: impl Fn(&QueryAnswer<'_>) -> T) -> ByQuery<'a, T> {
        let entry =
            |(query, answer): (&'a Query, &QueryAnswer<'_>)| (query.id.as_str(), value(answer));
        ByQuery(self.queries().map(entry).collect())
    }

    fn scores(&self) -> Vec<(&'a str, ScoresEntry<'a>)> {
        let entry = |(query, answer): (&'a Query, &'a QueryAnswer<'a>)| {
            let score = query.kind.score()?;
            Some((query.id.as_str(), ScoresEntry::new(score, answer)))
        };
        self.queries().filter_map(entry).collect()
    }

    /// `complete`, or the queries that have no answer.
    fn status(&self) -> String {
        let missing: Vec<&str> = self
            .queries()
            .filter(|(_, answer)| answer.judgement.outcome != Outcome::Answered)
            .map(|(query, _)| query.id.as_str())
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
    query: &Query,
    answer: &QueryAnswer<'_>,
) -> Result<(), M::Error> {
    let values = &answer.judgement.values;
    match &query.kind {
        QueryKind::Generate(generate) => {
            map.serialize_entry(&generate.response_column, &answer.line.text)?;
            serialize_values(map, &generate.reading.columns(), values)?;
            if let Some(column) = &generate.result_id_column {
                map.serialize_entry(column, &answer.line.result_id)?;
            }
            Ok(())
        }
        QueryKind::Score(score) => serialize_values(map, &score.column_names(), values),
    }
}

/// One entry for each column; null where there is no value.
fn serialize_values<M: SerializeMap>(
    map: &mut M,
    columns: &[&str],
    values: &[Value],
) -> Result<(), M::Error> {
    for (position, column) in columns.iter().enumerate() {
        match values.get(position) {
            Some(Value::Number(number)) => map.serialize_entry(column, number)?,
            Some(Value::Real(number)) => map.serialize_entry(column, number)?,
            Some(Value::Category(category)) => map.serialize_entry(column, category)?,
            None => map.serialize_entry(column, &())?,
        }
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
