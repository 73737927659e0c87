//! `run`: a single experiment.

use std::path::{Path, PathBuf};

use grace_core::ModelKey;
use grace_core::experiment::Experiment;
use grace_core::layout::ReplicationLayout;
use grace_core::model::{Model, Reasoning};
use grace_core::plan::SeedRules;
use grace_core::scoring::ScoringSettings;
use grace_core::server::{ArgumentTemplate, TemplateError};
use grace_core::settings::ScoringServer;
use grace_runner::{End, ExperimentJob, Job, export_records, recorded_seed};
use grace_seed::{ExperimentSeed, OrderAlgorithm};

use crate::args::{Format, RunArgs};
use crate::commands::work;
use crate::exit::{CONFIGURATION, Failure};
use crate::{output, progress, runtime, wiring};

pub(crate) fn run(args: &RunArgs) -> Result<u8, Failure> {
    let experiment = wiring::experiment(&args.experiment)?;
    let id = experiment.id.clone();
    let model = model(args)?;
    let (client, server) = if args.model_path.is_some() {
        wiring::server(&args.work.server, &model, ScoringServer::Same)?
    } else {
        let hint = "or let grace start one: `--model-path DIR`";
        let client =
            wiring::client(&args.work.server).map_err(|failure| failure.with_hint(hint))?;
        (client, None)
    };
    let target = Target::new(&args.output)?;
    let layout = ReplicationLayout::at(&target.folder);
    let seed = seed(args.seed, &layout, &experiment)?;
    let job = Job {
        layout: layout.clone(),
        model,
        replication: args.replication_id,
        base_seed: None,
        rules: rules(args)?,
        scoring: args.work.scoring(ScoringSettings::default()),
        experiments: vec![ExperimentJob {
            experiment,
            stimuli: args.input.clone(),
            seed,
            limit: args.work.limit,
        }],
        host: runtime::host()?,
        options: wiring::options(&args.work, server),
    };
    let (end, code) = work::finish(job, &client)?;
    work::report(&end, code, &target.folder, Format::Text)?;
    if let (Some(file), End::Complete { .. } | End::AlreadyComplete) = (&target.file, &end) {
        export_records(&layout, &id, file).map_err(|error| Failure::new(CONFIGURATION, error))?;
        output::line(format!("records: {}", file.display()))?;
    }
    Ok(code)
}

/// Where results go: a folder, and a file for the records if the user named one.
struct Target {
    folder: PathBuf,
    file: Option<PathBuf>,
}

impl Target {
    fn new(output: &Path) -> Result<Self, Failure> {
        if output
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let folder = output.with_extension("grace");
            if output.is_dir() {
                return Err(Failure::configuration(format!(
                    "{} is a folder, expected a file",
                    output.display()
                )));
            }
            if output.exists() && !folder.exists() {
                return Err(Failure::configuration(format!(
                    "{} is there already and was not made by `run`; move it or name another file",
                    output.display()
                )));
            }
            return Ok(Self {
                folder,
                file: Some(output.to_owned()),
            });
        }
        Ok(Self {
            folder: output.to_owned(),
            file: None,
        })
    }
}

/// The given seed, else the one that the folder was begun with, else a random one.
fn seed(
    given: Option<u64>,
    layout: &ReplicationLayout,
    experiment: &Experiment,
) -> Result<ExperimentSeed, Failure> {
    if let Some(seed) = given {
        return Ok(ExperimentSeed(seed));
    }
    let recorded = recorded_seed(layout, &experiment.id)
        .map_err(|error| Failure::new(CONFIGURATION, error))?;
    if let Some(seed) = recorded {
        progress::say(&format!(
            "seed: {seed} (recorded in {})",
            layout.metadata().display()
        ));
        return Ok(ExperimentSeed(seed));
    }
    // Small enough for every order and every reader of JSON.
    let seed = runtime::random()? >> 33;
    progress::say(&format!(
        "seed: {seed} (drawn; `--seed {seed}` repeats this run)"
    ));
    Ok(ExperimentSeed(seed))
}

fn rules(args: &RunArgs) -> Result<SeedRules, Failure> {
    let order = match (args.shuffle, args.order) {
        (true, Some(OrderAlgorithm::AsGiven)) => {
            return Err(Failure::usage(
                "`--shuffle` and `--order as-given` contradict each other",
            ));
        }
        (_, Some(order)) => order,
        (true, None) => OrderAlgorithm::Pcg64,
        (false, None) => OrderAlgorithm::AsGiven,
    };
    Ok(SeedRules {
        order,
        request_seeds: args.request_seeds,
        bits: args.seed_bits,
    })
}

fn model(args: &RunArgs) -> Result<Model, Failure> {
    let key = match &args.model_key {
        Some(key) => key.clone(),
        None => key_of(&args.model_name)?,
    };
    let mut model = Model::named(key, args.model_name.as_str());
    model.api = args.api;
    model.stop.clone_from(&args.stop);
    if let (Some(start), Some(end)) = (&args.reasoning_start, &args.reasoning_end) {
        model.reasoning = Some(Reasoning::new(start, end, args.reasoning_max_tokens));
    }
    model.start.model_path.clone_from(&args.model_path);
    if let Some(command) = &args.server_command {
        model.start.command = Some(command_template(command)?);
    }
    Ok(model)
}

/// A command line as a shell would take it apart, without variables and the like.
fn command_template(command: &str) -> Result<Vec<ArgumentTemplate>, Failure> {
    let words = shlex::split(command).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| {
        Failure::usage(format!(
            "`--server-command` is `{command}`, expected a command with its arguments, each quote closed"
        ))
    })?;
    let template = |word: &String| {
        let parsed = word.parse();
        parsed.map_err(|error: TemplateError| {
            Failure::usage(format!("`{word}` in `--server-command` {error}"))
        })
    };
    let templates: Vec<ArgumentTemplate> = words.iter().map(template).collect::<Result<_, _>>()?;
    if !templates.iter().any(ArgumentTemplate::names_port) {
        return Err(Failure::usage(format!(
            "`--server-command` is `{command}`, expected `{{port}}` among its arguments: grace gives it a free one"
        )));
    }
    Ok(templates)
}

/// `google/gemma-2-2b-it` → `gemma-2-2b-it`.
fn key_of(name: &str) -> Result<ModelKey, Failure> {
    let last = name.rsplit('/').next().unwrap_or(name);
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
            c
        } else {
            '-'
        }
    };
    let key: String = last.to_lowercase().chars().take(63).map(allowed).collect();
    key.parse().map_err(|_| {
        Failure::configuration(format!(
            "no model key can be made from `{name}`: expected `--model-key KEY`"
        ))
    })
}
