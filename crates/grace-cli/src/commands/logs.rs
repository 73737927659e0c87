//! `logs`: what a replication prints.

use std::time::Duration;

use grace_launch::logs::{CONTAINER, Follow, read};
use grace_launch::state::{Obstacle, Phase};
use grace_launch::watch::{Watch, WatchSettings};
use k8s_openapi::api::batch::v1::Job;

use crate::args::LogsArgs;
use crate::exit::{COMPLETE, Failure, TRY_AGAIN};
use crate::progress::say;
use crate::target::Target;
use crate::{output, runtime};

/// How long to go on without any answer of the cluster.
const PATIENCE: Duration = Duration::from_mins(30);
pub(crate) fn run(args: &LogsArgs) -> Result<u8, Failure> {
    let target = Target::load(args.config.as_deref(), std::slice::from_ref(&args.model))?;
    target.chosen()?;
    runtime::block_on(async |stop| {
        let cluster = target.connect(&args.access, &stop).await?;
        let mut watch = Watch::new(&cluster, WatchSettings::default());
        let printed = async {
            watch.ready().await?;
            print(args, &mut watch).await
        };
        tokio::select! {
            result = printed => result,
            () = stop.requested() => Ok(stop.exit_code()),
        }
    })
}

async fn print(args: &LogsArgs, watch: &mut Watch) -> Result<u8, Failure> {
    let mut shown: Option<String> = None;
    let mut told: Option<String> = None;
    loop {
        let world = watch.world();
        let job = job_of(watch, args)?;
        let state = world.state_of(Some(job));
        if args.index >= state.total {
            return Err(Failure::configuration(format!(
                "model `{}` has {} replications on the cluster, so no index {}; the first is 0",
                args.model, state.total, args.index
            )));
        }
        let pod = world
            .pod(job, args.index)
            .and_then(|it| it.metadata.name.clone());
        let Some(pod) = pod.filter(|pod| shown.as_ref() != Some(pod)) else {
            let is_over = state.phase.is_end()
                || state.phase == Phase::Suspended
                || state.done.contains(&args.index)
                || state.failed.contains(&args.index);
            if !args.follow && shown.is_none() {
                let message = format!(
                    "index {} of `{}` has no pod: {state}",
                    args.index, args.model
                );
                return Err(Failure::new(TRY_AGAIN, anyhow::Error::msg(message)));
            }
            if is_over || !args.follow {
                return Ok(COMPLETE);
            }
            watch.changed().await?;
            continue;
        };
        // It has no log yet.
        if let Some(obstacle) = state.waiting.get(&args.index) {
            let text = format!("index {} of `{}`: {obstacle}", args.index, args.model);
            if !args.follow {
                return Err(without_log(text, obstacle));
            }
            if told.as_ref() != Some(&text) {
                say(&text);
                told = Some(text);
            }
            watch.changed().await?;
            continue;
        }
        show(args, watch, &pod).await?;
        shown = Some(pod);
    }
}

/// Prints the log of a pod, with `--follow` until it has ended.
async fn show(args: &LogsArgs, watch: &Watch, pod: &str) -> Result<(), Failure> {
    say(&format!("pod {pod}"));
    let mut printed = Ok(());
    let print = |line: &str| {
        if printed.is_ok() {
            printed = output::line(line);
        }
    };
    if args.follow {
        let follow = Follow::new(watch.cluster(), pod, CONTAINER, args.tail);
        follow.run(PATIENCE, print).await?;
    } else {
        read(watch.cluster(), pod, CONTAINER, args.tail, print).await?;
    }
    printed
}

fn without_log(text: String, obstacle: &Obstacle) -> Failure {
    let failure = Failure::new(TRY_AGAIN, anyhow::Error::msg(text));
    match obstacle.hint() {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

/// The model's Job of replications.
fn job_of<'a>(watch: &'a Watch, args: &LogsArgs) -> Result<&'a Job, Failure> {
    let is_meant = |job: &&Job| {
        let labels = job.metadata.labels.as_ref();
        let has = |name: &str, value: &str| {
            labels
                .and_then(|it| it.get(name))
                .is_some_and(|it| it == value)
        };
        has("model", args.model.as_str()) && has("app.kubernetes.io/component", "replications")
    };
    let found = watch.world().jobs().into_iter().find(is_meant);
    found.ok_or_else(|| {
        Failure::configuration(format!(
            "model `{}` has no Job in namespace `{}`",
            args.model,
            watch.cluster().namespace()
        ))
        .with_hint("`grace-cli status` lists those there are; finished Jobs are removed after their time to live")
    })
}
