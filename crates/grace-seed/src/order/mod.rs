//! The order of the trials within one replication.

mod pandas;
mod pcg64;
mod permutation;
#[cfg(test)]
mod references;

use std::fmt;
use std::str::FromStr;

/// The order in which one replication runs its trials.
///
/// Position `p` of the result holds the trial (0-based row number of its
/// stimulus) that is run `p`-th; the result has `trials` entries, each of
/// `0..trials` once. The seed of an order is the experiment seed.
///
/// # Errors
///
/// [`OrderError::SeedTooLarge`] if `algorithm` is [`OrderAlgorithm::Pandas`]
/// and `seed` is over 4294967295. Zero trials are no error: their order is
/// empty.
///
/// # Stability
///
/// The result for given arguments never changes: published trial orders depend
/// on it. Tests hold it to what NumPy and pandas print.
///
/// # Examples
///
/// ```
/// use grace_seed::{OrderAlgorithm, trial_order};
///
/// // >>> numpy.random.default_rng(1001).permutation(10)
/// let order = trial_order(OrderAlgorithm::Pcg64, 1001, 10)?;
/// assert_eq!(order, [1, 7, 9, 5, 6, 4, 2, 0, 3, 8]);
///
/// // >>> pandas.DataFrame({"row": range(10)}).sample(frac=1.0, random_state=42).index
/// let order = trial_order(OrderAlgorithm::Pandas, 42, 10)?;
/// assert_eq!(order, [8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
/// # Ok::<(), grace_seed::OrderError>(())
/// ```
pub fn trial_order(
    algorithm: OrderAlgorithm,
    seed: u64,
    trials: u32,
) -> Result<Vec<u32>, OrderError> {
    match algorithm {
        OrderAlgorithm::Pcg64 => Ok(pcg64::permutation(seed.into(), trials)),
        OrderAlgorithm::Pandas => match u32::try_from(seed) {
            Ok(seed) => Ok(pandas::permutation(seed, trials)),
            Err(_) => Err(OrderError::SeedTooLarge { seed }),
        },
        OrderAlgorithm::AsGiven => Ok((0..trials).collect()),
    }
}

/// A way to order trials, frozen under its name.
///
/// Written and read as `pcg64`, `pandas` and `as-given`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OrderAlgorithm {
    /// `numpy.random.default_rng(seed).permutation(n)`; takes any seed.
    Pcg64,
    /// `pandas.DataFrame.sample(frac=1.0, random_state=seed)`, which is
    /// `numpy.random.RandomState(seed).permutation(n)`; takes seeds up to
    /// 4294967295. For data collected by Python scripts.
    Pandas,
    /// The order of the stimuli file; the seed has no part in it.
    AsGiven,
}

impl OrderAlgorithm {
    const ALL: [Self; 3] = [Self::Pcg64, Self::Pandas, Self::AsGiven];

    const fn name(self) -> &'static str {
        match self {
            Self::Pcg64 => "pcg64",
            Self::Pandas => "pandas",
            Self::AsGiven => "as-given",
        }
    }
}

impl fmt::Display for OrderAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for OrderAlgorithm {
    type Err = OrderError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name);
        known.ok_or_else(|| OrderError::UnknownAlgorithm {
            name: name.to_owned(),
        })
    }
}

/// Why there is no such trial order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// No algorithm has this name.
    #[error("unknown order `{name}`, expected `pcg64`, `pandas` or `as-given`")]
    UnknownAlgorithm {
        /// The name as given.
        name: String,
    },
    /// The seed has more than the 32 bits that pandas takes.
    #[error("seed {seed} does not fit MT19937, which takes at most {}", u32::MAX)]
    SeedTooLarge {
        /// The seed as given.
        seed: u64,
    },
}

impl OrderError {
    /// What to do about it, if there is more to say than the message does.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownAlgorithm { .. } => None,
            Self::SeedTooLarge { seed } => {
                let excess = seed.saturating_sub(u32::MAX.into());
                Some(format!(
                    "lower the seed by at least {excess}, or use the order `pcg64`"
                ))
            }
        }
    }
}
