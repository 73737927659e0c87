//! A model server that this process starts: waited for, and never left behind.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

const TO_LOAD: Duration = Duration::from_mins(10);
const TO_ANSWER: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(200);

/// A running server behind grace's guard, which ends all its processes once its standard input is closed: by dropping
/// this, or by the end of this process.
#[derive(Debug)]
pub(crate) struct Server {
    guard: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts the server by its `guard`, and waits until it is healthy at `port` and serves `model`.
    pub(super) fn start(mut guard: Command, port: u16, model: &str, log: &Path) -> Result<Self> {
        let stderr = File::create(log).with_context(|| log.display().to_string())?;
        guard.stdin(Stdio::piped()).stdout(Stdio::null());
        let guard = guard.stderr(stderr).spawn();
        let mut server = Self {
            guard: guard.context("the model server could not be started")?,
            url: format!("http://127.0.0.1:{port}"),
            log: log.to_owned(),
        };
        let ready = server.wait_until_healthy();
        ready
            .and_then(|()| server.check(model))
            .with_context(|| format!("the model server cannot be used; {}", server.last_words()))?;
        Ok(server)
    }

    /// The address without `/v1`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is gone, by whatever cause.
    pub(super) fn has_ended(&mut self) -> bool {
        self.guard.try_wait().is_ok_and(|status| status.is_some())
    }

    /// The end of the log.
    pub(super) fn last_words(&self) -> String {
        format!("its log ends with:\n{}", tail(&self.log))
    }

    fn wait_until_healthy(&mut self) -> Result<()> {
        let started = Instant::now();
        while !matches!(get(&self.url, "/health"), Ok((200, _))) {
            if self.has_ended() {
                bail!("it ended before it was ready");
            }
            ensure!(
                started.elapsed() < TO_LOAD,
                "it was not ready after {} s",
                TO_LOAD.as_secs()
            );
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn check(&self, model: &str) -> Result<()> {
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
        drop(self.guard.stdin.take());
        // A guard that cannot be waited for has ended.
        let _ = self.guard.wait();
    }
}

/// A GET over HTTP/1.0: status and body.
fn get(url: &str, path: &str) -> Result<(u16, String)> {
    exchange(url, "GET", path, "")
}

/// A POST of JSON over HTTP/1.0: the JSON that comes back with status 200.
pub(crate) fn post(url: &str, path: &str, body: &serde_json::Value) -> Result<serde_json::Value> {
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
