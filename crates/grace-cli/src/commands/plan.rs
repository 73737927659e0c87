//! `plan`: what replications will take.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use grace_core::ModelKey;
use grace_core::cluster::Workload;
use grace_core::layout::ReplicationLayout;
use grace_core::metadata::{Metadata, Status};
use grace_k8s_gen::budget::{MinutesSource, ModelBudget, Total, budget, total, without_minutes};
use serde_json::json;

use crate::args::{BudgetArgs, Format};
use crate::cluster::{Wanted, check_parallelism};
use crate::exit::{COMPLETE, Failure};
use crate::output;

pub(crate) fn run(args: &BudgetArgs) -> Result<u8, Failure> {
    check_parallelism(&args.cluster)?;
    let wanted = Wanted::load(&args.cluster)?;
    let workloads = wanted.chosen(&args.cluster)?;
    let measured = match &args.measured {
        Some(folder) => measured(folder, &workloads)?,
        None => BTreeMap::new(),
    };
    let known = Known {
        args,
        measured: &measured,
    };
    let unknown = without_minutes(workloads.iter().copied(), |key| {
        known.minutes(key).is_some()
    });
    if let [first, ..] = unknown.as_slice() {
        let keys: Vec<&str> = unknown.iter().map(|key| key.as_str()).collect();
        let message = format!(
            "nothing says how many minutes a replication of `{}` takes",
            keys.join("`, `")
        );
        let hint = format!(
            "give `--minutes {first}=30`, `--measured RESULTS`, or `estimate: {{minutes: 30}}` in models.yaml"
        );
        return Err(Failure::configuration(message).with_hint(hint));
    }
    let budgets = workloads.iter().map(|workload| {
        let estimate = || {
            (
                workload.estimate.minutes.unwrap_or_default(),
                MinutesSource::Estimate,
            )
        };
        let minutes = known.minutes(&workload.model.key).unwrap_or_else(estimate);
        budget(
            workload,
            args.cluster.replications,
            args.cluster.parallelism,
            minutes,
        )
    });
    let budgets: Vec<ModelBudget> = budgets.collect();
    let total = total(&budgets);
    match args.cluster.output {
        Format::Json => output::json(&json!({ "models": budgets, "total": total }))?,
        Format::Text => text(&budgets, &total)?,
    }
    Ok(COMPLETE)
}

/// What is known besides estimates.
struct Known<'a> {
    args: &'a BudgetArgs,
    measured: &'a BTreeMap<ModelKey, f64>,
}

impl Known<'_> {
    /// Minutes given for this model, else measured, else given for all.
    fn minutes(&self, key: &ModelKey) -> Option<(f64, MinutesSource)> {
        let given = |model: Option<&ModelKey>| {
            let fitting = self
                .args
                .minutes
                .iter()
                .rfind(|minutes| minutes.model.as_ref() == model);
            fitting.map(|minutes| (minutes.minutes, MinutesSource::Given))
        };
        let measured = self
            .measured
            .get(key)
            .map(|minutes| (*minutes, MinutesSource::Measured));
        given(Some(key)).or(measured).or_else(|| given(None))
    }
}

/// The mean minutes of the sealed replications of each model.
fn measured(results: &Path, workloads: &[&Workload]) -> Result<BTreeMap<ModelKey, f64>, Failure> {
    if !results.is_dir() {
        return Err(Failure::configuration(format!(
            "results {} are no folder",
            results.display()
        )));
    }
    let mut measured = BTreeMap::new();
    for workload in workloads {
        let key = &workload.model.key;
        let Ok(entries) = fs::read_dir(results.join(key.as_str())) else {
            continue;
        };
        let indexes = entries.filter_map(|entry| {
            ReplicationLayout::index_of(&entry.ok()?.file_name().into_string().ok()?)
        });
        let minutes: Vec<f64> = indexes
            .filter_map(|index| minutes_of(&ReplicationLayout::of(results, key, index)))
            .collect();
        if !minutes.is_empty() {
            measured.insert(
                key.clone(),
                minutes.iter().sum::<f64>() / minutes.len() as f64,
            );
        }
    }
    Ok(measured)
}

/// The minutes of all attempts of a sealed replication; of one that was killed, nobody knows the end.
fn minutes_of(replication: &ReplicationLayout) -> Option<f64> {
    let bytes = fs::read(replication.metadata()).ok()?;
    let metadata: Metadata = serde_json::from_slice(&bytes).ok()?;
    if metadata.status != Status::Complete || metadata.attempts.is_empty() {
        return None;
    }
    let minutes = |start: &str, end: &str| {
        let (start, end): (jiff::Timestamp, jiff::Timestamp) =
            (start.parse().ok()?, end.parse().ok()?);
        Some((end.as_millisecond() - start.as_millisecond()) as f64 / 60_000.0)
    };
    let all = metadata
        .attempts
        .iter()
        .map(|attempt| minutes(&attempt.start, attempt.end.as_ref()?));
    all.sum()
}

fn text(budgets: &[ModelBudget], total: &Total) -> Result<(), Failure> {
    let megabytes = |(least, most): (f64, f64)| {
        if least.to_bits() == most.to_bits() {
            format!("{least:.0} MB")
        } else {
            format!("{least:.0}–{most:.0} MB")
        }
    };
    let row = |model: &ModelBudget| {
        let source = match model.source {
            MinutesSource::Given => "given",
            MinutesSource::Measured => "measured",
            _ => "estimated",
        };
        vec![
            model.model.clone(),
            model.replications.to_string(),
            model.parallelism.to_string(),
            model.gpus.to_string(),
            format!("{:.1} {source}", model.minutes),
            format!("{:.1}", model.gpu_hours),
            hours(model.wall_hours),
            megabytes(model.megabytes),
        ]
    };
    let mut rows: Vec<Vec<String>> = budgets.iter().map(row).collect();
    rows.push(vec![
        String::from("in all"),
        total.replications.to_string(),
        String::new(),
        String::new(),
        String::new(),
        format!("{:.1}", total.gpu_hours),
        hours(total.wall_hours_in_turn),
        megabytes(total.megabytes),
    ]);
    let head = [
        "model",
        "replications",
        "at once",
        "GPUs",
        "minutes each",
        "GPU-hours",
        "wall time",
        "storage",
    ];
    output::table(&head, &rows)?;
    output::line(format!(
        "\nModels in turn: {} with up to {} GPUs at once. All models at once: {} with {} GPUs.",
        hours(total.wall_hours_in_turn),
        total.gpus_in_turn,
        hours(total.wall_hours_at_once),
        total.gpus_at_once
    ))
}

/// Hours as `12 h 30 min`.
fn hours(hours: f64) -> String {
    let minutes = (hours * 60.0).round();
    format!(
        "{:.0} h {:02.0} min",
        (minutes / 60.0).floor(),
        minutes % 60.0
    )
}
