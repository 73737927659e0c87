//! `icc`: how much do replications differ?

use std::fs;
use std::path::Path;

use grace_analysis::completeness::Completeness;
use grace_analysis::icc::{
    Cell, IccRow, PooledRow, Selection, TableColumns, TableError, Total, analyse, cells_of_table,
    pooled, pooled_to_csv, to_csv, totals,
};
use grace_stats::one_way::Margin;

use crate::args::{IccArgs, IccCommand, IccDataArgs, TableFormat};
use crate::commands::{aggregate, design};
use crate::exit::{COMPLETE, CONFIGURATION, Failure};
use crate::output;

pub(crate) fn run(args: &IccArgs) -> Result<u8, Failure> {
    match &args.command {
        Some(IccCommand::Design(args)) => design::run(args),
        None => of_data(&args.data),
    }
}

fn of_data(args: &IccDataArgs) -> Result<u8, Failure> {
    let margin = Margin::new(args.margin).map_err(|error| Failure::new(CONFIGURATION, error))?;
    let (cells, completeness) = match (&args.table, &args.results) {
        (Some(table), _) => (of_table(table, args)?, None),
        (None, Some(results)) => {
            let (cells, completeness) = of_results(results, args)?;
            (cells, Some(completeness))
        }
        (None, None) => return Err(Failure::usage("neither results nor --table given")),
    };
    if args.pooled {
        together(
            &pooled(&cells, aggregate::threads(&args.source)),
            args.output,
        )?;
    } else {
        let rows = analyse(&cells, margin, aggregate::threads(&args.source));
        match args.output {
            TableFormat::Json => output::json(&rows)?,
            TableFormat::Csv => output::raw(&String::from_utf8_lossy(&to_csv(&rows)))?,
            TableFormat::Text => text(&rows, margin)?,
        }
    }
    let Some(completeness) = completeness else {
        return Ok(COMPLETE);
    };
    if args.output == TableFormat::Text {
        aggregate::findings(&completeness)?;
    } else {
        aggregate::findings_aside(&completeness);
    }
    Ok(aggregate::code(&args.source, &completeness))
}

fn of_results(folder: &Path, args: &IccDataArgs) -> Result<(Vec<Cell>, Completeness), Failure> {
    let results = aggregate::survey(folder, &args.source)?;
    let mut selection = Selection::default();
    selection.by.clone_from(&args.by);
    selection.measures.clone_from(&args.measure);
    let cells = results.cells(&selection, aggregate::threads(&args.source))?;
    Ok((cells, results.completeness(args.source.replications)))
}

fn of_table(file: &Path, args: &IccDataArgs) -> Result<Vec<Cell>, Failure> {
    let bytes = fs::read(file).map_err(|source| TableError::Unreadable {
        path: file.to_owned(),
        source,
    });
    let columns = TableColumns {
        values: args.value.clone(),
        replication: args.replication.clone().unwrap_or_default(),
        by: args.by.clone(),
    };
    let failed = |error| Failure::new(CONFIGURATION, error);
    let bytes = bytes.map_err(failed)?;
    Ok(cells_of_table(
        &file.display().to_string(),
        &bytes,
        &columns,
    )?)
}

fn together(rows: &[PooledRow], format: TableFormat) -> Result<(), Failure> {
    match format {
        TableFormat::Json => return output::json(&rows),
        TableFormat::Csv => return output::raw(&String::from_utf8_lossy(&pooled_to_csv(rows))),
        TableFormat::Text => {}
    }
    let number = |number: Option<f64>, digits| {
        number.map_or_else(|| String::from("–"), |number| format!("{number:.digits$}"))
    };
    let line = |row: &PooledRow| {
        vec![
            row.experiment.clone(),
            row.model.clone(),
            row.measure.clone(),
            row.replications.to_string(),
            row.conditions.to_string(),
            row.trials.to_string(),
            number(row.icc, 4),
            number(row.var_between, 5),
            number(row.var_within, 5),
            number(row.p, 4),
            row.status.to_owned(),
        ]
    };
    let head = [
        "experiment",
        "model",
        "measure",
        "k",
        "conditions",
        "N",
        "ICC",
        "between",
        "within",
        "p",
        "status",
    ];
    output::table(&head, &rows.iter().map(line).collect::<Vec<_>>())
}

fn text(rows: &[IccRow], margin: Margin) -> Result<(), Failure> {
    let (scored, sampled): (Vec<&IccRow>, Vec<&IccRow>) =
        rows.iter().partition(|row| row.is_deterministic());
    // Experiments differ in their factors: a table for each set of them.
    let factors =
        |row: &IccRow| -> Vec<String> { row.by.iter().map(|factor| factor.name.clone()).collect() };
    for together in sampled.chunk_by(|a, b| factors(a) == factors(b)) {
        estimates(&factors(together[0]), together)?;
        output::line("")?;
    }
    if !scored.is_empty() {
        noise(&scored)?;
        output::line("")?;
    }
    summary(&totals(rows, "model", margin), margin)
}

fn levels(row: &IccRow) -> Vec<String> {
    let mut cells: Vec<String> = row.by.iter().map(|factor| factor.level.clone()).collect();
    cells.push(row.measure.clone());
    cells
}

fn estimates(factors: &[String], rows: &[&IccRow]) -> Result<(), Failure> {
    let mut head: Vec<&str> = factors.iter().map(String::as_str).collect();
    head.extend([
        "measure",
        "k",
        "N",
        "ICC",
        "95 % interval",
        "REML",
        "latent",
        "p",
        "verdict",
    ]);
    let number = |row: &IccRow, name, digits| {
        row.number(name)
            .map_or_else(|| String::from("–"), |number| format!("{number:.digits$}"))
    };
    let line = |row: &&IccRow| {
        let mut cells = levels(row);
        let interval = match (row.number("ci_low"), row.number("ci_high")) {
            (Some(low), Some(high)) => format!("{low:.3} to {high:.3}"),
            _ => String::from("–"),
        };
        cells.extend([
            row.replications.to_string(),
            row.trials.to_string(),
            number(row, "icc", 4),
            interval,
            number(row, "reml_icc", 4),
            number(row, "latent_icc", 4),
            number(row, "p", 4),
            row.verdict.unwrap_or(row.status).to_owned(),
        ]);
        cells
    };
    let lines: Vec<Vec<String>> = rows.iter().map(line).collect();
    output::table(&head, &lines)
}

/// Prints the noise floor of each model's scores; single measures and conditions are for CSV and JSON.
fn noise(rows: &[&IccRow]) -> Result<(), Failure> {
    output::line(
        "deterministic: scores are no draws. What differs between replications is numerical noise or, if it is large, another server",
    )?;
    let level = |row: &IccRow, name: &str| {
        let factor = row.by.iter().find(|factor| factor.name == name);
        factor
            .map(|factor| factor.level.clone())
            .unwrap_or_default()
    };
    let place = |row: &IccRow| (level(row, "experiment"), level(row, "model"));
    let lines: Vec<Vec<String>> = rows
        .chunk_by(|a, b| place(a) == place(b))
        .map(|together| {
            let (experiment, model) = place(together[0]);
            let most = |name: &str| {
                let numbers = together.iter().filter_map(|row| row.number(name));
                let most = numbers.max_by(f64::total_cmp);
                most.map_or_else(|| String::from("–"), |most| format!("{most:.1e}"))
            };
            let replications = together.iter().map(|row| row.replications).max();
            vec![
                experiment,
                model,
                together.len().to_string(),
                replications.unwrap_or_default().to_string(),
                most("noise_largest"),
                most("noise_sd"),
            ]
        })
        .collect();
    let head = [
        "experiment",
        "model",
        "cells",
        "k",
        "largest difference",
        "largest sd",
    ];
    output::table(&head, &lines)
}

fn summary(totals: &[Total], margin: Margin) -> Result<(), Failure> {
    let margin = margin.value();
    output::line(format!("conditions with an ICC < {margin:.2}:"))?;
    let head = [
        "model",
        "by estimate",
        "of",
        "most",
        "by interval",
        "above",
        "not resolved",
        "constant",
        "not estimable",
    ];
    let line = |total: &Total| {
        let of = if total.of.is_empty() {
            "all"
        } else {
            &total.of
        };
        let most = if total.most_below_by_estimate {
            "yes"
        } else {
            "no"
        };
        vec![
            of.to_owned(),
            total.below_by_estimate.to_string(),
            total.estimable.to_string(),
            most.to_owned(),
            total.below_by_interval.to_string(),
            total.above_by_interval.to_string(),
            total.not_resolved.to_string(),
            total.constant.to_string(),
            total.not_estimable.to_string(),
        ]
    };
    let lines: Vec<Vec<String>> = totals.iter().map(line).collect();
    output::table(&head, &lines)
}
