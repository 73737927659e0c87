//! `drift`: what moved answers besides the conditions.

use grace_analysis::drift::{Drift, MachineSpread, Separation, SharedNumbers, Slope, to_csv};

use crate::args::{DriftArgs, TableFormat};
use crate::commands::aggregate;
use crate::exit::Failure;
use crate::output;

pub(crate) fn run(args: &DriftArgs) -> Result<u8, Failure> {
    let results = aggregate::survey(&args.results, &args.source)?;
    let completeness = results.completeness(args.source.replications);
    let drift = results.drift(aggregate::threads(&args.source))?;
    match args.output {
        TableFormat::Json => output::json(&drift)?,
        TableFormat::Csv => output::raw(&String::from_utf8_lossy(&to_csv(&drift.slopes)))?,
        TableFormat::Text => text(&drift)?,
    }
    if args.output == TableFormat::Text {
        aggregate::findings(&completeness)?;
    } else {
        aggregate::findings_aside(&completeness);
    }
    Ok(aggregate::code(&args.source, &completeness))
}

fn text(drift: &Drift) -> Result<(), Failure> {
    slopes(&drift.slopes)?;
    output::line("")?;
    shared(&drift.shared_numbers)?;
    output::line("")?;
    machines(&drift.machines)
}

fn number(number: Option<f64>, digits: usize) -> String {
    number.map_or_else(|| String::from("–"), |number| format!("{number:.digits$}"))
}

fn interval(low: Option<f64>, high: Option<f64>, digits: usize) -> String {
    low.zip(high).map_or_else(
        || String::from("–"),
        |(low, high)| format!("{low:.digits$} to {high:.digits$}"),
    )
}

fn slopes(slopes: &[Slope]) -> Result<(), Failure> {
    output::line(
        "change of each measure from the first trial to the last, conditions' means taken away:",
    )?;
    let head = [
        "experiment",
        "model",
        "measure",
        "replication",
        "against",
        "values",
        "change",
        "95 % interval",
        "p",
    ];
    let row = |slope: &Slope| {
        vec![
            slope.experiment.clone(),
            slope.model.clone(),
            slope.measure.clone(),
            slope.replication.to_string(),
            slope.against.as_str().to_owned(),
            slope.points.to_string(),
            number(slope.change, 4),
            interval(slope.change_low, slope.change_high, 4),
            number(slope.p, 4),
        ]
    };
    output::table(&head, &slopes.iter().map(row).collect::<Vec<_>>())?;
    let tested = slopes.iter().filter(|slope| slope.p.is_some()).count();
    let clear = slopes.iter().filter(|slope| slope.is_clear()).count();
    let chance = tested as f64 * 0.05;
    output::line(format!(
        "{clear} of {tested} intervals leave out 0; by chance about {chance:.0}"
    ))
}

fn shared(shared: &[SharedNumbers]) -> Result<(), Failure> {
    output::line(
        "pairs of trials with the same prompt, and how many of them have the same answer:",
    )?;
    let head = [
        "experiment",
        "model",
        "query",
        "prompts",
        "pairs inside",
        "equal",
        "pairs between",
        "equal",
        "same trial equal",
        "p",
        "sign of shared random numbers",
    ];
    let row = |one: &SharedNumbers| {
        vec![
            one.experiment.clone(),
            one.model.clone(),
            one.query.clone(),
            one.prompts.to_string(),
            one.within_pairs.to_string(),
            number(one.within, 3),
            one.between_pairs.to_string(),
            number(one.between, 3),
            number(one.repeated, 3),
            number(one.p, 4),
            one.verdict.as_str().replace('_', " "),
        ]
    };
    output::table(&head, &shared.iter().map(row).collect::<Vec<_>>())
}

fn machines(spreads: &[MachineSpread]) -> Result<(), Failure> {
    output::line("variance of the replications' means between machines:")?;
    let head = [
        "experiment",
        "model",
        "measure",
        "by",
        "machines",
        "replications",
        "share",
        "95 % interval",
        "can it be told",
    ];
    let row = |spread: &MachineSpread| {
        let told = match spread.separation {
            Separation::Separable if spread.coincide => "yes, but node and GPU type are one",
            Separation::Separable => "yes",
            Separation::OneMachine => "no: all had the same",
            Separation::OneReplicationEach => "no: each replication had its own",
            Separation::OneReplication => "no: one replication",
            _ => "no: not on record",
        };
        vec![
            spread.experiment.clone(),
            spread.model.clone(),
            spread.measure.clone(),
            spread.machine.as_str().replace('_', " "),
            spread.machines.to_string(),
            spread.replications.to_string(),
            number(spread.icc, 3),
            interval(spread.ci_low, spread.ci_high, 3),
            told.to_owned(),
        ]
    };
    output::table(&head, &spreads.iter().map(row).collect::<Vec<_>>())
}
