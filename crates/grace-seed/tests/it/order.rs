use grace_seed::{OrderAlgorithm, OrderError, trial_order};
use proptest::prelude::*;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::vectors;

#[derive(Deserialize)]
struct Case {
    algorithm: String,
    seed: u64,
    n: u32,
    sha256_le_u32: String,
    order: Option<Vec<u32>>,
}

fn sha256_le_u32(order: &[u32]) -> String {
    let bytes: Vec<u8> = order.iter().flat_map(|row| row.to_le_bytes()).collect();
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// NumPy 2.4.6: `numpy.random.default_rng(seed).permutation(n).tolist()`.
#[test]
fn value_stability_pcg64() {
    let check = |seed, expected: &[u32]| {
        let len = u32::try_from(expected.len()).unwrap();
        assert_eq!(
            trial_order(OrderAlgorithm::Pcg64, seed, len).unwrap(),
            expected
        );
    };
    check(0, &[]);
    check(0, &[0]);
    check(0, &[4, 6, 2, 7, 3, 5, 9, 0, 8, 1]);
    check(1001, &[1, 7, 9, 5, 6, 4, 2, 0, 3, 8]);
    check(u64::MAX, &[4, 0, 3, 1, 2]);
}

/// pandas 3.1.1: `DataFrame(…).sample(frac=1.0, random_state=seed).index.tolist()`.
#[test]
fn value_stability_pandas() {
    let check = |seed, expected: &[u32]| {
        let len = u32::try_from(expected.len()).unwrap();
        assert_eq!(
            trial_order(OrderAlgorithm::Pandas, seed, len).unwrap(),
            expected
        );
    };
    check(0, &[]);
    check(0, &[0]);
    check(0, &[2, 8, 4, 9, 1, 6, 7, 3, 0, 5]);
    check(42, &[8, 1, 5, 0, 7, 2, 9, 4, 3, 6]);
    check(4_294_967_295, &[4, 1, 0, 2, 3]);
}

#[test]
fn value_stability_orders_of_numpy_and_pandas() {
    for case in vectors::cases::<Case>("orders.json") {
        let algorithm = case.algorithm.parse().unwrap();
        let order = trial_order(algorithm, case.seed, case.n).unwrap();
        let place = format!("{algorithm}, seed {}, n {}", case.seed, case.n);
        assert_eq!(sha256_le_u32(&order), case.sha256_le_u32, "{place}");
        if let Some(expected) = case.order {
            assert_eq!(order, expected, "{place}");
        }
    }
}

#[test]
fn as_given_is_the_order_of_the_file() {
    assert_eq!(
        trial_order(OrderAlgorithm::AsGiven, u64::MAX, 4).unwrap(),
        [0, 1, 2, 3]
    );
}

#[test]
fn pandas_refuses_a_seed_over_32_bits() {
    let error = trial_order(OrderAlgorithm::Pandas, 4_294_967_302, 3).unwrap_err();
    assert_eq!(
        error,
        OrderError::SeedTooLarge {
            seed: 4_294_967_302
        }
    );
    assert_eq!(
        error.to_string(),
        "seed 4294967302 does not fit MT19937, which takes at most 4294967295"
    );
    assert_eq!(
        error.hint().unwrap(),
        "lower the seed by at least 7, or use the order `pcg64`"
    );
}

#[test]
fn names_are_read_as_they_are_written() {
    for name in ["pcg64", "pandas", "as-given"] {
        assert_eq!(name.parse::<OrderAlgorithm>().unwrap().to_string(), name);
    }
}

#[test]
fn an_unknown_name_is_told_the_known_ones() {
    let error = "PCG64".parse::<OrderAlgorithm>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown order `PCG64`, expected `pcg64`, `pandas` or `as-given`"
    );
    assert_eq!(error.hint(), None);
}

fn algorithms() -> impl Strategy<Value = OrderAlgorithm> {
    prop_oneof![
        Just(OrderAlgorithm::Pcg64),
        Just(OrderAlgorithm::Pandas),
        Just(OrderAlgorithm::AsGiven)
    ]
}

proptest! {
    #[test]
    fn every_order_is_a_permutation(
        algorithm in algorithms(), seed: u32, trials in 0_u32..3000,
    ) {
        let mut order = trial_order(algorithm, seed.into(), trials).unwrap();
        order.sort_unstable();
        prop_assert!(order.into_iter().eq(0..trials));
    }

    #[test]
    fn one_seed_gives_one_order(algorithm in algorithms(), seed: u32, trials in 0_u32..600) {
        let order = || trial_order(algorithm, seed.into(), trials);
        prop_assert_eq!(order(), order());
    }

    #[test]
    fn pcg64_takes_any_seed(seed: u64, trials in 0_u32..100) {
        prop_assert!(trial_order(OrderAlgorithm::Pcg64, seed, trials).is_ok());
    }
}
