//! One self-contained HTML page about all replications: words, pictures, and a table behind each picture.
//!
//! The page loads nothing and runs nothing; the same results give the same bytes. Pictures are SVG whose texts are texts
//! and whose colours follow the reader's light or dark scheme.

mod answers;
mod chart;
mod cite;
mod completeness;
mod deployment;
mod drift;
mod exclusions;
mod icc;
mod page;
mod scores;
mod seeds;
mod share;
mod summary;
mod view;

use std::num::NonZeroUsize;

use grace_stats::one_way::Margin;

use crate::aggregate::AggregateError;
use crate::completeness::Completeness;
use crate::drift::Drift;
use crate::icc::{Cell, CellsError, IccRow, PooledRow, Selection, Total, analyse, pooled, totals};
use crate::results::Results;
use crate::trials::Trials;

/// How a report is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReportOptions {
    /// The heading of the page.
    pub title: String,
    /// The ICC under which replications count as alike.
    pub margin: Margin,
    /// The version of grace that makes the page.
    pub version: String,
    /// Threads to work on; the page does not depend on it.
    pub threads: NonZeroUsize,
}

impl ReportOptions {
    /// A report by this version of grace: one thread, a margin of 0.10.
    pub fn new(version: impl Into<String>) -> Self {
        Self {
            title: String::from("Replications"),
            margin: Margin::TENTH,
            version: version.into(),
            threads: NonZeroUsize::MIN,
        }
    }
}

/// A report that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Results could not be read again.
    #[error(transparent)]
    Cells(#[from] CellsError),
    /// The page could not be filled in.
    #[error("the page could not be filled in")]
    Page(#[from] Box<handlebars::RenderError>),
}

impl From<AggregateError> for ReportError {
    fn from(error: AggregateError) -> Self {
        Self::Cells(error.into())
    }
}

/// Everything that a page tells of.
struct Facts<'r> {
    results: &'r Results,
    completeness: &'r Completeness,
    margin: Margin,
    version: &'r str,
    models: Vec<String>,
    cells: Vec<Cell>,
    rows: Vec<IccRow>,
    totals: Vec<Total>,
    pooled: Vec<PooledRow>,
    trials: Vec<Trials>,
    drift: Drift,
}

impl Results {
    /// The page about these results, as HTML.
    ///
    /// # Errors
    ///
    /// Returns [`ReportError`] if a file changed since it was read first.
    pub fn report(
        &self,
        completeness: &Completeness,
        options: &ReportOptions,
    ) -> Result<String, ReportError> {
        let threads = options.threads;
        let cells = self.cells(&Selection::default(), threads)?;
        let trials = self.trials(threads)?;
        let rows = analyse(&cells, options.margin, threads);
        let mut models: Vec<String> = self
            .replications
            .iter()
            .map(|replication| replication.model_key.clone())
            .collect();
        models.sort();
        models.dedup();
        let facts = Facts {
            results: self,
            completeness,
            margin: options.margin,
            version: &options.version,
            models,
            totals: totals(&rows, "model", options.margin),
            pooled: pooled(&cells, threads),
            drift: Drift::of(self, &cells, &trials, threads),
            cells,
            rows,
            trials,
        };
        let mut charts = chart::Charts::default();
        let sections = vec![
            Some(completeness::section(&facts)),
            icc::section(&facts, &mut charts),
            answers::section(&facts, &mut charts),
            scores::section(&facts, &mut charts),
            drift::section(&facts, &mut charts),
            drift::shared_section(&facts, &mut charts),
            seeds::section(&facts),
            deployment::section(&facts),
            Some(exclusions::section(&facts)),
            Some(cite::section(&facts)),
        ];
        let sections = sections.into_iter().flatten().collect();
        let page = view::Page::new(
            &options.title,
            &options.version,
            summary::words(&facts),
            sections,
        );
        Ok(page::fill(&page)?)
    }
}
