//! Mistakes in a user's file, collected so that all are reported at once.

use std::fmt;

/// One mistake in a user's file: where it is, and what was found and expected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Problem {
    /// The file as the user named it.
    pub file: String,
    /// The line, from 1; absent where the whole file is meant.
    pub line: Option<u64>,
    /// The key (`queries[0].prompt`) or column; empty where neither applies.
    pub key: String,
    /// What was found, what was expected and what to do, as a fragment.
    pub message: String,
}

impl Problem {
    /// A problem with `file` as a whole.
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: None,
            key: String::new(),
            message: message.into(),
        }
    }

    /// The same problem at `line`, counted from 1.
    #[must_use]
    pub fn at_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    /// The same problem at `key`.
    #[must_use]
    pub fn at_key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "`{}` ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Problems beyond this number are counted, not listed.
const MOST_LISTED: usize = 20;

/// Every mistake found in one or more files; never empty when returned as an error.
///
/// The first 20 are kept, the rest counted: a file with a million bad rows makes no million lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    listed: Vec<Problem>,
    unlisted: usize,
}

impl Problems {
    /// No problem yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        if self.listed.len() < MOST_LISTED {
            self.listed.push(problem);
        } else {
            self.unlisted += 1;
        }
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        other
            .listed
            .into_iter()
            .for_each(|problem| self.push(problem));
        self.unlisted += other.unlisted;
    }

    /// The problems, in the order of the file.
    pub fn as_slice(&self) -> &[Problem] {
        &self.listed
    }

    /// Whether nothing was found wrong.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// `value` if there is no problem.
    ///
    /// # Errors
    ///
    /// Returns the problems, sorted by file and line, if there is any.
    pub fn into_result<T>(mut self, value: T) -> Result<T, Self> {
        if self.listed.is_empty() {
            return Ok(value);
        }
        self.listed.sort();
        self.listed.dedup();
        Err(self)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self {
            listed: vec![problem],
            unlisted: 0,
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.listed.iter().enumerate() {
            if position > 0 {
                f.write_str("\n       ")?;
            }
            write!(f, "{problem}")?;
        }
        if self.unlisted > 0 {
            write!(f, "\n       and {} more like these", self.unlisted)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
