//! `replay`: the identical requests again.

use grace_core::layout::ReplicationLayout;
use grace_runner::replay::{ReplayEnd, Replayed, Verdict, Wanted, replay};

use crate::args::{Format, ReplayArgs};
use crate::exit::{COMPLETE, Failure};
use crate::{output, runtime, wiring};

pub(crate) fn run(args: &ReplayArgs) -> Result<u8, Failure> {
    let client = wiring::client(&args.server)?;
    let layout = ReplicationLayout::at(&args.folder);
    let wanted = Wanted {
        experiment: &args.experiment,
        trials: &args.trial,
        query: args.query.as_ref(),
    };
    let mut replayed = Vec::new();
    let (end, interrupted) = runtime::block_on(async |stop| {
        let end = replay(&layout, wanted, &client, &stop, |answer| {
            replayed.push(answer);
        });
        Ok((end.await, stop.exit_code()))
    })?;
    // What came before an error is worth reading, too.
    if end.is_ok() || !replayed.is_empty() {
        match args.output {
            Format::Json => output::json(&replayed)?,
            Format::Text => text(&replayed)?,
        }
    }
    Ok(match end? {
        ReplayEnd::Interrupted => interrupted,
        _ => COMPLETE,
    })
}

fn text(replayed: &[Replayed]) -> Result<(), Failure> {
    for answer in replayed {
        output::line(lines(answer))?;
    }
    Ok(())
}

fn lines(answer: &Replayed) -> String {
    let place = format!(
        "trial {} {} (seed {})",
        answer.trial_id, answer.query, answer.seed
    );
    let (recorded, now) = (
        quoted(answer.recorded.as_deref()),
        quoted(answer.now.as_deref()),
    );
    let both = format!("  recorded: {recorded}\n  now:      {now}");
    match &answer.verdict {
        Verdict::Same => format!("{place}: same: {recorded}"),
        Verdict::Different { character } => {
            format!("{place}: different from character {character} on\n{both}")
        }
        Verdict::OtherScores { largest_nat } => {
            format!("{place}: log-probabilities differ by up to {largest_nat:.2e} nat\n{both}")
        }
        _ => {
            let note = answer.note.as_deref().unwrap_or("nothing to compare");
            format!("{place}: {note}\n{both}")
        }
    }
}

fn quoted(answer: Option<&str>) -> String {
    match answer {
        Some(text) => format!("{text:?}"),
        None => String::from("(no answer)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_quoted_and_missing_ones_named() {
        assert_eq!(quoted(Some(" No\n")), r#"" No\n""#);
        assert_eq!(quoted(None), "(no answer)");
    }
}
