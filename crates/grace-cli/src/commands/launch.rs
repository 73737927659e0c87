//! `launch`: from models.yaml to Jobs that run, and how they ended.

use std::cell::RefCell;

use grace_core::cluster::names::is_dns_label;
use grace_k8s_gen::{Manifest, Object};
use grace_launch::Cluster;
use grace_launch::apply::{Difference, Done, Step, Support, apply_job, find_job, step};
use grace_launch::launch::{Ended, LaunchSettings, Order, Outcome, launch};
use grace_launch::state::observe;
use k8s_openapi::api::batch::v1::Job;
use serde::Serialize;

use crate::args::{DryRun, Format, LaunchArgs};
use crate::board::Board;
use crate::cluster::{Wanted, check_parallelism};
use crate::exit::{COMPLETE, CONFIGURATION, FAULTS_FOUND, Failure, INTERNAL, TRY_AGAIN};
use crate::manifests::{checked, refused};
use crate::progress::say;
use crate::{output, runtime, target};

pub(crate) fn run(args: &LaunchArgs) -> Result<u8, Failure> {
    check_parallelism(&args.cluster)?;
    let mut wanted = Wanted::load(&args.cluster)?;
    if let Some(namespace) = &args.access.namespace {
        if !is_dns_label(namespace) {
            return Err(Failure::usage(format!(
                "`--namespace` is `{namespace}`, expected letters a-z, digits and hyphens"
            )));
        }
        wanted.config.cluster.namespace.clone_from(namespace);
    }
    let manifests = manifests(args, &wanted)?;
    let parts = Parts::of(args, &wanted, manifests)?;
    if args.dry_run == Some(DryRun::Client) {
        parts.show(args)?;
        return Ok(COMPLETE);
    }
    runtime::block_on(async |stop| {
        let cluster =
            target::connect(&args.access, &wanted.config.cluster.namespace, &stop).await?;
        if args.dry_run == Some(DryRun::Server) {
            return tokio::select! {
                checked = parts.check(args, &cluster) => checked,
                () = stop.requested() => Ok(stop.exit_code()),
            };
        }
        tokio::select! {
            applied = parts.apply_support(&cluster) => applied?,
            () = stop.requested() => {
                say("interrupted before any Job was applied; Jobs of earlier launches go on. Run the same command again to launch");
                return Ok(stop.exit_code());
            }
        }
        let board = RefCell::new(Board::new());
        let settings = settings(args);
        let launched = tokio::select! {
            launched = launch(&cluster, &parts.orders, &settings, stop.requested(), |update| {
                board.borrow_mut().take(&update);
            }) => launched,
            never = Board::keep_telling(&board) => match never {},
        };
        drop(board); // what it draws
        let ended = launched.ended;
        report(args, &ended)?;
        if let Some(error) = launched.error {
            return Err(error.into());
        }
        let is_interrupted = stop.is_requested();
        Ok(conclude(
            args,
            &ended,
            is_interrupted.then(|| stop.exit_code()),
        ))
    })
}

/// All manifests, which keep to the policies.
fn manifests(args: &LaunchArgs, wanted: &Wanted) -> Result<Vec<Manifest>, Failure> {
    let (manifests, breaches) = checked(wanted, &args.cluster, &args.policy)?;
    if !breaches.is_empty() {
        return Err(refused(&breaches));
    }
    let missing = wanted.study.missing_stimuli();
    if !missing.is_empty() && wanted.needs_stimuli() {
        return Err(Failure::configuration(format!(
            "the stimuli `{}` are not in the configuration, so all pods would end with exit code 42",
            missing.join("`, `")
        ))
        .with_hint("put them into `stimuli/` of the folder of `--config`, or name a volume that has them in `cluster.config`"));
    }
    Ok(manifests)
}

fn settings(args: &LaunchArgs) -> LaunchSettings {
    let mut settings = LaunchSettings::default();
    settings.max_gpus = args.max_gpus;
    settings.keep_going = args.keep_going;
    settings.detach = args.detach;
    settings.delete_finished = args.delete_finished;
    settings.start_deadline = args.start_deadline;
    settings.watch.patience = args.patience;
    settings
}

/// What goes to the cluster.
struct Parts {
    support: Vec<Support>,
    orders: Vec<Order>,
}

impl Parts {
    fn of(args: &LaunchArgs, wanted: &Wanted, manifests: Vec<Manifest>) -> Result<Self, Failure> {
        let mut support = Vec::new();
        let mut orders = Vec::new();
        let mut prefetches = std::collections::BTreeMap::new();
        for manifest in manifests {
            match (manifest.object, manifest.model) {
                (Object::Claim(claim), _) => support.push(Support::Claim(claim)),
                (Object::ConfigMap(map), _) => support.push(Support::ConfigMap(map)),
                (Object::Job(job), Some(model)) if manifest.path.starts_with("prefetch/") => {
                    prefetches.insert(model, *job);
                }
                (Object::Job(job), Some(model)) => {
                    let workload = wanted.config.workload(&model);
                    let each = workload.map_or(0, |it| it.gpu.count);
                    let parallelism = job.spec.as_ref().and_then(|it| it.parallelism);
                    let parallelism = parallelism.and_then(|it| u32::try_from(it).ok());
                    let gpus = each * parallelism.unwrap_or(1);
                    orders.push((model, *job, gpus));
                }
                _ => {}
            }
        }
        // In the order of models.yaml, in which they run.
        let workloads = &wanted.config.workloads;
        orders.sort_by_key(|(model, ..)| workloads.iter().position(|it| it.model.key == *model));
        let mut with_prefetch = Vec::new();
        for (model, job, gpus) in orders {
            if let Some(most) = args.max_gpus.filter(|&most| gpus > most) {
                return Err(Failure::configuration(format!(
                    "model `{model}` takes {gpus} GPUs at the same time, over the {most} of `--max-gpus`"
                ))
                .with_hint("lower its `replication_parallelism` or `--parallelism`, or raise `--max-gpus`"));
            }
            let order = Order::new(model.as_str(), job, gpus);
            with_prefetch.push(match prefetches.remove(&model) {
                Some(prefetch) if !args.no_prefetch => order.with_prefetch(prefetch),
                _ => order,
            });
        }
        Ok(Self {
            support,
            orders: with_prefetch,
        })
    }

    /// Claims and `ConfigMaps`, before any Job needs them.
    async fn apply_support(&self, cluster: &Cluster) -> Result<(), Failure> {
        for object in &self.support {
            if object.apply(cluster, false).await? != Done::Kept {
                say(&format!("{}: applied", object.name()));
            }
        }
        Ok(())
    }

    /// Has the cluster check everything, and keep nothing.
    async fn check(&self, args: &LaunchArgs, cluster: &Cluster) -> Result<u8, Failure> {
        let mut checked = Vec::new();
        for object in &self.support {
            let done = object.apply(cluster, true).await?;
            checked.push(Checked::new(object.name(), word(done)));
        }
        for order in &self.orders {
            for job in order.prefetch.iter().chain([&order.job]) {
                checked.push(check_job(cluster, job).await?);
            }
        }
        let rows = checked
            .iter()
            .map(|it| vec![it.object.clone(), it.would_be.to_owned()]);
        match args.cluster.output {
            Format::Json => output::json(&checked)?,
            Format::Text => output::table(&["OBJECT", "WOULD BE"], &rows.collect::<Vec<_>>())?,
        }
        let refused: Vec<&Checked> = checked
            .iter()
            .filter(|it| !it.differences.is_empty())
            .collect();
        for it in &refused {
            differ(&it.object, &it.differences);
        }
        Ok(if refused.is_empty() {
            COMPLETE
        } else {
            CONFIGURATION
        })
    }

    /// What would be applied, in this order.
    fn show(&self, args: &LaunchArgs) -> Result<(), Failure> {
        let rows: Vec<Shown<'_>> = self.orders.iter().map(Shown::of).collect();
        if args.cluster.output == Format::Json {
            return output::json(&rows);
        }
        for object in &self.support {
            output::line(object.name())?;
        }
        let cells = |it: &Shown<'_>| {
            vec![
                it.model.to_owned(),
                it.job.clone(),
                it.replications.to_string(),
                it.parallelism.to_string(),
                it.gpus.to_string(),
                String::from(if it.prefetch { "yes" } else { "no" }),
            ]
        };
        let head = [
            "MODEL",
            "JOB",
            "REPLICATIONS",
            "AT ONCE",
            "GPUS",
            "PREFETCH",
        ];
        output::table(&head, &rows.iter().map(cells).collect::<Vec<_>>())
    }
}

/// Has the cluster check a Job, unless one with another plan has its name.
async fn check_job(cluster: &Cluster, job: &Job) -> Result<Checked, Failure> {
    let name = job.metadata.name.clone().unwrap_or_default();
    let object = format!("Job {name}");
    let found = find_job(cluster, &name).await?;
    let state = observe(found.as_ref(), &[], &[]);
    let step = step(job, found.as_ref(), &state).map_err(|error| Failure::new(INTERNAL, error))?;
    if let Step::Refuse { differences } = step {
        let refused = Checked::new(object, "refused: another plan is there");
        return Ok(Checked {
            differences,
            ..refused
        });
    }
    let (done, _) = apply_job(cluster, job, true).await?;
    Ok(Checked::new(object, word(done)))
}

/// Tells how a Job differs from the one that is there.
fn differ(object: &str, differences: &[Difference]) {
    say(&format!("\n{object} differs from the one on the cluster:"));
    for difference in differences {
        say(&format!("  {difference}"));
    }
}

#[derive(Debug, Serialize)]
struct Checked {
    object: String,
    would_be: &'static str,
    differences: Vec<Difference>,
}

impl Checked {
    fn new(object: String, would_be: &'static str) -> Self {
        let differences = Vec::new();
        Self {
            object,
            would_be,
            differences,
        }
    }
}

fn word(done: Done) -> &'static str {
    match done {
        Done::Created => "created",
        Done::Kept => "kept as it is",
        _ => "changed",
    }
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    model: &'a str,
    job: String,
    replications: i32,
    parallelism: i32,
    gpus: u32,
    prefetch: bool,
}

impl<'a> Shown<'a> {
    fn of(order: &'a Order) -> Self {
        let spec = order.job.spec.as_ref();
        Self {
            model: &order.model,
            job: order.name(),
            replications: spec.and_then(|it| it.completions).unwrap_or(1),
            parallelism: spec.and_then(|it| it.parallelism).unwrap_or(1),
            gpus: order.gpus,
            prefetch: order.prefetch.is_some(),
        }
    }
}

/// How all models ended: a table, and what those that failed said last.
fn report(args: &LaunchArgs, ended: &[Ended]) -> Result<(), Failure> {
    if args.cluster.output == Format::Json {
        return output::json(&ended);
    }
    let rows: Vec<Vec<String>> = ended
        .iter()
        .map(|it| {
            vec![
                it.model.clone(),
                format!("{}/{}", it.state.done.len(), it.state.total),
                it.state.failed.len().to_string(),
                it.summary.clone(),
            ]
        })
        .collect();
    output::table(&["MODEL", "DONE", "FAILED", "OUTCOME"], &rows)?;
    for it in ended {
        if let Outcome::Refused { differences } = &it.outcome {
            differ(&format!("Job {}", it.job), differences);
        }
    }
    Ok(())
}

/// The exit code, and what to do next.
fn conclude(args: &LaunchArgs, ended: &[Ended], interrupted: Option<u8>) -> u8 {
    let any = |is: &dyn Fn(&Outcome) -> bool| ended.iter().any(|it| is(&it.outcome));
    let not_started = any(&|it| matches!(it, Outcome::NotStarted));
    if any(&|it| matches!(it, Outcome::Refused { .. })) {
        say(
            "hint: let that Job end, or delete it with `grace-cli cancel --delete --model KEY`; sealed replications stay as they are",
        );
    }
    if any(&|it| matches!(it, Outcome::FailedBefore | Outcome::Failed { .. })) {
        say(
            "hint: once the cause is gone, `grace-cli cancel --delete --model KEY` and launch again: what is sealed stays, what is not goes on",
        );
    }
    if let Some(code) = interrupted {
        say(
            "detached: the Jobs go on. Run the same command again to follow them; `grace-cli status` looks, `grace-cli cancel` stops them",
        );
        return code;
    }
    if args.detach && not_started {
        say(
            "hint: models that were not started wait for their turn; run the same command again, or give `--max-gpus`",
        );
    }
    let codes = || ended.iter().map(|it| code(&it.outcome));
    [FAULTS_FOUND, CONFIGURATION, TRY_AGAIN]
        .into_iter()
        .find(|&worst| codes().any(|code| code == worst))
        .unwrap_or(COMPLETE)
}

/// The exit code where all models end in this way.
fn code(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Failed { .. }
        | Outcome::FailedBefore
        | Outcome::Deleted {
            may_be_complete: false,
            ..
        } => FAULTS_FOUND,
        Outcome::Refused { .. }
        | Outcome::NotApplied {
            is_transient: false,
            ..
        } => CONFIGURATION,
        Outcome::Stuck { .. } | Outcome::Deleted { .. } | Outcome::NotApplied { .. } => TRY_AGAIN,
        _ => COMPLETE,
    }
}
