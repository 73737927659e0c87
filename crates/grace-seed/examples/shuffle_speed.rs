//! Prints how long it takes to order a million trials, in milliseconds.
//!
//! `cargo run --release -p grace-seed --example shuffle_speed`; the same from
//! NumPy: `python benches/shuffle.py` in the repository.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::hint::black_box;
use std::time::Instant;

use grace_seed::{OrderAlgorithm, OrderError, trial_order};

const TRIALS: u32 = 1_000_000;
const REPEATS: u64 = 31;

fn main() -> Result<(), OrderError> {
    for algorithm in [OrderAlgorithm::Pcg64, OrderAlgorithm::Pandas] {
        println!("grace {algorithm:<6} {:8.2} ms", median_ms(algorithm)?);
    }
    Ok(())
}

fn median_ms(algorithm: OrderAlgorithm) -> Result<f64, OrderError> {
    let mut times_ms = Vec::new();
    for seed in 0..REPEATS {
        let start = Instant::now();
        black_box(trial_order(algorithm, black_box(seed), TRIALS)?);
        times_ms.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times_ms.sort_by(f64::total_cmp);
    Ok(times_ms[times_ms.len() / 2])
}
