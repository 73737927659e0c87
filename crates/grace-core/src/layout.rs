//! Every path of a results folder. No other code joins names to paths.

use std::path::{Path, PathBuf};

use crate::id::{ExperimentId, ModelKey};

/// The folder of one replication (or of one `run`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationLayout {
    folder: PathBuf,
}

/// The folder of one attempt, written by that process alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptLayout {
    folder: PathBuf,
}

/// A folder that holds a full set of sealed files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedLayout {
    folder: PathBuf,
}

/// The file that names and hashes all sealed files.
pub const MANIFEST: &str = "MANIFEST.sha256";
/// The file that describes a replication.
pub const METADATA: &str = "metadata.json";

const REPLICATION_PREFIX: &str = "replication-";

impl ReplicationLayout {
    /// Replication `index` of `model` under `results`.
    ///
    /// ```
    /// use grace_core::layout::ReplicationLayout;
    ///
    /// let layout = ReplicationLayout::of("/results".as_ref(), &"tiny".parse()?, 2);
    /// assert_eq!(layout.metadata().to_str(), Some("/results/tiny/replication-2/metadata.json"));
    /// # Ok::<(), grace_core::id::IdError>(())
    /// ```
    pub fn of(results: &Path, model: &ModelKey, index: u32) -> Self {
        let name = format!("{REPLICATION_PREFIX}{index}");
        Self::at(results.join(model.as_str()).join(name))
    }

    /// The layout of a given folder.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The index that the name of a folder gives, if it is that of a replication.
    pub fn index_of(folder_name: &str) -> Option<u32> {
        folder_name.strip_prefix(REPLICATION_PREFIX)?.parse().ok()
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The description of the replication.
    pub fn metadata(&self) -> PathBuf {
        self.folder.join(METADATA)
    }

    /// The list of sealed files; there once the replication is sealed.
    pub fn manifest(&self) -> PathBuf {
        self.folder.join(MANIFEST)
    }

    /// The sealed files at their final place.
    pub fn sealed(&self) -> SealedLayout {
        SealedLayout {
            folder: self.folder.clone(),
        }
    }

    /// The sealed files on their way there; the first complete set takes this place.
    pub fn sealing(&self) -> SealedLayout {
        SealedLayout {
            folder: self.folder.join(".sealing"),
        }
    }

    /// The folder of all attempts.
    pub fn attempts(&self) -> PathBuf {
        self.folder.join("attempts")
    }

    /// The lock held while files are moved to their final place.
    pub fn lock(&self) -> PathBuf {
        self.attempts().join(".lock")
    }

    /// The attempt with this name.
    pub fn attempt(&self, name: &str) -> AttemptLayout {
        AttemptLayout {
            folder: self.attempts().join(name),
        }
    }
}

impl AttemptLayout {
    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Who works here, since when, with which inputs.
    pub fn info(&self) -> PathBuf {
        self.folder.join("attempt.json")
    }

    /// The finished requests of an experiment.
    pub fn journal(&self, experiment: &ExperimentId) -> PathBuf {
        self.folder.join(format!("{experiment}.jsonl"))
    }

    /// What the model server printed, if this attempt started one.
    pub fn server_log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// The sealed files while this attempt makes them.
    pub fn sealed(&self) -> SealedLayout {
        SealedLayout {
            folder: self.folder.join("sealed"),
        }
    }
}

impl SealedLayout {
    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The records of an experiment: a JSON array in presentation order.
    pub fn records(&self, experiment: &ExperimentId) -> PathBuf {
        self.folder.join(Self::records_name(experiment))
    }

    /// The thoughts of a model that reasons, a line each.
    pub fn reasoning(&self, experiment: &ExperimentId) -> PathBuf {
        self.folder.join(Self::reasoning_name(experiment))
    }

    /// A sealed file by its name in the manifest.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The name of [`SealedLayout::records`].
    pub fn records_name(experiment: &ExperimentId) -> String {
        format!("{experiment}.json")
    }

    /// The name of [`SealedLayout::reasoning`].
    pub fn reasoning_name(experiment: &ExperimentId) -> String {
        format!("{experiment}_reasoning.jsonl")
    }
}
