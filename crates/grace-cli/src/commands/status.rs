//! `status`: what is going on with all Jobs of a study.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdout};
use std::time::Duration;

use grace_core::ModelKey;
use grace_launch::state::{JobState, format_indexes};
use grace_launch::watch::{Change, Watch, WatchSettings, World};
use k8s_openapi::api::batch::v1::Job;
use serde::Serialize;
use tokio::time::Instant;

use crate::args::{Format, StatusArgs};
use crate::exit::{COMPLETE, Failure};
use crate::live::Live;
use crate::progress::say;
use crate::target::Target;
use crate::{output, runtime};

/// Changes that come together are shown together.
const TOGETHER: Duration = Duration::from_millis(200);
/// Between redraws of what did not change: a draw may have been left out.
const REDRAW: Duration = Duration::from_secs(1);
/// More indexes than this are told as ranges.
const MOST_MARKS: u32 = 64;

pub(crate) fn run(args: &StatusArgs) -> Result<u8, Failure> {
    let target = Target::load(args.target.config.as_deref(), &args.target.model)?;
    // A key that is not in models.yaml is a mistake.
    target.chosen()?;
    runtime::block_on(async |stop| {
        let cluster = target.connect(&args.target.access, &stop).await?;
        let mut watch = Watch::new(&cluster, WatchSettings::default());
        let world = tokio::select! {
            world = watch.ready() => world?,
            () = stop.requested() => return Ok(stop.exit_code()),
        };
        if world.is_without_events() {
            say(
                "note: these rights do not show events, so some reasons stay unknown; `grace-cli doctor` says more",
            );
        }
        let mut view = View {
            args,
            namespace: cluster.namespace(),
            rows: rows(world, &args.target.model),
            live: live(args),
        };
        view.begin()?;
        let code = tokio::select! {
            result = follow(&mut view, &mut watch), if args.watch => result.map(|()| COMPLETE)?,
            () = stop.requested(), if args.watch => stop.exit_code(),
            else => COMPLETE,
        };
        view.finish()?;
        Ok(code)
    })
}

/// Where the table can be drawn anew: on a terminal, for people.
fn live(args: &StatusArgs) -> Option<Live> {
    let is_for_people = args.output == Format::Text && stdout().is_terminal();
    let is_live = args.watch && is_for_people;
    is_live.then(Live::on_terminal).flatten()
}

/// Shows each change until all Jobs have ended.
async fn follow(view: &mut View<'_>, watch: &mut Watch) -> Result<(), Failure> {
    while view.rows.iter().any(|it| !it.state.phase.is_end()) {
        let Ok(change) = tokio::time::timeout(REDRAW, watch.changed()).await else {
            view.draw();
            continue;
        };
        view.tell_of(change?);
        // A Job of a thousand pods may change a hundred times a second; nobody reads so fast.
        let until = Instant::now() + TOGETHER;
        while let Ok(change) = tokio::time::timeout_at(until, watch.changed()).await {
            view.tell_of(change?);
        }
        view.update(rows(watch.world(), &view.args.target.model))?;
    }
    Ok(())
}

/// What is shown: on a terminal that is watched a table that is drawn anew, else the table once and then each row that
/// changes.
struct View<'a> {
    args: &'a StatusArgs,
    namespace: &'a str,
    rows: Vec<Row>,
    live: Option<Live>,
}

impl View<'_> {
    fn begin(&mut self) -> Result<(), Failure> {
        match self.live {
            Some(_) => self.draw(),
            None => self.show()?,
        }
        Ok(())
    }

    fn update(&mut self, now: Vec<Row>) -> Result<(), Failure> {
        let before = std::mem::replace(&mut self.rows, now);
        if self.live.is_some() {
            self.draw();
            return Ok(());
        }
        for row in &before {
            let is_there = self.rows.iter().any(|it| it.job == row.job);
            if !is_there && self.args.output == Format::Text {
                output::line(format!("{} ({}): not there any more", row.model, row.kind))?;
            }
        }
        let changed = self.rows.iter().filter(|it| !before.contains(it));
        changed
            .into_iter()
            .try_for_each(|row| match self.args.output {
                Format::Json => output::json_line(row),
                Format::Text => {
                    output::line(format!("{} ({}): {}", row.model, row.kind, row.summary))
                }
            })
    }

    /// Leaves on the terminal what was drawn there last.
    fn finish(mut self) -> Result<(), Failure> {
        match self.live.take().map(drop) {
            Some(()) => self.show(),
            None => Ok(()),
        }
    }

    fn draw(&mut self) {
        if let Some(live) = &mut self.live {
            let mut lines = table(&self.rows);
            lines.extend(hints(&self.rows));
            live.draw(&lines);
        }
    }

    fn show(&self) -> Result<(), Failure> {
        match self.args.output {
            Format::Json if self.args.watch => self.rows.iter().try_for_each(output::json_line),
            Format::Json => output::json(&self.rows),
            Format::Text if self.rows.is_empty() => {
                output::line(format!("no Job of grace in namespace `{}`", self.namespace))
            }
            Format::Text => {
                table(&self.rows).iter().try_for_each(output::line)?;
                for hint in hints(&self.rows) {
                    say(&hint);
                }
                Ok(())
            }
        }
    }

    fn tell_of(&self, change: Change) {
        let text = match change {
            Change::Lost(error) => format!("connection lost, trying again: {error}"),
            Change::Back => String::from("connection is back"),
            _ => return,
        };
        match &self.live {
            Some(live) => live.say(&text),
            None => say(&text),
        }
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

/// The Jobs by index, and what the letters mean.
fn table(rows: &[Row]) -> Vec<String> {
    let cells = rows.iter().map(|row| {
        vec![
            row.model.clone(),
            row.kind.clone(),
            marks(&row.state),
            row.summary.clone(),
        ]
    });
    let cells: Vec<Vec<String>> = cells.collect();
    let mut lines = output::table_lines(&["MODEL", "JOB", "INDEXES", "STATE"], &cells);
    lines.push(String::from(
        "indexes from 0: D done, R running, W waiting, F failed, . not begun",
    ));
    lines
}

/// What helps, once for each trouble.
fn hints(rows: &[Row]) -> Vec<String> {
    let trouble = rows.iter().flat_map(|row| &row.trouble);
    let hints: BTreeMap<&String, &str> = trouble
        .filter_map(|(what, hint)| Some((what, (*hint)?)))
        .collect();
    let lines = hints.into_iter();
    lines
        .flat_map(|(what, hint)| [format!("hint: {what}"), format!("      {hint}")])
        .collect()
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
