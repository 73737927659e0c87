//! What `grace-cli` left on disk, read as any other program would read it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The folder of a replication.
#[derive(Debug)]
pub(crate) struct Replication {
    folder: PathBuf,
}

impl Replication {
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The list of sealed files, if sealed.
    pub(crate) fn manifest(&self) -> Option<String> {
        fs::read_to_string(self.folder.join("MANIFEST.sha256")).ok()
    }

    pub(crate) fn metadata(&self) -> Result<Value> {
        json(&self.folder.join("metadata.json"))
    }

    /// The sealed records of an experiment, in presentation order.
    pub(crate) fn records(&self, experiment: &str) -> Result<Vec<Value>> {
        let path = self.folder.join(format!("{experiment}.json"));
        match json(&path)? {
            Value::Array(records) => Ok(records),
            _ => bail!("{} holds no array", path.display()),
        }
    }

    /// The whole lines of all journals of an experiment; a last line that was cut off is left out.
    pub(crate) fn journal(&self, experiment: &str) -> Result<Vec<Value>> {
        let mut lines = Vec::new();
        for text in self.journals(experiment)? {
            for line in whole_lines(&text) {
                let line = serde_json::from_str(line);
                lines.push(line.with_context(|| format!("a line of {experiment}.jsonl"))?);
            }
        }
        Ok(lines)
    }

    /// How many requests are on disk, over all experiments.
    pub(crate) fn journal_lines(&self, experiments: &[&str]) -> Result<usize> {
        let mut count = 0;
        for experiment in experiments {
            let journals = self.journals(experiment)?;
            count += journals
                .iter()
                .map(|text| whole_lines(text).count())
                .sum::<usize>();
        }
        Ok(count)
    }

    /// The experiment's journal of each attempt that has one.
    pub(crate) fn journal_paths(&self, experiment: &str) -> Result<Vec<PathBuf>> {
        let folder = self.folder.join("attempts");
        let Ok(attempts) = fs::read_dir(&folder) else {
            return Ok(Vec::new());
        };
        let mut paths = Vec::new();
        for attempt in attempts {
            let attempt = attempt.with_context(|| folder.display().to_string())?;
            paths.push(attempt.path().join(format!("{experiment}.jsonl")));
        }
        paths.retain(|path| path.exists());
        Ok(paths)
    }

    /// The text of each of them.
    fn journals(&self, experiment: &str) -> Result<Vec<String>> {
        let read = |path: PathBuf| {
            let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        self.journal_paths(experiment)?
            .into_iter()
            .map(read)
            .collect()
    }
}

fn whole_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n') && !line.trim().is_empty())
}

fn json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
}

/// The rows of a CSV file below its heading; line breaks within quotes do not end a row.
pub(crate) fn rows(csv: &str) -> usize {
    let mut quoted = false;
    let mut rows = 0_usize;
    let mut in_row = false;
    for c in csv.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                in_row = true;
            }
            '\n' if !quoted => {
                rows += usize::from(in_row);
                in_row = false;
            }
            '\r' => {}
            _ => in_row = true,
        }
    }
    (rows + usize::from(in_row)).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_as_csv_counts_them() {
        assert_eq!(rows("a,b\r\n1,\"x\ny\"\"z\n\"\r\n2,3"), 2);
        assert_eq!(rows("a,b\n1,2\n\n3,4\n"), 2);
        assert_eq!(rows("a,b\n"), 0);
        assert_eq!(rows(""), 0);
    }

    #[test]
    fn a_line_that_was_cut_off_does_not_count() {
        let lines: Vec<&str> = whole_lines("{\"a\":1}\n\n{\"a\":2}\n{\"a\"").collect();
        assert_eq!(lines, ["{\"a\":1}\n", "{\"a\":2}\n"]);
    }
}
