//! Exit codes, and the last words before them.

use std::io::Write;
use std::process::ExitCode;

use grace_client::{ConfigError, ProbeError, RequestError};
use grace_core::Problems;
use grace_runner::ReplicateError;
use grace_runner::replay::ReplayError;
use grace_runner::verify::FindError;

/// Complete, or already so.
pub(crate) const COMPLETE: u8 = 0;
/// A fault of grace itself.
pub(crate) const INTERNAL: u8 = 1;
/// Arguments that cannot be.
pub(crate) const USAGE: u8 = 2;
/// Configuration, or inputs that differ, or a server that cannot do what the plan needs.
pub(crate) const CONFIGURATION: u8 = 42;
/// Too many trials can never be answered.
pub(crate) const TOO_MANY_NON_ANSWERS: u8 = 43;
/// A server or resource was not there in time, or queries failed: worth another try.
pub(crate) const TRY_AGAIN: u8 = 75;
/// A check found faults.
pub(crate) const FAULTS_FOUND: u8 = 100;
/// Interrupted by SIGINT after a clean flush.
pub(crate) const INTERRUPTED: u8 = 130;
/// Interrupted by SIGTERM after a clean flush.
pub(crate) const TERMINATED: u8 = 143;

/// A command that failed: what went wrong, what to do, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    error: anyhow::Error,
    hint: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: u8, error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        let hint = None;
        Self { code, error, hint }
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(CONFIGURATION, anyhow::Error::msg(message.into()))
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(USAGE, anyhow::Error::msg(message.into()))
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ReplicateError> for Failure {
    fn from(error: ReplicateError) -> Self {
        let hint = error.hint().map(str::to_owned);
        let failure = Self::new(error.exit_code(), error);
        Self { hint, ..failure }
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        Self::new(
            if error.is_transient() {
                TRY_AGAIN
            } else {
                CONFIGURATION
            },
            error,
        )
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::new(CONFIGURATION, problems)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(CONFIGURATION, error)
    }
}

impl From<ProbeError> for Failure {
    fn from(error: ProbeError) -> Self {
        Self::new(
            if error.is_transient() {
                TRY_AGAIN
            } else {
                CONFIGURATION
            },
            error,
        )
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::new(
            if error.is_transient() {
                TRY_AGAIN
            } else {
                CONFIGURATION
            },
            error,
        )
    }
}

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        Self::new(CONFIGURATION, error)
    }
}

#[cfg(feature = "analysis")]
impl From<grace_analysis::FindError> for Failure {
    fn from(error: grace_analysis::FindError) -> Self {
        Self::new(CONFIGURATION, error)
    }
}

#[cfg(feature = "analysis")]
impl From<grace_analysis::aggregate::AggregateError> for Failure {
    fn from(error: grace_analysis::aggregate::AggregateError) -> Self {
        match error {
            grace_analysis::aggregate::AggregateError::Find(error) => error.into(),
            error => Self::new(TRY_AGAIN, error),
        }
    }
}

#[cfg(feature = "analysis")]
impl From<grace_analysis::icc::CellsError> for Failure {
    fn from(error: grace_analysis::icc::CellsError) -> Self {
        match error {
            grace_analysis::icc::CellsError::Read(error) => error.into(),
            error => Self::new(CONFIGURATION, error),
        }
    }
}

#[cfg(feature = "cluster")]
impl From<grace_launch::ClusterError> for Failure {
    fn from(error: grace_launch::ClusterError) -> Self {
        let code = if error.is_transient() {
            TRY_AGAIN
        } else {
            CONFIGURATION
        };
        let hint = error.hint().map(str::to_owned);
        let failure = Self::new(code, error);
        Self { hint, ..failure }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(INTERNAL, error)
    }
}

/// What clap has to say about arguments, help and version included.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe must not turn help into a panic.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}

/// Prints the error, each cause on a line of its own, and the hint.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "error: {}", failure.error);
    for cause in failure.error.chain().skip(1) {
        let _ = writeln!(stderr, "  caused by: {cause}");
    }
    if let Some(hint) = &failure.hint {
        let _ = writeln!(stderr, "hint: {hint}");
    }
    ExitCode::from(failure.code)
}
