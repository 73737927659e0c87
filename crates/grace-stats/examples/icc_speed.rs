//! How long the ICCs of 1,000 conditions take, each of 5 replications with 50 trials:
//! `cargo run --release -p grace-stats --example icc_speed`.
#![expect(clippy::print_stdout, reason = "an example for the terminal")]

use std::time::{Duration, Instant};

use grace_stats::ValueError;
use grace_stats::binary::{Counts, NotBinaryError, fit};
use grace_stats::law::Confidence;
use grace_stats::one_way::{Groups, OneWay, analyse};
use grace_stats::random::SplitMix64;

const CONDITIONS: usize = 1000;
const REPLICATIONS: u32 = 5;
const TRIALS: u32 = 50;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut random = SplitMix64::new(1);
    let ratings = conditions(|shift| random.below(4) as f64 + shift)?;
    let estimated =
        |groups: &&Groups| matches!(analyse(groups, Confidence::P95), OneWay::Estimated(_));
    let (elapsed, count) = fastest(|| ratings.iter().filter(estimated).count());
    println!("{count} ICCs with intervals, components and REML: {elapsed:.1?}");

    let mut random = SplitMix64::new(2);
    let answers = conditions(|shift| f64::from(random.next_unit() < 0.4 + shift))?;
    let counts: Result<Vec<Counts>, NotBinaryError> =
        answers.iter().map(Counts::from_groups).collect();
    let counts = counts?;
    let (elapsed, count) = fastest(|| {
        counts
            .iter()
            .map(fit)
            .filter(|f| f.as_str() == "ok")
            .count()
    });
    println!("{count} latent ICCs: {elapsed:.1?}");
    Ok(())
}

/// Conditions whose replications are shifted by 0 to 0.2.
fn conditions(mut value: impl FnMut(f64) -> f64) -> Result<Vec<Groups>, ValueError> {
    let condition = |_| {
        let labels =
            (0..REPLICATIONS).flat_map(|label| std::iter::repeat_n(label, TRIALS as usize));
        Groups::from_rows(labels.map(|label| (label, Some(value(f64::from(label) * 0.05)))))
    };
    (0..CONDITIONS).map(condition).collect()
}

/// The shortest time of five runs, and what the last one returned.
fn fastest<T>(run: impl Fn() -> T) -> (Duration, T) {
    let timed = || {
        let start = Instant::now();
        let value = run();
        (start.elapsed(), value)
    };
    let first = timed();
    (0..4)
        .map(|_| timed())
        .fold(first, |fastest, next| (fastest.0.min(next.0), next.1))
}
