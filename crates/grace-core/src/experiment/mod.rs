//! Experiments: what is asked about the stimuli, and how answers are read.
//!
//! An experiment is a YAML file; nothing in the code names one. The four of the
//! lab are built in ([`builtin`]) and are files like any other.

mod builtin;
mod condition;
mod parse;
mod parse_score;
mod query;

pub use builtin::{BUILTIN, Builtin, builtin};
pub use condition::{Condition, Rule, RuleTest};
pub use query::{GenerateQuery, Query, QueryKind, Sampling, ScoreColumns, ScoreOption, ScoreQuery};

pub(crate) use parse::RESERVED_COLUMNS;

use crate::digest::Digest;
use crate::id::{ExperimentId, QueryId};
use crate::problem::Problems;
use crate::prompt::Prompts;

/// A checked experiment file.
#[derive(Debug)]
#[non_exhaustive]
pub struct Experiment {
    /// Its name, such as `study1_exp1`.
    pub id: ExperimentId,
    /// What it is about, in a line.
    pub title: String,
    /// Added to the base seed of a replication to give the experiment seed.
    pub seed_offset: u64,
    /// The file name of the stimuli, looked for in the stimuli folder.
    pub stimuli_file: String,
    /// The columns that the stimuli must have.
    pub columns: Vec<String>,
    /// The factors of the design.
    pub conditions: Vec<Condition>,
    /// The questions put about each trial, in order.
    pub queries: Vec<Query>,
    /// The templates of the queries.
    pub prompts: Prompts,
    /// SHA-256 of the file.
    pub digest: Digest,
}

impl Experiment {
    /// Reads an experiment from the text of its file; `file` names it in messages.
    ///
    /// # Errors
    ///
    /// Returns every mistake in the file, with line and key.
    ///
    /// # Examples
    ///
    /// ```
    /// use grace_core::experiment::{Experiment, builtin};
    ///
    /// let file = builtin("study1_exp1").expect("it is built in");
    /// let experiment = Experiment::parse(file.file, file.text)?;
    /// assert_eq!(experiment.queries.len(), 2);
    ///
    /// let broken = Experiment::parse("mine.yaml", "id: mine\ntitel: Typo\n").unwrap_err();
    /// assert!(broken.to_string().contains("mine.yaml:2: `titel` is not a known key"));
    /// # Ok::<(), grace_core::Problems>(())
    /// ```
    pub fn parse(file: &str, text: &str) -> Result<Self, Problems> {
        parse::experiment(file, text)
    }

    /// Whether any query samples text.
    pub fn generates(&self) -> bool {
        self.queries
            .iter()
            .any(|query| matches!(query.kind, QueryKind::Generate(_)))
    }

    /// Whether any query scores options.
    pub fn scores(&self) -> bool {
        self.queries
            .iter()
            .any(|query| matches!(query.kind, QueryKind::Score(_)))
    }

    /// The position of a query by its name.
    pub fn query_position(&self, id: &QueryId) -> Option<usize> {
        self.queries.iter().position(|query| query.id == *id)
    }

    /// The columns that the queries add to each record, in order.
    pub fn added_columns(&self) -> Vec<&str> {
        self.queries
            .iter()
            .flat_map(|query| query.kind.columns())
            .collect()
    }
}
