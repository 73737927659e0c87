//! A measure against time and place.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use grace_stats::describe::{Trend, trend};
use grace_stats::law::Confidence;
use serde::Serialize;

use super::centred::Measure;
use crate::parallel;
use crate::trials::{Query, Trials};

/// What a measure is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Against {
    /// The time at which the trial was asked, in hours since the first of the replication.
    Time,
    /// The place in the order, in trials.
    Place,
}

impl Against {
    /// The word for it in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Place => "place",
        }
    }
}

/// How a measure changes in one replication, by the least-squares line through its values.
///
/// Of each value the mean of its condition, over all replications of the model, is taken away.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Slope {
    /// The experiment.
    pub experiment: String,
    /// The model.
    pub model: String,
    /// The measure.
    pub measure: String,
    /// The index of the replication.
    pub replication: u32,
    /// What it is held against.
    pub against: Against,
    /// `ok`, or why there is no line: `too_few_points`, `one_place`; `no_residual` if the points lie on it.
    pub status: &'static str,
    /// Values.
    pub points: u64,
    /// From the first trial to the last: hours, or trials.
    pub span: f64,
    /// The slope times the span: how far the line rises from the first trial to the last, in units of the measure.
    pub change: Option<f64>,
    /// Lower end of the 95 % interval of `change`.
    pub change_low: Option<f64>,
    /// Upper end.
    pub change_high: Option<f64>,
    /// The probability of a slope so far from 0 or further without drift.
    pub p: Option<f64>,
}

impl Slope {
    /// Whether the interval leaves out 0.
    pub fn is_clear(&self) -> bool {
        self.change_low.is_some_and(|low| low > 0.0)
            || self.change_high.is_some_and(|high| high < 0.0)
    }
}

/// By model, replication and trial: hours since the start of the replication, and place in the order.
type Positions<'t> = BTreeMap<(&'t str, u32, u32), (Option<f64>, Option<u32>)>;

pub(super) fn slopes(measures: &[Measure], trials: &[Trials], threads: NonZeroUsize) -> Vec<Slope> {
    let positions: BTreeMap<&str, Vec<Positions<'_>>> = trials
        .iter()
        .map(|trials| (trials.experiment.as_str(), positions(trials)))
        .collect();
    let of_measures = parallel::map(measures.len(), threads, |number, (): &mut ()| {
        let measure = &measures[number];
        let query = query_of(measure, trials);
        let positions = positions.get(measure.experiment.as_str());
        let positions = positions.and_then(|positions| positions.get(query));
        let mut slopes = Vec::new();
        if let Some(positions) = positions {
            for (replication, values) in &measure.replications {
                // Earlier scripts tell neither time nor place.
                if values.iter().all(|(trial, _)| trial.is_none()) {
                    continue;
                }
                for against in [Against::Time, Against::Place] {
                    let points = points(measure, *replication, values, positions, against);
                    slopes.push(slope(measure, *replication, against, &points));
                }
            }
        }
        slopes
    });
    of_measures.into_iter().flatten().collect()
}

/// The number of the query that a measure comes from.
fn query_of(measure: &Measure, trials: &[Trials]) -> usize {
    let column = measure.name.split_once('=');
    let column = column.map_or(measure.name.as_str(), |(column, _)| column);
    let mut of_experiment = trials
        .iter()
        .filter(|one| one.experiment == measure.experiment);
    let queries = of_experiment.next().map(|trials| &trials.queries);
    let place = queries.and_then(|queries| {
        let has = |name: &String| name == column;
        queries
            .iter()
            .position(|query| query.columns.iter().any(has))
    });
    place.unwrap_or_default()
}

/// For each query, where each trial stands.
fn positions(trials: &Trials) -> Vec<Positions<'_>> {
    let of_query = |query: &Query| {
        let mut starts: BTreeMap<(&str, u32), f64> = BTreeMap::new();
        let rows = || trials.rows.iter().zip(&query.asked);
        for (trial, asked) in rows() {
            if let Some(at) = asked.at {
                let start = starts
                    .entry((&trial.model, trial.replication))
                    .or_insert(at);
                *start = start.min(at);
            }
        }
        let keyed = rows().filter_map(|(trial, asked)| {
            let key = (trial.model.as_str(), trial.replication, trial.id?);
            let start = starts.get(&(key.0, key.1));
            let hours = asked.at.zip(start).map(|(at, start)| (at - start) / 3600.0);
            Some((key, (hours, trial.place)))
        });
        keyed.collect()
    };
    trials.queries.iter().map(of_query).collect()
}

fn points(
    measure: &Measure,
    replication: u32,
    values: &[(Option<u32>, f64)],
    positions: &Positions<'_>,
    against: Against,
) -> Vec<(f64, f64)> {
    let point = |(trial, value): &(Option<u32>, f64)| {
        let position = positions.get(&(measure.model.as_str(), replication, (*trial)?))?;
        let place = match against {
            Against::Time => position.0?,
            Against::Place => f64::from(position.1?),
        };
        Some((place, *value))
    };
    let mut points: Vec<(f64, f64)> = values.iter().filter_map(point).collect();
    // Sums depend on their order in the last digit.
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    points
}

fn slope(measure: &Measure, replication: u32, against: Against, points: &[(f64, f64)]) -> Slope {
    let first = points.first().map_or(0.0, |(place, _)| *place);
    let span = points.last().map_or(0.0, |(place, _)| place - first);
    let mut slope = Slope {
        experiment: measure.experiment.clone(),
        model: measure.model.clone(),
        measure: measure.name.clone(),
        replication,
        against,
        status: "too_few_points",
        points: points.len() as u64,
        span,
        change: None,
        change_low: None,
        change_high: None,
        p: None,
    };
    match trend(points, Confidence::P95) {
        Ok(Trend::Fitted(fit)) => {
            slope.change = Some(fit.slope * span);
            slope.status = "no_residual";
            if let Some(test) = fit.test {
                slope.status = "ok";
                slope.change_low = Some(test.interval.lower * span);
                slope.change_high = Some(test.interval.upper * span);
                slope.p = Some(test.p);
            }
        }
        Ok(Trend::OnePlace) => slope.status = "one_place",
        Ok(Trend::TooFewPoints) | Err(_) => {}
    }
    slope
}
