//! The seed that is sent with one request.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::ExperimentSeed;

/// The seed sent with one request, below 2^31 or 2^53 (see [`SeedBits`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestSeed(pub u64);

impl fmt::Display for RequestSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a request seed depends on, and all it depends on.
///
/// The trial's place in the order is not in it, nor is any other trial: one
/// trial can be replayed by itself, and adding trials changes no seed. The
/// model is in it because models of one family share a vocabulary, and would
/// share their random numbers too.
// Not `non_exhaustive`: another field would be another seed, hence a `v2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey<'a> {
    /// Name of the model as the server knows it.
    pub model: &'a str,
    /// Id of the experiment.
    pub experiment: &'a str,
    /// Seed of the experiment in this replication.
    pub experiment_seed: ExperimentSeed,
    /// 0-based row number of the stimulus.
    pub trial_id: u64,
    /// Id of the query within the trial.
    pub query: &'a str,
    /// 0-based index of the draw, where one query is sampled several times.
    pub draw: u32,
}

/// Derives the seed of one request from its key.
///
/// The first 8 bytes, big-endian, of SHA-256 over seven fields, of which the
/// lowest `bits` bits are kept. Each field is preceded by its length as 8 bytes
/// big-endian, so no two keys run together; strings are UTF-8, numbers are 8
/// bytes big-endian.
///
/// # Stability
///
/// The result never changes for a given key and width: published data are
/// replayed by it. In Python:
///
/// ```python
/// import hashlib
///
/// def request_seed(model, experiment, experiment_seed, trial_id, query, draw, bits=31):
///     fields = ["grace.request-seed/v1", model, experiment, experiment_seed, trial_id, query, draw]
///     hasher = hashlib.sha256()
///     for field in fields:
///         data = field.encode() if isinstance(field, str) else field.to_bytes(8, "big")
///         hasher.update(len(data).to_bytes(8, "big") + data)
///     return int.from_bytes(hasher.digest()[:8], "big") & (2**bits - 1)
/// ```
///
/// # Examples
///
/// ```
/// use grace_seed::{ExperimentSeed, RequestKey, RequestSeed, SeedBits, request_seed};
///
/// let key = RequestKey {
///     model: "google/gemma-2-2b-it",
///     experiment: "study1_exp1",
///     experiment_seed: ExperimentSeed(1001),
///     trial_id: 17,
///     query: "answer",
///     draw: 0,
/// };
/// assert_eq!(request_seed(&key, SeedBits::Bits31), RequestSeed(290_794_673));
/// assert_eq!(request_seed(&key, SeedBits::Bits53), RequestSeed(715_219_719_761_073));
/// ```
pub fn request_seed(key: &RequestKey<'_>, bits: SeedBits) -> RequestSeed {
    // Taken apart so that a field cannot be forgotten.
    let RequestKey {
        model,
        experiment,
        experiment_seed,
        trial_id,
        query,
        draw,
    } = *key;
    let mut hasher = Sha256::new();
    field(&mut hasher, b"grace.request-seed/v1");
    field(&mut hasher, model.as_bytes());
    field(&mut hasher, experiment.as_bytes());
    field(&mut hasher, &experiment_seed.0.to_be_bytes());
    field(&mut hasher, &trial_id.to_be_bytes());
    field(&mut hasher, query.as_bytes());
    field(&mut hasher, &u64::from(draw).to_be_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = digest;
    let word = u64::from_be_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
    RequestSeed(word & bits.mask())
}

fn field(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

/// How many bits a request seed has; written and read as `31` or `53`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SeedBits {
    /// Below 2^31, which every server and reader takes: R and llama.cpp lose
    /// larger integers.
    #[default]
    Bits31,
    /// Below 2^53, the integers that JSON readers keep exactly. Fewer seeds are
    /// equal by chance, unless the server cuts them to 32 bits.
    Bits53,
}

impl SeedBits {
    const ALL: [Self; 2] = [Self::Bits31, Self::Bits53];

    /// The number of bits: 31 or 53.
    pub const fn as_u32(self) -> u32 {
        match self {
            Self::Bits31 => 31,
            Self::Bits53 => 53,
        }
    }

    const fn mask(self) -> u64 {
        (1 << self.as_u32()) - 1
    }
}

impl fmt::Display for SeedBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_u32().fmt(f)
    }
}

impl FromStr for SeedBits {
    type Err = SeedBitsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|bits| bits.to_string() == text);
        known.ok_or_else(|| SeedBitsError {
            given: text.to_owned(),
        })
    }
}

impl TryFrom<u32> for SeedBits {
    type Error = SeedBitsError;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        let known = Self::ALL.into_iter().find(|bits| bits.as_u32() == number);
        known.ok_or_else(|| SeedBitsError {
            given: number.to_string(),
        })
    }
}

/// A seed width that is not on offer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown number of seed bits `{given}`, expected `31` or `53`")]
#[non_exhaustive]
pub struct SeedBitsError {
    /// The width as given.
    pub given: String,
}
