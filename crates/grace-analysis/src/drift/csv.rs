//! The slopes as CSV.

use super::slope::Slope;
use crate::lines::lines_to_csv;

const NAMES: [&str; 12] = [
    "experiment",
    "model",
    "measure",
    "replication",
    "against",
    "status",
    "points",
    "span",
    "change",
    "change_low",
    "change_high",
    "p",
];

/// The slopes as CSV with a line of names; what is not defined is an empty field.
pub fn to_csv(slopes: &[Slope]) -> Vec<u8> {
    let names = NAMES.map(str::to_owned).to_vec();
    lines_to_csv(std::iter::once(names).chain(slopes.iter().map(fields)))
}

fn fields(slope: &Slope) -> Vec<String> {
    let number = |number: Option<f64>| number.map(|x| format!("{x:?}")).unwrap_or_default();
    vec![
        slope.experiment.clone(),
        slope.model.clone(),
        slope.measure.clone(),
        slope.replication.to_string(),
        slope.against.as_str().to_owned(),
        slope.status.to_owned(),
        slope.points.to_string(),
        number(Some(slope.span)),
        number(slope.change),
        number(slope.change_low),
        number(slope.change_high),
        number(slope.p),
    ]
}
