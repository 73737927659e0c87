//! Doing a job and telling how it ended.

use std::path::Path;

use grace_client::Client;
use grace_core::ExperimentId;
use grace_core::metadata::Counts;
use grace_core::settings::RequestSeeds;
use grace_runner::{End, Job, Monitor, Stop, SystemClock, replicate};
use serde_json::json;

use crate::args::Format;
use crate::exit::{COMPLETE, Failure, TOO_MANY_NON_ANSWERS, TRY_AGAIN};
use crate::output;
use crate::progress::Progress;
use crate::runtime;

/// Runs `job` to its end.
pub(crate) fn finish(job: Job, client: &Client) -> Result<(End, u8), Failure> {
    runtime::block_on(async |stop| perform(job, client, &stop).await)
}

/// Runs `job`, telling its progress; its end and exit code.
pub(crate) async fn perform(job: Job, client: &Client, stop: &Stop) -> Result<(End, u8), Failure> {
    let progress = Progress::new();
    if job.rules.request_seeds == RequestSeeds::Shared {
        progress.note(
            "`request_seeds: shared` sends one seed with all requests of an experiment: equal prompts meet equal \
             random numbers, so answers of one replication are not independent draws and replications seem to differ more than they do",
        );
    }
    let end = replicate(job, client, &SystemClock, &progress, stop).await?;
    let code = match &end {
        End::Complete { .. } | End::AlreadyComplete => COMPLETE,
        End::TooManyNonAnswers { .. } => TOO_MANY_NON_ANSWERS,
        End::Interrupted => stop.exit_code(),
        _ => TRY_AGAIN,
    };
    Ok((end, code))
}

/// Tells on stdout how a job ended.
pub(crate) fn report(end: &End, code: u8, folder: &Path, format: Format) -> Result<(), Failure> {
    let (status, counts) = match end {
        End::Complete { counts } => ("complete", counts.as_slice()),
        End::AlreadyComplete => ("already complete", &[][..]),
        End::Incomplete { .. } => ("incomplete", &[][..]),
        End::TooManyNonAnswers { .. } => ("failed", &[][..]),
        _ => ("interrupted", &[][..]),
    };
    if format == Format::Json {
        let by_experiment: serde_json::Map<String, serde_json::Value> = counts
            .iter()
            .map(|(id, counts)| (id.to_string(), json!(counts)))
            .collect();
        return output::json(&json!({
            "status": status,
            "exit_code": code,
            "folder": folder,
            "counts": by_experiment,
            "reason": reason(end),
        }));
    }
    output::line(format!("{status}: {}", folder.display()))?;
    if let Some(reason) = reason(end) {
        output::line(format!("  {reason}"))?;
    }
    counts_table(counts)
}

/// What is to be known about an end that is not a success.
pub(crate) fn reason(end: &End) -> Option<String> {
    match end {
        End::Incomplete {
            outstanding,
            reason,
        } => Some(format!(
            "{reason}; {outstanding} queries are open; run the same command again to go on"
        )),
        End::TooManyNonAnswers {
            experiment,
            share,
            allowed,
        } => Some(format!(
            "{:.1} % of the queries of {experiment} ended without an answer that counts, at most {:.1} % are allowed; \
             all texts are kept in attempts/, and `--fail-on-error SHARE` seals them as they are",
            share * 100.0,
            allowed * 100.0
        )),
        End::Interrupted => Some(String::from(
            "all answers so far are kept; run the same command again to go on",
        )),
        _ => None,
    }
}

fn counts_table(counts: &[(ExperimentId, Counts)]) -> Result<(), Failure> {
    if counts.is_empty() {
        return Ok(());
    }
    let row = |(id, counts): &(ExperimentId, Counts)| {
        let numbers = [
            counts.trials,
            counts.queries,
            counts.answered,
            counts.unparsable,
            counts.truncated,
            counts.over_context,
            counts.refused_by_server,
            counts.retries,
        ];
        let mut row = vec![format!("  {id}")];
        row.extend(numbers.iter().map(ToString::to_string));
        row
    };
    let head = [
        "  experiment",
        "trials",
        "queries",
        "answered",
        "unparsable",
        "truncated",
        "over context",
        "refused",
        "retries",
    ];
    output::table(&head, &counts.iter().map(row).collect::<Vec<_>>())
}
