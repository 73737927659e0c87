use grace_seed::{ExperimentSeed, RequestKey, RequestSeed, SeedBits, request_seed};
use proptest::prelude::*;
use serde::Deserialize;

use crate::vectors;

const KEY: RequestKey<'_> = RequestKey {
    model: "google/gemma-2-2b-it",
    experiment: "study1_exp1",
    experiment_seed: ExperimentSeed(1001),
    trial_id: 17,
    query: "answer",
    draw: 0,
};

#[derive(Deserialize)]
struct Case {
    model: String,
    experiment: String,
    experiment_seed: u64,
    trial_id: u64,
    query: String,
    draw: u32,
    bits31: u64,
    bits53: u64,
}

fn seed31(key: &RequestKey<'_>) -> RequestSeed {
    request_seed(key, SeedBits::Bits31)
}

/// Python's `hashlib`, with the function in the documentation.
#[test]
fn value_stability_request_seed() {
    assert_eq!(seed31(&KEY), RequestSeed(290_794_673));
    assert_eq!(
        request_seed(&KEY, SeedBits::Bits53),
        RequestSeed(715_219_719_761_073)
    );
}

#[test]
fn value_stability_request_seeds_of_hashlib() {
    for case in vectors::cases::<Case>("request_seeds.json") {
        let key = RequestKey {
            model: &case.model,
            experiment: &case.experiment,
            experiment_seed: ExperimentSeed(case.experiment_seed),
            trial_id: case.trial_id,
            query: &case.query,
            draw: case.draw,
        };
        assert_eq!(seed31(&key), RequestSeed(case.bits31), "{key:?}");
        assert_eq!(
            request_seed(&key, SeedBits::Bits53),
            RequestSeed(case.bits53),
            "{key:?}"
        );
    }
}

#[test]
fn where_a_field_ends_matters() {
    let split_late = RequestKey {
        model: "ab",
        experiment: "c",
        ..KEY
    };
    let split_early = RequestKey {
        model: "a",
        experiment: "bc",
        ..KEY
    };
    assert_ne!(seed31(&split_late), seed31(&split_early));
}

#[test]
fn widths_are_read_as_they_are_written() {
    for bits in [SeedBits::Bits31, SeedBits::Bits53] {
        assert_eq!(bits.to_string().parse(), Ok(bits));
        assert_eq!(bits.as_u32().try_into(), Ok(bits));
    }
    assert_eq!(SeedBits::default().as_u32(), 31);
}

#[test]
fn other_widths_are_told_the_known_ones() {
    let message = "unknown number of seed bits `32`, expected `31` or `53`";
    assert_eq!("32".parse::<SeedBits>().unwrap_err().to_string(), message);
    assert_eq!(SeedBits::try_from(32).unwrap_err().to_string(), message);
}

type OwnedKey = (String, String, u64, u64, String, u32);

fn key(owned: &OwnedKey) -> RequestKey<'_> {
    let (model, experiment, experiment_seed, trial_id, query, draw) = owned;
    RequestKey {
        model,
        experiment,
        experiment_seed: ExperimentSeed(*experiment_seed),
        trial_id: *trial_id,
        query,
        draw: *draw,
    }
}

/// `key` with the one field numbered `field` changed.
fn with_field_changed<'a>(key: RequestKey<'a>, field: u32, longer: &'a str) -> RequestKey<'a> {
    match field {
        0 => RequestKey {
            model: longer,
            ..key
        },
        1 => RequestKey {
            experiment: longer,
            ..key
        },
        2 => RequestKey {
            experiment_seed: ExperimentSeed(!key.experiment_seed.0),
            ..key
        },
        3 => RequestKey {
            trial_id: key.trial_id ^ 1,
            ..key
        },
        4 => RequestKey {
            query: longer,
            ..key
        },
        _ => RequestKey {
            draw: key.draw ^ 1,
            ..key
        },
    }
}

proptest! {
    #[test]
    fn masks_hold_and_the_narrow_seed_is_the_low_part_of_the_wide_one(owned: OwnedKey) {
        let narrow = request_seed(&key(&owned), SeedBits::Bits31).0;
        let wide = request_seed(&key(&owned), SeedBits::Bits53).0;
        prop_assert!(wide < 1 << 53);
        prop_assert_eq!(narrow, wide % (1 << 31));
    }

    /// By chance this fails once in 2^53.
    #[test]
    fn one_changed_field_changes_the_seed(owned: OwnedKey, field in 0_u32..6) {
        let key = key(&owned);
        let longer = format!("{}{}{}x", key.model, key.experiment, key.query);
        let changed = with_field_changed(key, field, &longer);
        let bits = SeedBits::Bits53;
        prop_assert_ne!(request_seed(&key, bits), request_seed(&changed, bits));
    }

    #[test]
    fn text_moved_between_fields_changes_the_seed(text in "[a-z]{2,12}", a in 0..=12_usize, b in 0..=12_usize) {
        let (a, b) = (a.min(text.len()), b.min(text.len()));
        prop_assume!(a != b);
        let cut = |at| {
            let (model, experiment) = text.split_at(at);
            request_seed(&RequestKey { model, experiment, ..KEY }, SeedBits::Bits53)
        };
        prop_assert_ne!(cut(a), cut(b));
    }

    #[test]
    fn seeds_of_other_trials_stay_when_a_trial_is_added(trials in 1_u32..50, seed: u64) {
        let seeds = |trials: u32| -> Vec<RequestSeed> {
            let experiment_seed = ExperimentSeed(seed);
            (0..trials.into())
                .map(|trial_id| seed31(&RequestKey { experiment_seed, trial_id, ..KEY }))
                .collect()
        };
        prop_assert_eq!(&seeds(trials + 1)[..trials as usize], seeds(trials));
    }
}
