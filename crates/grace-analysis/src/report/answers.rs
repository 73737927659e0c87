//! What was answered under each condition.

use std::collections::{BTreeMap, BTreeSet};

use super::Facts;
use super::chart::{Axis, Chart, Charts, Point, legend};
use super::share::Share;
use super::view::{Field, Part, Section, Table};
use crate::trials::{Query, Trials};

/// A query with more different answers than this has no picture: they are text.
const MOST_ANSWERS: usize = 24;

pub(super) fn section(facts: &Facts<'_>, charts: &mut Charts) -> Option<Section> {
    let mut parts = Vec::new();
    for trials in &facts.trials {
        for query in &trials.queries {
            parts.extend(part(facts, charts, trials, query));
        }
    }
    (!parts.is_empty()).then(|| Section {
        id: "answers",
        title: "Answers by condition",
        words: vec![String::from(
            "The share of each answer among those that could be read, over all replications of a model. Intervals are \
             the wider of two 95 % intervals: Wilson's over all answers, and Student's over the shares of the \
             replications.",
        )],
        parts,
    })
}

/// How often each answer was given: by condition, answer and model, for each replication given and all.
struct Counts<'t> {
    answers: Vec<&'t str>,
    conditions: Vec<&'t [String]>,
    given: BTreeMap<(&'t [String], &'t str, &'t str, u32), u64>,
    all: BTreeMap<(&'t [String], &'t str), BTreeMap<u32, u64>>,
}

impl<'t> Counts<'t> {
    fn of(trials: &'t Trials, query: &'t Query) -> Self {
        let mut given = BTreeMap::new();
        let mut all: BTreeMap<(&[String], &str), BTreeMap<u32, u64>> = BTreeMap::new();
        for (trial, asked) in trials.rows.iter().zip(&query.asked) {
            let Some(answer) = &asked.answer else {
                continue;
            };
            let (condition, model) = (trial.condition.as_slice(), trial.model.as_str());
            let key = (condition, answer.as_str(), model, trial.replication);
            *given.entry(key).or_default() += 1;
            let replications = all.entry((condition, model)).or_default();
            *replications.entry(trial.replication).or_default() += 1;
        }
        let answers: BTreeSet<&str> = given.keys().map(|key| key.1).collect();
        let conditions: BTreeSet<&[String]> = given.keys().map(|key| key.0).collect();
        Self {
            answers: answers.into_iter().collect(),
            conditions: conditions.into_iter().collect(),
            given,
            all,
        }
    }

    fn share(&self, condition: &[String], answer: &str, model: &str) -> Option<Share> {
        let replications = self.all.get(&(condition, model))?;
        let count = |(replication, all): (&u32, &u64)| {
            let given = self.given.get(&(condition, answer, model, *replication));
            (given.copied().unwrap_or_default(), *all)
        };
        Share::of(&replications.iter().map(count).collect::<Vec<_>>())
    }
}

fn part(facts: &Facts<'_>, charts: &mut Charts, trials: &Trials, query: &Query) -> Option<Part> {
    let counts = Counts::of(trials, query);
    if counts.answers.is_empty() {
        return None;
    }
    let title = format!("{}: {}", trials.experiment, query.columns.join(" and "));
    if counts.answers.len() > MOST_ANSWERS {
        return Some(Part {
            title: Some(title),
            words: vec![format!(
                "{} different answers: too many for a picture.",
                counts.answers.len()
            )],
            ..Part::default()
        });
    }
    let is_yes_no = counts
        .answers
        .iter()
        .all(|answer| matches!(*answer, "yes" | "no"));
    let factors = trials.factors.join(" · ");
    let pictures = if is_yes_no {
        vec![yes_by_condition(facts, charts, &counts, &factors)]
    } else {
        counts
            .conditions
            .iter()
            .map(|condition| answers_of(facts, charts, &counts, &trials.factors, condition))
            .collect()
    };
    Some(Part {
        title: Some(title),
        legend: legend(&facts.models),
        pictures,
        ..Part::default()
    })
}

const HEAD: [&str; 6] = ["model", "condition", "answer", "#given", "#of", "#share"];

/// A yes-or-no answer: one picture, a row for each condition.
fn yes_by_condition(
    facts: &Facts<'_>,
    charts: &mut Charts,
    counts: &Counts<'_>,
    factors: &str,
) -> super::view::Picture {
    let mut drawn = Drawn::default();
    for (row, condition) in counts.conditions.iter().enumerate() {
        for (series, model) in facts.models.iter().enumerate() {
            let share = counts.share(condition, "yes", model);
            drawn.add((row, series), model, condition, "yes", share);
        }
    }
    let chart = Chart {
        title: String::from("Share of “yes”"),
        rows_are: factors.to_owned(),
        rows: counts
            .conditions
            .iter()
            .map(|levels| levels.join(" · "))
            .collect(),
        series: facts.models.len(),
        axis: Axis::share("share"),
        points: drawn.points,
    };
    charts.draw(&chart, table(drawn.rows))
}

/// Several answers: a picture for each condition, a row for each answer.
fn answers_of(
    facts: &Facts<'_>,
    charts: &mut Charts,
    counts: &Counts<'_>,
    factors: &[String],
    condition: &[String],
) -> super::view::Picture {
    let mut drawn = Drawn::default();
    for (row, answer) in counts.answers.iter().enumerate() {
        for (series, model) in facts.models.iter().enumerate() {
            let share = counts.share(condition, answer, model);
            drawn.add((row, series), model, condition, answer, share);
        }
    }
    let levels = factors.iter().zip(condition);
    let levels = levels.map(|(factor, level)| format!("{factor} {level}"));
    let levels: Vec<String> = levels.collect();
    let title = if levels.is_empty() {
        String::from("All trials")
    } else {
        levels.join(", ")
    };
    let chart = Chart {
        title,
        rows_are: String::from("answer"),
        rows: counts
            .answers
            .iter()
            .map(|&answer| answer.to_owned())
            .collect(),
        series: facts.models.len(),
        axis: Axis::share("share"),
        points: drawn.points,
    };
    charts.draw(&chart, table(drawn.rows))
}

#[derive(Default)]
struct Drawn {
    points: Vec<Point>,
    rows: Vec<Vec<Field>>,
}

impl Drawn {
    fn add(
        &mut self,
        (row, series): (usize, usize),
        model: &str,
        condition: &[String],
        answer: &str,
        share: Option<Share>,
    ) {
        let Some(share) = share else {
            return;
        };
        self.points.push(Point {
            row,
            series,
            value: share.value,
            interval: Some((share.low, share.high)),
        });
        self.rows.push(vec![
            Field::text(model),
            Field::text(condition.join(" · ")),
            Field::text(answer),
            Field::count(Some(share.given)),
            Field::count(Some(share.total)),
            Field::number(Some(share.value), 3),
            Field::interval(Some(share.low), Some(share.high), 3),
        ]);
    }
}

fn table(rows: Vec<Vec<Field>>) -> Table {
    let head: Vec<&str> = HEAD.into_iter().chain(["#95 % interval"]).collect();
    Table::new(&head, rows)
}
