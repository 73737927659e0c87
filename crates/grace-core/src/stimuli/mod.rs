//! Stimuli: the rows of a CSV file, one a trial.
//!
//! A file is scanned once: every row is checked and its place noted. Rows are
//! then parsed from their bytes when they are needed, so that a file of a
//! million rows costs eight bytes a row.

mod scan;

pub use scan::{MAX_FIELD_BYTES, StimuliIndex, scan};

use std::sync::Arc;

use crate::prompt::PromptContext;

/// One row of the stimuli.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stimulus {
    columns: Arc<[String]>,
    /// All values, one after the other.
    values: String,
    /// Where each value ends.
    ends: Vec<usize>,
}

impl Stimulus {
    /// The value of `column`.
    pub fn value(&self, column: &str) -> Option<&str> {
        self.values()
            .find(|(name, _)| *name == column)
            .map(|(_, value)| value)
    }

    /// Columns and values in the order of the file.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let values = starts
            .zip(&self.ends)
            .map(|(start, &end)| self.values.get(start..end).unwrap_or_default());
        self.columns.iter().map(String::as_str).zip(values)
    }

    /// The form that prompts are made from.
    pub fn prompt_context(&self) -> PromptContext {
        PromptContext::new(self.values())
    }
}
