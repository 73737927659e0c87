//! `cancel`: Jobs suspended or deleted.

use std::io::{IsTerminal, Write, stderr, stdin};

use grace_launch::Cluster;
use grace_launch::cancel::{delete, suspend};
use grace_launch::watch::{Watch, WatchSettings};
use k8s_openapi::api::batch::v1::Job;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::args::{CancelArgs, Format};
use crate::exit::{COMPLETE, Failure};
use crate::target::Target;
use crate::{output, runtime};

pub(crate) fn run(args: &CancelArgs) -> Result<u8, Failure> {
    let target = Target::load(args.target.config.as_deref(), &args.target.model)?;
    let chosen = target.chosen()?;
    let models: Vec<&str> = chosen.iter().map(|it| it.model.key.as_str()).collect();
    runtime::block_on(async |stop| {
        let cluster = target.connect(&args.target.access, &stop).await?;
        let mut meant = tokio::select! {
            meant = confirmed(args, &cluster, &models) => meant?,
            () = stop.requested() => return Ok(stop.exit_code()),
        };
        let mut failed = None;
        for it in &mut meant {
            let result = if args.delete {
                delete(&cluster, &it.job, &it.uid).await
            } else {
                suspend(&cluster, &it.job, &it.uid, true).await
            };
            if let Err(error) = result {
                it.error = Some(error.to_string());
                failed = Some(error);
            }
        }
        if !meant.is_empty() {
            told(args, &meant)?;
        }
        // The last of them; all are told above.
        failed.map_or(Ok(COMPLETE), |error| Err(error.into()))
    })
}

/// The Jobs that are meant, if the user wants it; else none.
async fn confirmed(
    args: &CancelArgs,
    cluster: &Cluster,
    models: &[&str],
) -> Result<Vec<Meant>, Failure> {
    let mut watch = Watch::new(cluster, WatchSettings::default());
    let world = watch.ready().await?;
    let mut meant: Vec<Meant> = Vec::new();
    for job in world.jobs() {
        let state = world.state_of(Some(job));
        // What has ended has nothing to suspend.
        if args.delete || !state.phase.is_end() {
            meant.extend(Meant::of(job, models, state.to_string()));
        }
    }
    if meant.is_empty() {
        let namespace = cluster.namespace();
        output::line(format!("nothing to cancel in namespace `{namespace}`"))?;
    } else if !args.yes && !is_wanted(args, &meant).await? {
        output::line("nothing was changed")?;
        meant.clear();
    }
    Ok(meant)
}

fn told(args: &CancelArgs, meant: &[Meant]) -> Result<(), Failure> {
    if args.output == Format::Json {
        return output::json(&meant);
    }
    for it in meant {
        let what = match &it.error {
            None => done(args).to_owned(),
            Some(error) => format!("NOT changed: {error}"),
        };
        output::line(format!("{}: {what}", it.job))?;
    }
    Ok(())
}

fn done(args: &CancelArgs) -> &'static str {
    if args.delete {
        "deleted; its pods end within their grace period, results stay"
    } else {
        "suspended; `grace-cli launch` resumes it"
    }
}

/// A Job that is meant.
#[derive(Debug, Serialize)]
struct Meant {
    model: String,
    job: String,
    uid: String,
    /// How it stood before.
    state: String,
    /// Why it was not changed.
    error: Option<String>,
}

impl Meant {
    /// A Job of one of these models; those of others in the namespace are none of ours.
    fn of(job: &Job, models: &[&str], state: String) -> Option<Self> {
        let model = job.metadata.labels.as_ref()?.get("model")?.clone();
        let is_meant = models.contains(&model.as_str());
        is_meant.then_some(())?;
        Some(Self {
            model,
            job: job.metadata.name.clone()?,
            uid: job.metadata.uid.clone()?,
            state,
            error: None,
        })
    }
}

/// Whether the user wants it.
async fn is_wanted(args: &CancelArgs, meant: &[Meant]) -> Result<bool, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::usage(
            "`cancel` asks before it does anything, and there is no terminal to ask on; give `--yes`",
        ));
    }
    let mut terminal = stderr();
    for it in meant {
        writeln!(terminal, "{}: {}", it.job, it.state)?;
    }
    let what = if args.delete {
        "Delete these Jobs? Their pods end; results on the claim stay"
    } else {
        "Suspend these Jobs? Their pods end, and go on where they stopped after the next launch"
    };
    write!(terminal, "{what} [y/N] ")?;
    terminal.flush()?;
    let answer = typed().await?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A line that is typed; on a thread of its own, so that Ctrl-C is heard.
async fn typed() -> std::io::Result<String> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = stdin().read_line(&mut line);
        // Nobody listens any more after Ctrl-C.
        let _ = tell.send(read.map(|_bytes| line));
    });
    told.await.unwrap_or_else(|_| Ok(String::new()))
}
