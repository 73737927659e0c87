//! Rules of this repository that no compiler checks.

mod crates;
mod files;
mod sizes;
mod testdata;
mod unfinished;
mod walls;

use std::fmt;

use anyhow::{Result, bail};

use crate::command::root;

/// A breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    /// A file, a file and line, or a crate.
    place: String,
    /// What is wrong there and what was expected.
    what: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        let (place, what) = (place.into(), what.into());
        Self { place, what }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

pub(crate) fn run() -> Result<()> {
    let files = files::read(&root())?;
    let packages = crates::packages(&files);
    let mut findings = walls::check(&packages)?;
    findings.extend(sizes::check(&files));
    findings.extend(testdata::check(&files));
    findings.extend(crates::check(&files));
    findings.extend(unfinished::check(&files));
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!(
            "tidy: {} crates, {} files, nothing to complain about",
            packages.len(),
            files.len()
        ),
        1 => bail!("tidy: 1 finding"),
        many => bail!("tidy: {many} findings"),
    }
    Ok(())
}
