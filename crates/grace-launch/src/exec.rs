//! A command in a container: bytes in, bytes out, and how it ended.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{AttachParams, AttachedProcess};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, SimplexStream};

use crate::connect::{Cluster, answer};
use crate::error::{ClusterError, shortened};

/// What is kept of what the command writes to stderr, in bytes.
const MOST_SAID: usize = 4096;
/// What is taken from stdout at once, in bytes.
const CHUNK: usize = 1 << 16;
/// The longest silence of a command.
const SILENCE: Duration = Duration::from_mins(2);

/// Why a command in a container gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecError {
    /// It could not be started.
    #[error(transparent)]
    Start(#[from] ClusterError),
    /// The connection broke before the command had ended.
    #[error("the connection to the pod was cut")]
    Cut,
    /// The command neither wrote nor ended.
    #[error("the pod said nothing for {0} s")]
    Silent(u64),
    /// The command failed.
    #[error("the command in the pod failed{}: {said}", .code.map(|code| format!(" with exit code {code}")).unwrap_or_default())]
    Failed {
        /// Its exit code; none if it could not be started in the container.
        code: Option<i32>,
        /// What it wrote to stderr, else what the cluster says.
        said: String,
    },
}

impl ExecError {
    /// Whether the same may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Start(error) => error.is_transient(),
            Self::Cut | Self::Silent(_) => true,
            // 75 is grace's own word for it, 137 that of a pod that is being stopped.
            Self::Failed { code, .. } => matches!(code, Some(75 | 137 | 143)),
        }
    }
}

type Ending = Pin<Box<dyn Future<Output = Option<Status>> + Send>>;

/// A command at work. Dropping it ends the connection.
pub(crate) struct Exec {
    _process: AttachedProcess,
    stdout: ReadHalf<SimplexStream>,
    stderr: ReadHalf<SimplexStream>,
    ending: Ending,
    /// Writes the input and then holds the pipe: a server of an older protocol takes its end for that of the connection.
    writing: BoxFuture<'static, Infallible>,
    stdout_is_open: bool,
    stderr_is_open: bool,
    status: Option<Box<Status>>,
    said: Vec<u8>,
}

enum Heard {
    Out(usize),
    Said(usize),
    Ended(Option<Box<Status>>),
}

impl Exec {
    /// Starts `argv` in a container and writes `input` to it.
    pub(crate) async fn start(
        cluster: &Cluster,
        (pod, container): (&str, &str),
        argv: Vec<String>,
        input: Option<Vec<u8>>,
    ) -> Result<Self, ExecError> {
        let params = AttachParams {
            container: Some(container.to_owned()),
            stdin: input.is_some(),
            stdout: true,
            stderr: true,
            tty: false,
            max_stdin_buf_size: Some(CHUNK),
            max_stdout_buf_size: Some(4 * CHUNK),
            max_stderr_buf_size: Some(MOST_SAID),
        };
        let pods = cluster.api::<Pod>();
        // The pod is named by whoever tells the error.
        let doing = "run a command in it";
        let mut process =
            answer(doing, async || pods.exec(pod, argv.clone(), &params).await).await?;
        let (Some(stdout), Some(stderr)) = (process.stdout(), process.stderr()) else {
            return Err(ExecError::Cut);
        };
        let ending: Ending = match process.take_status() {
            Some(status) => Box::pin(status),
            None => return Err(ExecError::Cut),
        };
        let stdin = process.stdin();
        let writing = async move {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // A broken pipe shows as the end of the command.
                let _ = stdin.write_all(&input).await;
                std::future::pending::<()>().await;
                drop(stdin);
            }
            std::future::pending().await
        };
        Ok(Self {
            _process: process,
            stdout,
            stderr,
            ending,
            writing: writing.boxed(),
            stdout_is_open: true,
            stderr_is_open: true,
            status: None,
            said: Vec::new(),
        })
    }

    /// The next bytes of stdout; none once the command has ended well.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, ExecError> {
        let mut out = vec![0; CHUNK];
        loop {
            if !self.stdout_is_open && self.status.is_some() {
                return self.conclude();
            }
            match self.hear(&mut out).await? {
                Heard::Out(0) => self.stdout_is_open = false,
                Heard::Out(count) => {
                    out.truncate(count);
                    return Ok(Some(out));
                }
                Heard::Said(0) => self.stderr_is_open = false,
                Heard::Said(_) => {}
                Heard::Ended(None) => return Err(ExecError::Cut),
                Heard::Ended(status) => self.status = status,
            }
        }
    }

    /// Whatever comes first, stdout before all else: what arrived before a cut counts.
    async fn hear(&mut self, out: &mut [u8]) -> Result<Heard, ExecError> {
        let mut words = [0; 1024];
        let heard = async {
            tokio::select! {
                biased;
                count = self.stdout.read(out), if self.stdout_is_open => count.map(Heard::Out),
                count = self.stderr.read(&mut words), if self.stderr_is_open => count.map(Heard::Said),
                status = &mut self.ending, if self.status.is_none() => Ok(Heard::Ended(status.map(Box::new))),
                never = &mut self.writing => match never {},
            }
        };
        let heard = tokio::time::timeout(SILENCE, heard).await;
        let heard = heard.map_err(|_| ExecError::Silent(SILENCE.as_secs()))?;
        let heard = heard.map_err(|_| ExecError::Cut)?;
        if let Heard::Said(count) = heard {
            let room = MOST_SAID.saturating_sub(self.said.len()).min(count);
            self.said.extend_from_slice(&words[..room]);
        }
        Ok(heard)
    }

    fn conclude(&mut self) -> Result<Option<Vec<u8>>, ExecError> {
        let status = self.status.as_ref();
        if status.and_then(|it| it.status.as_deref()) == Some("Success") {
            return Ok(None);
        }
        let mut said = String::from_utf8_lossy(&self.said).trim().to_owned();
        if said.is_empty() {
            let message = status.and_then(|it| it.message.as_deref());
            message.unwrap_or("no reason given").clone_into(&mut said);
        }
        Err(ExecError::Failed {
            code: status.and_then(|it| exit_code(it)),
            said: shortened(&said),
        })
    }
}

/// The exit code in the status of a command that failed.
fn exit_code(status: &Status) -> Option<i32> {
    let causes = status.details.as_ref()?.causes.as_deref()?;
    let cause = causes
        .iter()
        .find(|it| it.reason.as_deref() == Some("ExitCode"))?;
    cause.message.as_deref()?.parse().ok()
}
