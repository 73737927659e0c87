//! `replay`: the identical requests again.

use grace_core::layout::ReplicationLayout;
use grace_runner::replay::{Replayed, Verdict, replay};

use crate::args::{Format, ReplayArgs};
use crate::exit::{COMPLETE, Failure};
use crate::{output, runtime, wiring};

pub(crate) fn run(args: &ReplayArgs) -> Result<u8, Failure> {
    let client = wiring::client(&args.server)?;
    let layout = ReplicationLayout::at(&args.folder);
    let replayed = runtime::block_on(async |stop| {
        let mut replayed = Vec::new();
        for &trial_id in &args.trial {
            let query = args.query.as_ref();
            replayed
                .extend(replay(&layout, &args.experiment, trial_id, query, &client, &stop).await?);
        }
        Ok(replayed)
    })?;
    match args.output {
        Format::Json => output::json(&replayed)?,
        Format::Text => text(&replayed)?,
    }
    Ok(COMPLETE)
}

fn text(replayed: &[Replayed]) -> Result<(), Failure> {
    for answer in replayed {
        let place = format!(
            "trial {} {} (seed {})",
            answer.trial_id, answer.query, answer.seed
        );
        match &answer.verdict {
            Verdict::Same => output::line(format!("{place}: same: {:?}", answer.recorded))?,
            Verdict::Different { character } => {
                output::line(format!("{place}: different from character {character} on"))?;
                output::line(format!("  recorded: {:?}", answer.recorded))?;
                output::line(format!("  now:      {:?}", answer.now))?;
            }
            _ => output::line(format!(
                "{place}: {}",
                answer.note.as_deref().unwrap_or("nothing to compare")
            ))?,
        }
    }
    Ok(())
}
