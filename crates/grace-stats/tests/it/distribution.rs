//! Distributions, against mpmath and NumPy, and the laws they keep.

use grace_stats::distribution::{Distribution, DistributionError, binary_entropy_bits};
use proptest::prelude::*;
use serde::Deserialize;

use crate::references::{assert_close, copied, shared};

const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Expected {
    distributions: Vec<Weighted>,
    softmax: Vec<Scored>,
    binary_entropy: Vec<Binary>,
}

#[derive(Deserialize)]
struct Weighted {
    name: String,
    status: String,
    values: Vec<f64>,
    probs_in: Vec<f64>,
    sum: f64,
    probs: Option<Vec<f64>>,
    mean: Option<f64>,
    std_population: Option<f64>,
    entropy_bits: Option<f64>,
    entropy_normalised: Option<f64>,
    mode: Option<f64>,
    median: Option<f64>,
}

#[derive(Deserialize)]
struct Scored {
    name: String,
    status: String,
    logprobs: Vec<Number>,
    probs: Option<Vec<f64>>,
    logsumexp: Number,
    log_probs_normalised: Option<Vec<Number>>,
    entropy_bits: Option<f64>,
}

#[derive(Deserialize)]
struct Binary {
    p: f64,
    entropy_bits: f64,
}

/// A number, or `"-Infinity"` in quotes.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "serde_json::Value")]
struct Number(f64);

impl TryFrom<serde_json::Value> for Number {
    type Error = std::num::ParseFloatError;

    fn try_from(value: serde_json::Value) -> Result<Self, Self::Error> {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        text.parse().map(Self)
    }
}

fn check_weighted(case: &Weighted) {
    let name = &case.name;
    let made = Distribution::from_weights(&case.probs_in);
    if case.status != "ok" {
        let options = case.probs_in.len();
        assert_eq!(made.unwrap_err(), DistributionError::NoMass { options });
        return;
    }
    let valued = made.unwrap().with_values(&case.values).unwrap();
    let distribution = valued.distribution();
    check_probs(name, distribution, case.probs.as_ref().unwrap());
    assert_close(name, distribution.mass(), case.sum, TOLERANCE * case.sum);
    let entropy = distribution.entropy_bits();
    assert_close(name, entropy, case.entropy_bits.unwrap(), TOLERANCE);
    let relative = distribution.relative_entropy().unwrap();
    assert_close(name, relative, case.entropy_normalised.unwrap(), TOLERANCE);
    let mean = case.mean.unwrap();
    assert_close(name, valued.mean(), mean, TOLERANCE * mean.max(1.0));
    let std = case.std_population.unwrap();
    assert_close(name, valued.std(), std, TOLERANCE * std.max(1.0));
    assert_eq!(Some(valued.mode()), case.mode, "{name}");
    assert_eq!(Some(valued.median()), case.median, "{name}");
}

fn check_scored(case: &Scored) {
    let name = &case.name;
    let logprobs: Vec<f64> = case.logprobs.iter().map(|number| number.0).collect();
    let made = Distribution::from_logprobs(&logprobs);
    if case.status != "ok" {
        let options = logprobs.len();
        assert_eq!(made.unwrap_err(), DistributionError::NoMass { options });
        return;
    }
    let made = made.unwrap();
    check_probs(name, &made, case.probs.as_ref().unwrap());
    let lse = case.logsumexp.0;
    assert_close(name, made.log_mass(), lse, TOLERANCE * lse.abs().max(1.0));
    let logs = case.log_probs_normalised.as_ref().unwrap();
    for (found, expected) in made.logprobs().iter().zip(logs) {
        let tolerance = TOLERANCE * expected.0.abs().max(1.0);
        assert_close(name, *found, expected.0, tolerance);
    }
    let entropy = case.entropy_bits.unwrap();
    assert_close(name, made.entropy_bits(), entropy, TOLERANCE);
}

fn check_probs(name: &str, distribution: &Distribution, expected: &[f64]) {
    assert_eq!(distribution.probs().len(), expected.len(), "{name}");
    for (found, expected) in distribution.probs().iter().zip(expected) {
        assert_close(name, *found, *expected, TOLERANCE);
    }
}

fn check(expected: &Expected) {
    assert!(!expected.distributions.is_empty() && !expected.softmax.is_empty());
    expected.distributions.iter().for_each(check_weighted);
    expected.softmax.iter().for_each(check_scored);
    for case in &expected.binary_entropy {
        let found = binary_entropy_bits(case.p).unwrap();
        assert_close("binary", found, case.entropy_bits, TOLERANCE);
    }
}

#[test]
fn agrees_with_mpmath() {
    let copied = copied::<Expected>("distributions.json");
    let shared = shared::<Expected>("dist/expected.json");
    copied.iter().chain(&shared).for_each(check);
}

/// Log-probabilities of 1 to 12 options, some of them impossible, at least one not.
fn logprobs() -> impl Strategy<Value = Vec<f64>> {
    let one =
        prop_oneof![4 => -10_000.0..0.0_f64, 4 => -5.0..0.0_f64, 1 => Just(f64::NEG_INFINITY)];
    (prop::collection::vec(one, 0..12), -10_000.0..0.0_f64).prop_map(|(mut logprobs, finite)| {
        logprobs.push(finite);
        logprobs
    })
}

proptest! {
    #[test]
    fn probabilities_sum_to_1(logprobs in logprobs()) {
        let distribution = Distribution::from_logprobs(&logprobs).unwrap();
        let sum: f64 = distribution.probs().iter().sum();
        prop_assert!((sum - 1.0).abs() < 1e-14);
        prop_assert!(distribution.probs().iter().all(|prob| (0.0..=1.0).contains(prob)));
    }

    #[test]
    fn a_shift_of_all_logprobs_only_shifts_the_mass(logprobs in logprobs(), shift in -1000.0..1000.0_f64) {
        let plain = Distribution::from_logprobs(&logprobs).unwrap();
        let moved: Vec<f64> = logprobs.iter().map(|logprob| logprob + shift).collect();
        let moved = Distribution::from_logprobs(&moved).unwrap();
        for (one, other) in plain.probs().iter().zip(moved.probs()) {
            prop_assert!((one - other).abs() < 1e-11);
        }
        prop_assert!((moved.log_mass() - plain.log_mass() - shift).abs() < 1e-8);
    }

    #[test]
    fn entropy_is_between_0_and_that_of_even_options(logprobs in logprobs()) {
        let distribution = Distribution::from_logprobs(&logprobs).unwrap();
        let largest = (logprobs.len() as f64).log2();
        let entropy = distribution.entropy_bits();
        prop_assert!(entropy.is_sign_positive() && entropy <= largest + 1e-12);
    }

    #[test]
    fn marginals_add_up(logprobs in logprobs(), classes in prop::collection::vec(0_usize..4, 13)) {
        let distribution = Distribution::from_logprobs(&logprobs).unwrap();
        let classes = &classes[..logprobs.len()];
        let marginal = distribution.marginal(classes, 4).unwrap();
        for class in 0..4 {
            let sum = distribution.prob_where(|option| classes[option] == class);
            prop_assert!((marginal.probs()[class] - sum).abs() < 1e-14);
        }
        prop_assert!(marginal.entropy_bits() <= distribution.entropy_bits() + 1e-12);
    }

    #[test]
    fn mean_and_std_stay_within_the_values(logprobs in logprobs(), offset in -1e6..1e6_f64) {
        let values: Vec<f64> = (0..logprobs.len()).map(|i| offset + i as f64).collect();
        let last = values[values.len() - 1];
        let valued = Distribution::from_logprobs(&logprobs).unwrap().with_values(&values).unwrap();
        prop_assert!(valued.mean() >= offset - 1e-8 && valued.mean() <= last + 1e-8);
        prop_assert!(valued.std() <= (last - offset) / 2.0 + 1e-8);
        prop_assert!(values.contains(&valued.median()) && values.contains(&valued.mode()));
    }
}
