//! Where everything is, for those who find mistakes later.

use std::collections::BTreeMap;

use super::Field;
use crate::problem::Problem;

/// The line of every key and item of a [`Document`](super::Document), by path (`models.tiny.gpu.count`, `stop[0]`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    file: String,
    lines: BTreeMap<String, u64>,
}

impl Places {
    pub(super) fn of(file: &str, root: &Field<'_>) -> Self {
        let mut lines = BTreeMap::new();
        note(&root.children(), &mut lines);
        Self {
            file: file.to_owned(),
            lines,
        }
    }

    /// The file's name in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line of `path`, or of what is nearest above it in the file.
    pub fn line(&self, path: &str) -> Option<u64> {
        let ends = path.rmatch_indices(['.', '[']).map(|(end, _)| end);
        let paths = std::iter::once(path).chain(ends.filter_map(|end| path.get(..end)));
        paths
            .into_iter()
            .find_map(|path| self.lines.get(path))
            .copied()
    }

    /// A problem at `path`.
    pub fn problem(&self, path: &str, message: impl Into<String>) -> Problem {
        let problem = Problem::new(&self.file, message).at_key(path);
        match self.line(path) {
            Some(line) => problem.at_line(line),
            None => problem,
        }
    }
}

fn note(fields: &[Field<'_>], lines: &mut BTreeMap<String, u64>) {
    for field in fields {
        lines.insert(field.path().to_owned(), field.line());
        note(&field.children(), lines);
    }
}
