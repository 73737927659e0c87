//! The settings of a study as a whole: `plan.yaml`.

use grace_seed::{DEFAULT_FIRST_BASE_SEED, OrderAlgorithm, SeedBits};

use crate::id::ExperimentId;
use crate::problem::Problems;
use crate::scoring::ScoringSettings;
use crate::yaml::{Document, Field};

/// How request seeds are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RequestSeeds {
    /// Each request its own, derived from what it asks.
    #[default]
    PerRequest,
    /// The experiment seed with every request, as runs before grace did. Equal prompts then meet
    /// equal random numbers, and answers of one replication are no independent draws.
    Shared,
}

/// Which server measures the probability of options, where grace starts the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ScoringServer {
    /// The one that sampled texts: the model is loaded once.
    #[default]
    Same,
    /// One of its own, started with further arguments when the first is stopped.
    Separate,
}

/// What holds for all replications of a study.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanSettings {
    /// The experiments to run, in order; empty: those found in the configuration, else the built-in ones.
    pub experiments: Vec<ExperimentId>,
    /// The base seed of replication 0.
    pub first_base_seed: u64,
    /// How many replications are planned; seeds of different experiments must not meet within them.
    pub replications: u32,
    /// How trials are put in order.
    pub order: OrderAlgorithm,
    /// How request seeds are made.
    pub request_seeds: RequestSeeds,
    /// How large request seeds may be.
    pub seed_bits: SeedBits,
    /// Which server measures the probability of options.
    pub scoring_server: ScoringServer,
    /// How it does.
    pub scoring: ScoringSettings,
}

impl Default for PlanSettings {
    /// Base seeds from 1001 on, at most 100 replications, orders by `pcg64`, a seed for each request of 31 bits.
    fn default() -> Self {
        Self {
            experiments: Vec::new(),
            first_base_seed: DEFAULT_FIRST_BASE_SEED,
            replications: 100,
            order: OrderAlgorithm::Pcg64,
            request_seeds: RequestSeeds::default(),
            seed_bits: SeedBits::default(),
            scoring_server: ScoringServer::default(),
            scoring: ScoringSettings::default(),
        }
    }
}

impl ScoringServer {
    /// `same` or `separate`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Separate => "separate",
        }
    }
}

impl RequestSeeds {
    /// `per-request` or `shared`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PerRequest => "per-request",
            Self::Shared => "shared",
        }
    }
}

impl std::str::FromStr for RequestSeeds {
    type Err = RequestSeedsError;

    fn from_str(text: &str) -> Result<Self, RequestSeedsError> {
        match text {
            "per-request" => Ok(Self::PerRequest),
            "shared" => Ok(Self::Shared),
            _ => Err(RequestSeedsError(text.to_owned())),
        }
    }
}

/// A name that is no way to make request seeds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no way to make request seeds, expected `per-request` or `shared`")]
pub struct RequestSeedsError(String);

impl PlanSettings {
    /// Reads the text of a `plan.yaml`; `file` names it in messages.
    ///
    /// # Errors
    ///
    /// Returns every mistake in the file, with line and key.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problems> {
        let document = Document::parse(file, text)?;
        let settings = read(&document.root());
        document.finish(settings)
    }
}

fn read(root: &Field<'_>) -> Option<PlanSettings> {
    let default = PlanSettings::default();
    let map = root.mapping(&[
        "experiments",
        "first_base_seed",
        "replications",
        "order",
        "request_seeds",
        "seed_bits",
        "scoring_server",
        "scoring",
    ])?;
    let experiments = map
        .optional("experiments")
        .map_or_else(|| Some(Vec::new()), experiments);
    let first_base_seed = map
        .optional("first_base_seed")
        .map_or(Some(default.first_base_seed), |field| {
            Some(field.integer(0, i64::from(u32::MAX))?.unsigned_abs())
        });
    let replications = map
        .optional("replications")
        .map_or(Some(default.replications), |field| {
            u32::try_from(field.integer(1, 1_000_000)?).ok()
        });
    let order = map.optional("order").map_or(Some(default.order), |field| {
        field.parsed("`pcg64`, `pandas` or `as-given`", |text| text.parse().ok())
    });
    let request_seeds = map
        .optional("request_seeds")
        .map_or(Some(default.request_seeds), |field| {
            field.parsed("`per-request` or `shared`", |text| text.parse().ok())
        });
    let seed_bits = map
        .optional("seed_bits")
        .map_or(Some(default.seed_bits), |field| {
            field.parsed("31 or 53", |text| text.parse().ok())
        });
    let scoring_server =
        map.optional("scoring_server")
            .map_or(Some(default.scoring_server), |field| {
                field.parsed("`same` or `separate`", |text| match text {
                    "same" => Some(ScoringServer::Same),
                    "separate" => Some(ScoringServer::Separate),
                    _ => None,
                })
            });
    let scoring = map
        .optional("scoring")
        .map_or_else(|| Some(ScoringSettings::default()), ScoringSettings::read);
    Some(PlanSettings {
        experiments: experiments?,
        first_base_seed: first_base_seed?,
        replications: replications?,
        order: order?,
        request_seeds: request_seeds?,
        seed_bits: seed_bits?,
        scoring_server: scoring_server?,
        scoring: scoring?,
    })
}

fn experiments(field: &Field<'_>) -> Option<Vec<ExperimentId>> {
    let id = |item: &Field<'_>| item.parsed("an experiment's id", |text| text.parse().ok());
    field.list()?.iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_mapping_means_the_defaults() {
        assert_eq!(
            PlanSettings::parse("plan.yaml", "{}").unwrap(),
            PlanSettings::default()
        );
    }

    #[test]
    fn every_mistake_is_reported() {
        let text = "order: random\nreplications: 0\nseed_bits: 64\nrequest_seeds: none\nseed: 1\nscoring_server: both\nscoring: {method: echo, reuse: often}\n";
        let error = PlanSettings::parse("plan.yaml", text).unwrap_err();
        assert_eq!(error.as_slice().len(), 8, "{error}");
    }
}
