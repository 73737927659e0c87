//! A guarded server, as grace sees it.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use tokio::sync::watch;

use super::command::Launch;

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// The guard ended, and took the server with it.
    GuardLost,
}

impl Exit {
    /// Whether the program could not be started at all, as a shell would say it.
    pub(crate) fn is_not_found(self) -> bool {
        matches!(self, Self::Code(126 | 127))
    }

    /// Reads the line of a guard's report that tells the end.
    fn parse(line: &str) -> Option<Self> {
        let (word, number) = line.split_once(' ')?;
        let number = number.parse().ok()?;
        match word {
            "exited" => Some(Self::Code(number)),
            "killed" => Some(Self::Signal(number)),
            _ => None,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(9) => f.write_str("was killed by SIGKILL (out of memory?)"),
            Self::Signal(11) => f.write_str("was killed by SIGSEGV"),
            Self::Signal(15) => f.write_str("was ended by SIGTERM"),
            Self::Signal(signal) => write!(f, "was killed by signal {signal}"),
            Self::GuardLost => f.write_str("was ended with its guard (killed?)"),
        }
    }
}

/// A server and its guard. Dropping it ends both.
#[derive(Debug)]
pub(super) struct Process {
    /// Closing it asks the guard to end the server.
    pipe: Option<ChildStdin>,
    guard: Pid,
    exit: watch::Receiver<Option<Exit>>,
    stop_grace: Duration,
}

impl Process {
    /// Starts `launch` under the command `guard`; what it prints goes to `log`.
    pub(super) fn start(
        guard: &[OsString],
        launch: &Launch,
        stop_grace: Duration,
        log: File,
    ) -> io::Result<Self> {
        let [program, arguments @ ..] = guard else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut child = Command::new(program)
            .args(arguments)
            .args(["--stop-grace-ms", &stop_grace.as_millis().to_string(), "--"])
            .args(&launch.argv)
            .envs(&launch.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            // A Ctrl-C at the terminal is for grace, which ends the server when its own work is safe.
            .process_group(0)
            .spawn()?;
        let (guard, pipe) = (Pid::from_child(&child), child.stdin.take());
        let Some(report) = child.stdout.take() else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let (ended, exit) = watch::channel(None);
        std::thread::Builder::new()
            .name(String::from("model server"))
            .spawn(move || {
                ended.send_replace(Some(follow(child, report)));
            })?;
        Ok(Self {
            pipe,
            guard,
            exit,
            stop_grace,
        })
    }

    /// The process that all of the server's came of.
    pub(super) fn guard(&self) -> Pid {
        self.guard
    }

    /// How it ended, if it has.
    pub(super) fn exit(&self) -> Option<Exit> {
        *self.exit.borrow()
    }

    /// Waits for its end.
    pub(super) fn ended(&self) -> impl Future<Output = Exit> + use<> {
        let mut exit = self.exit.clone();
        async move {
            match exit.wait_for(Option::is_some).await {
                Ok(exit) => exit.unwrap_or(Exit::GuardLost),
                Err(_) => Exit::GuardLost,
            }
        }
    }

    /// Ends it: SIGTERM, SIGKILL after the grace period, and no process is left when this returns.
    pub(super) async fn stop(mut self) -> Exit {
        /// More than the guard itself waits for processes that do not die.
        const MARGIN: Duration = Duration::from_secs(25);
        drop(self.pipe.take());
        if let Ok(exit) = tokio::time::timeout(self.stop_grace + MARGIN, self.ended()).await {
            return exit;
        }
        // Whoever follows the guard ends the group then.
        let _ = kill_process(self.guard, Signal::KILL);
        let ended = tokio::time::timeout(MARGIN, self.ended()).await;
        ended.unwrap_or(Exit::GuardLost)
    }
}

/// Hears the guard's report to its end. A guard that ends without telling the server's end has been killed.
fn follow(mut guard: Child, report: ChildStdout) -> Exit {
    let (mut group, mut exit) = (None, None);
    for line in BufReader::new(report).lines().map_while(Result::ok) {
        match line.strip_prefix("started ") {
            Some(id) => group = id.parse().ok().and_then(Pid::from_raw),
            None => exit = Exit::parse(&line),
        }
    }
    // It is reaped; its code says no more than its report.
    let _ = guard.wait();
    exit.unwrap_or_else(|| {
        if let Some(group) = group {
            end_group(group);
        }
        Exit::GuardLost
    })
}

/// Ends a group that lost its guard, and waits a while for its end: what is dying still holds its port and its GPU.
fn end_group(group: Pid) {
    const POLL: Duration = Duration::from_millis(10);
    // Some members may stay as zombies, where nobody adopts orphans; those hold nothing.
    const LIMIT: Duration = Duration::from_secs(2);
    let _ = kill_process_group(group, Signal::KILL);
    let until = Instant::now() + LIMIT;
    while test_kill_process_group(group).is_ok() && Instant::now() < until {
        std::thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_a_guard_are_understood() {
        assert_eq!(Exit::parse("exited 1"), Some(Exit::Code(1)));
        assert_eq!(Exit::parse("killed 9"), Some(Exit::Signal(9)));
        assert_eq!(Exit::parse("exited"), None);
        assert_eq!(Exit::parse("started 7"), None);
    }
}
