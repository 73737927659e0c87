//! A terminal of 100 columns that a command runs on, and somebody who types.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use vt100::Parser;

const ROWS: NonZero<u16> = NonZero::new(30).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(100).unwrap();
const LONGEST: Duration = Duration::from_mins(1);

/// A command on a terminal; it is killed when this is dropped.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Parser>>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// A terminal that can redraw lines.
    pub(crate) fn start(mut command: Command) -> Self {
        command.env("TERM", "xterm");
        Self::plain(command)
    }

    /// A terminal of which nobody says what it can, as `kubectl exec --tty` may have it.
    pub(crate) fn plain(mut command: Command) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let size = Winsize {
            ws_row: ROWS.get(),
            ws_col: COLUMNS.get(),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&ours, size).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let end = || Stdio::from(theirs.try_clone().unwrap());
        let child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        // `command` and `theirs` are closed here: reading ends with the command.
        let keyboard = File::from(ours);
        let screen = Arc::new(Mutex::new(Parser::new(ROWS, COLUMNS, 0)));
        let reader = read(keyboard.try_clone().unwrap(), Arc::clone(&screen));
        Self {
            child,
            keyboard,
            screen,
            reader: Some(reader),
        }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// The lines that stand on the screen, without empty ones.
    pub(crate) fn lines(&self) -> Vec<String> {
        let screen = self.screen.lock().unwrap();
        let rows = screen.screen().rows(0, COLUMNS.get());
        let rows = rows.map(|row| row.trim_end().to_owned());
        rows.filter(|row| !row.is_empty()).collect()
    }

    /// Waits until the screen is so.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is: impl Fn(&[String]) -> bool) {
        let begun = Instant::now();
        while !is(&self.lines()) {
            let lines = self.lines().join("\n");
            assert!(begun.elapsed() < LONGEST, "never: {what}; it is\n{lines}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until `text` stands there.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        self.until(text, |lines| lines.iter().any(|line| line.contains(text)));
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end; the exit code, and the lines on the screen then.
    #[track_caller]
    pub(crate) fn wait(mut self) -> (Option<i32>, Vec<String>) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            let lines = self.lines().join("\n");
            assert!(begun.elapsed() < LONGEST, "still running:\n{lines}");
            std::thread::sleep(Duration::from_millis(5));
        };
        self.reader.take().unwrap().join().unwrap();
        (status.code(), self.lines())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut terminal: File, screen: Arc<Mutex<Parser>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // Once nobody holds the other end, reading is an error.
        while let Ok(count @ 1..) = terminal.read(&mut buffer) {
            screen.lock().unwrap().process(&buffer[..count]);
        }
    })
}
