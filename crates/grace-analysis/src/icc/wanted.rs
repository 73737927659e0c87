//! Which columns of an experiment make its cells.

use std::collections::BTreeSet;

use super::collect::Selection;
use crate::results::Experiment;
use crate::schema::{Column, ColumnType, Role, stated_type};

/// The columns of an experiment that matter for its cells, by their places.
pub(super) struct Wanted<'r> {
    pub(super) experiment: &'r Experiment,
    pub(super) model: usize,
    pub(super) replication: usize,
    pub(super) trial: usize,
    pub(super) by: Vec<(String, usize)>,
    pub(super) measures: Vec<Measured>,
}

/// A column that is a measure, or several.
pub(super) struct Measured {
    pub(super) column: usize,
    pub(super) name: String,
    pub(super) scored: bool,
    pub(super) is_text: bool,
}

impl<'r> Wanted<'r> {
    /// What `selection` wants of `experiment`.
    pub(super) fn new(experiment: &'r Experiment, selection: &Selection) -> Self {
        let schema = &experiment.schema;
        let key = |name: &str| schema.position(name).unwrap_or_default();
        let named = |name: &String| {
            let position = schema
                .position(&condition(name))
                .or_else(|| schema.position(name))?;
            Some((name.clone(), position))
        };
        let conditions = schema
            .columns()
            .iter()
            .enumerate()
            .filter_map(|(place, column)| {
                Some((column.name.strip_prefix("conditions.")?.to_owned(), place))
            });
        let by = match selection.by.as_slice() {
            [] => conditions.collect(),
            by => by.iter().filter_map(named).collect(),
        };
        Self {
            experiment,
            model: key("model_key"),
            replication: key("replication_id"),
            trial: key("trial_id"),
            by,
            measures: measures(experiment, selection),
        }
    }

    /// The names of all columns that are needed, and of those that conditions of earlier scripts come from.
    pub(super) fn names(&self) -> BTreeSet<&str> {
        let columns = self.experiment.schema.columns();
        let by = self.by.iter().map(|(_, place)| *place);
        let measures = self.measures.iter().map(|measure| measure.column);
        let keys = [self.model, self.replication, self.trial];
        let places = keys.into_iter().chain(by).chain(measures);
        let mut names: BTreeSet<&str> = places.map(|place| columns[place].name.as_str()).collect();
        if let Some(definition) = &self.experiment.definition {
            names.extend(
                definition
                    .conditions
                    .iter()
                    .map(|condition| condition.column.as_str()),
            );
            // An error in any column of a query takes its measures away.
            names.extend(definition.columns().map(|(name, _, _)| name.as_str()));
        }
        names
    }
}

/// The columns of an experiment that are measures.
fn measures(experiment: &Experiment, selection: &Selection) -> Vec<Measured> {
    let columns = experiment.schema.columns().iter().enumerate();
    let scored_by_record = experiment
        .schema
        .columns()
        .iter()
        .any(|column| column.name.starts_with("scores."));
    let measured = |(place, column): (usize, &Column)| {
        let role = role(experiment, column, scored_by_record);
        let asked = selection.measures.contains(&column.name);
        let wanted = if selection.measures.is_empty() {
            role.is_some()
        } else {
            asked
        };
        wanted.then(|| Measured {
            column: place,
            name: column.name.clone(),
            scored: role == Some(Role::Scored),
            is_text: column.kind == ColumnType::Text,
        })
    };
    columns.filter_map(measured).collect()
}

/// The role of a column among the measures. Where no experiment file tells, columns of numbers are measures that
/// grace does not write itself. In what earlier scripts wrote stimuli may be numbers, too: nothing tells them apart.
fn role(experiment: &Experiment, column: &Column, scored: bool) -> Option<Role> {
    if let Some(definition) = &experiment.definition {
        let role = definition.role(&column.name);
        return role.filter(|role| *role != Role::Raw);
    }
    if experiment.is_undescribed() {
        return None;
    }
    let is_number = matches!(
        column.kind,
        ColumnType::Integer | ColumnType::Number | ColumnType::Bool
    );
    let ours = stated_type(&column.name).is_some() || column.name.contains('.');
    match (is_number && !ours, scored) {
        (false, _) => None,
        (true, true) => Some(Role::Scored),
        (true, false) => Some(Role::Sampled),
    }
}

/// The column of a condition.
pub(super) fn condition(name: &str) -> String {
    format!("conditions.{name}")
}
