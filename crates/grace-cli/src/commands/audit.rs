//! `seeds audit`: do requests share random numbers?

use grace_core::experiment::Experiment;
use grace_core::model::Model;
use grace_core::settings::RequestSeeds;
use grace_runner::audit::{AuditLabel, audit_experiment};
use grace_seed::{AuditReport, CollisionClass, SeedAudit};
use serde::Serialize;

use crate::args::{AuditArgs, Format};
use crate::commands::seeds::configuration;
use crate::exit::{COMPLETE, CONFIGURATION, FAULTS_FOUND, Failure};
use crate::output;
use crate::wiring::{Configuration, seed_failure};

pub(crate) fn run(args: &AuditArgs) -> Result<u8, Failure> {
    let configuration = configuration(&args.plan)?;
    let report = audit(args, &configuration)?;
    let passed = report.passed();
    let audited = Audited {
        requests: report.requests,
        passed,
        classes: classes(&report, &configuration.experiments),
        advice: (!passed).then(|| advice(configuration.rules().request_seeds)),
    };
    match args.plan.output {
        Format::Json => output::json(&audited)?,
        Format::Text => text(&audited)?,
    }
    Ok(if passed { COMPLETE } else { FAULTS_FOUND })
}

#[derive(Serialize)]
struct Audited {
    requests: usize,
    passed: bool,
    classes: [Class; 3],
    advice: Option<&'static str>,
}

#[derive(Serialize)]
struct Class {
    name: &'static str,
    groups: usize,
    requests: usize,
    wanted: &'static str,
    example: Option<String>,
}

fn advice(request_seeds: RequestSeeds) -> &'static str {
    match request_seeds {
        RequestSeeds::Shared => {
            "`request_seeds: shared` gives equal prompts one seed; `per-request` mends it."
        }
        _ => "Another `first_base_seed` in plan.yaml gives other request seeds.",
    }
}

/// Feeds every sampled request of all replications and models.
fn audit(
    args: &AuditArgs,
    configuration: &Configuration,
) -> Result<AuditReport<AuditLabel>, Failure> {
    let seeds = configuration.seeds(args.plan.replications)?;
    let models = models(args)?;
    let folder = configuration.stimuli(args.stimuli.clone());
    let mut audit = SeedAudit::new();
    let experiments = configuration.experiments.iter().enumerate();
    for (position, experiment) in experiments.filter(|(_, experiment)| experiment.generates()) {
        let mut planned = Vec::new();
        for index in 0..args.plan.replications {
            let seed = seeds.experiment_seed(index, experiment.id.as_str());
            planned.push((index, seed.map_err(seed_failure)?));
        }
        let stimuli = folder.join(&experiment.stimuli_file);
        let rules = configuration.rules();
        audit_experiment(
            &mut audit,
            (position, experiment),
            &stimuli,
            &models,
            &planned,
            rules,
        )
        .map_err(|error| Failure::new(CONFIGURATION, error))?;
    }
    Ok(audit.finish())
}

fn models(args: &AuditArgs) -> Result<Vec<Model>, Failure> {
    if let (None, Some(folder)) = (&args.model_name, &args.plan.config) {
        return Ok(Configuration::load_with_models(folder)?.1.models);
    }
    let name = args.model_name.as_deref().unwrap_or("model");
    let key = "model"
        .parse()
        .map_err(|error| Failure::new(CONFIGURATION, error))?;
    Ok(vec![Model::named(key, name)])
}

fn classes(report: &AuditReport<AuditLabel>, experiments: &[Experiment]) -> [Class; 3] {
    let class = |name, wanted, class: &CollisionClass<AuditLabel>| Class {
        name,
        groups: class.groups,
        requests: class.requests,
        wanted,
        example: class.examples.first().map(|collision| {
            let two = collision.examples.iter().take(2);
            let places: Vec<String> = two
                .map(|request| describe(&request.label, experiments))
                .collect();
            places.join(" and ")
        }),
    };
    [
        class("equal seeds", "few", &report.equal),
        class("equal seeds modulo 2^32", "few", &report.equal_mod_2_32),
        class(
            "equal seed and equal prompt, one model",
            "none",
            &report.shared,
        ),
    ]
}

fn describe(label: &AuditLabel, experiments: &[Experiment]) -> String {
    let experiment = &experiments[label.experiment];
    let query = &experiment.queries[label.query].id;
    format!(
        "replication {} {} trial {} {query}",
        label.replication, experiment.id, label.trial_id
    )
}

fn text(audited: &Audited) -> Result<(), Failure> {
    output::line(format!("{} requests", audited.requests))?;
    let row = |class: &Class| {
        vec![
            class.name.to_owned(),
            class.groups.to_string(),
            class.requests.to_string(),
            class.wanted.to_owned(),
            class.example.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = audited.classes.iter().map(row).collect();
    output::table(&["class", "groups", "requests", "wanted", "example"], &rows)?;
    if let Some(advice) = audited.advice {
        output::line(format!("\n{advice}"))?;
    }
    Ok(())
}
