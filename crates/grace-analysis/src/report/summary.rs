//! The page in a few sentences.

use std::fmt::Write as _;

use super::Facts;
use super::view::{counted, percent, thousands};
use crate::completeness::State;
use crate::drift::{Against, SharedVerdict, Slope};
use crate::icc::Total;

pub(super) fn words(facts: &Facts<'_>) -> Vec<String> {
    let mut words = vec![replications(facts)];
    words.extend(answers(facts));
    words.extend(errors(facts));
    let margin = facts.margin.value();
    words.extend(facts.totals.iter().filter_map(|total| icc(total, margin)));
    words.extend(drift(&facts.drift.slopes));
    words.extend(shared(facts));
    words
}

fn replications(facts: &Facts<'_>) -> String {
    let mut states: Vec<(&str, Option<u32>, State)> = Vec::new();
    for row in &facts.completeness.rows {
        let state = (row.model_key.as_str(), row.replication, row.state);
        if !states.contains(&state) {
            states.push(state);
        }
    }
    let of = |wanted: &[State]| {
        let states = states.iter().filter(|(_, _, state)| wanted.contains(state));
        states.count() as u64
    };
    let models = counted(facts.models.len() as u64, "model", "models");
    let experiments = counted(
        facts.results.experiments.len() as u64,
        "experiment",
        "experiments",
    );
    let whole = counted(
        of(&[State::Sealed, State::Legacy]),
        "replication",
        "replications",
    );
    let mut words = format!("{models}, {experiments}, {whole} in the tables");
    for (state, what) in [(State::LeftOut, "left out"), (State::Missing, "missing")] {
        let count = of(&[state]);
        if count > 0 {
            let _ = write!(words, ", {} {what}", thousands(count));
        }
    }
    let findings = facts.completeness.findings.len() as u64;
    if findings == 0 {
        words.push_str(if of(&[State::Legacy]) == 0 {
            "; nothing is missing or wrong."
        } else {
            "; nothing is missing or wrong, as far as results of earlier scripts tell."
        });
    } else {
        let _ = write!(
            words,
            "; {} under Exclusions.",
            counted(findings, "finding", "findings")
        );
    }
    words
}

fn answers(facts: &Facts<'_>) -> Option<String> {
    let rows = || facts.completeness.rows.iter().filter(|row| row.rows > 0);
    let answered: u64 = rows().filter_map(|row| row.answered).sum();
    let asked: u64 = rows()
        .filter(|row| row.answered.is_some())
        .flat_map(|row| {
            [
                row.answered,
                row.unparsable,
                row.truncated,
                row.refused_by_server,
                row.over_context,
                row.failed,
            ]
        })
        .flatten()
        .sum();
    (asked > 0).then(|| {
        format!(
            "{} of {} have an answer that could be read ({}).",
            thousands(answered),
            counted(asked, "query", "queries"),
            percent(answered, asked)
        )
    })
}

/// Records of earlier scripts with an error in the place of an answer.
fn errors(facts: &Facts<'_>) -> Option<String> {
    let rows = facts.completeness.rows.iter();
    let rows: Vec<_> = rows.filter(|row| row.state == State::Legacy).collect();
    let records: u64 = rows.iter().map(|row| row.rows).sum();
    let errors: u64 = rows.iter().filter_map(|row| row.failed).sum();
    (records > 0).then(|| {
        format!(
            "Of {} of earlier scripts, {} in the place of an answer.",
            counted(records, "record", "records"),
            counted(errors, "has an error", "have an error")
        )
    })
}

fn icc(total: &Total, margin: f64) -> Option<String> {
    if total.of.is_empty() || total.conditions == 0 {
        return None;
    }
    let of = &total.of;
    if total.estimable == 0 {
        return Some(format!("{of}: no ICC can be estimated."));
    }
    let mut words = format!(
        "{of}: the ICC is under {margin:.2} by estimate in {} of {} ({}); its whole interval is under it in {}, over it \
         in {}, and does not decide in {}.",
        thousands(total.below_by_estimate),
        counted(
            total.estimable,
            "measure and condition",
            "measures and conditions"
        ),
        if total.most_below_by_estimate {
            "most"
        } else {
            "not most"
        },
        thousands(total.below_by_interval),
        thousands(total.above_by_interval),
        thousands(total.not_resolved),
    );
    if total.constant > 0 {
        let _ = write!(
            words,
            " In {} all answers are equal, which decides nothing.",
            thousands(total.constant)
        );
    }
    Some(words)
}

fn drift(slopes: &[Slope]) -> Option<String> {
    // Time and place go together: a count of both would count most drift twice.
    let count = |against, clear: bool| {
        let of = slopes.iter().filter(|slope| slope.against == against);
        let tested = of.filter(|slope| slope.p.is_some());
        tested.filter(|slope| !clear || slope.is_clear()).count() as u64
    };
    let parts = [
        (Against::Time, "time"),
        (Against::Place, "place in the order"),
    ];
    let parts = parts.into_iter().filter_map(|(against, what)| {
        let tested = count(against, false);
        (tested > 0).then(|| {
            format!(
                "{} of {} against {what}, by chance about {:.0}",
                thousands(count(against, true)),
                counted(tested, "line", "lines"),
                tested as f64 * 0.05
            )
        })
    });
    let parts: Vec<String> = parts.collect();
    (!parts.is_empty()).then(|| {
        format!(
            "Drift: the interval leaves out 0 in {}.",
            parts.join("; in ")
        )
    })
}

fn shared(facts: &Facts<'_>) -> Option<String> {
    let shared = &facts.drift.shared_numbers;
    let tested = shared.iter().filter(|one| one.p.is_some()).count();
    let of = |verdict| shared.iter().filter(|one| one.verdict == verdict).count() as u64;
    let (copied, excess) = (of(SharedVerdict::Copied), of(SharedVerdict::Excess));
    let repeated = of(SharedVerdict::Repeated);
    if repeated > 0 {
        return Some(format!(
            "For {} every trial got the same answer in every replication, as if replications had the same random numbers; \
             see Shared random numbers.",
            counted(repeated, "model and query", "pairs of model and query")
        ));
    }
    if tested == 0 {
        return None;
    }
    Some(if copied + excess == 0 {
        String::from(
            "No sign of shared random numbers: equal prompts agree no more inside replications than between.",
        )
    } else {
        format!(
            "Equal prompts agree more inside replications than between them for {}, because replications differ or \
             random numbers are shared{}.",
            counted(
                copied + excess,
                "model and query",
                "pairs of model and query"
            ),
            if copied > 0 {
                "; some answers are copies, see Shared random numbers"
            } else {
                ""
            }
        )
    })
}
