//! One thing that is wrong with one file or folder.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// A replication or file that should be there is not.
    Missing,
    /// A replication that never came to its end.
    Unsealed,
    /// A file that cannot be read, or does not hold what it should.
    Broken,
    /// A sealed file that is not what was sealed.
    Changed,
    /// A replication or trial that is there more than once.
    Duplicated,
    /// A folder in another format, a file that was not sealed with the others, queries that the server refused.
    Refused,
}

impl FindingKind {
    /// The word for it in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unsealed => "unsealed",
            Self::Broken => "broken",
            Self::Changed => "changed",
            Self::Duplicated => "duplicated",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something that is wrong with a file or folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong.
    pub kind: FindingKind,
    /// What was found and expected, as a fragment.
    pub message: String,
}

impl Finding {
    pub(crate) fn new(
        path: impl Into<PathBuf>,
        kind: FindingKind,
        message: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            kind,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}: {}",
            self.kind,
            self.path.display(),
            self.message
        )
    }
}
