//! Exec: a local process behind the WebSocket of `pods/NAME/exec`.

use std::process::Stdio;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    UPGRADE,
};
use http::request::Parts;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::answer::{Answer, whole};
use crate::gc::pods;
use crate::request::Query;
use crate::resource::Target;
use crate::state::Shared;
use crate::status::Refusal;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
/// Version 5 alone: the channel named in the next byte ends.
const CLOSE: u8 = 255;

/// What is sent at once: kubelet's buffer.
const CHUNK: usize = 32 * 1024;

/// The protocols, the preferred one first.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/// Answers `pods/NAME/exec` and runs what is asked in a task of its own.
pub(crate) fn exec(
    shared: &Arc<Shared>,
    target: &Target,
    parts: &mut Parts,
) -> Result<Answer, Refusal> {
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    check_pod(shared, target)?;
    let argv: Vec<String> = query.all("command").map(str::to_owned).collect();
    let handler = shared.look(|state| state.on_exec.clone());
    let Some(handler) = handler else {
        let message = "the mock runs no exec: give it `on_exec`";
        return Err(Refusal::new(500, "InternalError", message));
    };
    let cut = shared.edit(|state| state.exec_cuts.pop_front());
    let (answer, upgrade) = accept(parts)?;
    let session = Session {
        command: handler(&argv),
        program: argv.first().cloned().unwrap_or_default(),
        stdin: query.is_on("stdin"),
        stdout: query.is_on("stdout"),
        stderr: query.is_on("stderr"),
        left: cut,
    };
    let mut cuts = shared.cuts();
    cuts.borrow_and_update();
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        tokio::select! {
            () = session.run(upgraded) => {}
            _ = cuts.changed() => {}
        }
    });
    Ok(answer)
}

fn check_pod(shared: &Shared, target: &Target) -> Result<(), Refusal> {
    shared.look(|state| {
        let pod = state.store.get(pods(), target.namespace(), target.name());
        let Some(pod) = pod else {
            return Err(Refusal::not_found(pods(), target.name()));
        };
        match pod["status"]["phase"].as_str().unwrap_or("Pending") {
            "Running" => Ok(()),
            phase @ ("Succeeded" | "Failed") => Err(Refusal::bad_request(format!(
                "cannot exec into a container in a completed pod; current phase is {phase}"
            ))),
            _ => Err(Refusal::bad_request(format!(
                "pod {} does not have a host assigned",
                target.name()
            ))),
        }
    })
}

/// The WebSocket handshake.
fn accept(parts: &mut Parts) -> Result<(Answer, OnUpgrade), Refusal> {
    let header = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let offered = header(SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
    let offered: Vec<&str> = offered.split(',').map(str::trim).collect();
    let protocol = PROTOCOLS.into_iter().find(|one| offered.contains(one));
    let key = header(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let (Some(protocol), Some(key), Some(upgrade)) = (protocol, key, upgrade) else {
        return Err(Refusal::bad_request("Upgrade request required"));
    };
    let key = HeaderValue::from_str(&key).map_err(|_| Refusal::bad_request("bad key"))?;
    let mut answer = whole(101, "", "");
    let headers = answer.headers_mut();
    headers.clear();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    Ok((answer, upgrade))
}

/// One exec.
struct Session {
    command: std::process::Command,
    program: String,
    stdin: bool,
    stdout: bool,
    stderr: bool,
    /// Bytes of stdout until the connection is cut.
    left: Option<usize>,
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

impl Session {
    async fn run(mut self, upgraded: Upgraded) {
        let io = TokioIo::new(upgraded);
        let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
        let status = match self.spawn() {
            Ok(child) => match self.pump(child, &mut socket).await {
                Some(status) => status,
                // Cut, or the client left; the process is killed as it is dropped.
                None => return,
            },
            Err(error) => not_started(&self.program, &error),
        };
        let mut message = vec![ERROR];
        message.extend_from_slice(status.to_string().as_bytes());
        let _ = socket.send(Message::binary(message)).await;
        let _ = socket.close(None).await;
    }

    fn spawn(&mut self) -> std::io::Result<Child> {
        let pipe = |wanted| {
            if wanted {
                Stdio::piped()
            } else {
                Stdio::null()
            }
        };
        let command = std::mem::replace(&mut self.command, std::process::Command::new("false"));
        Command::from(command)
            .stdin(pipe(self.stdin))
            .stdout(pipe(self.stdout))
            .stderr(pipe(self.stderr))
            .kill_on_drop(true)
            .spawn()
    }

    /// Carries bytes both ways until the process has ended and all is sent; `None` if the connection ends before.
    async fn pump(&mut self, mut child: Child, socket: &mut Socket) -> Option<Value> {
        let (sender, mut output) = mpsc::channel(4);
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(read(stdout, STDOUT, sender.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(read(stderr, STDERR, sender.clone()));
        }
        drop(sender);
        // Written by a task of its own: a process that does not read must not keep its output from being sent.
        let mut input = child.stdin.take().map(start_writer);
        loop {
            tokio::select! {
                message = output.recv() => match message {
                    Some(message) => self.send(socket, message).await?,
                    None => break,
                },
                message = socket.next() => match message {
                    Some(Ok(message)) => take_input(&message, &mut input)?,
                    // The client ended the connection: a client of version 4 ends stdin so.
                    Some(Err(_)) | None => return None,
                },
            }
        }
        let status = child.wait().await.ok()?;
        Some(exit_status(status))
    }

    /// Sends output; `None` if the fault's bytes are used up.
    async fn send(&mut self, socket: &mut Socket, mut message: Vec<u8>) -> Option<()> {
        let is_stdout = message.first() == Some(&STDOUT);
        let mut last = false;
        if let (Some(left), true) = (&mut self.left, is_stdout) {
            last = message.len() > *left;
            message.truncate(*left + 1);
            *left -= message.len() - 1;
        }
        socket.send(Message::binary(message)).await.ok()?;
        if last { None } else { Some(()) }
    }
}

/// Output of one pipe, as messages of its channel.
async fn read(mut pipe: impl AsyncRead + Unpin, channel: u8, sender: mpsc::Sender<Vec<u8>>) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
        let mut message = vec![channel];
        message.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if sender.send(message).await.is_err() {
            return;
        }
    }
}

type Input = mpsc::UnboundedSender<Bytes>;

fn start_writer(mut stdin: ChildStdin) -> Input {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Bytes>();
    tokio::spawn(async move {
        while let Some(bytes) = receiver.recv().await {
            // A process that closed its stdin takes no more; what is sent to it is lost, as in a pipe.
            if stdin.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    sender
}

/// Takes a message of the client; `None` if it closes the connection.
fn take_input(message: &Message, input: &mut Option<Input>) -> Option<()> {
    match message {
        Message::Binary(bytes) => match bytes.first() {
            Some(&STDIN) => {
                if let Some(input) = input {
                    let _ = input.send(bytes.slice(1..));
                }
            }
            Some(&CLOSE) if bytes.get(1) == Some(&STDIN) => *input = None,
            _ => {}
        },
        Message::Close(_) => return None,
        _ => {}
    }
    Some(())
}

/// The `Status` that ends an exec, as kubelet writes it.
fn exit_status(status: std::process::ExitStatus) -> Value {
    if status.success() {
        return json!({"metadata": {}, "status": "Success"});
    }
    // A process that a signal ended has 128 and the signal's number, as a shell says it; 137 is SIGKILL.
    let code = status.code().unwrap_or(137);
    json!({
        "metadata": {},
        "status": "Failure",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
    })
}

fn not_started(program: &str, error: &std::io::Error) -> Value {
    let why = if error.kind() == std::io::ErrorKind::NotFound {
        "executable file not found in $PATH".to_owned()
    } else {
        error.to_string()
    };
    json!({
        "metadata": {},
        "status": "Failure",
        "message": format!(
            "Internal error occurred: error executing command in container: failed to exec in container: failed to start exec: OCI runtime exec failed: exec failed: unable to start container process: exec: \"{program}\": {why}"
        ),
        "reason": "InternalError",
        "code": 500,
    })
}
