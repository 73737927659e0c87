//! A folder of files that grace makes as a whole: what differs, what is left over, and writing it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use similar::TextDiff;

/// How a file stands to what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// As it should be.
    Same,
    /// There, with other content.
    Changed,
    /// Not there.
    Missing,
    /// Made by grace earlier, and not wanted any more.
    Orphan,
    /// Not made by grace.
    Foreign,
}

/// A file of the folder, or one that should be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Its path in the folder, with `/`.
    pub(crate) path: String,
    pub(crate) state: State,
    /// What is in it now.
    found: String,
}

/// Compares `folder` with `wanted`, by path. Only files ending in `.yaml` and `.yml` are looked at; those whose first line
/// begins with `header` are grace's.
pub(crate) fn compare(
    folder: &Path,
    wanted: &BTreeMap<&str, &str>,
    header: &str,
) -> io::Result<Vec<Standing>> {
    let found = read(folder)?;
    let of_wanted = wanted.iter().map(|(path, text)| {
        let (state, now) = match found.get(*path) {
            Some(now) if now == text.as_bytes() => (State::Same, None),
            Some(now) => (State::Changed, Some(now)),
            None => (State::Missing, None),
        };
        standing(path, state, now)
    });
    let left = found
        .iter()
        .filter(|(path, _)| !wanted.contains_key(path.as_str()));
    let of_left = left.map(|(path, now)| {
        let ours = now.starts_with(header.as_bytes());
        standing(
            path,
            if ours { State::Orphan } else { State::Foreign },
            Some(now),
        )
    });
    let mut all: Vec<Standing> = of_wanted.chain(of_left).collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

fn standing(path: &str, state: State, now: Option<&Vec<u8>>) -> Standing {
    let found = now.map_or_else(String::new, |now| String::from_utf8_lossy(now).into_owned());
    Standing {
        path: path.to_owned(),
        state,
        found,
    }
}

impl Standing {
    /// How it differs from `wanted`, as a unified diff; empty if it does not.
    pub(crate) fn diff(&self, wanted: &str) -> String {
        let (from, to) = match self.state {
            State::Same => return String::new(),
            State::Changed | State::Missing => (self.found.as_str(), wanted),
            State::Orphan | State::Foreign => (self.found.as_str(), ""),
        };
        let there = |is: bool, side: &str| {
            if is {
                format!("{side}/{}", self.path)
            } else {
                String::from("/dev/null")
            }
        };
        let (old, new) = (
            there(self.state != State::Missing, "a"),
            there(!matches!(self.state, State::Orphan | State::Foreign), "b"),
        );
        TextDiff::from_lines(from, to)
            .unified_diff()
            .context_radius(3)
            .header(&old, &new)
            .to_string()
    }
}

/// Makes `folder` what it should be: writes what is changed or missing, removes orphans. Foreign files are left.
pub(crate) fn write(
    folder: &Path,
    wanted: &BTreeMap<&str, &str>,
    standings: &[Standing],
) -> io::Result<()> {
    let parents: BTreeSet<&str> = wanted
        .keys()
        .map(|path| path.rsplit_once('/').map_or("", |(parent, _)| parent))
        .collect();
    for parent in parents {
        let path = folder.join(parent);
        fs::create_dir_all(&path).map_err(|error| at(&path, &error))?;
    }
    for standing in standings {
        let path = folder.join(&standing.path);
        match (standing.state, wanted.get(standing.path.as_str())) {
            (State::Missing, Some(text)) => {
                fs::write(&path, text).map_err(|error| at(&path, &error))?;
            }
            (State::Changed, Some(text)) => replace(&path, text)?,
            (State::Orphan, _) => fs::remove_file(&path).map_err(|error| at(&path, &error))?,
            _ => {}
        }
    }
    Ok(())
}

/// Writes a file that is there so that a reader sees either all of it or what was there.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let partial = PathBuf::from(format!("{}.partial", path.display()));
    fs::write(&partial, text).map_err(|error| at(&partial, &error))?;
    fs::rename(&partial, path).map_err(|error| at(path, &error))
}

fn read(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    if folder.exists() {
        read_into(folder, "", &mut found)?;
    }
    Ok(found)
}

fn read_into(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder).map_err(|error| at(folder, &error))? {
        let entry = entry.map_err(|error| at(folder, &error))?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            read_into(&path, &format!("{name}/"), found)?;
        } else if path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
        {
            found.insert(name, fs::read(&path).map_err(|error| at(&path, &error))?);
        }
    }
    Ok(())
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
