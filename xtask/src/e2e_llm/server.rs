//! The model server: started, waited for, and never left behind.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::install::Installed;

/// The script that serves the model.
pub(super) const SCRIPT: &str = include_str!("serve.py");
const TO_LOAD: Duration = Duration::from_mins(5);
const TO_ANSWER: Duration = Duration::from_mins(1);

/// A running server. Dropping it ends its whole process group; should this process be killed, the script's own
/// watch and the kernel do.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts the server, and waits until it is healthy and serves `model`.
    pub(super) fn start(installed: &Installed, model: &str, log: &Path) -> Result<Self> {
        let stderr = File::create(log).with_context(|| log.display().to_string())?;
        let mut child = Command::new(&installed.python)
            .args(["-c", SCRIPT])
            .arg(std::process::id().to_string())
            .arg("0")
            .arg(&installed.gguf)
            .args([model, "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .process_group(0)
            .spawn()
            .context("the model server could not be started")?;
        let stdout = child.stdout.take();
        let mut server = Self {
            child,
            url: String::new(),
            log: log.to_owned(),
        };
        let stdout = stdout.context("the model server has no stdout")?;
        let failed =
            |server: &Self| format!("the model server cannot be used; {}", server.last_words());
        server.url = ready(stdout).with_context(|| failed(&server))?;
        server.check(model).with_context(|| failed(&server))?;
        Ok(server)
    }

    /// The address without `/v1`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is gone, by whatever cause.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// The end of the log.
    pub(super) fn last_words(&self) -> String {
        format!("its log ends with:\n{}", tail(&self.log))
    }

    fn check(&self, model: &str) -> Result<()> {
        let (status, body) = get(&self.url, "/health")?;
        if status != 200 {
            bail!("it is not healthy: {status} {body}");
        }
        let (_, models) = get(&self.url, "/v1/models")?;
        let models: serde_json::Value = serde_json::from_str(&models).context("/v1/models")?;
        let served = models["data"][0]["id"].as_str().unwrap_or("nothing");
        if served != model {
            bail!("it serves `{served}`, expected `{model}`");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The group first, while its leader still holds the number.
        let group = format!("-{}", self.child.id());
        let kill = ["-c", "kill -s KILL -- \"$0\"", &group];
        // Nothing is left to do if these fail: the group is gone then.
        let _ = Command::new("sh").args(kill).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address that the script prints once the model is loaded.
fn ready(stdout: ChildStdout) -> Result<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(url) = line.strip_prefix("READY ") {
                // The receiver may have given up.
                let _ = sender.send(url.trim().to_owned());
            }
        }
    });
    receiver.recv_timeout(TO_LOAD).map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => {
            anyhow!("it was not ready after {} s", TO_LOAD.as_secs())
        }
        mpsc::RecvTimeoutError::Disconnected => {
            anyhow!("it ended before it was ready")
        }
    })
}

/// A GET over HTTP/1.0: status and body.
fn get(url: &str, path: &str) -> Result<(u16, String)> {
    exchange(url, "GET", path, "")
}

/// A POST of JSON over HTTP/1.0: the JSON that comes back with status 200.
pub(super) fn post(url: &str, path: &str, body: &serde_json::Value) -> Result<serde_json::Value> {
    let (status, answer) = exchange(url, "POST", path, &body.to_string())?;
    ensure!(status == 200, "{path} answered {status}: {answer}");
    serde_json::from_str(&answer).with_context(|| format!("{path} answered no JSON"))
}

fn exchange(url: &str, verb: &str, path: &str, body: &str) -> Result<(u16, String)> {
    let host = url.strip_prefix("http://").unwrap_or(url);
    let address: SocketAddr = host
        .parse()
        .with_context(|| format!("the address `{url}`"))?;
    let mut stream = TcpStream::connect_timeout(&address, TO_ANSWER).context(path.to_owned())?;
    stream.set_read_timeout(Some(TO_ANSWER))?;
    let length = body.len();
    let head = format!(
        "{verb} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    write!(stream, "{head}{body}")?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .context(path.to_owned())?;
    parse(&answer).with_context(|| format!("{path} answered no HTTP: {answer:?}"))
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// The last lines of a file.
pub(crate) fn tail(path: &Path) -> String {
    const LINES: usize = 15;
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return String::from("(nothing)");
    }
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_a_body() {
        let answer = "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n{\"status\":\"ok\"}";
        assert_eq!(
            parse(answer),
            Some((200, String::from("{\"status\":\"ok\"}")))
        );
        assert_eq!(parse("nonsense"), None);
    }
}
