//! Scored answers: the mean probability of each option.

use std::collections::BTreeMap;

use grace_stats::describe::{Mean, mean};
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

/// What is drawn of one condition.
#[derive(Default)]
struct Drawn {
    points: Vec<Point>,
    rows: Vec<Vec<Field>>,
}

impl Drawn {
    fn add(&mut self, (row, option): (usize, &str), (series, model): (usize, &str), mean: &Mean) {
        let interval = mean
            .interval
            .map(|interval| (interval.lower, interval.upper));
        self.points.push(Point {
            row,
            series,
            value: mean.mean,
            interval,
        });
        self.rows.push(vec![
            Field::text(model),
            Field::text(option),
            Field::count(Some(mean.count as u64)),
            Field::number(Some(mean.mean), 4),
            Field::interval(interval.map(|one| one.0), interval.map(|one| one.1), 4),
        ]);
    }
}

fn pictures(
    facts: &Facts<'_>,
    charts: &mut Charts,
    experiment: &str,
    query: &QueryColumns,
) -> Vec<Picture> {
    let mut conditions: BTreeMap<Vec<String>, Drawn> = BTreeMap::new();
    for cell in facts.cells.iter().filter(|cell| cell.deterministic) {
        let [of, model, factors @ ..] = cell.by.as_slice() else {
            continue;
        };
        let options = &query.options;
        let option = options
            .iter()
            .position(|(column, _)| *column == cell.measure);
        let series = facts.models.iter().position(|other| *other == model.level);
        if let (Some(option), Some(series), Some(mean)) = (option, series, described(cell))
            && of.level == experiment
        {
            let levels = factors.iter();
            let levels = levels.map(|factor| format!("{} {}", factor.name, factor.level));
            let drawn = conditions.entry(levels.collect()).or_default();
            drawn.add((option, &options[option].1), (series, &model.level), &mean);
        }
    }
    let drawn = conditions.into_iter();
    drawn
        .map(|(levels, drawn)| picture(facts, charts, query, &levels, drawn))
        .collect()
}

fn picture(
    facts: &Facts<'_>,
    charts: &mut Charts,
    query: &QueryColumns,
    levels: &[String],
    drawn: Drawn,
) -> Picture {
    let head = [
        "model",
        "option",
        "#stimuli",
        "#mean probability",
        "#95 % interval",
    ];
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
        points: drawn.points,
    };
    charts.draw(&chart, Table::new(&head, drawn.rows))
}

/// The mean over stimuli of the mean over replications. Earlier scripts do not tell which stimulus a score belongs to:
/// then over those of the first replication, as scores are the same in every one.
fn described(cell: &Cell) -> Option<Mean> {
    let known = || cell.values.iter().filter(|value| value.value.is_some());
    let first = known().map(|value| value.replication).min()?;
    let mut stimuli: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    let mut means = Vec::new();
    for value in known() {
        let (number, trial) = (value.value?, value.trial);
        if let Some(trial) = trial {
            let (sum, count) = stimuli.entry(trial).or_default();
            *sum += number;
            *count += 1.0;
        } else if value.replication == first {
            means.push(number);
        }
    }
    if !stimuli.is_empty() {
        means = stimuli.values().map(|(sum, count)| sum / count).collect();
    }
    mean(&means, Confidence::P95).ok().flatten()
}
