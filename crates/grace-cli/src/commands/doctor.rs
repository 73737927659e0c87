//! `doctor`: is all there that launching and collecting need?

use std::time::Duration;

use grace_k8s_gen::budget::MEGABYTES;
use grace_launch::Cluster;
use grace_launch::doctor::{Check, Needs, Planned, Verdict, examine, measure_storage};
use serde_json::json;

use crate::args::{DoctorArgs, Format};
use crate::exit::{COMPLETE, FAULTS_FOUND, Failure};
use crate::reader::reader_pod;
use crate::target::{Target, access_of, interrupted};
use crate::transfer::Transfer;
use crate::{output, runtime};

/// How long the pod that measures may take to run.
const START_LIMIT: Duration = Duration::from_mins(5);

pub(crate) fn run(args: &DoctorArgs) -> Result<u8, Failure> {
    let target = Target::load(args.cluster.config.as_deref(), &args.cluster.model)?;
    let models = target.chosen()?;
    let planned = Planned {
        replications: args.cluster.replications,
        parallelism: args.cluster.parallelism,
    };
    let needs = Needs::of(&target.config, &models, planned, |it| {
        it.estimate.megabytes.unwrap_or(MEGABYTES)
    });
    runtime::block_on(async |stop| {
        let namespace = &target.config.cluster.namespace;
        let cluster = tokio::select! {
            connected = Cluster::connect(access_of(&args.access, namespace)) => connected,
            () = stop.requested() => return Err(interrupted(&stop)),
        };
        let examined = Box::pin(examine(&cluster, &needs));
        let mut checks = tokio::select! {
            checks = examined => checks,
            () = stop.requested() => return Ok(stop.exit_code()),
        };
        if let (true, Ok(cluster)) = (args.measure_storage, &cluster) {
            let (reader, told_to) = (reader_pod(&target.config, START_LIMIT)?, Transfer::new());
            let measured = runtime::cancelling(&stop, async |cancelled| {
                measure_storage(&mut checks, cluster, &needs, &reader, &told_to, cancelled).await
            });
            if measured.await.is_err() {
                told(&checks, args.cluster.output)?;
                return Ok(stop.exit_code());
            }
        }
        told(&checks, args.cluster.output)
    })
}

fn told(checks: &[Check], format: Format) -> Result<u8, Failure> {
    let count = |verdict| checks.iter().filter(|it| it.verdict == verdict).count();
    let failed = count(Verdict::Fail);
    match format {
        Format::Json => output::json(&json!({ "passed": failed == 0, "checks": checks }))?,
        Format::Text => {
            for check in checks {
                let verdict = match check.verdict {
                    Verdict::Ok => "ok     ",
                    Verdict::Warn => "warn   ",
                    Verdict::Unknown => "unknown",
                    Verdict::Fail => "FAIL   ",
                };
                output::line(format!("{verdict}  {}: {}", check.name, check.found))?;
                if let Some(advice) = &check.advice {
                    output::line(format!("           {advice}"))?;
                }
            }
            output::line(format!(
                "\n{} ok, {} to be aware of, {} unknown, {failed} failed",
                count(Verdict::Ok),
                count(Verdict::Warn),
                count(Verdict::Unknown),
            ))?;
        }
    }
    Ok(if failed == 0 { COMPLETE } else { FAULTS_FOUND })
}
