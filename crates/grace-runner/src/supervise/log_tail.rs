//! The last lines of a server's log.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::secrets::Secrets;

/// Lines that an error quotes.
const LINES: usize = 20;
/// Characters of a line that an error quotes.
const WIDTH: usize = 300;
/// Bytes that are read for them.
const BYTES: u64 = 64 << 10;

/// The last lines of the log at `path`, from byte `from` on, each after a line break and two blanks.
pub(crate) fn log_tail(path: &Path, from: u64, secrets: &Secrets) -> String {
    match last_bytes(path, from) {
        Ok(bytes) => quoted(&last_lines(&bytes, secrets)),
        Err(error) => format!("\n  (it cannot be read: {error})"),
    }
}

/// The very last line of it, if there is any.
pub(crate) fn last_line(path: &Path, from: u64, secrets: &Secrets) -> Option<String> {
    let bytes = last_bytes(path, from).ok()?;
    last_lines(&bytes, secrets).pop()
}

fn last_bytes(path: &Path, from: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(BYTES).max(from);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn last_lines(bytes: &[u8], secrets: &Secrets) -> Vec<String> {
    let text = secrets.hide(&String::from_utf8_lossy(bytes));
    let mut lines: Vec<String> = text
        .split(['\n', '\r'])
        .map(printable)
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines.drain(..lines.len().saturating_sub(LINES));
    lines
}

fn quoted(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::from("\n  (nothing)");
    }
    lines
        .iter()
        .fold(String::new(), |quoted, line| quoted + "\n  " + line)
}

/// A line without the sequences by which programs colour their output, and not longer than can be read.
fn printable(line: &str) -> String {
    let mut shown = String::new();
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            // `ESC [ … letter`, or `ESC` and one character.
            if rest.next() == Some('[') {
                rest.by_ref().find(char::is_ascii_alphabetic);
            }
        } else if c == '\t' || !c.is_control() {
            shown.push(c);
        }
    }
    if shown.chars().count() > WIDTH {
        shown = shown.chars().take(WIDTH).chain(['…']).collect();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], secrets: &Secrets, expected: &str) {
        assert_eq!(quoted(&last_lines(bytes, secrets)), expected);
    }

    #[test]
    fn the_last_twenty_lines_are_quoted_without_blank_ones() {
        let lines: Vec<String> = (0..100).map(|line| format!("line {line}\n\n")).collect();
        let last = last_lines(lines.concat().as_bytes(), &Secrets::default());
        assert_eq!(last.len(), LINES);
        assert_eq!(
            (last[0].as_str(), last[19].as_str()),
            ("line 80", "line 99")
        );
        check(b"a\nb\n", &Secrets::default(), "\n  a\n  b");
        check(b"\n \r\n", &Secrets::default(), "\n  (nothing)");
    }

    #[test]
    fn colours_control_characters_and_bytes_that_are_no_text_do_not_reach_the_terminal() {
        let bytes = b"\x1b[1;31mERROR\x1b[0m \x07bad \xff\x1b";
        check(bytes, &Secrets::default(), "\n  ERROR bad \u{fffd}");
    }

    #[test]
    fn secrets_and_very_long_lines_are_cut() {
        let secrets = Secrets::new([String::from("hf_secret")]);
        check(b"token=hf_secret", &secrets, "\n  token=[hidden]");
        let long = last_lines("ü".repeat(1000).as_bytes(), &secrets);
        assert_eq!(long[0].chars().count(), WIDTH + 1);
    }

    #[test]
    fn only_the_end_of_a_large_log_is_read_and_nothing_before_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.log");
        std::fs::write(
            &path,
            [b"old\n".repeat(1 << 20), b"new\n".to_vec()].concat(),
        )
        .unwrap();
        let all = log_tail(&path, 0, &Secrets::default());
        assert!(all.ends_with("\n  old\n  new"), "{all}");
        assert_eq!(log_tail(&path, 4 << 20, &Secrets::default()), "\n  new");
        let line = last_line(&path, 0, &Secrets::default());
        assert_eq!(line.as_deref(), Some("new"));
        let gone = log_tail(&folder.path().join("gone"), 0, &Secrets::default());
        assert!(gone.contains("cannot be read"), "{gone}");
    }
}
