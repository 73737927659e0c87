//! `report`: one HTML page about many replications.

use std::fs;
use std::path::Path;

use grace_analysis::Results;
use grace_analysis::completeness::Completeness;
use grace_analysis::report::{ReportError, ReportOptions};
use grace_stats::one_way::Margin;

use crate::args::{ReportArgs, SourceArgs};
use crate::commands::aggregate;
use crate::exit::{CONFIGURATION, Failure, TRY_AGAIN};
use crate::output;

pub(crate) fn run(args: &ReportArgs) -> Result<u8, Failure> {
    let margin = Margin::new(args.margin).map_err(|error| Failure::new(CONFIGURATION, error))?;
    let results = aggregate::survey(&args.results, &args.source)?;
    let completeness = results.completeness(args.source.replications);
    let page = Page {
        title: args.title.as_deref(),
        margin,
        out: &args.out,
    };
    write(&results, &completeness, &args.source, &page)?;
    aggregate::findings(&completeness)?;
    output::line(args.out.display().to_string())?;
    Ok(aggregate::code(&args.source, &completeness))
}

/// What is asked of a page.
pub(crate) struct Page<'a> {
    pub(crate) title: Option<&'a str>,
    pub(crate) margin: Margin,
    pub(crate) out: &'a Path,
}

/// Makes a page and writes it as a whole, or not at all.
pub(crate) fn write(
    results: &Results,
    completeness: &Completeness,
    source: &SourceArgs,
    page: &Page<'_>,
) -> Result<(), Failure> {
    let mut options = ReportOptions::new(env!("CARGO_PKG_VERSION"));
    options.margin = page.margin;
    options.threads = aggregate::threads(source);
    if let Some(title) = page.title {
        title.clone_into(&mut options.title);
    }
    let html = results.report(completeness, &options)?;
    let failed = |error: std::io::Error| {
        let what = format!("writing {} failed", page.out.display());
        Failure::new(TRY_AGAIN, anyhow::Error::new(error).context(what))
    };
    if let Some(folder) = page.out.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut name = page.out.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let half = page.out.with_file_name(name);
    fs::write(&half, html).map_err(failed)?;
    fs::rename(&half, page.out).map_err(failed)
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Cells(error) => error.into(),
            other => Self::new(crate::exit::INTERNAL, other),
        }
    }
}
