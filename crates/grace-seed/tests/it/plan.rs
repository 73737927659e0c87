use std::collections::BTreeSet;

use grace_seed::{BaseSeed, DEFAULT_FIRST_BASE_SEED, ExperimentSeed, SeedPlan, SeedPlanError};
use proptest::prelude::*;

fn plan(
    first_base_seed: u64,
    replications: u32,
    experiments: &[(&str, u64)],
) -> Result<SeedPlan, SeedPlanError> {
    let experiments = experiments
        .iter()
        .map(|&(id, offset)| (id.to_owned(), offset));
    SeedPlan::new(first_base_seed, replications, experiments)
}

#[track_caller]
fn check_refused(plan: Result<SeedPlan, SeedPlanError>, message: &str, hint: Option<&str>) {
    let error = plan.unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(error.hint().as_deref(), hint);
}

const STUDIES: [(&str, u64); 4] = [
    ("study1_exp1", 0),
    ("study2_exp1", 1000),
    ("study1_exp2", 2000),
    ("study2_exp2", 3000),
];

#[test]
fn value_stability_seeds_of_the_four_experiments() {
    let plan = plan(DEFAULT_FIRST_BASE_SEED, 50, &STUDIES).unwrap();
    assert_eq!(plan.base_seed(0), Ok(BaseSeed(1001)));
    assert_eq!(plan.base_seed(49), Ok(BaseSeed(1050)));
    let seeds = STUDIES.map(|(id, _)| plan.experiment_seed(19, id).unwrap().0);
    assert_eq!(seeds, [1020, 2020, 3020, 4020]);
}

#[test]
fn iteration_goes_by_replication_then_experiment() {
    let plan = plan(7, 2, &[("b", 100), ("a", 0)]).unwrap();
    let all: Vec<_> = plan
        .iter()
        .map(|seed| {
            (
                seed.index,
                seed.base_seed.0,
                seed.experiment,
                seed.experiment_seed.0,
            )
        })
        .collect();
    assert_eq!(
        all,
        [
            (0, 7, "b", 107),
            (0, 7, "a", 7),
            (1, 8, "b", 108),
            (1, 8, "a", 8)
        ]
    );
    assert!(plan.experiments().eq([("b", 100), ("a", 0)]));
    assert_eq!(plan.replications(), 2);
}

#[test]
fn seeds_that_meet_are_refused() {
    check_refused(
        plan(1001, 20, &[("far", 500), ("high", 110), ("low", 100)]),
        "offsets of experiments `low` (100) and `high` (110) are too close for 20 replications: \
         at index 10, `low` has the seed 1111 that `high` has at index 0",
        Some("put the offsets at least 21 apart"),
    );
}

#[test]
fn equal_offsets_meet_at_index_0() {
    let error = plan(1001, 1, &[("a", 5), ("b", 5)]).unwrap_err();
    assert!(matches!(
        error,
        SeedPlanError::OffsetsTooClose {
            meet_at: 0,
            seed: ExperimentSeed(1006),
            ..
        }
    ));
}

#[test]
fn a_gap_of_the_number_of_replications_is_refused_and_one_more_is_not() {
    assert!(matches!(
        plan(1001, 20, &[("a", 0), ("b", 20)]),
        Err(SeedPlanError::OffsetsTooClose { meet_at: 20, .. })
    ));
    assert!(plan(1001, 20, &[("a", 0), ("b", 21)]).is_ok());
}

#[test]
fn the_closest_of_several_pairs_is_named() {
    let error = plan(0, 9, &[("a", 0), ("b", 5), ("c", 7), ("d", 10)]).unwrap_err();
    assert!(matches!(
        error,
        SeedPlanError::OffsetsTooClose { lower, higher, meet_at: 2, .. }
            if lower == "b" && higher == "c"
    ));
}

#[test]
fn zero_replications_are_refused() {
    check_refused(
        plan(1001, 0, &STUDIES),
        "a seed plan has 0 replications, expected at least 1",
        None,
    );
}

#[test]
fn an_experiment_id_given_twice_is_refused() {
    check_refused(
        plan(1001, 5, &[("a", 0), ("b", 100), ("a", 200)]),
        "experiment `a` is in the seed plan twice",
        None,
    );
}

#[test]
fn the_largest_seed_is_allowed_and_one_more_refused() {
    let last = plan(u64::MAX - 109, 10, &[("a", 0), ("b", 100)]).unwrap();
    assert_eq!(last.experiment_seed(9, "b"), Ok(ExperimentSeed(u64::MAX)));
    check_refused(
        plan(u64::MAX - 108, 10, &[("a", 0), ("b", 100)]),
        "first base seed 18446744073709551507, 10 replications and offset 100 lead to a seed over \
         the largest possible, 18446744073709551615",
        Some("lower the first base seed or the offset by at least 1"),
    );
}

#[test]
fn extreme_numbers_are_refused_without_a_panic() {
    assert!(matches!(
        plan(u64::MAX, u32::MAX, &[("a", u64::MAX), ("b", 0)]),
        Err(SeedPlanError::Overflow { .. })
    ));
    assert!(matches!(
        plan(u64::MAX, 2, &[]),
        Err(SeedPlanError::Overflow { .. })
    ));
    assert!(plan(0, u32::MAX, &[("a", 0), ("b", 1 << 32)]).is_ok());
}

#[test]
fn what_is_not_in_the_plan_has_no_seed() {
    let plan = plan(1001, 20, &STUDIES).unwrap();
    assert_eq!(
        plan.base_seed(20).unwrap_err().to_string(),
        "replication index 20 is not in the seed plan, which has 0 to 19"
    );
    assert_eq!(
        plan.experiment_seed(0, "study3").unwrap_err().to_string(),
        "experiment `study3` is not in the seed plan"
    );
}

fn seeds_are_distinct(replications: u32, offsets: &[u64]) -> bool {
    let mut seen = BTreeSet::new();
    offsets
        .iter()
        .all(|offset| (0..u64::from(replications)).all(|index| seen.insert(offset + index)))
}

proptest! {
    /// Accepted if and only if all seeds stay distinct with one replication
    /// added; distinct as they are, therefore.
    #[test]
    fn accepted_plans_are_those_with_distinct_seeds(
        first_base_seed in 0_u64..5000,
        replications in 1_u32..12,
        offsets in prop::collection::vec(0_u64..60, 0..5),
    ) {
        let experiments = offsets.iter().enumerate().map(|(i, &offset)| (format!("exp{i}"), offset));
        let plan = SeedPlan::new(first_base_seed, replications, experiments);
        prop_assert_eq!(plan.is_ok(), seeds_are_distinct(replications + 1, &offsets));
        if let Ok(plan) = plan {
            let seeds: BTreeSet<_> = plan.iter().map(|seed| seed.experiment_seed).collect();
            prop_assert_eq!(seeds.len(), replications as usize * offsets.len());
            for seed in plan.iter() {
                prop_assert_eq!(plan.base_seed(seed.index), Ok(seed.base_seed));
                let looked_up = plan.experiment_seed(seed.index, seed.experiment);
                prop_assert_eq!(looked_up, Ok(seed.experiment_seed));
            }
        }
    }

    #[test]
    fn the_named_experiments_meet_first_at_the_named_index(
        replications in 1_u32..12,
        offsets in prop::collection::vec(0_u64..40, 2..5),
    ) {
        let experiments = offsets.iter().enumerate().map(|(i, &offset)| (format!("{i}"), offset));
        if let Err(SeedPlanError::OffsetsTooClose { lower, higher, meet_at, .. }) =
            SeedPlan::new(0, replications, experiments)
        {
            let offset = |id: String| offsets[id.parse::<usize>().unwrap()];
            prop_assert_eq!(offset(lower) + u64::from(meet_at), offset(higher));
            prop_assert!(seeds_are_distinct(meet_at, &offsets));
            prop_assert!(!seeds_are_distinct(meet_at + 1, &offsets));
        }
    }
}
