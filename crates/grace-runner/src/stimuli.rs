//! A stimuli file on disk: scanned once, rows read from their place when needed.

use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use grace_core::experiment::Experiment;
use grace_core::stimuli::{StimuliIndex, Stimulus, scan};
use grace_core::{Digest, Problem, Problems};

/// An open stimuli file.
#[derive(Debug)]
pub(crate) struct StimuliFile {
    path: PathBuf,
    file: File,
}

/// Stimuli that could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StimuliError {
    /// The file has mistakes, or cannot be opened.
    #[error("{0}")]
    Invalid(Problems),
    /// The file is no longer the one that was scanned.
    #[error("stimuli {} changed while the experiment was running", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

impl StimuliFile {
    /// Opens and scans `path` for `experiment`.
    pub(crate) fn open(
        path: &Path,
        experiment: &Experiment,
    ) -> Result<(Self, StimuliIndex), StimuliError> {
        let name = path.display().to_string();
        let refused = |message: String| StimuliError::Invalid(Problem::new(&name, message).into());
        let file =
            File::open(path).map_err(|error| refused(format!("cannot be opened: {error}")))?;
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            return Err(refused(String::from(
                "is no regular file, expected a CSV file",
            )));
        }
        let index = scan(&name, BufReader::with_capacity(1 << 16, &file), experiment)
            .map_err(StimuliError::Invalid)?;
        let path = path.to_owned();
        Ok((Self { path, file }, index))
    }

    /// The error for a file that is no longer what was scanned.
    pub(crate) fn changed(&self) -> StimuliError {
        StimuliError::Changed {
            path: self.path.clone(),
        }
    }

    /// The stimulus in row `trial_id`.
    pub(crate) fn row(
        &self,
        index: &StimuliIndex,
        trial_id: u32,
    ) -> Result<Stimulus, StimuliError> {
        let changed = || self.changed();
        let (start, end) = index.span(trial_id).ok_or_else(changed)?;
        let length = usize::try_from(end - start).map_err(|_| changed())?;
        let mut bytes = vec![0; length];
        self.file
            .read_exact_at(&mut bytes, start)
            .map_err(|_| changed())?;
        index.parse_row(&bytes).ok_or_else(changed)
    }

    /// Checks that the file still has the content that was scanned.
    pub(crate) fn check_unchanged(
        &self,
        expected: Digest,
        experiment: &Experiment,
    ) -> Result<(), StimuliError> {
        let now = Self::open(&self.path, experiment).map(|(_, index)| index.digest());
        match now {
            Ok(digest) if digest == expected => Ok(()),
            _ => Err(self.changed()),
        }
    }
}
