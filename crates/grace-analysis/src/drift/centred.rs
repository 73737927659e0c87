//! Measures without what conditions do to them.

use std::collections::BTreeMap;

use crate::icc::{Cell, Factor, Value};

/// All values of a measure by one model, each less the mean of its condition over all replications, so that the order in
/// which conditions come up is no drift.
#[derive(Debug, Clone)]
pub(super) struct Measure {
    pub(super) experiment: String,
    pub(super) model: String,
    pub(super) name: String,
    /// By replication: the trial, which earlier scripts do not tell, and the value.
    pub(super) replications: BTreeMap<u32, Vec<(Option<u32>, f64)>>,
}

/// The measures of cells, by experiment, model and name. Deterministic cells are left out.
pub(super) fn measures(cells: &[Cell]) -> Vec<Measure> {
    let mut measures: BTreeMap<(&str, &str, &str), Measure> = BTreeMap::new();
    for cell in cells.iter().filter(|cell| !cell.deterministic) {
        let (experiment, model) = (level(&cell.by, "experiment"), level(&cell.by, "model"));
        let known: Vec<(&Value, f64)> = cell
            .values
            .iter()
            .filter_map(|value| Some((value, value.value?)))
            .collect();
        let first = known.first().map_or(0.0, |(_, value)| *value);
        let count = known.len() as f64;
        let mean = first
            + known
                .iter()
                .map(|(_, value)| (value - first) / count)
                .sum::<f64>();
        let measure = measures
            .entry((experiment, model, &cell.measure))
            .or_insert_with(|| Measure {
                experiment: experiment.to_owned(),
                model: model.to_owned(),
                name: cell.measure.clone(),
                replications: BTreeMap::new(),
            });
        for (place, value) in known {
            let values = measure.replications.entry(place.replication).or_default();
            values.push((place.trial, value - mean));
        }
    }
    measures.into_values().collect()
}

fn level<'f>(by: &'f [Factor], name: &str) -> &'f str {
    let factor = by.iter().find(|factor| factor.name == name);
    factor.map_or("", |factor| &factor.level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_leave_no_trace() {
        let cell = |level: &str, values: [f64; 2]| {
            let values = (0..).zip(values);
            let values = values.map(|(place, value)| Value::new(place, Some(place), Some(value)));
            let by = [("experiment", "e"), ("model", "m"), ("c", level)];
            let by = by.map(|(name, level)| Factor::new(name, level));
            Cell::new(by.to_vec(), "x", values.collect())
        };
        let found = measures(&[cell("low", [1.0, 3.0]), cell("high", [11.0, 13.0])]);
        assert_eq!(found.len(), 1);
        let expected = [
            (0, vec![(Some(0), -1.0), (Some(0), -1.0)]),
            (1, vec![(Some(1), 1.0), (Some(1), 1.0)]),
        ];
        assert_eq!(found[0].replications, BTreeMap::from(expected));
    }
}
