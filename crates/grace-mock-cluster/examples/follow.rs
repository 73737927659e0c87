//! A Job of a thousand pods, for measuring what following it costs: `benches/run.sh follow`.
//!
//! `follow FOLDER` writes a kubeconfig there and prints its path. Pods of each Job start and end spread over about a minute.
//! For each line on stdin it prints how many requests there were by verb and kind, and of how many changes watches told.

#![expect(
    clippy::print_stdout,
    reason = "an example: what it prints is read by a script"
)]

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::time::Duration;

use grace_mock_cluster::{MockCluster, Outcome, Workload};

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| String::from("."));
    let cluster = MockCluster::start_blocking();
    // Pods are made at once and start together; their ends are spread over the middle 40 s of a minute.
    let workload = Workload::new(|attempt| {
        let spread = u64::from(attempt.index) * 7_919 % 1_000;
        Outcome::success().after(Duration::from_millis(10_000 + spread * 40))
    });
    cluster.controller(workload.starts_after(Duration::from_secs(2)));
    println!("{}", cluster.kubeconfig(folder.as_ref(), "token").display());
    for line in std::io::stdin().lock().lines() {
        line?;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for request in cluster.requests() {
            *counts
                .entry(format!("{} {}", request.verb, request.resource))
                .or_default() += 1;
        }
        let counts: Vec<String> = counts
            .into_iter()
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        println!("{}", counts.join(", "));
    }
    Ok(())
}
