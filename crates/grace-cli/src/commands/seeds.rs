//! `seeds`: the seeds of a study.

use grace_seed::trial_order;
use serde_json::json;

use crate::args::{Format, OrderArgs, PlanArgs, SeedsArgs, SeedsCommand};
use crate::commands::audit;
use crate::exit::{COMPLETE, CONFIGURATION, Failure};
use crate::output;
use crate::wiring::{Configuration, seed_failure};

pub(crate) fn run(args: &SeedsArgs) -> Result<u8, Failure> {
    match &args.command {
        None => table(&args.plan),
        Some(SeedsCommand::Audit(args)) => audit::run(args),
        Some(SeedsCommand::Order(args)) => order(args),
    }
}

pub(crate) fn configuration(args: &PlanArgs) -> Result<Configuration, Failure> {
    match &args.config {
        Some(folder) => Configuration::load(folder),
        None => Configuration::builtin(),
    }
}

fn table(args: &PlanArgs) -> Result<u8, Failure> {
    let configuration = configuration(args)?;
    let seeds = configuration.seeds(args.replications)?;
    let ids: Vec<&str> = configuration
        .experiments
        .iter()
        .map(|experiment| experiment.id.as_str())
        .collect();
    let (mut rows, mut entries) = (Vec::new(), Vec::new());
    for index in 0..args.replications {
        let base = seeds.base_seed(index).map_err(seed_failure)?.0;
        let mut row = vec![index.to_string(), base.to_string()];
        let mut entry = json!({ "replication": index, "base_seed": base });
        for id in &ids {
            let seed = seeds.experiment_seed(index, id).map_err(seed_failure)?.0;
            row.push(seed.to_string());
            entry[format!("{id}_seed")] = json!(seed);
        }
        rows.push(row);
        entries.push(entry);
    }
    if args.output == Format::Json {
        output::json(&entries)?;
        return Ok(COMPLETE);
    }
    let head: Vec<&str> = ["replication", "base seed"]
        .into_iter()
        .chain(ids)
        .collect();
    output::table(&head, &rows)?;
    Ok(COMPLETE)
}

fn order(args: &OrderArgs) -> Result<u8, Failure> {
    let order = trial_order(args.order, args.seed, args.n).map_err(|error| {
        let hint = error.hint();
        let failure = Failure::new(CONFIGURATION, error);
        hint.into_iter().fold(failure, Failure::with_hint)
    })?;
    if args.output == Format::Json {
        let text = serde_json::to_string(&order)
            .map_err(|error| Failure::new(crate::exit::INTERNAL, error))?;
        output::line(text)?;
    } else {
        let rows: Vec<String> = order.iter().map(ToString::to_string).collect();
        output::line(rows.join("\n"))?;
    }
    Ok(COMPLETE)
}
