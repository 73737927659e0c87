//! Why a server could not be started or used.

use std::io;
use std::path::PathBuf;

use super::command::LaunchError;
use super::process::Exit;
use crate::durable::FileError;

/// Why a server could not be started or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuperviseError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// Something else listens where the server should.
    #[error("port {port} of 127.0.0.1 cannot be used for the model server")]
    Port {
        /// The port.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// Another process takes the connections that are meant for the server.
    #[error(
        "port {port} of 127.0.0.1 is answered by process {pid} (`{name}`), expected the model server that grace started as process \
         {expected} or one below it"
    )]
    OtherServer {
        /// The port.
        port: u16,
        /// The process that listens.
        pid: i32,
        /// Its name.
        name: String,
        /// The guard of the server.
        expected: i32,
    },
    /// The log file cannot be written.
    #[error(transparent)]
    Log(#[from] FileError),
    /// Not even the guard could be started.
    #[error("the guard of the model server could not be started")]
    Guard {
        /// What the system says.
        source: io::Error,
    },
    /// There is no such program, or it is none.
    #[error("model server `{program}` could not be started; {} ends with:{last_lines}", .log.display())]
    NotFound {
        /// The program.
        program: String,
        /// The log file.
        log: PathBuf,
        /// Its last lines.
        last_lines: String,
    },
    /// The server ended before it was ready.
    #[error("model server {exit} before it was ready; {} ends with:{last_lines}", .log.display())]
    EndedEarly {
        /// How it ended.
        exit: Exit,
        /// The log file.
        log: PathBuf,
        /// Its last lines.
        last_lines: String,
    },
    /// The server did not become healthy in time.
    #[error("model server was not ready within {seconds} s; {} ends with:{last_lines}", .log.display())]
    NotReady {
        /// How long was waited.
        seconds: u64,
        /// The log file.
        log: PathBuf,
        /// Its last lines.
        last_lines: String,
    },
}

impl SuperviseError {
    /// Whether trying again later, or elsewhere, may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Launch(_) | Self::NotFound { .. } | Self::OtherServer { .. } => false,
            Self::Log(error) => error.is_transient(),
            _ => true,
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Port { .. } => Some(
                "end what listens there, or leave `server.port` out of models.yaml: then a free port is taken",
            ),
            Self::OtherServer { .. } => Some(
                "end that process, or leave `server.port` out of models.yaml: then a free port is taken; a server that some other \
                 program starts (Docker, systemd) is named by `--base-url`",
            ),
            Self::NotFound { .. } => Some(
                "install vLLM where this runs, set `server.command` in models.yaml, or name a running server by `--base-url` \
                 (or GRACE_BASE_URL, OPENAI_BASE_URL)",
            ),
            Self::NotReady { .. } => Some(
                "`server.ready_timeout` in models.yaml, or else `--timeout`, sets how long loading may take",
            ),
            Self::Log(error) => error.hint(),
            _ => None,
        }
    }
}
