//! From YAML to a [`ScoreQuery`], noting every mistake.

use std::collections::BTreeSet;

use crate::experiment::{ScoreColumns, ScoreOption, ScoreQuery};
use crate::yaml::{Field, Mapping};

pub(super) fn score(map: &Mapping<'_>) -> Option<ScoreQuery> {
    let options = map.required("options").and_then(options);
    let labels = options.iter().flatten().map(|option| option.label.clone());
    let labels: Vec<String> = labels.collect();
    let columns = map
        .required("columns")
        .and_then(|field| score_columns(field, &labels));
    let (mut options, columns) = (options?, columns?);
    let numbered = options.iter().all(|option| option.value.is_some());
    if !numbered && (columns.mean.is_some() || columns.std.is_some()) {
        map.required("options")?
            .problem("needs a `value` for every option, since `mean` or `std` is asked for");
    }
    for option in &mut options {
        option.column = columns.probability.replace("{label}", &option.label);
    }
    Some(ScoreQuery { options, columns })
}

fn options(field: &Field<'_>) -> Option<Vec<ScoreOption>> {
    let items = field.list()?;
    if items.len() < 2 {
        field.problem("needs at least two options");
    }
    let options: Option<Vec<ScoreOption>> = items.iter().map(option).collect();
    let (mut texts, mut labels) = (BTreeSet::new(), BTreeSet::new());
    for (item, option) in items.iter().zip(options.iter().flatten()) {
        if !texts.insert(&option.text) || !labels.insert(&option.label) {
            item.problem(format!("repeats the option `{}`", option.text));
        }
    }
    options
}

fn option(field: &Field<'_>) -> Option<ScoreOption> {
    let map = field.mapping(&["text", "label", "value"])?;
    let text = map.required("text").and_then(|field| {
        let text = field.text()?;
        let begins_well = text.starts_with(' ') && text.trim_end().len() == text.len();
        if !begins_well || text.trim().is_empty() {
            field.expected("text with one space before it and none behind it");
        }
        Some(text)
    });
    let label = map.required("label").and_then(Field::text);
    let value = map
        .optional("value")
        .map(|field| field.number(f64::MIN, f64::MAX));
    Some(ScoreOption {
        text: text?,
        label: label?,
        value: value.flatten(),
        column: String::new(),
    })
}

fn score_columns(field: &Field<'_>, labels: &[String]) -> Option<ScoreColumns> {
    let map = field.mapping(&["probability", "mean", "std", "entropy", "marginals"])?;
    let probability = map.required("probability").and_then(|field| {
        field.parsed("a name that holds `{label}`", |text| {
            text.contains("{label}").then(|| text.to_owned())
        })
    });
    let text = |key: &str| map.optional(key).and_then(Field::text);
    let marginals = map
        .optional("marginals")
        .map_or_else(|| Some(Vec::new()), |field| marginals(field, labels));
    Some(ScoreColumns {
        probability: probability?,
        mean: text("mean"),
        std: text("std"),
        entropy: text("entropy"),
        marginals: marginals?,
    })
}

fn marginals(field: &Field<'_>, labels: &[String]) -> Option<Vec<(String, Vec<String>)>> {
    let map = field.any_mapping()?;
    let mut marginals = Vec::new();
    for (column, field) in map.entries() {
        let parts = field.texts()?;
        for part in parts.iter().filter(|part| !labels.contains(part)) {
            field.problem(format!("adds up `{part}`, which is no option's label"));
        }
        marginals.push((column.to_owned(), parts));
    }
    Some(marginals)
}
