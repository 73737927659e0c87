//! The pod's side of `collect` and `doctor`: what is on the results volume, how much is left on it, and a stream of the files
//! that are wanted.
//!
//! Nothing is written here but the stream, and no symbolic link below the results folder is followed.

mod beneath;
mod list;
mod send;
mod use_mark;

use std::io;

pub use list::{list, volume};
pub use send::{Sent, send};
pub use use_mark::{UseMark, idle};

use crate::durable::FileError;

/// Results that cannot be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A file or folder could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line that names no file.
    #[error("line {line} of the wanted files: {source}")]
    Wanted {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: grace_core::export::PathError,
    },
    /// The list of wanted files could not be read to its end, an empty line.
    #[error(
        "the list of wanted files was cut off after {lines} lines: expected an empty line at its end"
    )]
    CutOff {
        /// The lines that were read.
        lines: usize,
    },
    /// Nobody takes what is written.
    #[error("the other end takes no more")]
    Output(#[source] io::Error),
}
