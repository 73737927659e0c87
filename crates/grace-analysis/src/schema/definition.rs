//! What an experiment file says of the columns of its records.

use std::collections::BTreeSet;

use grace_core::QueryId;
use grace_core::answer::Reading;
use grace_core::experiment::{Condition, Experiment, GenerateQuery, QueryKind, ScoreQuery};
use grace_core::prompt::PromptContext;

use super::column::ColumnType;

/// The columns of an experiment's records, as far as its file tells them.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The experiment's id.
    pub(crate) id: String,
    /// The factors of the design.
    pub(crate) conditions: Vec<Condition>,
    /// The columns of each query.
    pub(crate) queries: Vec<QueryColumns>,
}

/// The columns that a query adds to a record.
#[derive(Debug, Clone)]
pub(crate) struct QueryColumns {
    /// The query's id.
    pub(crate) id: String,
    /// The columns of the stimuli that its prompt shows: trials that agree in them have one prompt.
    pub(crate) prompt: Vec<String>,
    /// Of a scored query, the column of each option's probability, and the option's label.
    pub(crate) options: Vec<(String, String)>,
    /// How answers of a sampled query are read.
    pub(crate) reading: Option<Reading>,
    /// Names, types and roles, in the order of the record.
    pub(crate) columns: Vec<(String, ColumnType, Role)>,
}

/// What a column of a query is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The raw text, or the server's id: nothing to calculate with.
    Raw,
    /// Read from sampled text.
    Sampled,
    /// Computed from log-probabilities: the same in every replication, but for numerical noise.
    Scored,
}

impl Definition {
    /// What the file of `experiment` says.
    pub fn of(experiment: &Experiment) -> Self {
        let columns = |kind: &QueryKind| match kind {
            QueryKind::Generate(query) => generated(query),
            QueryKind::Score(query) => scored(query),
            _ => Vec::new(),
        };
        let queries = experiment.queries.iter();
        Self {
            id: experiment.id.to_string(),
            conditions: experiment.conditions.clone(),
            queries: queries
                .map(|query| QueryColumns {
                    id: query.id.to_string(),
                    prompt: prompt_columns(experiment, &query.id),
                    options: options(&query.kind),
                    reading: reading(&query.kind),
                    columns: columns(&query.kind),
                })
                .collect(),
        }
    }

    /// All columns of all queries.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &(String, ColumnType, Role)> {
        self.queries.iter().flat_map(|query| &query.columns)
    }

    /// The type of a column that the queries add.
    pub(crate) fn stated_type(&self, column: &str) -> Option<ColumnType> {
        self.columns()
            .find(|(name, _, _)| name == column)
            .map(|(_, kind, _)| *kind)
    }

    /// The measures that are not among `columns`.
    fn not_in(&self, columns: &BTreeSet<&str>) -> impl Iterator<Item = &str> {
        let measures = self.columns().filter(|(_, _, role)| *role != Role::Raw);
        let names = measures.map(|(name, _, _)| name.as_str());
        names.filter(|name| !columns.contains(name))
    }

    /// What a column is for; `None` if no query adds it.
    pub(crate) fn role(&self, column: &str) -> Option<Role> {
        let mut columns = self.columns();
        columns
            .find(|(name, _, _)| name == column)
            .map(|(_, _, role)| *role)
    }

    /// The query that adds a column, by its number.
    pub(crate) fn query_of(&self, column: &str) -> Option<usize> {
        let adds = |query: &QueryColumns| query.columns.iter().any(|(name, _, _)| name == column);
        self.queries.iter().position(adds)
    }
}

/// The columns whose values are found again in the prompt. Templates hold no logic, so none is overlooked.
fn prompt_columns(experiment: &Experiment, query: &QueryId) -> Vec<String> {
    let mark = |column: &str| format!("\u{1}{column}\u{1}");
    let marked: Vec<(&str, String)> = experiment
        .columns
        .iter()
        .map(|column| (column.as_str(), mark(column)))
        .collect();
    let context = PromptContext::new(marked.iter().map(|(name, mark)| (*name, mark.as_str())));
    let prompt = experiment
        .prompts
        .render(query, &context)
        .unwrap_or_default();
    let shown = experiment.columns.iter();
    shown
        .filter(|column| prompt.contains(&mark(column)))
        .cloned()
        .collect()
}

fn options(kind: &QueryKind) -> Vec<(String, String)> {
    let QueryKind::Score(query) = kind else {
        return Vec::new();
    };
    let column = |label: &str| query.columns.probability.replace("{label}", label);
    let options = query.options.iter();
    options
        .map(|option| (column(&option.label), option.label.clone()))
        .collect()
}

fn reading(kind: &QueryKind) -> Option<Reading> {
    match kind {
        QueryKind::Generate(query) => Some(query.reading.clone()),
        _ => None,
    }
}

fn generated(query: &GenerateQuery) -> Vec<(String, ColumnType, Role)> {
    let measure = match &query.reading {
        Reading::WholeNumber(_) => ColumnType::Integer,
        _ => ColumnType::Text,
    };
    let mut columns = vec![(query.response_column.clone(), ColumnType::Text, Role::Raw)];
    let read = query.reading.columns().into_iter();
    columns.extend(read.map(|name| (name.to_owned(), measure, Role::Sampled)));
    let id = query.result_id_column.iter();
    columns.extend(id.map(|name| (name.clone(), ColumnType::Text, Role::Raw)));
    columns
}

fn scored(query: &ScoreQuery) -> Vec<(String, ColumnType, Role)> {
    let named = &query.columns;
    let probabilities = query
        .options
        .iter()
        .map(|option| named.probability.replace("{label}", &option.label));
    let fixed = [&named.mean, &named.std, &named.entropy];
    let fixed = fixed.into_iter().flatten().cloned();
    let marginals = named.marginals.iter().map(|(column, _)| column.clone());
    probabilities
        .chain(fixed)
        .chain(marginals)
        .map(|name| (name, ColumnType::Number, Role::Scored))
        .collect()
}

/// The experiments that are known: the built-in ones and those that the caller knows.
#[derive(Debug, Clone, Default)]
pub struct Definitions(Vec<Definition>);

impl Definitions {
    /// These experiments; of two with one id the first counts.
    pub fn new<'a>(experiments: impl IntoIterator<Item = &'a Experiment>) -> Self {
        Self(experiments.into_iter().map(Definition::of).collect())
    }

    /// The definition of the experiment `id`, if it is known and `columns` are those of its records: all columns of
    /// its queries must be among them. A file that was changed since does not describe these records.
    pub(crate) fn of_records(&self, id: &str, columns: &BTreeSet<&str>) -> Option<&Definition> {
        let definition = self.of_id(id)?;
        definition
            .not_in(columns)
            .next()
            .is_none()
            .then_some(definition)
    }

    /// The columns because of which the experiment `id` is none of the records with `columns`.
    pub(crate) fn lacking(&self, id: &str, columns: &BTreeSet<&str>) -> Vec<String> {
        let definition = self.of_id(id).into_iter();
        definition
            .flat_map(|definition| definition.not_in(columns))
            .map(str::to_owned)
            .collect()
    }

    fn of_id(&self, id: &str) -> Option<&Definition> {
        self.0.iter().find(|definition| definition.id == id)
    }
}

#[cfg(test)]
mod tests {
    use grace_core::experiment::builtin;

    use super::*;

    fn definition(id: &str) -> Definition {
        let file = builtin(id).unwrap();
        Definition::of(&Experiment::parse(file.file, file.text).unwrap())
    }

    #[test]
    fn columns_have_the_types_that_the_file_states() {
        let study1 = definition("study1_exp1");
        assert_eq!(study1.stated_type("quantity"), Some(ColumnType::Integer));
        assert_eq!(study1.stated_type("knowledge"), Some(ColumnType::Text));
        assert_eq!(study1.stated_type("access"), None);
        let scored = definition("study1_exp2");
        assert_eq!(
            scored.stated_type("state0_prob_100"),
            Some(ColumnType::Number)
        );
        assert_eq!(
            scored.stated_type("state3_entropy"),
            Some(ColumnType::Number)
        );
        assert_eq!(
            scored.stated_type("entropy_knowledge"),
            Some(ColumnType::Number)
        );
        let polite = definition("study2_exp2");
        assert_eq!(
            polite.stated_type("prob_wasnt_good"),
            Some(ColumnType::Number)
        );
        assert_eq!(polite.stated_type("prob_wasnt"), Some(ColumnType::Number));
    }

    #[test]
    fn prompts_tell_which_columns_they_show() {
        let study1 = definition("study1_exp1");
        let quantity = &study1.queries[0];
        assert_eq!(quantity.id, "quantity");
        assert_eq!(
            quantity.prompt,
            ["story_setup", "priorQ", "speach", "speachQ"]
        );
        assert!(quantity.options.is_empty());
        let scored = &definition("study1_exp2").queries[0];
        assert_eq!(
            scored.options[1],
            (String::from("state0_prob_10"), String::from("10"))
        );
    }

    #[test]
    fn a_file_describes_only_records_that_have_its_columns() {
        let definitions = Definitions(vec![definition("study2_exp1")]);
        let of = |columns: &[&'static str]| {
            definitions
                .of_records("study2_exp1", &columns.iter().copied().collect())
                .is_some()
        };
        assert!(of(&["response", "polarity", "quality"]));
        assert!(of(&["polarity", "quality"]));
        assert!(!of(&["response", "politeness"]));
    }
}
