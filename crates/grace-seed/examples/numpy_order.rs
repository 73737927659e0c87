//! Prints the trial orders of the first replications, each with the line of
//! Python that prints the same.
//!
//! `cargo run -p grace-seed --example numpy_order`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use grace_seed::{
    DEFAULT_FIRST_BASE_SEED, OrderAlgorithm, OrderError, SeedPlan, SeedPlanError, trial_order,
};

const TRIALS: u32 = 12;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print_orders(&plan()?)?;
    Ok(())
}

fn plan() -> Result<SeedPlan, SeedPlanError> {
    let experiments = [
        ("study1_exp1".to_owned(), 0),
        ("study2_exp1".to_owned(), 1000),
    ];
    SeedPlan::new(DEFAULT_FIRST_BASE_SEED, 3, experiments)
}

fn print_orders(plan: &SeedPlan) -> Result<(), OrderError> {
    for planned in plan.iter() {
        let seed = planned.experiment_seed;
        let order = trial_order(OrderAlgorithm::Pcg64, seed.0, TRIALS)?;
        println!("replication {}, {}", planned.index, planned.experiment);
        println!("  numpy.random.default_rng({seed}).permutation({TRIALS})");
        println!("  {order:?}");
    }
    Ok(())
}
