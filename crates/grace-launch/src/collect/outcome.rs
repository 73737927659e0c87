//! What was collected.

use grace_core::ModelKey;
use grace_core::export::{FilePath, Replication, State};
use serde::Serialize;

use super::compare::{Known, files};
use super::listing::Listing;

/// What was collected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Collected {
    /// Each replication on the volume, by model and index.
    pub replications: Vec<Collection>,
    /// Files that were brought.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that are left on the volume; null if its file system does not say.
    pub free_bytes: Option<u64>,
    /// Bytes of the volume in all; null if its file system does not say.
    pub total_bytes: Option<u64>,
}

/// What became of a replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Collection {
    /// The model.
    pub model: ModelKey,
    /// The index.
    pub replication: u32,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of a replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It is here now.
    Collected {
        /// Files that were brought.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// It was here already.
    AlreadyHere,
    /// It is not sealed on the cluster, and was left out.
    Unsealed {
        /// How far it is.
        why: String,
    },
    /// On the cluster it is not what was sealed, and it is not whole here.
    Damaged {
        /// What is wrong.
        why: String,
    },
}

impl Collected {
    pub(super) fn of(listing: &Listing, known: &Known) -> Self {
        let replications = listing.replications.iter().map(|it| Collection {
            model: it.model.clone(),
            replication: it.index,
            outcome: Outcome::of(it, known),
        });
        Self {
            replications: replications.collect(),
            files: known.brought.len() as u64,
            bytes: known.brought.values().sum(),
            free_bytes: listing.volume.free_bytes,
            total_bytes: listing.volume.total_bytes,
        }
    }

    /// Whether all that is sealed on the cluster is what was sealed.
    pub fn is_faultless(&self) -> bool {
        let mut all = self.replications.iter();
        !all.any(|it| matches!(it.outcome, Outcome::Damaged { .. }))
    }
}

impl Outcome {
    fn of(replication: &Replication, known: &Known) -> Self {
        match &replication.state {
            State::Unsealed { why } => return Self::Unsealed { why: why.clone() },
            State::Broken { why } => return Self::Damaged { why: why.clone() },
            _ => {}
        }
        let own =
            |it: &&FilePath| *it.model() == replication.model && it.index() == replication.index;
        let damaged: Vec<&str> = known
            .damaged
            .iter()
            .filter(own)
            .map(FilePath::name)
            .collect();
        if !damaged.is_empty() {
            let why = format!(
                "{} changed after sealing: the digest is another one",
                damaged.join(", ")
            );
            return Self::Damaged { why };
        }
        let mut brought = (0, 0);
        for wanted in files(replication).unwrap_or_default() {
            if let Some(bytes) = known.brought.get(&wanted.path) {
                brought = (brought.0 + 1, brought.1 + bytes);
            }
        }
        match brought {
            (0, _) => Self::AlreadyHere,
            (files, bytes) => Self::Collected { files, bytes },
        }
    }
}
