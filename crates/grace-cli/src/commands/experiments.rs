//! `experiments`: list, show, check.

use std::path::Path;

use grace_core::experiment::{BUILTIN, Experiment, builtin};
use grace_core::{Problem, Problems};
use grace_runner::check_stimuli;
use serde_json::json;

use crate::args::{ExperimentsCommand, Format};
use crate::exit::{COMPLETE, Failure};
use crate::{output, wiring};

pub(crate) fn run(command: ExperimentsCommand) -> Result<u8, Failure> {
    match command {
        ExperimentsCommand::List { output } => list(output)?,
        ExperimentsCommand::Show { id } => show(&id)?,
        ExperimentsCommand::Check { files, stimuli } => check(&files, stimuli.as_deref())?,
    }
    Ok(COMPLETE)
}

fn list(format: Format) -> Result<(), Failure> {
    let experiments = BUILTIN
        .iter()
        .map(|file| Experiment::parse(file.file, file.text));
    let experiments: Vec<Experiment> = experiments.collect::<Result<_, _>>()?;
    let queries = |experiment: &Experiment| -> Vec<String> {
        experiment
            .queries
            .iter()
            .map(|query| query.id.to_string())
            .collect()
    };
    let kind = |experiment: &Experiment| {
        if experiment.scores() {
            "score"
        } else {
            "generate"
        }
    };
    if format == Format::Json {
        let entry = |experiment: &Experiment| {
            json!({
                "id": experiment.id,
                "title": experiment.title,
                "kind": kind(experiment),
                "seed_offset": experiment.seed_offset,
                "stimuli": experiment.stimuli_file,
                "queries": queries(experiment),
            })
        };
        return output::json(&experiments.iter().map(entry).collect::<Vec<_>>());
    }
    let row = |experiment: &Experiment| {
        vec![
            experiment.id.to_string(),
            kind(experiment).to_owned(),
            experiment.stimuli_file.clone(),
            experiment.seed_offset.to_string(),
            queries(experiment).join(", "),
            experiment.title.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = experiments.iter().map(row).collect();
    output::table(
        &["id", "kind", "stimuli", "seed offset", "queries", "title"],
        &rows,
    )
}

fn show(id: &str) -> Result<(), Failure> {
    if let Some(file) = builtin(id) {
        return output::raw(file.text);
    }
    let ids = BUILTIN.map(|file| file.id).join("`, `");
    let message = format!("experiment `{id}` is not built in, expected one of `{ids}`");
    Err(Failure::configuration(message))
}

fn check(files: &[String], stimuli: Option<&Path>) -> Result<(), Failure> {
    let mut problems = Problems::new();
    let mut checked = Vec::new();
    for file in files {
        let name = builtin(file).map_or(file.as_str(), |builtin| builtin.file);
        let text = builtin(file).map_or_else(
            || wiring::read(Path::new(file)),
            |builtin| Ok(builtin.text.to_owned()),
        );
        match text.and_then(|text| Experiment::parse(name, &text)) {
            Ok(experiment) => {
                checked.push(check_against(&experiment, stimuli, name, &mut problems));
            }
            Err(found) => problems.extend(found),
        }
    }
    problems.into_result(())?;
    checked.iter().try_for_each(output::line)
}

fn check_against(
    experiment: &Experiment,
    stimuli: Option<&Path>,
    name: &str,
    problems: &mut Problems,
) -> String {
    let queries = experiment.queries.len();
    let Some(folder) = stimuli else {
        return format!("{name}: ok, {queries} queries");
    };
    let path = folder.join(&experiment.stimuli_file);
    match check_stimuli(&path, experiment) {
        Ok((rows, prompts)) => {
            format!(
                "{name}: ok, {queries} queries on {rows} rows of {}, {prompts} distinct prompts",
                path.display()
            )
        }
        Err(error) => {
            match error {
                grace_runner::JobError::Invalid(found) => problems.extend(found),
                other => problems.push(Problem::new(path.display().to_string(), other.to_string())),
            }
            String::new()
        }
    }
}
