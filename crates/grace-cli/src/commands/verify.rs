//! `verify`: are replications what they should be?

use grace_runner::verify::{Report, VerifyOptions, verify};

use crate::args::{Format, VerifyArgs};
use crate::exit::{COMPLETE, FAULTS_FOUND, Failure};
use crate::output;

pub(crate) fn run(args: &VerifyArgs) -> Result<u8, Failure> {
    let options = VerifyOptions {
        min_parse_rate: args.min_parse_rate,
        replications: args.replications,
    };
    let report = verify(&args.path, options)?;
    match args.output {
        Format::Json => output::json(&report)?,
        Format::Text => text(&report)?,
    }
    Ok(if report.passed() {
        COMPLETE
    } else {
        FAULTS_FOUND
    })
}

/// Prints the replications, their faults and the criteria.
pub(crate) fn text(report: &Report) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for replication in &report.replications {
        let model = replication
            .model_key
            .clone()
            .unwrap_or_else(|| String::from("?"));
        let index = replication
            .replication
            .map_or_else(|| String::from("?"), |index| index.to_string());
        for experiment in &replication.experiments {
            rows.push(vec![
                model.clone(),
                index.clone(),
                experiment.experiment.clone(),
                experiment.trials.to_string(),
                experiment.queries.to_string(),
                format!("{:.1} %", experiment.parse_rate() * 100.0),
                experiment.seed.to_string(),
            ]);
        }
        if replication.experiments.is_empty() {
            rows.push(vec![model, index, String::from("–")]);
        }
    }
    output::table(
        &[
            "model",
            "replication",
            "experiment",
            "trials",
            "queries",
            "read",
            "seed",
        ],
        &rows,
    )?;
    for replication in report
        .replications
        .iter()
        .filter(|replication| !replication.faults.is_empty())
    {
        output::line(format!("\n{}:", replication.path.display()))?;
        for fault in &replication.faults {
            output::line(format!("  {fault}"))?;
        }
    }
    output::line("")?;
    let row = |criterion: &grace_runner::verify::Criterion| {
        let met = if criterion.met { "yes" } else { "NO" };
        vec![
            met.to_owned(),
            criterion.name.to_owned(),
            criterion.found.clone(),
            criterion.wanted.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = report.criteria.iter().map(row).collect();
    output::table(&["met", "criterion", "found", "wanted"], &rows)
}
