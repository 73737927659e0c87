//! Results on stdout: tables for people, JSON for programs.

use std::io::{self, Write};

use serde::Serialize;

use crate::exit::Failure;

/// Writes a line to stdout.
pub(crate) fn line(text: impl AsRef<str>) -> Result<(), Failure> {
    raw(&format!("{}\n", text.as_ref()))
}

/// Writes text to stdout as it is. Whoever closed the other end has read enough; the command goes on
/// and keeps its exit code.
pub(crate) fn raw(text: &str) -> Result<(), Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a line to stderr, where stdout is for programs.
#[cfg(any(feature = "analysis", feature = "cluster"))]
pub(crate) fn note(text: impl AsRef<str>) {
    // Whoever closed stderr does not want to know.
    let _ = writeln!(io::stderr(), "{}", text.as_ref());
}

/// Writes a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(crate::exit::INTERNAL, error))?;
    line(text)
}

/// Writes a value as a line of JSON.
#[cfg(feature = "cluster")]
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    let text =
        serde_json::to_string(value).map_err(|error| Failure::new(crate::exit::INTERNAL, error))?;
    line(text)
}

/// Writes columns of text, as [`table_lines`] makes them.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    table_lines(head, rows).iter().try_for_each(line)
}

/// Columns of text, each as wide as its widest cell; numbers to the right.
pub(crate) fn table_lines(head: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let width = cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default();
        width.max(head[column].chars().count())
    };
    let widths: Vec<usize> = (0..head.len()).map(widest).collect();
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let rows = std::iter::once(&head).chain(rows);
    rows.map(|row| table_line(row, &widths)).collect()
}

fn table_line(row: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, &width) in row.iter().zip(widths) {
        let numeric = cell.starts_with(|c: char| c.is_ascii_digit());
        let padding = " ".repeat(width - cell.chars().count());
        let (before, behind) = if numeric {
            (padding, String::new())
        } else {
            (String::new(), padding)
        };
        text.extend([before.as_str(), cell.as_str(), behind.as_str(), "  "]);
    }
    text.trim_end().to_owned()
}
