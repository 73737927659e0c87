//! Scored answers: the mean probability of each option.

use std::collections::BTreeMap;

use grace_stats::describe::mean;
use grace_stats::law::Confidence;

use super::Facts;
use super::chart::{Axis, Chart, Charts, Point, legend};
use super::view::{Field, Part, Picture, Section, Table};
use crate::icc::Cell;
use crate::schema::QueryColumns;

pub(super) fn section(facts: &Facts<'_>, charts: &mut Charts) -> Option<Section> {
    let mut parts = Vec::new();
    for experiment in &facts.results.experiments {
        let queries = experiment.definition.iter().flat_map(|one| &one.queries);
        for query in queries.filter(|query| !query.options.is_empty()) {
            let pictures = pictures(facts, charts, &experiment.id, query);
            if !pictures.is_empty() {
                parts.push(Part {
                    title: Some(format!("{}: {}", experiment.id, query.id)),
                    legend: legend(&facts.models),
                    pictures,
                    ..Part::default()
                });
            }
        }
    }
    (!parts.is_empty()).then(|| Section {
        id: "scores",
        title: "Scored answers by condition",
        words: vec![String::from(
            "The mean probability that the model gives each option. Scores are no draws: they are the same in every \
             replication but for numerical noise. Intervals are Student's 95 % intervals over the stimuli of the \
             condition, and tell how stimuli differ, not replications.",
        )],
        parts,
    })
}

/// By condition, the probability of each option: option, model, mean and interval.
fn pictures(
    facts: &Facts<'_>,
    charts: &mut Charts,
    experiment: &str,
    query: &QueryColumns,
) -> Vec<Picture> {
    let mut conditions: BTreeMap<Vec<String>, (Vec<Point>, Vec<Vec<Field>>)> = BTreeMap::new();
    for cell in facts.cells.iter().filter(|cell| cell.deterministic) {
        let by: Vec<&str> = cell.by.iter().map(|factor| factor.level.as_str()).collect();
        let (Some((&of, rest)), Some(option)) = (
            by.split_first(),
            query
                .options
                .iter()
                .position(|(column, _)| *column == cell.measure),
        ) else {
            continue;
        };
        let Some((model, _)) = rest.split_first().filter(|_| of == experiment) else {
            continue;
        };
        let factors = cell.by.iter().skip(2);
        let levels: Vec<String> = factors
            .map(|factor| format!("{} {}", factor.name, factor.level))
            .collect();
        let series = facts.models.iter().position(|other| other == model);
        let (Some(series), Some(described)) = (series, described(cell)) else {
            continue;
        };
        let interval = described
            .interval
            .map(|interval| (interval.lower, interval.upper));
        let (points, rows) = conditions.entry(levels).or_default();
        points.push(Point {
            row: option,
            series,
            value: described.mean,
            interval,
        });
        rows.push(vec![
            Field::text(*model),
            Field::text(&query.options[option].1),
            Field::count(Some(described.count as u64)),
            Field::number(Some(described.mean), 4),
            Field::interval(interval.map(|one| one.0), interval.map(|one| one.1), 4),
        ]);
    }
    let head = [
        "model",
        "option",
        "#stimuli",
        "#mean probability",
        "#95 % interval",
    ];
    let picture = |(levels, (points, rows)): (Vec<String>, (Vec<Point>, Vec<Vec<Field>>))| {
        let title = if levels.is_empty() {
            String::from("All trials")
        } else {
            levels.join(", ")
        };
        let options = query.options.iter();
        let chart = Chart {
            title,
            rows_are: String::from("option"),
            rows: options.map(|(_, label)| label.clone()).collect(),
            series: facts.models.len(),
            axis: Axis::share("mean probability"),
            points,
        };
        charts.draw(&chart, Table::new(&head, rows))
    };
    conditions.into_iter().map(picture).collect()
}

/// The mean over stimuli of the mean over replications.
fn described(cell: &Cell) -> Option<grace_stats::describe::Mean> {
    let mut stimuli: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for value in &cell.values {
        if let Some(number) = value.value {
            let (sum, count) = stimuli.entry(value.trial?).or_default();
            *sum += number;
            *count += 1.0;
        }
    }
    let means: Vec<f64> = stimuli.values().map(|(sum, count)| sum / count).collect();
    mean(&means, Confidence::P95).ok().flatten()
}
