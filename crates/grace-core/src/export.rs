//! What is said between `collect` and the pod that reads the results volume: what is there, what is wanted, what is sent.
//!
//! The pod lists as JSON lines and sends a tar stream; both ends take names from here alone, so that no name leads out of a
//! results folder.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::ModelKey;
use crate::layout::ReplicationLayout;

/// The version of what is said.
pub const SCHEMA: &str = "grace.export/v1";
/// Before the path of a file in the stream: its content.
pub const CONTENT: &str = "content";
/// Before the path of a file in the stream, after its content: the SHA-256 of what was sent.
pub const DIGEST: &str = "sha256";
/// Before the path of a file in the stream: why it cannot be sent.
pub const FAILED: &str = "failed";
/// The last entry of a whole stream.
pub const END: &str = "end";

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Line {
    /// First: the file system.
    Volume(Volume),
    /// A replication.
    Replication(Replication),
    /// Last; a list without it was cut off.
    End {
        /// How many replications were listed.
        replications: u64,
    },
}

/// The file system that results are on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// [`SCHEMA`].
    pub schema: String,
    /// Bytes that are left to the user; none if the system does not say.
    pub free_bytes: Option<u64>,
    /// Bytes in all; none if the system does not say.
    pub total_bytes: Option<u64>,
}

/// A replication as it lies on the volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replication {
    /// The model.
    pub model: ModelKey,
    /// The index.
    pub index: u32,
    /// Whether it is sealed.
    #[serde(flatten)]
    pub state: State,
}

/// Whether a replication is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// It is, and each file of its manifest is there.
    Sealed {
        /// The manifest itself.
        manifest: SealedFile,
        /// What it lists, with the digests of the manifest; contents were not read.
        files: Vec<SealedFile>,
        /// Journals and logs, which no manifest lists.
        attempts: Vec<AttemptFile>,
    },
    /// It is not.
    Unsealed {
        /// How far it is.
        why: String,
    },
    /// Its manifest cannot be read, or lists what is not there.
    Broken {
        /// What is wrong.
        why: String,
    },
}

/// A file that was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedFile {
    /// Its name in the replication's folder.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its digest when it was sealed.
    pub sha256: Digest,
}

/// A file of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFile {
    /// The attempt.
    pub attempt: String,
    /// Its name in the attempt's folder.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
}

/// A file of a replication, named so that it is nowhere else than in the results folder.
///
/// ```
/// use grace_core::export::FilePath;
///
/// let path: FilePath = "tiny/replication-2/attempts/20261125-a/study1_exp1.jsonl".parse()?;
/// assert_eq!((path.model().as_str(), path.index()), ("tiny", 2));
/// assert!("tiny/replication-2/../../etc/passwd".parse::<FilePath>().is_err());
/// # Ok::<(), grace_core::export::PathError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilePath {
    model: ModelKey,
    index: u32,
    attempt: Option<String>,
    name: String,
}

/// A path that no file of a replication has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no file of a replication: expected <model>/replication-<N>/<file> or \
     <model>/replication-<N>/attempts/<attempt>/<file>"
)]
pub struct PathError(String);

/// Whether `name` is that of a file which is exported: one component, not hidden, without control characters.
pub fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && !name.starts_with('.')
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control)
}

impl FilePath {
    /// A file in the folder of a replication.
    ///
    /// # Errors
    ///
    /// Returns an error for a name that is not one component, or hidden.
    pub fn sealed(model: &ModelKey, index: u32, name: &str) -> Result<Self, PathError> {
        Self::checked(model.clone(), index, None, name)
    }

    /// A file of an attempt.
    ///
    /// # Errors
    ///
    /// As [`Self::sealed`].
    pub fn attempt(
        model: &ModelKey,
        index: u32,
        attempt: &str,
        name: &str,
    ) -> Result<Self, PathError> {
        Self::checked(model.clone(), index, Some(attempt), name)
    }

    fn checked(
        model: ModelKey,
        index: u32,
        attempt: Option<&str>,
        name: &str,
    ) -> Result<Self, PathError> {
        let path = Self {
            model,
            index,
            attempt: attempt.map(str::to_owned),
            name: name.to_owned(),
        };
        if is_file_name(name) && attempt.is_none_or(is_file_name) && name != "attempts" {
            Ok(path)
        } else {
            Err(PathError(path.to_string()))
        }
    }

    /// The model.
    pub fn model(&self) -> &ModelKey {
        &self.model
    }

    /// The index of the replication.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The attempt, if it is a file of one.
    pub fn attempt_name(&self) -> Option<&str> {
        self.attempt.as_deref()
    }

    /// The last component.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is under `results`.
    pub fn under(&self, results: &std::path::Path) -> PathBuf {
        let layout = ReplicationLayout::of(results, &self.model, self.index);
        match &self.attempt {
            Some(attempt) => layout.attempt(attempt).folder().join(&self.name),
            None => layout.sealed().file(&self.name),
        }
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/replication-{}/", self.model, self.index)?;
        if let Some(attempt) = &self.attempt {
            write!(f, "attempts/{attempt}/")?;
        }
        f.write_str(&self.name)
    }
}

impl FromStr for FilePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let wrong = || PathError(text.chars().take(400).collect());
        let parts: Vec<&str> = text.split('/').collect();
        let (model, replication, attempt, name) = match parts.as_slice() {
            [model, replication, name] => (model, replication, None, name),
            [model, replication, "attempts", attempt, name] => {
                (model, replication, Some(*attempt), name)
            }
            _ => return Err(wrong()),
        };
        let index = ReplicationLayout::index_of(replication).ok_or_else(wrong)?;
        let model = model.parse().map_err(|_| wrong())?;
        let path = Self::checked(model, index, attempt, name)?;
        // `replication-+1` and `replication-01` are no folders that grace makes.
        if path.to_string() == text {
            Ok(path)
        } else {
            Err(wrong())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_text_are_inverse() {
        for text in [
            "tiny/replication-0/metadata.json",
            "llama-3.1_8b/replication-12/MANIFEST.sha256",
            "tiny/replication-0/attempts/20261125-101112-abc/server.log",
        ] {
            assert_eq!(text.parse::<FilePath>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn no_path_leads_out_of_a_replication() {
        for text in [
            "",
            "/etc/passwd",
            "../replication-0/a",
            "tiny/replication-0",
            "tiny/replication-0/",
            "tiny/replication-0/..",
            "tiny/replication-0/.hidden",
            "tiny/replication-0/a/b",
            "tiny/replication-0/attempts/../a",
            "tiny/replication-0/attempts/x/../../a",
            "tiny/replication-0/attempts/x/a/b",
            "tiny/replication-0/attempts",
            "tiny/replication-x/a",
            "tiny/replication-+1/a",
            "tiny/replication-01/a",
            "tiny/replication-0/a\n",
            "tiny/replication-0/a\\b",
            "./replication-0/a",
        ] {
            assert!(text.parse::<FilePath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn lines_are_read_as_they_were_written() {
        let line = Line::Replication(Replication {
            model: "tiny".parse().unwrap(),
            index: 3,
            state: State::Unsealed {
                why: String::from("its status is `running`"),
            },
        });
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(
            text,
            r#"{"line":"replication","model":"tiny","index":3,"state":"unsealed","why":"its status is `running`"}"#
        );
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
    }
}
