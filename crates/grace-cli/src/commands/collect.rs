//! `collect`: results from the cluster to a folder here.

use std::sync::Arc;

use grace_launch::collect::{CollectError, Collected, Collection, Order, Outcome, collect};
use serde_json::json;

use crate::args::{CollectArgs, Format};
use crate::exit::{COMPLETE, CONFIGURATION, FAULTS_FOUND, Failure, TRY_AGAIN};
use crate::reader::reader_pod;
use crate::target::Target;
use crate::transfer::{Transfer, size};
use crate::{output, runtime};

/// How often a cut connection is made anew without progress.
const RETRIES: u32 = 4;
/// The wait before the first of these, in seconds.
const PAUSE: u64 = 1;

pub(crate) fn run(args: &CollectArgs) -> Result<u8, Failure> {
    let target = Target::load(args.target.config.as_deref(), &args.target.model)?;
    target.chosen()?;
    let order = order(args, &target)?;
    runtime::block_on(async |stop| {
        let cluster = target.connect(&args.target.access, &stop).await?;
        let progress = Arc::new(Transfer::new());
        let result = runtime::cancelling(&stop, async |cancelled| {
            collect(&cluster, &order, progress, cancelled).await
        })
        .await;
        match result {
            Ok(collected) => told(args, &order, &collected),
            Err(CollectError::Stopped) => Ok(stop.exit_code()),
            Err(error) => Err(error.into()),
        }
    })
}

fn order(args: &CollectArgs, target: &Target) -> Result<Order, Failure> {
    Ok(Order {
        reader: reader_pod(&target.config, args.start_deadline)?,
        models: args.target.model.clone(),
        out: args.out.clone(),
        replace: args.replace,
        retries: RETRIES,
        pause: std::time::Duration::from_secs(PAUSE),
    })
}

impl From<CollectError> for Failure {
    fn from(error: CollectError) -> Self {
        let code = if error.is_transient() {
            TRY_AGAIN
        } else {
            CONFIGURATION
        };
        let hint = error.hint();
        let failure = Self::new(code, error);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// Says what was collected.
fn told(args: &CollectArgs, order: &Order, collected: &Collected) -> Result<u8, Failure> {
    match args.output {
        Format::Json => output::json(&json!({
            "claim": order.reader.claim,
            "out": order.out,
            "collected": collected,
        }))?,
        Format::Text => text(order, collected)?,
    }
    Ok(if collected.is_faultless() {
        COMPLETE
    } else {
        FAULTS_FOUND
    })
}

fn text(order: &Order, collected: &Collected) -> Result<(), Failure> {
    if collected.replications.is_empty() {
        output::line(format!(
            "the claim `{}` has no replication{}",
            order.reader.claim,
            of_models(order)
        ))?;
    } else {
        let rows: Vec<Vec<String>> = collected.replications.iter().map(row).collect();
        output::table(&["model", "replication", "outcome"], &rows)?;
    }
    let count = |is: fn(&Outcome) -> bool| {
        let meant = collected.replications.iter().filter(|it| is(&it.outcome));
        meant.count()
    };
    output::line(format!(
        "\n{}: {} replications collected ({} files, {}), {} here already; {} not sealed yet, {} damaged on the cluster",
        order.out.display(),
        count(|it| matches!(it, Outcome::Collected { .. })),
        collected.files,
        size(collected.bytes),
        count(|it| matches!(it, Outcome::AlreadyHere)),
        count(|it| matches!(it, Outcome::Unsealed { .. })),
        count(|it| matches!(it, Outcome::Damaged { .. })),
    ))?;
    if let (Some(free), Some(all)) = (collected.free_bytes, collected.total_bytes) {
        output::line(format!(
            "The claim has {} of {} left.",
            size(free),
            size(all)
        ))?;
    }
    output::line(format!(
        "Check them with `grace-cli verify {}`.",
        order.out.display()
    ))
}

fn of_models(order: &Order) -> String {
    let keys: Vec<&str> = order
        .models
        .iter()
        .map(grace_core::ModelKey::as_str)
        .collect();
    if keys.is_empty() {
        String::new()
    } else {
        format!(" of `{}`", keys.join("`, `"))
    }
}

fn row(collection: &Collection) -> Vec<String> {
    let outcome = match &collection.outcome {
        Outcome::Collected { files, bytes } => {
            format!("collected: {files} files, {}", size(*bytes))
        }
        Outcome::AlreadyHere => String::from("here already"),
        Outcome::Unsealed { why } => format!("left out, not sealed: {why}"),
        Outcome::Damaged { why } => format!("DAMAGED on the cluster: {why}"),
        _ => String::new(),
    };
    vec![
        collection.model.to_string(),
        collection.replication.to_string(),
        outcome,
    ]
}
