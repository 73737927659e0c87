//! What was planted into the demo, and what the analysis finds of it.

use std::path::Path;

use grace_analysis::icc::{PooledRow, Selection, pooled};
use grace_stats::one_way::Margin;

use crate::args::SourceArgs;
use crate::commands::{aggregate, report};
use crate::exit::Failure;
use crate::output;

/// A measure whose intraclass correlation over all conditions was planted.
pub(crate) struct Planted {
    pub(crate) model: &'static str,
    pub(crate) experiment: &'static str,
    pub(crate) measure: &'static str,
    pub(crate) icc: f64,
}

/// Aggregates `results`, compares what is found with what was planted, and writes the report, all into `out`.
pub(crate) fn show(
    results: &Path,
    out: &Path,
    replications: u32,
    planted: &[Planted],
) -> Result<(), Failure> {
    let source = SourceArgs {
        config: None,
        replications: Some(replications),
        threads: None,
        strict: false,
    };
    let threads = aggregate::threads(&source);
    let results = aggregate::survey(results, &source)?;
    let completeness = results.completeness(source.replications);
    let dataset = out.join("dataset");
    let tables = results.write_tables(&dataset, &completeness, threads)?;
    let cells = results.cells(&Selection::default(), threads)?;
    let rows = pooled(&cells, threads);
    output::line(
        "intraclass correlation of replications, all conditions together: planted and found",
    )?;
    let head = ["model", "experiment", "measure", "planted", "found", "p"];
    let lines: Vec<Vec<String>> = planted.iter().map(|planted| line(planted, &rows)).collect();
    output::table(&head, &lines)?;
    output::line("")?;
    let page = report::Page {
        title: Some("grace: the demo"),
        margin: Margin::TENTH,
        out: &out.join("report.html"),
    };
    report::write(&results, &completeness, &source, &page)?;
    let rows: u64 = tables.iter().map(|table| table.rows).sum();
    output::line(format!("dataset: {} ({rows} rows)", dataset.display()))?;
    output::line(format!("report:  {}", page.out.display()))
}

fn line(planted: &Planted, rows: &[PooledRow]) -> Vec<String> {
    let found = rows.iter().find(|row| {
        row.experiment == planted.experiment
            && row.model == planted.model
            && row.measure == planted.measure
    });
    let number = |number: Option<f64>, digits| {
        number.map_or_else(|| String::from("–"), |number| format!("{number:.digits$}"))
    };
    vec![
        planted.model.to_owned(),
        planted.experiment.to_owned(),
        planted.measure.to_owned(),
        format!("{:.2}", planted.icc),
        number(found.and_then(|row| row.icc), 3),
        match found.and_then(|row| row.p) {
            Some(p) if p < 0.0001 => String::from("< 0.0001"),
            p => number(p, 4),
        },
    ]
}
