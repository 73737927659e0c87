//! From the text of an experiment file to an [`Experiment`], noting every mistake.

use std::collections::BTreeSet;

use crate::answer::{PolarityQuality, Reading, WholeNumber, YesNo};
use crate::digest::Digest;
use crate::experiment::parse_score;
use crate::experiment::{
    Condition, Experiment, GenerateQuery, Query, QueryKind, Rule, RuleTest, Sampling,
};
use crate::id::ExperimentId;
use crate::problem::Problems;
use crate::prompt::Prompts;
use crate::yaml::{Document, Field, Mapping};

/// Columns that grace itself writes into each record.
pub(crate) const RESERVED_COLUMNS: [&str; 17] = [
    "conditions",
    "scores",
    "trial_id",
    "trial_order_in_replication",
    "replication_id",
    "replication_seed",
    "request_seeds",
    "trial_order_shuffled",
    "order_algorithm",
    "run_timestamp",
    "model_name",
    "model_key",
    "experiment_name",
    "status",
    "outcomes",
    "timings",
    "tokens",
];

/// Names that files of grace itself have in the folders of results (`metadata.json`, `attempt.json`).
const RESERVED_IDS: [&str; 2] = ["metadata", "attempt"];

pub(super) fn experiment(file: &str, text: &str) -> Result<Experiment, Problems> {
    let document = Document::parse(file, text)?;
    let experiment = read(&document.root(), Digest::of(text.as_bytes()));
    document.finish(experiment)
}

fn read(root: &Field<'_>, digest: Digest) -> Option<Experiment> {
    let known = [
        "id",
        "title",
        "seed_offset",
        "stimuli",
        "conditions",
        "queries",
    ];
    let map = root.mapping(&known)?;
    let id = map.required("id").and_then(id);
    let title = map.required("title").and_then(Field::text);
    let seed_offset = map
        .required("seed_offset")
        .and_then(|field| field.integer(0, i64::from(u32::MAX)));
    let stimuli = map.required("stimuli").and_then(stimuli);
    let columns = stimuli.as_ref().map_or(&[][..], |(_, columns)| columns);
    let conditions = map
        .optional("conditions")
        .map_or_else(|| Some(Vec::new()), |field| conditions(field, columns));
    let mut prompts = Prompts::new();
    let queries = map
        .required("queries")
        .and_then(|field| queries(field, columns, &mut prompts));
    let (stimuli_file, columns) = stimuli?;
    Some(Experiment {
        id: id?,
        title: title?,
        seed_offset: seed_offset?.unsigned_abs(),
        stimuli_file,
        columns,
        conditions: conditions?,
        queries: queries?,
        prompts,
        digest,
    })
}

fn id(field: &Field<'_>) -> Option<ExperimentId> {
    let id: ExperimentId =
        field.parsed("letters, digits, `_` and `-`", |text| text.parse().ok())?;
    // Some file systems take upper for lower case.
    if RESERVED_IDS
        .iter()
        .any(|name| name.eq_ignore_ascii_case(id.as_str()))
    {
        let names = RESERVED_IDS.join("` and `");
        field.expected(&format!(
            "another id: grace names files of its own `{names}`"
        ));
    }
    Some(id)
}

fn stimuli(field: &Field<'_>) -> Option<(String, Vec<String>)> {
    let map = field.mapping(&["file", "columns"])?;
    let file = map.required("file").and_then(|file| {
        file.parsed("a file name without folders", |name| {
            (!name.contains(['/', '\\'])).then(|| name.to_owned())
        })
    });
    let listed = map.required("columns")?;
    let columns = listed.texts();
    if columns.as_ref().is_some_and(Vec::is_empty) {
        listed.expected("at least one column");
    }
    let mut seen = BTreeSet::new();
    for column in columns.iter().flatten() {
        if !seen.insert(column.as_str()) {
            listed.problem(format!("names the column `{column}` twice"));
        }
        if RESERVED_COLUMNS.contains(&column.as_str()) {
            listed.problem(format!(
                "names `{column}`, a column that grace itself writes; rename it in the stimuli"
            ));
        }
    }
    Some((file?, columns?))
}

fn conditions(field: &Field<'_>, columns: &[String]) -> Option<Vec<Condition>> {
    let mut conditions: Vec<Option<Condition>> = Vec::new();
    for item in field.list()? {
        let condition = condition(&item, columns);
        if let Some(Condition { name, .. }) = &condition {
            let mut earlier = conditions.iter().flatten();
            if earlier.any(|earlier| earlier.name == *name) {
                item.problem(format!("has the name `{name}`, which is taken"));
            }
        }
        conditions.push(condition);
    }
    conditions.into_iter().collect()
}

fn condition(field: &Field<'_>, columns: &[String]) -> Option<Condition> {
    let map = field.mapping(&["name", "column", "rules"])?;
    let name = map.required("name").and_then(Field::text);
    let column = map.required("column").and_then(|field| {
        let column = field.text()?;
        if !columns.contains(&column) {
            field.expected(&format!("one of the columns `{}`", columns.join("`, `")));
        }
        Some(column)
    });
    let rules = map.optional("rules").map_or_else(
        || Some(Vec::new()),
        |rules| rules.list()?.iter().map(rule).collect(),
    );
    Some(Condition {
        name: name?,
        column: column?,
        rules: rules?,
    })
}

fn rule(field: &Field<'_>) -> Option<Rule> {
    let map = field.mapping(&["contains", "equals", "label"])?;
    let label = map.required("label").and_then(Field::text);
    let contains = map.optional("contains").and_then(Field::text);
    let equals = map.optional("equals").and_then(Field::text);
    let test = match (contains, equals) {
        (Some(part), None) => RuleTest::Contains(part),
        (None, Some(whole)) => RuleTest::Equals(whole),
        _ => {
            field.problem("needs either `contains` or `equals`");
            return None;
        }
    };
    Some(Rule {
        test,
        label: label?,
    })
}

fn queries(field: &Field<'_>, columns: &[String], prompts: &mut Prompts) -> Option<Vec<Query>> {
    let items = field.list()?;
    if items.is_empty() {
        field.expected("at least one query");
    }
    let mut taken: BTreeSet<String> = columns.iter().cloned().collect();
    let mut queries: Vec<Option<Query>> = Vec::new();
    for item in &items {
        let query = query(item, columns, prompts);
        if let Some(query) = &query {
            if queries
                .iter()
                .flatten()
                .any(|earlier| earlier.id == query.id)
            {
                item.problem(format!("has the id `{}`, which is taken", query.id));
            }
            for column in query.kind.columns() {
                if RESERVED_COLUMNS.contains(&column) || !taken.insert(column.to_owned()) {
                    item.problem(format!("writes the column `{column}`, which is taken"));
                }
            }
        }
        queries.push(query);
    }
    queries.into_iter().collect()
}

fn query(field: &Field<'_>, columns: &[String], prompts: &mut Prompts) -> Option<Query> {
    let kind = field.any_mapping()?.required("kind").and_then(|kind| {
        kind.parsed("`generate` or `score`", |text| match text {
            "generate" => Some(true),
            "score" => Some(false),
            _ => None,
        })
    })?;
    let keys: &[&str] = if kind {
        &[
            "id", "kind", "prompt", "sampling", "stop", "read", "columns",
        ]
    } else {
        &["id", "kind", "prompt", "options", "columns"]
    };
    let map = field.mapping(keys)?;
    let id = map
        .required("id")
        .and_then(|field| field.parsed("letters, digits and `_`", |text| text.parse().ok()));
    let prompt = map.required("prompt");
    let template = prompt.and_then(Field::text);
    let kind = if kind {
        generate(&map).map(QueryKind::Generate)
    } else {
        parse_score::score(&map).map(QueryKind::Score)
    };
    let (id, template, prompt) = (id?, template?, prompt?);
    if let Err(problems) = prompts.add(&id, &template, columns) {
        for problem in problems {
            prompt.problem(problem);
        }
    }
    Some(Query {
        id,
        template,
        kind: kind?,
    })
}

fn generate(map: &Mapping<'_>) -> Option<GenerateQuery> {
    let sampling = map
        .optional("sampling")
        .map_or_else(|| Some(Sampling::default()), sampling);
    let stop = map
        .optional("stop")
        .map_or_else(|| Some(Vec::new()), Field::texts);
    let reading = map.required("read").and_then(reading);
    let columns = map
        .required("columns")
        .and_then(|field| field.mapping(&["response", "result_id"]));
    let columns = columns?;
    let response = columns.required("response").and_then(Field::text);
    let result_id_column = columns.optional("result_id").and_then(Field::text);
    Some(GenerateQuery {
        sampling: sampling?,
        stop: stop?,
        reading: reading?,
        response_column: response?,
        result_id_column,
    })
}

/// Reads sampling settings over the defaults.
fn sampling(field: &Field<'_>) -> Option<Sampling> {
    let map = field.mapping(&[
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "presence_penalty",
        "frequency_penalty",
        "repetition_penalty",
        "max_tokens",
    ])?;
    let default = Sampling::default();
    let number = |key: &str, otherwise: f64, min: f64, max: f64| {
        map.optional(key)
            .map_or(Some(otherwise), |field| field.number(min, max))
    };
    let whole = |key: &str, otherwise: i64, min: i64, max: i64| {
        map.optional(key)
            .map_or(Some(otherwise), |field| field.integer(min, max))
    };
    // Each is read before the first `?`, so that all mistakes are noted.
    let temperature = number("temperature", default.temperature, 0.0, 2.0);
    let top_p = number("top_p", default.top_p, 0.000_001, 1.0);
    let top_k = whole("top_k", default.top_k, 0, 1_000_000);
    let min_p = number("min_p", default.min_p, 0.0, 1.0);
    let presence_penalty = number("presence_penalty", default.presence_penalty, -2.0, 2.0);
    let frequency_penalty = number("frequency_penalty", default.frequency_penalty, -2.0, 2.0);
    let repetition_penalty = number(
        "repetition_penalty",
        default.repetition_penalty,
        0.000_001,
        2.0,
    );
    let max_tokens = whole("max_tokens", i64::from(default.max_tokens), 1, 1_000_000);
    Some(Sampling {
        temperature: temperature?,
        top_p: top_p?,
        top_k: top_k?,
        min_p: min_p?,
        presence_penalty: presence_penalty?,
        frequency_penalty: frequency_penalty?,
        repetition_penalty: repetition_penalty?,
        max_tokens: u32::try_from(max_tokens?).ok()?,
    })
}

fn reading(field: &Field<'_>) -> Option<Reading> {
    let kind = field.any_mapping()?.required("kind")?.text()?;
    match kind.as_str() {
        "whole_number" => {
            let map = field.mapping(&["kind", "min", "max", "column"])?;
            let min = map
                .required("min")
                .and_then(|field| field.integer(0, 1_000));
            let max = map
                .required("max")
                .and_then(|field| field.integer(0, 1_000));
            let column = map.required("column").and_then(Field::text);
            let (min, max) = (min?, max?);
            if min > max {
                field.problem(format!("has a `min` of {min} over its `max` of {max}"));
            }
            Some(Reading::WholeNumber(WholeNumber::new(min, max, column?)))
        }
        "yes_no" => {
            let map = field.mapping(&["kind", "column"])?;
            let column = map.required("column").and_then(Field::text)?;
            Some(Reading::YesNo(YesNo::new(column)))
        }
        "polarity_quality" => {
            let map = field.mapping(&["kind", "qualities", "polarity_column", "quality_column"])?;
            let qualities = map.required("qualities").and_then(Field::texts);
            let polarity = map.required("polarity_column").and_then(Field::text);
            let quality = map.required("quality_column").and_then(Field::text);
            Some(Reading::PolarityQuality(PolarityQuality::new(
                qualities?, polarity?, quality?,
            )))
        }
        _ => {
            field.problem(format!(
                "has the kind `{kind}`, expected `whole_number`, `yes_no` or `polarity_quality`"
            ));
            None
        }
    }
}
