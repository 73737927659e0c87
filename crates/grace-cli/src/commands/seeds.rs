//! `seeds`: the seeds of a study.

use grace_core::model::{Model, ModelCatalog};
use grace_runner::audit::{AuditLabel, audit_experiment};
use grace_seed::{CollisionClass, SeedAudit, trial_order};
use serde_json::json;

use crate::args::{AuditArgs, Format, OrderArgs, PlanArgs, SeedsCommand};
use crate::exit::{COMPLETE, CONFIGURATION, FAULTS_FOUND, Failure};
use crate::output;
use crate::wiring::{Configuration, seed_failure};

pub(crate) fn run(command: SeedsCommand) -> Result<u8, Failure> {
    match command {
        SeedsCommand::Table(args) => table(&args),
        SeedsCommand::Audit(args) => audit(&args),
        SeedsCommand::Order(args) => order(&args),
    }
}

fn configuration(args: &PlanArgs) -> Result<Configuration, Failure> {
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
        let lines: String = order.iter().map(|row| format!("{row}\n")).collect();
        output::raw(&lines)?;
    }
    Ok(COMPLETE)
}

fn audit(args: &AuditArgs) -> Result<u8, Failure> {
    let configuration = configuration(&args.plan)?;
    let seeds = configuration.seeds(args.plan.replications)?;
    let models = models(args, &configuration)?;
    let stimuli = configuration.stimuli(args.stimuli.clone());
    let mut audit: SeedAudit<AuditLabel> = SeedAudit::new();
    for (position, experiment) in configuration.experiments.iter().enumerate() {
        if !experiment.generates() {
            continue;
        }
        let mut planned = Vec::new();
        for index in 0..args.plan.replications {
            planned.push((
                index,
                seeds
                    .experiment_seed(index, experiment.id.as_str())
                    .map_err(seed_failure)?,
            ));
        }
        let path = stimuli.join(&experiment.stimuli_file);
        audit_experiment(
            &mut audit,
            (position, experiment),
            &path,
            &models,
            &planned,
            configuration.rules(),
        )
        .map_err(|error| Failure::new(CONFIGURATION, error))?;
    }
    let report = audit.finish();
    let describe = |label: &AuditLabel| {
        let experiment = &configuration.experiments[label.experiment];
        let query = experiment
            .queries
            .get(label.query)
            .map_or("?", |query| query.id.as_str());
        format!(
            "replication {} {} trial {} {query}",
            label.replication, experiment.id, label.trial_id
        )
    };
    let class = |name: &str, class: &CollisionClass<AuditLabel>, wanted: &str| {
        let example = class
            .examples
            .first()
            .map_or_else(String::new, |collision| {
                let places: Vec<String> = collision
                    .examples
                    .iter()
                    .take(2)
                    .map(|request| describe(&request.label))
                    .collect();
                places.join(" and ")
            });
        vec![
            name.to_owned(),
            class.groups.to_string(),
            class.requests.to_string(),
            wanted.to_owned(),
            example,
        ]
    };
    let rows = [
        class("equal seeds", &report.equal, "few"),
        class("equal seeds modulo 2^32", &report.equal_mod_2_32, "few"),
        class(
            "equal seed and equal prompt, one model",
            &report.shared,
            "none",
        ),
    ];
    if args.plan.output == Format::Json {
        let entry = |row: &Vec<String>| json!({ "class": row[0], "groups": row[1].parse::<u64>().ok(), "requests": row[2].parse::<u64>().ok(), "example": row[4] });
        output::json(&json!({
            "requests": report.requests,
            "passed": report.passed(),
            "classes": rows.iter().map(entry).collect::<Vec<_>>(),
        }))?;
    } else {
        output::line(format!("{} requests", report.requests))?;
        output::table(&["class", "groups", "requests", "wanted", "example"], &rows)?;
        if !report.passed() {
            output::line("\nAnother `first_base_seed` in plan.yaml gives other request seeds.")?;
        }
    }
    Ok(if report.passed() {
        COMPLETE
    } else {
        FAULTS_FOUND
    })
}

fn models(args: &AuditArgs, configuration: &Configuration) -> Result<Vec<Model>, Failure> {
    let catalog: ModelCatalog = match (&args.model_name, &args.plan.config) {
        (None, Some(_)) => configuration.models()?,
        (name, _) => {
            let name = name.as_deref().unwrap_or("model");
            return Ok(vec![Model::named(
                "model"
                    .parse()
                    .map_err(|error| Failure::new(CONFIGURATION, error))?,
                name,
            )]);
        }
    };
    Ok(catalog.models)
}
