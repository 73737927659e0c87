//! Running the command, with bounded waits.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// No command of these tests takes as long; one that does is killed, and its test fails.
const LONGEST: Duration = Duration::from_secs(90);

/// `grace-cli` with these arguments and an empty environment.
pub(crate) fn grace<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Grace {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grace-cli"));
    command.args(args).env_clear();
    Grace(command)
}

/// A command that has not been started.
pub(crate) struct Grace(Command);

impl Grace {
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.0.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.0.env_remove(name);
        self
    }

    /// The same, run by another program, whose last arguments it becomes.
    pub(crate) fn within(self, program: &[&str]) -> Self {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(self.0.get_program());
        command.args(self.0.get_args()).env_clear();
        let set = self.0.get_envs();
        command.envs(set.filter_map(|(name, value)| Some((name, value?))));
        Self(command)
    }

    pub(crate) fn into_command(self) -> Command {
        self.0
    }

    pub(crate) fn current_dir(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// Starts it.
    pub(crate) fn start(mut self) -> Running {
        self.0.stdin(Stdio::null());
        self.0.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.0.spawn().unwrap();
        let stdout = Heard::listen(child.stdout.take().unwrap());
        let stderr = Heard::listen(child.stderr.take().unwrap());
        Running {
            child,
            stdout,
            stderr,
        }
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(self) -> Ended {
        self.start().wait(LONGEST)
    }
}

/// A process, killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Heard,
    stderr: Heard,
}

impl Running {
    /// Waits for its end; kills it and fails after `limit`.
    #[track_caller]
    pub(crate) fn wait(mut self, limit: Duration) -> Ended {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                started.elapsed() < limit,
                "still running after {limit:?}:\n{}{}",
                self.stdout.so_far(),
                self.stderr.so_far()
            );
            std::thread::sleep(Duration::from_millis(2));
        };
        Ended {
            status,
            took: started.elapsed(),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
        }
    }

    /// Sends a signal such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &script]).status().unwrap();
        assert!(sent.success(), "{script}");
    }

    /// Kills it with SIGKILL; true if that was what ended it.
    pub(crate) fn kill(mut self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        self.child.kill().unwrap();
        self.child.wait().unwrap().signal() == Some(9)
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until `text` was written to stderr; false if the process ended without it.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) -> bool {
        let started = Instant::now();
        loop {
            let ended = self.has_ended();
            if self.stderr.so_far().contains(text) {
                return true;
            }
            if ended {
                return false;
            }
            assert!(started.elapsed() < LONGEST, "`{text}` was never said");
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Waits until `text` was written to stdout.
    #[track_caller]
    pub(crate) fn prints(&self, text: &str) {
        let started = Instant::now();
        while !self.stdout.so_far().contains(text) {
            assert!(started.elapsed() < LONGEST, "`{text}` was never printed");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The first line of stdout, once it is there.
    #[track_caller]
    pub(crate) fn first_line(&mut self) -> String {
        let started = Instant::now();
        loop {
            if let Some((line, _)) = self.stdout.so_far().split_once('\n') {
                return line.to_owned();
            }
            assert!(!self.has_ended() && started.elapsed() < LONGEST);
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a pipe has brought.
struct Heard {
    text: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Heard {
    fn listen(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&text);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                heard.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Self {
            text,
            thread: Some(thread),
        }
    }

    fn so_far(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }

    fn finish(&mut self) -> String {
        self.thread.take().unwrap().join().unwrap();
        self.so_far()
    }
}

/// A process that ended.
pub(crate) struct Ended {
    status: ExitStatus,
    pub(crate) took: Duration,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The exit code.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{}", self.output());
        self
    }

    /// Checks that the output holds each of `parts`.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        let output = self.output();
        for part in parts {
            assert!(output.contains(part), "`{part}` is not said in\n{output}");
        }
        self
    }

    /// All that was written.
    pub(crate) fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("{error}:\n{}", self.output()))
    }
}
