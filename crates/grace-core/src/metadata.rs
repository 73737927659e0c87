//! `metadata.json`: what a replication is, and how far it is.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::plan::Inputs;

/// The version of the format of a replication's folder.
///
/// - `grace.replication/v1`: first version.
pub const SCHEMA: &str = "grace.replication/v1";

/// How far a replication is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// A process works on it, or died doing so.
    Running,
    /// Every query has its final outcome, and all is sealed.
    Complete,
    /// Stopped with queries open; running it again goes on.
    Incomplete,
    /// More queries can never be answered than was allowed.
    Failed,
}

/// The content of `metadata.json`; keys are written in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The version of the format.
    pub schema: String,
    /// How far the replication is.
    pub status: Status,
    /// The model's key.
    pub model_key: String,
    /// The model's full name.
    pub model_name: String,
    /// The index of the replication.
    pub replication_index: u32,
    /// `<model key>-rep<N>-<YYYYMMDD-HHMMSS>`, from the first start.
    pub replication_id: String,
    /// Base seed, seed of each experiment, how request seeds and orders are made.
    pub seeds: Ordered<serde_json::Value>,
    /// What happened when, RFC 3339 UTC; only what did happen.
    pub timestamps: Ordered<String>,
    /// Where it ran: node, versions, GPUs.
    pub deployment_info: Ordered<serde_json::Value>,
    /// The settings in force.
    pub configuration: serde_json::Value,
    /// What the server said of itself before the first trial.
    pub probe: serde_json::Value,
    /// Digests and settings that decide the results.
    pub inputs: Inputs,
    /// Counts by experiment.
    pub counts: Ordered<Counts>,
    /// Each process that worked here.
    pub attempts: Vec<AttemptInfo>,
}

/// Counts of one experiment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Trials in the plan.
    pub trials: u64,
    /// Queries in the plan.
    pub queries: u64,
    /// Queries with an answer that could be read.
    pub answered: u64,
    /// Queries with an answer that could not be read.
    pub unparsable: u64,
    /// Queries whose answer did not come before the token limit.
    pub truncated: u64,
    /// Queries that the server refused.
    pub refused_by_server: u64,
    /// Queries that do not fit the model's context.
    pub over_context: u64,
    /// Queries that failed and may be tried again.
    pub failed: u64,
    /// Queries never tried so far.
    pub open: u64,
    /// Queries whose answer was taken from an equal one.
    pub reused: u64,
    /// Answers beyond the first, from processes that worked at the same time.
    pub duplicates: u64,
    /// Journal lines that were cut off or damaged, and dropped.
    pub damaged_lines: u64,
    /// Tries beyond the first, of the lines that count.
    pub retries: u64,
}

impl Counts {
    /// Queries with a final outcome that is no answer.
    pub fn final_non_answers(&self) -> u64 {
        self.unparsable + self.truncated + self.refused_by_server + self.over_context
    }

    /// Queries that are still to be asked.
    pub fn outstanding(&self) -> u64 {
        self.failed + self.open
    }
}

/// One process that worked on a replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptInfo {
    /// The folder's name: start and uid.
    pub name: String,
    /// When it started, RFC 3339 UTC.
    pub start: String,
    /// When it ended; absent while it works, and for ever if it was killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// What tells it from others: the pod's uid, else a random one.
    pub uid: String,
    /// The node, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Its exit code; absent like `end`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
    /// The server that it asked: kind and version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The fingerprint of its inputs.
    pub fingerprint: String,
}

/// The content of an attempt's `attempt.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFile {
    /// Who works here, and since when.
    pub attempt: AttemptInfo,
    /// What decides the results; equal for all attempts that share a folder.
    pub inputs: Inputs,
}

/// A JSON object whose keys keep their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered<V>(Vec<(String, V)>);

impl<V> Default for Ordered<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Ordered<V> {
    /// Sets `key`, at its old place if it has one, else at the end.
    pub fn set(&mut self, key: impl Into<String>, value: V) {
        let key = key.into();
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    /// Takes `key` out, if it is there.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// The value of `key`.
    pub fn value(&self, key: &str) -> Option<&V> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }
}

impl<V: Serialize> Serialize for Ordered<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Ordered<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(std::marker::PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Ordered<V>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut ordered = Ordered::default();
                while let Some((key, value)) = map.next_entry::<String, V>()? {
                    ordered.set(key, value);
                }
                Ok(ordered)
            }
        }

        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_through_json() {
        let mut ordered = Ordered::default();
        ordered.set("start", 1);
        ordered.set("end", 2);
        ordered.set("between", 3);
        ordered.set("start", 4);
        let text = serde_json::to_string(&ordered).unwrap();
        assert_eq!(text, r#"{"start":4,"end":2,"between":3}"#);
        assert_eq!(
            serde_json::from_str::<Ordered<i32>>(&text).unwrap(),
            ordered
        );
    }
}
