//! The inner parts and whole orders against `refs/shuffle`, which NumPy 2.4.6
//! and pandas 3.1.1 printed. That folder is not part of the repository: without
//! it these tests pass and say so.

use std::path::PathBuf;

use rand_mt::Mt;
use rand_pcg::rand_core::Rng as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{pandas, pcg64};

#[derive(Deserialize)]
struct File<C> {
    cases: Vec<C>,
}

#[derive(Deserialize)]
struct OrderCase {
    seed: Box<RawValue>,
    n: u32,
    sha256_le_u32: String,
    order: Option<Vec<u32>>,
}

#[derive(Deserialize)]
struct StreamCase {
    seed: Box<RawValue>,
    mt19937_legacy_first8_u32: Option<Vec<u32>>,
    pcg64_first8_u64: Vec<u64>,
}

#[derive(Deserialize)]
struct SequenceCase {
    entropy: serde_json::Value,
    pool: [u32; 4],
    generate_state_4_u64: [u64; 4],
}

fn cases<C: DeserializeOwned>(name: &str) -> Vec<C> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/refs/shuffle");
    if !folder.exists() {
        println!("skipped: {} is not there", folder.display());
        return Vec::new();
    }
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let file: File<C> = serde_json::from_str(&text).unwrap();
    assert!(!file.cases.is_empty());
    file.cases
}

#[track_caller]
fn check_order(case: &OrderCase, order: &[u32]) {
    let bytes: Vec<u8> = order.iter().flat_map(|row| row.to_le_bytes()).collect();
    let digest = Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    assert_eq!(
        digest, case.sha256_le_u32,
        "seed {}, n {}",
        case.seed, case.n
    );
    if let Some(expected) = &case.order {
        assert_eq!(order, expected);
    }
}

#[test]
fn pcg64_orders_are_numpys() {
    for case in cases::<OrderCase>("default_rng_permutation.json") {
        let seed = case.seed.get().parse().unwrap();
        check_order(&case, &pcg64::permutation(seed, case.n));
    }
}

#[test]
fn pandas_orders_are_those_of_pandas() {
    for case in cases::<OrderCase>("pandas_sample.json") {
        let seed = case.seed.get().parse().unwrap();
        check_order(&case, &pandas::permutation(seed, case.n));
    }
}

#[test]
fn raw_streams_are_numpys() {
    for case in cases::<StreamCase>("raw_streams.json") {
        let seed = case.seed.get();
        let mut pcg = pcg64::seeded(seed.parse().unwrap());
        assert_eq!(
            [(); 8].map(|()| pcg.next_u64()),
            *case.pcg64_first8_u64,
            "seed {seed}"
        );
        if let Some(expected) = case.mt19937_legacy_first8_u32 {
            let mut mt = Mt::new(seed.parse().unwrap());
            assert_eq!([(); 8].map(|()| mt.next_u32()), *expected, "seed {seed}");
        }
    }
}

/// Entropy over 128 bits and lists of integers are beyond what we take.
#[test]
fn seed_sequences_are_numpys() {
    for case in cases::<SequenceCase>("seed_sequence.json") {
        let Some(entropy) = case.entropy.as_str().and_then(|text| text.parse().ok()) else {
            continue;
        };
        let pool = pcg64::entropy_pool(entropy);
        assert_eq!(pool, case.pool, "entropy {entropy}");
        assert_eq!(
            pcg64::generate_state(pool),
            case.generate_state_4_u64,
            "entropy {entropy}"
        );
    }
}
