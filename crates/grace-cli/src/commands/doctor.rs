//! `doctor`: is all there that launching and collecting need?

use grace_core::cluster::Workload;
use grace_k8s_gen::budget::MEGABYTES;
use grace_launch::Cluster;
use grace_launch::doctor::{Check, Needs, Verdict, examine};
use serde_json::json;

use crate::args::{DoctorArgs, Format};
use crate::exit::{COMPLETE, FAULTS_FOUND, Failure};
use crate::target::{Target, access_of};
use crate::{output, runtime};

pub(crate) fn run(args: &DoctorArgs) -> Result<u8, Failure> {
    let target = Target::load(args.cluster.config.as_deref(), &args.cluster.model)?;
    let models = target.chosen()?;
    let megabytes = megabytes(&models, args.cluster.replications);
    let needs = Needs::of(&target.config, &models, args.cluster.parallelism, megabytes);
    runtime::block_on(async |stop| {
        let namespace = &target.config.cluster.namespace;
        let cluster = Cluster::connect(access_of(&args.access, namespace)).await;
        let examined = Box::pin(examine(&cluster, &needs));
        tokio::select! {
            checks = examined => told(&checks, args.cluster.output),
            () = stop.requested() => Ok(stop.exit_code()),
        }
    })
}

/// Megabytes of the results of all models, least and most.
fn megabytes(models: &[&Workload], replications: u32) -> (f64, f64) {
    let count = f64::from(replications);
    let sizes = models
        .iter()
        .map(|it| it.estimate.megabytes.unwrap_or(MEGABYTES));
    sizes.fold((0.0, 0.0), |sum, it| {
        (sum.0 + count * it.0, sum.1 + count * it.1)
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
