//! Why a replication could not be run, and what that means for whoever started it.

use grace_client::{CheckName, OptionProblem, ProbeError, ScoreProblem, ScoringProbeError};

use crate::attempt::AttemptError;
use crate::durable::FileError;
use crate::job::JobError;
use crate::journal::JournalError;
use crate::metadata::MetadataError;
use crate::run::RunError;
use crate::score::OTHER_METHOD;
use crate::seal::SealError;
use crate::supervise::SuperviseError;

/// Why a replication could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicateError {
    /// The inputs have mistakes.
    #[error(transparent)]
    Job(#[from] JobError),
    /// What is in the folder does not fit.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// An earlier attempt does not fit.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The server cannot be used.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The server was not ready in time.
    #[error("server at {url} was not ready within {seconds} s")]
    NotReady {
        /// Its address.
        url: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The server that is started here cannot be.
    #[error(transparent)]
    Server(#[from] SuperviseError),
    /// The server does not do with seeds what the plan needs.
    #[error("server at {url} does not honour seeds: {what}")]
    Seeds {
        /// Its address.
        url: String,
        /// What it does with them.
        what: &'static str,
    },
    /// The server does not score as the plan needs.
    #[error(transparent)]
    Scoring(#[from] ScoringProbeError),
    /// Work could not go on.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The results could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl ReplicateError {
    /// The exit code of DESIGN 6: 42 for what only a change of inputs can mend, 75 for what time may.
    pub fn exit_code(&self) -> u8 {
        const CONFIGURATION: u8 = 42;
        const TRY_AGAIN: u8 = 75;
        let transient = match self {
            Self::Job(_)
            | Self::Metadata(
                MetadataError::Damaged { .. }
                | MetadataError::OtherFormat { .. }
                | MetadataError::OtherInputs { .. },
            )
            | Self::Attempt(AttemptError::Damaged { .. } | AttemptError::OtherInputs { .. })
            | Self::Seeds { .. }
            | Self::Run(RunError::Stimuli(_) | RunError::Prompt(_))
            | Self::Seal(SealError::Stimuli(_)) => false,
            Self::NotReady { .. } => true,
            Self::Probe(error) => error.is_transient(),
            Self::Scoring(error) => error.is_transient(),
            Self::Server(error) => error.is_transient(),
            _ => self.file_error().is_none_or(FileError::is_transient),
        };
        if transient { TRY_AGAIN } else { CONFIGURATION }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Metadata(MetadataError::OtherInputs { .. })
            | Self::Attempt(AttemptError::OtherInputs { .. }) => {
                Some("choose another results folder, or restore the inputs that are recorded there")
            }
            Self::Seeds { .. } => Some(
                "pass `--seeds-optional` to go on; the texts are kept, but no trial can be replayed",
            ),
            Self::Scoring(ScoringProbeError::NoMethod { .. }) => Some(
                "score experiments need vLLM or llama.cpp's server; `--experiment` leaves them out",
            ),
            Self::Scoring(ScoringProbeError::Options { .. }) => Some(
                "change the options in the experiment file: each needs a token of its own, and none may begin another",
            ),
            Self::Scoring(ScoringProbeError::Check {
                check: CheckName::ChainRule | CheckName::RepeatedScoring,
                ..
            }) => Some(
                "numbers move with the load and the precision: llama.cpp with one slot (`--parallel 1`) and vLLM with \
                 `dtype: float32` are the quietest; a server that fails even so must not score",
            ),
            Self::Scoring(ScoringProbeError::Unanswered {
                source: ScoreProblem::Options(OptionProblem::NotListed { .. }),
                ..
            }) => Some(OTHER_METHOD),
            Self::NotReady { .. } => {
                Some("is the server running at this address? `--timeout` sets how long to wait")
            }
            Self::Server(error) => error.hint(),
            Self::Run(RunError::Stimuli(_)) | Self::Seal(SealError::Stimuli(_)) => Some(
                "restore the stimuli file and run the same command again; answers so far are kept",
            ),
            _ => self.file_error().and_then(FileError::hint),
        }
    }

    fn file_error(&self) -> Option<&FileError> {
        match self {
            Self::File(error)
            | Self::Metadata(MetadataError::File(error))
            | Self::Attempt(AttemptError::File(error))
            | Self::Seal(SealError::File(error))
            | Self::Run(RunError::Journal(JournalError::File(error))) => Some(error),
            _ => None,
        }
    }
}
