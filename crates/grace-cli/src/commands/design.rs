//! `icc design`: how many replications does it take?

use grace_stats::law::Confidence;
use grace_stats::one_way::Margin;
use grace_stats::power::{Chances, Design, Scenario, smallest_replications};
use serde_json::json;

use crate::args::{DesignArgs, Format};
use crate::exit::{COMPLETE, CONFIGURATION, Failure};
use crate::output;

/// Beyond this many replications nobody plans.
const MOST_REPLICATIONS: usize = 1000;

/// One planned study and what may come of it.
struct Planned {
    design: Design,
    icc: f64,
    chances: Chances,
}

/// How many replications it takes to find what is true.
struct Needed {
    trials: usize,
    icc: f64,
    verdict: &'static str,
    replications: Option<usize>,
}

pub(crate) fn run(args: &DesignArgs) -> Result<u8, Failure> {
    let margin = Margin::new(args.margin).map_err(|error| Failure::new(CONFIGURATION, error))?;
    let (mut planned, mut needed) = (Vec::new(), Vec::new());
    for &trials in &args.trials {
        for &icc in &args.icc {
            let scenario = Scenario::new(icc, margin, Confidence::P95)
                .map_err(|error| Failure::usage(error.to_string()))?;
            for &replications in &args.replications {
                let design = Design::new(replications, trials)
                    .map_err(|error| Failure::usage(error.to_string()))?;
                let chances = Chances::of(design, &scenario);
                planned.push(Planned {
                    design,
                    icc,
                    chances,
                });
            }
            needed.extend(need(args, trials, icc, &scenario));
        }
    }
    match args.output {
        Format::Json => json(args, &planned, &needed)?,
        Format::Text => text(args, &planned, &needed)?,
    }
    Ok(COMPLETE)
}

/// An ICC at the margin has no right verdict.
fn need(args: &DesignArgs, trials: usize, icc: f64, scenario: &Scenario) -> Option<Needed> {
    let smallest = |chance: fn(&Chances) -> f64| {
        smallest_replications(trials, MOST_REPLICATIONS, scenario, |chances| {
            chance(chances) >= args.chance
        })
    };
    let (verdict, replications) = if icc < args.margin {
        ("below", smallest(|chances| chances.below))
    } else if icc > args.margin {
        ("above", smallest(|chances| chances.above))
    } else {
        return None;
    };
    Some(Needed {
        trials,
        icc,
        verdict,
        replications,
    })
}

fn text(args: &DesignArgs, planned: &[Planned], needed: &[Needed]) -> Result<(), Failure> {
    let head = [
        "trials",
        "true ICC",
        "replications",
        "below",
        "above",
        "not resolved",
        "estimate below",
        "F test p < 0.05",
    ];
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let line = |one: &Planned| {
        let Chances {
            below,
            above,
            not_resolved,
            estimated_below,
            significant,
            ..
        } = one.chances;
        let mut cells = vec![
            one.design.trials().to_string(),
            one.icc.to_string(),
            one.design.replications().to_string(),
        ];
        cells.extend([below, above, not_resolved, estimated_below, significant].map(percent));
        cells
    };
    output::line(format!(
        "chance of each verdict for one condition, by the 95 % interval against the margin {}:",
        args.margin
    ))?;
    output::table(&head, &planned.iter().map(line).collect::<Vec<_>>())?;
    output::line(format!(
        "\nreplications for the right verdict with a chance of {}:",
        percent(args.chance)
    ))?;
    let line = |one: &Needed| {
        let replications = one
            .replications
            .map(|replications| replications.to_string());
        vec![
            one.trials.to_string(),
            one.icc.to_string(),
            one.verdict.to_owned(),
            replications.unwrap_or_else(|| format!("more than {MOST_REPLICATIONS}")),
        ]
    };
    let lines: Vec<Vec<String>> = needed.iter().map(line).collect();
    output::table(&["trials", "true ICC", "verdict", "replications"], &lines)
}

fn json(args: &DesignArgs, planned: &[Planned], needed: &[Needed]) -> Result<(), Failure> {
    let planned = planned.iter().map(|one| {
        json!({
            "replications": one.design.replications(),
            "trials": one.design.trials(),
            "true_icc": one.icc,
            "below": one.chances.below,
            "above": one.chances.above,
            "not_resolved": one.chances.not_resolved,
            "estimated_below": one.chances.estimated_below,
            "significant": one.chances.significant,
        })
    });
    let needed = needed.iter().map(|one| {
        json!({
            "trials": one.trials,
            "true_icc": one.icc,
            "verdict": one.verdict,
            "replications": one.replications,
        })
    });
    output::json(&json!({
        "margin": args.margin,
        "chance": args.chance,
        "chances": planned.collect::<Vec<_>>(),
        "needed": needed.collect::<Vec<_>>(),
    }))
}
