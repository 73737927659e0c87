//! `status`: what is going on with all Jobs of a study.

use std::collections::BTreeMap;
use std::time::Duration;

use grace_core::ModelKey;
use grace_launch::state::{JobState, format_indexes};
use grace_launch::watch::{Change, Watch, WatchSettings, World};
use k8s_openapi::api::batch::v1::Job;
use serde::Serialize;
use tokio::time::Instant;

use crate::args::{Format, StatusArgs};
use crate::exit::{COMPLETE, Failure};
use crate::progress::say;
use crate::target::Target;
use crate::{output, runtime};

/// Changes that come together are shown together.
const TOGETHER: Duration = Duration::from_millis(200);
/// More indexes than this are told as ranges.
const MOST_MARKS: u32 = 64;

pub(crate) fn run(args: &StatusArgs) -> Result<u8, Failure> {
    let target = Target::load(args.target.config.as_deref(), &args.target.model)?;
    // A key that is not in models.yaml is a mistake.
    target.chosen()?;
    let models = &args.target.model;
    runtime::block_on(async |stop| {
        let cluster = target.connect(&args.target.access).await?;
        let mut watch = Watch::new(&cluster, WatchSettings::default());
        let world = watch.ready().await?;
        if world.is_without_events() {
            say(
                "note: these rights do not show events, so some reasons stay unknown; `grace-cli doctor` says more",
            );
        }
        let rows = rows(world, models);
        show(args, &rows, cluster.namespace())?;
        if !args.watch {
            return Ok(COMPLETE);
        }
        tokio::select! {
            result = follow(args, &mut watch, rows) => result,
            () = stop.requested() => Ok(stop.exit_code()),
        }
    })
}

/// Shows each change until all Jobs have ended.
async fn follow(args: &StatusArgs, watch: &mut Watch, mut rows: Vec<Row>) -> Result<u8, Failure> {
    while rows.iter().any(|it| !it.state.phase.is_end()) {
        tell_of(watch.changed().await?);
        // A Job of a thousand pods may change a hundred times a second; nobody reads so fast.
        let until = Instant::now() + TOGETHER;
        while let Ok(change) = tokio::time::timeout_at(until, watch.changed()).await {
            tell_of(change?);
        }
        let now = self::rows(watch.world(), &args.target.model);
        let changed: Vec<&Row> = now.iter().filter(|it| !rows.contains(it)).collect();
        for row in changed {
            match args.output {
                Format::Json => output::json_line(row)?,
                Format::Text => {
                    output::line(format!("{} ({}): {}", row.model, row.kind, row.summary))?;
                }
            }
        }
        rows = now;
    }
    Ok(COMPLETE)
}

fn tell_of(change: Change) {
    match change {
        Change::Lost(error) => say(&format!("connection lost, trying again: {error}")),
        Change::Back => say("connection is back"),
        _ => {}
    }
}

/// A Job.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    model: String,
    kind: String,
    job: String,
    summary: String,
    /// Why not all is well, and what to do about it.
    trouble: BTreeMap<String, Option<&'static str>>,
    #[serde(flatten)]
    state: JobState,
}

fn rows(world: &World, models: &[ModelKey]) -> Vec<Row> {
    let row = |job: &Job| {
        let label = |name: &str| {
            let labels = job.metadata.labels.as_ref()?;
            labels.get(name).cloned()
        };
        let state = world.state_of(Some(job));
        let trouble = state.trouble();
        Some(Row {
            model: label("model")?,
            kind: label("app.kubernetes.io/component").unwrap_or_default(),
            job: job.metadata.name.clone()?,
            summary: state.to_string(),
            trouble: trouble
                .iter()
                .map(|(it, _)| (it.to_string(), it.hint()))
                .collect(),
            state,
        })
    };
    let is_meant =
        |row: &Row| models.is_empty() || models.iter().any(|it| it.as_str() == row.model);
    let jobs = world.jobs().into_iter();
    jobs.filter_map(row).filter(is_meant).collect()
}

fn show(args: &StatusArgs, rows: &[Row], namespace: &str) -> Result<(), Failure> {
    match args.output {
        Format::Json if args.watch => return rows.iter().try_for_each(output::json_line),
        Format::Json => return output::json(&rows),
        Format::Text if rows.is_empty() => {
            return output::line(format!("no Job of grace in namespace `{namespace}`"));
        }
        Format::Text => {}
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.model.clone(),
                row.kind.clone(),
                marks(&row.state),
                row.summary.clone(),
            ]
        })
        .collect();
    output::table(&["MODEL", "JOB", "INDEXES", "STATE"], &cells)?;
    output::line("indexes from 0: D done, R running, W waiting, F failed, . not begun")?;
    let hints: BTreeMap<&String, &str> = rows
        .iter()
        .flat_map(|row| &row.trouble)
        .filter_map(|(what, hint)| Some((what, (*hint)?)))
        .collect();
    for (what, hint) in hints {
        say(&format!("hint: {what}\n      {hint}"));
    }
    Ok(())
}

/// A letter for each index.
fn marks(state: &JobState) -> String {
    if state.total > MOST_MARKS {
        let of = |name: &str, indexes: Vec<u32>| {
            (!indexes.is_empty()).then(|| format!("{name} {}", format_indexes(indexes)))
        };
        let parts = [
            of("D", state.done.iter().copied().collect()),
            of("R", state.running.iter().copied().collect()),
            of("F", state.failed.iter().copied().collect()),
        ];
        return parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
    }
    let mark = |index: u32| match index {
        _ if state.done.contains(&index) => 'D',
        _ if state.failed.contains(&index) => 'F',
        _ if state.running.contains(&index) => 'R',
        _ if state.waiting.contains_key(&index) => 'W',
        _ => '.',
    };
    (0..state.total).map(mark).collect()
}
