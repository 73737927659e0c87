//! `aggregate`: many replications, one table for each experiment.

use std::num::NonZeroUsize;
use std::path::Path;

use grace_analysis::Results;
use grace_analysis::aggregate::{Aggregated, aggregate};
use grace_analysis::completeness::{Completeness, Row};
use grace_analysis::schema::Definitions;
use grace_core::experiment::Experiment;
use serde_json::json;

use crate::args::{AggregateArgs, Format, SourceArgs};
use crate::exit::{COMPLETE, FAULTS_FOUND, Failure};
use crate::output;
use crate::wiring::Configuration;

pub(crate) fn run(args: &AggregateArgs) -> Result<u8, Failure> {
    let source = &args.source;
    let Aggregated {
        completeness,
        tables,
        ..
    } = aggregate(
        &args.results,
        &definitions(source)?,
        source.replications,
        &args.out,
        threads(source),
    )?;
    if args.output == Format::Json {
        output::json(&json!({ "tables": tables, "completeness": completeness }))?;
        return Ok(code(&args.source, &completeness));
    }
    rows(&completeness)?;
    findings(&completeness)?;
    output::line("")?;
    for table in &tables {
        let (rows, columns) = (table.rows, table.columns.columns().len());
        let (parquet, csv) = (table.parquet.display(), table.csv.display());
        output::line(format!("{parquet}, {csv}: {rows} rows, {columns} columns"))?;
    }
    let path = |name| args.out.join(name);
    for name in ["completeness.csv", "findings.csv"] {
        output::line(path(name).display().to_string())?;
    }
    Ok(code(&args.source, &completeness))
}

/// Reads all results once.
pub(crate) fn survey(folder: &Path, args: &SourceArgs) -> Result<Results, Failure> {
    Ok(Results::survey(folder, &definitions(args)?, threads(args))?)
}

/// The experiments that are known.
fn definitions(args: &SourceArgs) -> Result<Definitions, Failure> {
    let configured = match &args.config {
        Some(folder) => Configuration::load(folder)?.experiments,
        None => Vec::new(),
    };
    let builtin = Configuration::builtin()?.experiments;
    let known: Vec<&Experiment> = configured.iter().chain(&builtin).collect();
    Ok(Definitions::new(known))
}

/// How many threads to work on.
pub(crate) fn threads(args: &SourceArgs) -> NonZeroUsize {
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    args.threads.unwrap_or_else(cores)
}

/// The exit code that completeness deserves.
pub(crate) fn code(args: &SourceArgs, completeness: &Completeness) -> u8 {
    if args.strict && !completeness.is_whole() {
        FAULTS_FOUND
    } else {
        COMPLETE
    }
}

fn rows(completeness: &Completeness) -> Result<(), Failure> {
    let count =
        |count: Option<u64>| count.map_or_else(|| String::from("–"), |count| count.to_string());
    let row = |row: &Row| {
        let replication = row.replication.map(u64::from);
        let missing_answers = [
            row.truncated,
            row.refused_by_server,
            row.over_context,
            row.failed,
        ];
        let known = missing_answers.iter().flatten();
        let failures = row.answered.or(row.failed).map(|_| known.sum::<u64>());
        vec![
            row.model_key.clone(),
            count(replication),
            row.experiment.clone().unwrap_or_else(|| String::from("–")),
            row.state.as_str().replace('_', " "),
            count(row.expected_trials),
            row.found_trials.to_string(),
            row.rows.to_string(),
            count(
                row.duplicate_answers
                    .map(|answers| answers + row.duplicate_trials),
            ),
            count(failures),
            count(row.unparsable),
        ]
    };
    let rows: Vec<Vec<String>> = completeness.rows.iter().map(row).collect();
    let head = [
        "model",
        "replication",
        "experiment",
        "state",
        "expected",
        "found",
        "rows",
        "duplicates",
        "failures",
        "unparsable",
    ];
    output::table(&head, &rows)
}

/// Prints everything that is wrong, by file, and what one should know besides.
pub(crate) fn findings(completeness: &Completeness) -> Result<(), Failure> {
    let findings = completeness.findings.iter().map(ToString::to_string);
    let notes = completeness
        .notes
        .iter()
        .map(|note| format!("note: {note}"));
    for (number, line) in findings.chain(notes).enumerate() {
        if number == 0 {
            output::line("")?;
        }
        output::line(line)?;
    }
    Ok(())
}

/// Tells the same beside results that a program reads.
pub(crate) fn findings_aside(completeness: &Completeness) {
    for finding in &completeness.findings {
        output::note(finding.to_string());
    }
    for note in &completeness.notes {
        output::note(format!("note: {note}"));
    }
}
