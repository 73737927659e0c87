//! Drift over the run, differences between machines, shared random numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::Facts;
use super::chart::{Axis, Chart, Charts, MOST_SERIES, Point, legend};
use super::view::{Field, Part, Picture, Section, Table, counted};
use crate::drift::{
    Against, Drift, Machine, MachineSpread, Separation, SharedNumbers, SharedVerdict, Slope,
};

pub(super) fn section(facts: &Facts<'_>, charts: &mut Charts) -> Option<Section> {
    let Drift {
        slopes, machines, ..
    } = &facts.drift;
    if slopes.is_empty() && machines.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    for against in [Against::Time, Against::Place] {
        let of: Vec<&Slope> = slopes
            .iter()
            .filter(|slope| slope.against == against)
            .collect();
        if !of.is_empty() {
            parts.push(against_part(charts, against, &of));
        }
    }
    parts.push(machines_part(machines));
    let mut words = Vec::new();
    if !slopes.is_empty() {
        words.push(String::from(
            "How much a measure rises from the first trial of a replication to the last, by the least-squares line, \
             with its 95 % interval. Of each value the mean of its condition is taken away first, so that the order in \
             which conditions come up is no drift. Without drift, one interval in twenty leaves out 0.",
        ));
    }
    words.extend(untold(slopes, machines));
    Some(Section {
        id: "drift",
        title: "Drift and order",
        words,
        parts,
    })
}

/// Which models have trials without time and place.
fn untold(slopes: &[Slope], machines: &[MachineSpread]) -> Option<String> {
    let told: BTreeSet<&str> = slopes.iter().map(|slope| slope.model.as_str()).collect();
    let models: BTreeSet<&str> = machines
        .iter()
        .map(|spread| spread.model.as_str())
        .collect();
    let untold: Vec<&str> = models.difference(&told).copied().collect();
    (!untold.is_empty()).then(|| {
        format!(
            "{}: neither the time of a trial nor its place in the order is on record, as in results of earlier scripts. \
             So drift cannot be told.",
            untold.join(", ")
        )
    })
}

fn against_part(charts: &mut Charts, against: Against, slopes: &[&Slope]) -> Part {
    let (title, unit) = match against {
        Against::Time => ("Against time", "hours"),
        Against::Place => ("Against the place in the order", "trials"),
    };
    let tested = slopes.iter().filter(|slope| slope.p.is_some()).count() as u64;
    let clear = slopes.iter().filter(|slope| slope.is_clear()).count() as u64;
    let mut by_model: BTreeMap<(&str, &str), Vec<&Slope>> = BTreeMap::new();
    for slope in slopes {
        let of = by_model
            .entry((&slope.experiment, &slope.model))
            .or_default();
        of.push(slope);
    }
    let mut replications: Vec<u32> = slopes.iter().map(|slope| slope.replication).collect();
    replications.sort_unstable();
    replications.dedup();
    let pictures = by_model
        .into_values()
        .map(|slopes| picture(charts, &slopes, &replications, unit));
    let names: Vec<String> = replications
        .iter()
        .map(|one| format!("replication {one}"))
        .collect();
    Part {
        title: Some(title.to_owned()),
        words: vec![format!(
            "{} with an interval that leaves out 0, of {tested}; by chance about {:.0}.",
            counted(clear, "line", "lines"),
            tested as f64 * 0.05
        )],
        pictures: pictures.collect(),
        legend: if names.len() > MOST_SERIES {
            Vec::new()
        } else {
            legend(&names)
        },
        ..Part::default()
    }
}

fn picture(charts: &mut Charts, slopes: &[&Slope], replications: &[u32], unit: &str) -> Picture {
    let mut measures: Vec<&str> = Vec::new();
    for slope in slopes {
        if !measures.contains(&slope.measure.as_str()) {
            measures.push(&slope.measure);
        }
    }
    let point = |slope: &&Slope| {
        Some(Point {
            row: measures.iter().position(|other| *other == slope.measure)?,
            series: replications
                .iter()
                .position(|other| *other == slope.replication)?,
            value: slope.change?,
            interval: slope.change_low.zip(slope.change_high),
        })
    };
    let points: Vec<Point> = slopes.iter().filter_map(point).collect();
    let largest = points.iter().fold(0.0_f64, |largest, point| {
        let (low, high) = point.interval.unwrap_or((point.value, point.value));
        largest.max(low.abs()).max(high.abs())
    });
    let row = |slope: &&Slope| {
        vec![
            Field::text(&slope.measure),
            Field::count(Some(slope.replication.into())),
            Field::count(Some(slope.points)),
            Field::number(Some(slope.span), if unit == "hours" { 4 } else { 0 }),
            Field::number(slope.change, 4),
            Field::interval(slope.change_low, slope.change_high, 4),
            Field::p(slope.p),
            Field::text(slope.status.replace('_', " ")),
        ]
    };
    let span = format!("#{unit}");
    let head = [
        "measure",
        "#replication",
        "#values",
        &span,
        "#change",
        "#95 % interval",
        "#p",
        "status",
    ];
    let chart = Chart {
        title: format!("{}, {}", slopes[0].experiment, slopes[0].model),
        rows_are: String::from("measure"),
        rows: measures.iter().map(|&measure| measure.to_owned()).collect(),
        series: replications.len(),
        axis: Axis::about_zero("change from first to last trial", largest),
        points,
    };
    charts.draw(&chart, Table::new(&head, slopes.iter().map(row).collect()))
}

/// What nodes and GPU types have to do with it, or why that cannot be told.
fn machines_part(spreads: &[MachineSpread]) -> Part {
    let mut said: BTreeMap<(Machine, String), Vec<&str>> = BTreeMap::new();
    for spread in spreads {
        let models = said.entry((spread.machine, sentence(spread))).or_default();
        if !models.contains(&spread.model.as_str()) {
            models.push(&spread.model);
        }
    }
    let said = said.into_iter();
    let said = said.map(|((_, sentence), models)| format!("{}: {sentence}", models.join(", ")));
    let separable: Vec<&MachineSpread> = spreads
        .iter()
        .filter(|spread| spread.separation == Separation::Separable)
        .collect();
    let row = |spread: &&MachineSpread| {
        vec![
            Field::text(&spread.experiment),
            Field::text(&spread.model),
            Field::text(&spread.measure),
            Field::text(word(spread.machine)),
            Field::count(Some(spread.machines)),
            Field::count(Some(spread.replications)),
            Field::number(spread.icc, 3),
            Field::interval(spread.ci_low, spread.ci_high, 3),
            Field::p(spread.p),
        ]
    };
    let head = [
        "experiment",
        "model",
        "measure",
        "by",
        "#machines",
        "#replications",
        "#share of variance",
        "#95 % interval",
        "#p",
    ];
    let caption = "Variance of the replications' means that lies between machines";
    let tables = if separable.is_empty() {
        Vec::new()
    } else {
        vec![
            Table::new(&head, separable.iter().map(row).collect())
                .captioned(caption)
                .folded(),
        ]
    };
    Part {
        title: Some(String::from("Nodes and GPU types")),
        words: said.collect(),
        tables,
        ..Part::default()
    }
}

fn word(machine: Machine) -> &'static str {
    match machine {
        Machine::Node => "node",
        Machine::GpuType => "GPU type",
    }
}

fn sentence(spread: &MachineSpread) -> String {
    let what = word(spread.machine);
    match spread.separation {
        Separation::Separable => format!(
            "{} replications on {} {what}s. The table has the variance between them; with so few machines its intervals \
             are wide.{}",
            spread.replications,
            spread.machines,
            if spread.coincide {
                " Each node had a GPU type of its own, so that it cannot be told which of the two it is."
            } else {
                ""
            }
        ),
        Separation::OneMachine => {
            format!("all replications had one {what}, which cannot explain how they differ.")
        }
        Separation::OneReplicationEach => format!(
            "each replication had a {what} of its own. What the {what} does and what the replication does cannot be told \
             apart."
        ),
        Separation::OneReplication => {
            format!("one replication, so there is nothing to compare by {what}.")
        }
        Separation::NotRecorded => {
            format!(
                "the {what} is not on record for all replications, so nothing can be said about it."
            )
        }
    }
}

/// Do equal prompts get equal answers inside a replication?
pub(super) fn shared_section(facts: &Facts<'_>, charts: &mut Charts) -> Option<Section> {
    let shared = &facts.drift.shared_numbers;
    if shared.is_empty() {
        return None;
    }
    let names = ["inside a replication", "between replications"].map(str::to_owned);
    let same_query = |a: &SharedNumbers, b: &SharedNumbers| {
        (&a.experiment, &a.query) == (&b.experiment, &b.query)
    };
    let mut sorted: Vec<SharedNumbers> = shared.clone();
    sorted.sort_by(|a, b| (&a.experiment, &a.query).cmp(&(&b.experiment, &b.query)));
    let pictures = sorted.chunk_by(same_query).map(|of_query| {
        let chart = shared_chart(of_query);
        charts.draw(&chart, shared_table(of_query))
    });
    let part = Part {
        words: shared.iter().filter_map(alarm).collect(),
        legend: legend(&names),
        pictures: pictures.collect(),
        ..Part::default()
    };
    Some(Section {
        id: "shared",
        title: "Shared random numbers",
        words: vec![String::from(
            "A server that gets one seed with all requests of a replication answers equal prompts alike, and \
             replications seem to differ where they do not. If random numbers are not shared, two trials with the same \
             prompt agree inside a replication as often as between replications. The test exchanges answers among the \
             trials of each prompt 999 times.",
        )],
        parts: vec![part],
    })
}

fn shared_chart(of_query: &[SharedNumbers]) -> Chart {
    let points = of_query.iter().enumerate().flat_map(|(row, one)| {
        let point = move |(series, value): (usize, Option<f64>)| {
            Some(Point {
                row,
                series,
                value: value?,
                interval: None,
            })
        };
        [(0, one.within), (1, one.between)]
            .into_iter()
            .filter_map(point)
    });
    Chart {
        title: format!("{}: {}", of_query[0].experiment, of_query[0].query),
        rows_are: String::from("model"),
        rows: of_query.iter().map(|one| one.model.clone()).collect(),
        series: 2,
        axis: Axis::share("pairs with the same answer"),
        points: points.collect(),
    }
}

fn alarm(shared: &SharedNumbers) -> Option<String> {
    let of = format!(
        "{} of {} by {}",
        shared.query, shared.experiment, shared.model
    );
    match shared.verdict {
        SharedVerdict::Copied => Some(format!(
            "{of}: equal prompts always got equal answers inside a replication. This is what one seed for all requests \
             does; the ICC of this measure says nothing about the model."
        )),
        SharedVerdict::Repeated => Some(format!(
            "{of}: every trial got the same answer in every replication. This is what replications with the same random \
             numbers do, and also a model that is sure of every answer; an ICC cannot tell which. Look at the seeds and \
             the temperature."
        )),
        SharedVerdict::Excess => Some(format!(
            "{of}: equal prompts agree more inside replications than chance explains. Either random numbers are shared \
             or replications differ; an agreement under 1 cannot tell which."
        )),
        _ => None,
    }
}

fn shared_table(shared: &[SharedNumbers]) -> Table {
    let row = |one: &SharedNumbers| {
        vec![
            Field::text(&one.experiment),
            Field::text(&one.query),
            Field::text(&one.model),
            Field::count(Some(one.prompts)),
            Field::count(Some(one.within_pairs)),
            Field::number(one.within, 3),
            Field::count(Some(one.between_pairs)),
            Field::number(one.between, 3),
            Field::number(one.repeated, 3),
            Field::p(one.p),
            Field::text(one.verdict.as_str().replace('_', " ")),
        ]
    };
    let head = [
        "experiment",
        "query",
        "model",
        "#prompts",
        "#pairs inside",
        "#equal",
        "#pairs between",
        "#equal",
        "#same trial equal",
        "#p",
        "sign of sharing",
    ];
    Table::new(&head, shared.iter().map(row).collect())
}
