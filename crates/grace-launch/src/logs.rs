//! What a replication prints, through the ends of connections.

use std::time::Duration;

use futures_util::io::AsyncBufReadExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::LogParams;

use crate::apply::find;
use crate::connect::{ANSWER, Cluster, answer};
use crate::error::{ClusterError, FaultKind};
use crate::state::pod;

/// The container whose log is meant.
pub const CONTAINER: &str = "replicate";
/// How long to wait before a stream is asked for again.
const PAUSE: Duration = Duration::from_secs(1);
/// How far before the last line a log is asked for again: the server looks at whole seconds, and known lines are skipped.
const BEFORE: Duration = Duration::from_secs(2);
/// The longest line that is kept whole, in characters.
const LONGEST: usize = 2000;

/// The last `lines` of a pod's log; fewer if the answer breaks off.
///
/// # Errors
///
/// Returns an error if nothing of it came: the pod is gone, its container has not started, or the cluster cannot be reached.
pub async fn tail(
    cluster: &Cluster,
    pod: &str,
    container: &str,
    lines: u32,
) -> Result<Vec<String>, ClusterError> {
    let mut last = Vec::new();
    let all = read(cluster, pod, container, Some(lines), |line| {
        last.push(cut(line));
    });
    let ended = tokio::time::timeout(ANSWER, all).await;
    match ended {
        Ok(Ok(())) => {}
        // What came before it broke off says something, too.
        _ if !last.is_empty() => {}
        Ok(Err(error)) => return Err(error),
        Err(_) => {
            let doing = format!("read the log of pod {pod}");
            let fault = FaultKind::TimedOut(ANSWER.as_secs());
            return Err(ClusterError::new(doing, fault));
        }
    }
    Ok(last)
}

/// A pod's log up to now, line by line: the last `lines`, or all of them.
///
/// # Errors
///
/// Returns an error if the log cannot be read, or breaks off.
pub async fn read(
    cluster: &Cluster,
    pod: &str,
    container: &str,
    lines: Option<u32>,
    each: impl FnMut(&str),
) -> Result<(), ClusterError> {
    let params = LogParams {
        container: Some(container.to_owned()),
        tail_lines: lines.map(i64::from),
        ..LogParams::default()
    };
    each_line(cluster, pod, &params, each).await
}

/// Gives each line of one answer to `each`. Bytes that are no UTF-8 are replaced: programs print what they like.
async fn each_line(
    cluster: &Cluster,
    pod: &str,
    params: &LogParams,
    mut each: impl FnMut(&str),
) -> Result<(), ClusterError> {
    let doing = format!("read the log of pod {pod}");
    let api = cluster.api::<Pod>();
    let stream = answer(doing.clone(), async || api.log_stream(pod, params).await).await?;
    let mut stream = std::pin::pin!(stream);
    let mut line = Vec::new();
    let broken = |error: std::io::Error| {
        ClusterError::new(doing.clone(), FaultKind::Unreachable(error.to_string()))
    };
    while stream.read_until(b'\n', &mut line).await.map_err(broken)? > 0 {
        let text = String::from_utf8_lossy(&line);
        each(text.trim_end_matches(['\n', '\r']));
        line.clear();
    }
    Ok(())
}

/// A pod's log as it is written, line by line, until the container has ended.
///
/// A stream that ends is no proof that the container did: the pod is looked at, and the log asked for from the last line on.
#[derive(Debug)]
pub struct Follow {
    cluster: Cluster,
    pod: String,
    container: String,
    tail: Option<u32>,
    /// The time of the last line, and how many lines of that time were given.
    last: Option<(Timestamp, usize)>,
}

impl Follow {
    /// The log of a container of `pod`, from its last `tail` lines on, or from its beginning.
    pub fn new(cluster: &Cluster, pod: &str, container: &str, tail: Option<u32>) -> Self {
        Self {
            cluster: cluster.clone(),
            pod: pod.to_owned(),
            container: container.to_owned(),
            tail,
            last: None,
        }
    }

    /// Gives all lines to `each` until the container has ended or the pod is gone.
    ///
    /// # Errors
    ///
    /// Returns an error if the log may not be read. Broken connections are made anew, for as long as `patience`.
    pub async fn run(
        mut self,
        patience: Duration,
        mut each: impl FnMut(&str),
    ) -> Result<(), ClusterError> {
        let mut silent_since = tokio::time::Instant::now();
        loop {
            let before = self.last;
            let failed = self.stream(&mut each).await.err();
            if self.last != before {
                silent_since = tokio::time::Instant::now();
            }
            match failed {
                Some(error) if *error.kind() == FaultKind::Unauthorized => {
                    if silent_since.elapsed() >= patience {
                        return Err(error);
                    }
                    // They may have been renewed.
                    if let Ok(cluster) = self.cluster.reconnect().await {
                        self.cluster = cluster;
                    }
                }
                Some(error) if !is_worth_waiting(&error) => {
                    return if matches!(error.kind(), FaultKind::NotFound(_)) {
                        Ok(())
                    } else {
                        Err(error)
                    };
                }
                Some(error) if silent_since.elapsed() >= patience && error.is_transient() => {
                    return Err(error);
                }
                _ => {}
            }
            match self.has_ended().await {
                Ok(true) => {
                    // What was written between the end of the stream and that of the container.
                    let _ = self.stream(&mut each).await;
                    return Ok(());
                }
                // An answer: the pod is just silent.
                Ok(false) => silent_since = tokio::time::Instant::now(),
                Err(error) if error.is_transient() || *error.kind() == FaultKind::Unauthorized => {}
                Err(error) => return Err(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// One stream, to its end.
    async fn stream(&mut self, each: &mut impl FnMut(&str)) -> Result<(), ClusterError> {
        let params = LogParams {
            container: Some(self.container.clone()),
            follow: true,
            timestamps: true,
            tail_lines: self.tail.filter(|_| self.last.is_none()).map(i64::from),
            since_time: self.last.map(|(time, _)| time - BEFORE),
            ..LogParams::default()
        };
        let (cluster, pod) = (self.cluster.clone(), self.pod.clone());
        // What was given already is skipped.
        let mut known = self.last;
        each_line(&cluster, &pod, &params, |line| {
            let (time, text) = stamped(line);
            if self.is_new(time, &mut known) {
                each(&cut(text));
            }
        })
        .await
    }

    /// Whether a line of this time has not been given yet; counts it.
    fn is_new(&mut self, time: Option<Timestamp>, known: &mut Option<(Timestamp, usize)>) -> bool {
        let Some(time) = time else {
            return known.is_none();
        };
        if let Some((last, count)) = known {
            if time < *last {
                return false;
            }
            if time == *last && *count > 0 {
                *count -= 1;
                return false;
            }
        }
        self.last = Some(match self.last {
            Some((last, count)) if last == time => (last, count + 1),
            _ => (time, 1),
        });
        true
    }

    /// Whether the container has ended, or its pod is gone.
    async fn has_ended(&self) -> Result<bool, ClusterError> {
        match find::<Pod>(&self.cluster, &self.pod).await {
            Ok(None) => Ok(true),
            Ok(Some(pod)) => Ok(matches!(pod::phase(&pod), "Succeeded" | "Failed")),
            Err(error) => Err(error),
        }
    }
}

/// A container that has not started is answered with 400, a pod without a node with 204 and nothing.
fn is_worth_waiting(error: &ClusterError) -> bool {
    let is_starting = |message: &str| {
        message.contains("waiting to start") || message.contains("is not available")
    };
    match error.kind() {
        FaultKind::Invalid(message) => is_starting(message),
        kind => kind.is_transient(),
    }
}

/// A line's time and text.
fn stamped(line: &str) -> (Option<Timestamp>, &str) {
    match line.split_once(' ') {
        Some((time, text)) => match time.parse() {
            Ok(time) => (Some(time), text),
            Err(_) => (None, line),
        },
        None => match line.parse() {
            Ok(time) => (Some(time), ""),
            Err(_) => (None, line),
        },
    }
}

fn cut(line: &str) -> String {
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    let start: String = line.chars().take(LONGEST).collect();
    format!("{start} …")
}
