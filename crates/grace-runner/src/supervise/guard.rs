//! The guard: a process of its own that ends the server when grace ends, however that may be.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, WaitStatus, getpid, kill_process_group, wait,
    waitid,
};

use super::children::{adopt_orphans, kill_children};

/// The kernel ends a process at once unless a driver holds it; longer than this is not waited for.
const TO_DIE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// Runs a server, and ends it with all its processes as soon as its owner is gone.
///
/// It must run on the main thread of a process that has no other children: the server is tied to this thread's
/// life, and every child is ended.
#[derive(Debug)]
pub struct Guard {
    become_server: Vec<OsString>,
    command: Vec<OsString>,
    stop_grace: Duration,
    events: (Sender<Event>, Receiver<Event>),
}

/// Tells a guard to end its server. Clones tell the same guard.
#[derive(Debug, Clone)]
pub struct EndServer(Sender<Event>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    EndServer,
    ServerEnded,
}

impl EndServer {
    /// Ends the server; more than once is the same as once.
    pub fn request(&self) {
        // A guard that is no more has ended its server already.
        let _ = self.0.send(Event::EndServer);
    }
}

impl Guard {
    /// Guards `command`. It is started through `become_server`, a command that calls [`become_server`] with
    /// its last arguments: the guard's process id and `command`. `stop_grace` is the time between SIGTERM and SIGKILL.
    pub fn new(become_server: Vec<OsString>, command: Vec<OsString>, stop_grace: Duration) -> Self {
        Self {
            become_server,
            command,
            stop_grace,
            events: channel(),
        }
    }

    /// What ends the server from elsewhere: from a signal, as a rule.
    pub fn end_server(&self) -> EndServer {
        EndServer(self.events.0.clone())
    }

    /// Starts the server and waits for its end, or ends it when `owner` is closed; the exit code to end with.
    ///
    /// To `report` it writes `started <process id>`, and when no process is left `exited <code>` or `killed <signal>`.
    /// What the server prints goes to this process's stderr.
    ///
    /// # Errors
    ///
    /// Returns what the system says if the server cannot be started or waited for.
    pub fn run(self, owner: impl Read + Send + 'static, report: &mut dyn Write) -> io::Result<u8> {
        adopt_orphans()?;
        let server = self.start()?;
        // An owner that is gone hears nothing; his end is noticed at the other pipe.
        let _ =
            writeln!(report, "started {}", server.as_raw_nonzero()).and_then(|()| report.flush());
        // A server that cannot be watched is ended like one whose owner is gone.
        let watched = self.watch(server, owner);
        if watched.is_ok() {
            self.wait_for_a_reason_to_end(server);
        }
        let status = end_all(server)?;
        watched?;
        let (word, number, code) = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => ("exited", code, code),
            (None, signal) => {
                let signal = signal.unwrap_or_default();
                ("killed", signal, 128 + signal)
            }
        };
        let _ = writeln!(report, "{word} {number}").and_then(|()| report.flush());
        Ok(u8::try_from(code).unwrap_or(u8::MAX))
    }

    fn start(&self) -> io::Result<Pid> {
        let [program, arguments @ ..] = self.become_server.as_slice() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let output = io::stderr().as_fd().try_clone_to_owned()?;
        let child = Command::new(program)
            .args(arguments)
            .arg(getpid().as_raw_nonzero().to_string())
            .args(&self.command)
            .stdin(Stdio::null())
            .stdout(Stdio::from(output))
            .process_group(0)
            .spawn()?;
        Ok(Pid::from_child(&child))
    }

    fn watch(&self, server: Pid, mut owner: impl Read + Send + 'static) -> io::Result<()> {
        let events = self.events.0.clone();
        let for_owner = move || {
            // Nothing is ever sent; reading ends when nobody holds the other end.
            let _ = io::copy(&mut owner, &mut io::sink());
            let _ = events.send(Event::EndServer);
        };
        thread::Builder::new()
            .name(String::from("owner"))
            .spawn(for_owner)?;
        let events = self.events.0.clone();
        let for_server = move || {
            // It is not reaped here, so that its id stays its own until its group is ended.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(server), options), Err(error) if error == rustix::io::Errno::INTR)
            {
            }
            let _ = events.send(Event::ServerEnded);
        };
        thread::Builder::new()
            .name(String::from("server"))
            .spawn(for_server)?;
        Ok(())
    }

    fn wait_for_a_reason_to_end(&self, server: Pid) {
        let events = &self.events.1;
        if events.recv() != Ok(Event::EndServer) {
            return;
        }
        // The group is there as long as the server is not reaped.
        let _ = kill_process_group(server, Signal::TERM);
        let until = Instant::now() + self.stop_grace;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match events.recv_timeout(left) {
                Ok(Event::EndServer) => {}
                Ok(Event::ServerEnded)
                | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

/// Ends what is left of the server's group and all other children; how the server itself ended.
fn end_all(server: Pid) -> io::Result<WaitStatus> {
    let until = Instant::now() + TO_DIE;
    let (mut status, mut group_is_there) = (None, true);
    loop {
        group_is_there = group_is_there && kill_process_group(server, Signal::KILL).is_ok();
        kill_children();
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, ended))) if pid == server => status = Some(ended),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(rustix::io::Errno::CHILD) => {
                    return status.ok_or_else(|| io::Error::other("the server was not a child"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        if Instant::now() >= until {
            return Err(io::Error::other(
                "a process of the server could not be ended",
            ));
        }
        thread::sleep(POLL);
    }
}

/// Becomes the server: ties this process's life to the guard `parent`, then runs `command` in its place.
///
/// Returns only if that cannot be, with what the system says.
pub fn become_server(parent: i32, command: &[OsString]) -> io::Error {
    if let Err(error) = tie_to_parent(parent) {
        return error;
    }
    let [program, arguments @ ..] = command else {
        return io::ErrorKind::InvalidInput.into();
    };
    Command::new(program).args(arguments).exec()
}

#[cfg(target_os = "linux")]
fn tie_to_parent(parent: i32) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // A guard that ended before that sends no signal any more.
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if now == Some(parent) {
        Ok(())
    } else {
        Err(io::Error::other("the guard is gone"))
    }
}

#[cfg(not(target_os = "linux"))]
fn tie_to_parent(_parent: i32) -> io::Result<()> {
    Ok(())
}
