//! Journals: the durable lines of finished requests.

mod index;
mod writer;

pub(crate) use index::{AnswerIndex, Journals};
pub(crate) use writer::{JournalHandle, JournalWriter};

use crate::durable::FileError;

/// A journal that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The thread that writes is gone.
    #[error("the thread that writes the journal ended early")]
    WriterGone,
}
