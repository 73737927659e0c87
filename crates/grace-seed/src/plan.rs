//! Which seeds each replication and each of its experiments has.

use std::fmt;

/// The first base seed of a plan where none is given.
pub const DEFAULT_FIRST_BASE_SEED: u64 = 1001;

/// The seed of one replication: the plan's first base seed plus its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaseSeed(pub u64);

impl fmt::Display for BaseSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The seed of one experiment in one replication: the base seed plus the
/// experiment's offset.
///
/// It orders the trials and is part of every request seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExperimentSeed(pub u64);

impl fmt::Display for ExperimentSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The base seeds and experiment seeds of a number of replications, with no
/// experiment seed given out twice.
///
/// # Examples
///
/// ```
/// use grace_seed::{DEFAULT_FIRST_BASE_SEED, ExperimentSeed, SeedPlan};
///
/// let experiments = [("study1_exp1".to_owned(), 0), ("study2_exp1".to_owned(), 1000)];
/// let plan = SeedPlan::new(DEFAULT_FIRST_BASE_SEED, 20, experiments)?;
/// assert_eq!(plan.experiment_seed(3, "study2_exp1")?, ExperimentSeed(2004));
///
/// let experiments = [("study1_exp1".to_owned(), 0), ("study2_exp1".to_owned(), 10)];
/// let error = SeedPlan::new(DEFAULT_FIRST_BASE_SEED, 20, experiments).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "offsets of experiments `study1_exp1` (0) and `study2_exp1` (10) are too close for \
///      20 replications: at index 10, `study1_exp1` has the seed 1011 that `study2_exp1` has \
///      at index 0",
/// );
/// # Ok::<(), grace_seed::SeedPlanError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedPlan {
    first_base_seed: u64,
    replications: u32,
    experiments: Vec<(String, u64)>,
}

impl SeedPlan {
    /// Plans the seeds of `replications` replications, with index 0 at
    /// `first_base_seed`, for experiments given as id and offset.
    ///
    /// # Errors
    ///
    /// The first of these that applies:
    /// [`NoReplications`](SeedPlanError::NoReplications),
    /// [`DuplicateExperiment`](SeedPlanError::DuplicateExperiment),
    /// [`Overflow`](SeedPlanError::Overflow) if a seed would be over
    /// 18446744073709551615, and
    /// [`OffsetsTooClose`](SeedPlanError::OffsetsTooClose) if the offsets of two
    /// experiments are no further apart than there are replications; of several
    /// such pairs, the closest is named. A plan without experiments is no error.
    pub fn new(
        first_base_seed: u64,
        replications: u32,
        experiments: impl IntoIterator<Item = (String, u64)>,
    ) -> Result<Self, SeedPlanError> {
        if replications == 0 {
            return Err(SeedPlanError::NoReplications);
        }
        let experiments = experiments.into_iter().collect();
        let plan = Self {
            first_base_seed,
            replications,
            experiments,
        };
        plan.check_ids()?;
        plan.check_range()?;
        plan.check_distances()?;
        Ok(plan)
    }

    /// The number of replications; their indexes start at 0.
    pub const fn replications(&self) -> u32 {
        self.replications
    }

    /// Id and offset of each experiment, in the order they were given.
    pub fn experiments(&self) -> impl Iterator<Item = (&str, u64)> {
        self.experiments
            .iter()
            .map(|(id, offset)| (id.as_str(), *offset))
    }

    /// The base seed of the replication at `index`.
    ///
    /// # Errors
    ///
    /// [`SeedPlanError::NoSuchReplication`] if there is no such index.
    pub fn base_seed(&self, index: u32) -> Result<BaseSeed, SeedPlanError> {
        if index < self.replications {
            Ok(BaseSeed(self.first_base_seed + u64::from(index)))
        } else {
            Err(SeedPlanError::NoSuchReplication {
                index,
                replications: self.replications,
            })
        }
    }

    /// The seed of the experiment `id` in the replication at `index`.
    ///
    /// # Errors
    ///
    /// [`SeedPlanError::NoSuchReplication`] if there is no such index,
    /// [`SeedPlanError::NoSuchExperiment`] if there is no such experiment.
    pub fn experiment_seed(&self, index: u32, id: &str) -> Result<ExperimentSeed, SeedPlanError> {
        let base_seed = self.base_seed(index)?;
        let Some((_, offset)) = self.experiments().find(|(known, _)| *known == id) else {
            return Err(SeedPlanError::NoSuchExperiment { id: id.to_owned() });
        };
        Ok(ExperimentSeed(base_seed.0 + offset))
    }

    /// Every experiment seed: replication by replication, each with its
    /// experiments in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = PlannedSeed<'_>> {
        (0..self.replications).flat_map(move |index| {
            let base_seed = BaseSeed(self.first_base_seed + u64::from(index));
            self.experiments()
                .map(move |(experiment, offset)| PlannedSeed {
                    index,
                    base_seed,
                    experiment,
                    experiment_seed: ExperimentSeed(base_seed.0 + offset),
                })
        })
    }

    fn check_ids(&self) -> Result<(), SeedPlanError> {
        let mut ids: Vec<&str> = self.experiments().map(|(id, _)| id).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(SeedPlanError::DuplicateExperiment {
                id: pair[0].to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// Makes sure that the additions elsewhere do not overflow.
    fn check_range(&self) -> Result<(), SeedPlanError> {
        let offset = self
            .experiments()
            .map(|(_, offset)| offset)
            .max()
            .unwrap_or(0);
        let last = u128::from(self.first_base_seed)
            + u128::from(self.replications - 1)
            + u128::from(offset);
        match last.checked_sub(u128::from(u64::MAX)) {
            None | Some(0) => Ok(()),
            Some(excess) => Err(SeedPlanError::Overflow {
                first_base_seed: self.first_base_seed,
                replications: self.replications,
                offset,
                excess,
            }),
        }
    }

    /// Experiments `a` and `b` have one seed in replications `i` and `j` if
    /// `offset_a + i == offset_b + j`, so if their offsets are at most
    /// `replications - 1` apart; first where the lower one has the index
    /// `offset_b - offset_a` and the higher one the index 0.
    ///
    /// A distance of exactly `replications` is refused too: those seeds would
    /// meet as soon as one replication is added.
    fn check_distances(&self) -> Result<(), SeedPlanError> {
        let mut by_offset: Vec<(&str, u64)> = self.experiments().collect();
        by_offset.sort_by_key(|(_, offset)| *offset);
        let closest = by_offset
            .windows(2)
            .min_by_key(|pair| pair[1].1 - pair[0].1);
        let Some(&[lower, higher]) = closest else {
            return Ok(());
        };
        match u32::try_from(higher.1 - lower.1) {
            Ok(meet_at) if meet_at <= self.replications => Err(SeedPlanError::OffsetsTooClose {
                lower: lower.0.to_owned(),
                lower_offset: lower.1,
                higher: higher.0.to_owned(),
                higher_offset: higher.1,
                replications: self.replications,
                meet_at,
                seed: ExperimentSeed(self.first_base_seed + higher.1),
            }),
            _ => Ok(()),
        }
    }
}

/// The seeds of one experiment in one replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedSeed<'a> {
    /// 0-based index of the replication.
    pub index: u32,
    /// Base seed of the replication.
    pub base_seed: BaseSeed,
    /// Id of the experiment.
    pub experiment: &'a str,
    /// Seed of the experiment in this replication.
    pub experiment_seed: ExperimentSeed,
}

/// Why there is no such plan, or no such seed in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeedPlanError {
    /// A plan has to have a replication.
    #[error("a seed plan has 0 replications, expected at least 1")]
    NoReplications,
    /// One id was given to two experiments.
    #[error("experiment `{id}` is in the seed plan twice")]
    DuplicateExperiment {
        /// The id that occurs twice.
        id: String,
    },
    /// The largest seed of the plan does not fit 64 bits.
    #[error(
        "first base seed {first_base_seed}, {replications} replications and offset {offset} lead \
         to a seed over the largest possible, {}",
        u64::MAX
    )]
    Overflow {
        /// The base seed of index 0.
        first_base_seed: u64,
        /// The number of replications.
        replications: u32,
        /// The largest offset of an experiment, 0 if there is none.
        offset: u64,
        /// By how much the largest seed is too large.
        excess: u128,
    },
    /// Two experiments have, or with one more replication would have, a seed in
    /// common.
    #[error(
        "offsets of experiments `{lower}` ({lower_offset}) and `{higher}` ({higher_offset}) are \
         too close for {replications} replications: at index {meet_at}, `{lower}` has the seed \
         {seed} that `{higher}` has at index 0"
    )]
    OffsetsTooClose {
        /// Id of the experiment with the lower offset.
        lower: String,
        /// Its offset.
        lower_offset: u64,
        /// Id of the experiment with the higher offset.
        higher: String,
        /// Its offset.
        higher_offset: u64,
        /// The number of replications.
        replications: u32,
        /// First index at which the lower one has a seed of the higher one.
        meet_at: u32,
        /// The first seed in common.
        seed: ExperimentSeed,
    },
    /// The index is past the last replication.
    #[error("replication index {index} is not in the seed plan, which has 0 to {}", replications.saturating_sub(1))]
    NoSuchReplication {
        /// The index asked for.
        index: u32,
        /// The number of replications.
        replications: u32,
    },
    /// No experiment of the plan has this id.
    #[error("experiment `{id}` is not in the seed plan")]
    NoSuchExperiment {
        /// The id asked for.
        id: String,
    },
}

impl SeedPlanError {
    /// What to do about it, if there is more to say than the message does.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Overflow { excess, .. } => Some(format!(
                "lower the first base seed or the offset by at least {excess}"
            )),
            Self::OffsetsTooClose { replications, .. } => Some(format!(
                "put the offsets at least {} apart",
                u64::from(*replications) + 1
            )),
            _ => None,
        }
    }
}
