//! Queries: one question put about a trial, and what becomes of the answer.

use serde::{Deserialize, Serialize};

use crate::answer::Reading;
use crate::id::QueryId;

/// One question put about a trial.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Query {
    /// Its name within the experiment.
    pub id: QueryId,
    /// The template as written.
    pub template: String,
    /// Whether text is sampled or options are scored.
    pub kind: QueryKind,
}

/// What is asked of the model.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum QueryKind {
    /// Sample text.
    Generate(GenerateQuery),
    /// The log-probability of given options.
    Score(ScoreQuery),
}

/// A query whose answer is sampled text.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GenerateQuery {
    /// How text is sampled; every field is sent.
    pub sampling: Sampling,
    /// Strings that end the answer.
    pub stop: Vec<String>,
    /// How the answer is read, and into which columns.
    pub reading: Reading,
    /// The column of the raw text.
    pub response_column: String,
    /// The column of the server's own id of the result, if it is kept.
    pub result_id_column: Option<String>,
}

/// A query that asks for probabilities of given options.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ScoreQuery {
    /// The options, in order.
    pub options: Vec<ScoreOption>,
    /// Where the results go.
    pub columns: ScoreColumns,
}

/// One option of a [`ScoreQuery`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ScoreOption {
    /// The text put behind the prompt, with its leading space.
    pub text: String,
    /// Its name in columns.
    pub label: String,
    /// Its number, for mean and standard deviation.
    pub value: Option<f64>,
    /// The column of its probability.
    pub column: String,
}

/// The columns of a [`ScoreQuery`].
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ScoreColumns {
    /// The probability of each option; `{label}` stands for the option's label.
    pub probability: String,
    /// The mean of the options' values.
    pub mean: Option<String>,
    /// The population standard deviation of the options' values.
    pub std: Option<String>,
    /// The entropy in bits.
    pub entropy: Option<String>,
    /// Sums of probabilities: a column and the labels that it adds up.
    pub marginals: Vec<(String, Vec<String>)>,
}

/// How text is sampled. Every field is sent with every request, because servers
/// fill gaps from the model's own files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// Softmax temperature, from 0 (the most likely token) to 2.
    pub temperature: f64,
    /// Nucleus sampling; 1 is off.
    pub top_p: f64,
    /// The number of tokens to choose from; 0 is off.
    pub top_k: i64,
    /// The least probability relative to the likeliest token; 0 is off.
    pub min_p: f64,
    /// Subtracted from the logit of tokens that occurred; 0 is off.
    pub presence_penalty: f64,
    /// Subtracted for each time that a token occurred; 0 is off.
    pub frequency_penalty: f64,
    /// Divides the logit of tokens that occurred; 1 is off.
    pub repetition_penalty: f64,
    /// The most tokens an answer may have.
    pub max_tokens: u32,
}

impl Default for Sampling {
    /// Temperature 0.7, every filter and penalty off, 32 tokens.
    fn default() -> Self {
        Self {
            temperature: 0.7,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            repetition_penalty: 1.0,
            max_tokens: 32,
        }
    }
}

impl QueryKind {
    /// The columns that the query adds to a record, in order.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::Generate(generate) => {
                let mut columns = vec![generate.response_column.as_str()];
                columns.extend(generate.reading.columns());
                columns.extend(generate.result_id_column.as_deref());
                columns
            }
            Self::Score(score) => score.column_names(),
        }
    }

    /// The generate query, if it is one.
    pub fn generate(&self) -> Option<&GenerateQuery> {
        match self {
            Self::Generate(generate) => Some(generate),
            Self::Score(_) => None,
        }
    }

    /// The score query, if it is one.
    pub fn score(&self) -> Option<&ScoreQuery> {
        match self {
            Self::Generate(_) => None,
            Self::Score(score) => Some(score),
        }
    }
}

impl ScoreQuery {
    /// The columns that the query adds to a record: the probability of each option, then mean, standard deviation,
    /// entropy and marginals, as far as they are asked for.
    pub fn column_names(&self) -> Vec<&str> {
        let ScoreColumns {
            mean,
            std,
            entropy,
            marginals,
            ..
        } = &self.columns;
        let options = self.options.iter().map(|option| option.column.as_str());
        let named = [mean, std, entropy]
            .into_iter()
            .filter_map(Option::as_deref);
        let marginals = marginals.iter().map(|(column, _)| column.as_str());
        options.chain(named).chain(marginals).collect()
    }
}
