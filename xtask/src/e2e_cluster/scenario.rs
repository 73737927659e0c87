//! Launch, kill a pod, collect, verify, cancel.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::config::{Names, PARALLELISM, REPLICATIONS};
use super::grace::Grace;
use super::kubectl::Kubectl;

/// Longer than any cluster takes for five replications of some seconds, images pulled.
const LONG: Duration = Duration::from_mins(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Plays all of it; says of each step what came of it.
pub(super) fn play(grace: &Grace, kubectl: &Kubectl, names: &Names) -> Result<()> {
    grace.must("doctor", &[]).context("doctor")?;
    println!("doctor: nothing is missing");
    launch(grace, kubectl, names).context("launch")?;
    launch_again(grace, names).context("launch again")?;
    measure_storage(grace).context("doctor --measure-storage")?;
    let results = grace.folder("results");
    collect_and_verify(grace, &results).context("collect")?;
    println!("collect, verify: {REPLICATIONS} replications, all sealed and whole");
    grace.must("cancel", &["--delete", "--yes"])?;
    let left = of_model(&grace.status()?, names).is_some();
    ensure!(!left, "cancel --delete: the Job is still there");
    println!("cancel --delete: the Job is gone");
    ensure!(
        kubectl.has_claim(names)?,
        "the claim {} is gone",
        names.claim
    );
    collect_and_verify(grace, &grace.folder("results-again")).context("collect after cancel")?;
    println!("the claim still has all results");
    Ok(())
}

/// Launches, kills a pod meanwhile, and sees that there are never too many.
fn launch(grace: &Grace, kubectl: &Kubectl, names: &Names) -> Result<()> {
    let begin = Instant::now();
    let mut launch = grace.start_launch()?;
    let mut killed = None;
    let (mut looks, mut most) = (0, 0);
    let code = loop {
        if let Some(code) = launch.ended()? {
            break code;
        }
        ensure!(
            begin.elapsed() < LONG,
            "not at its end after {} min; {}",
            LONG.as_secs() / 60,
            grace.last_words()
        );
        let status = grace.status()?;
        let running = running(&status, names);
        looks += 1;
        most = most.max(running);
        ensure!(
            running <= PARALLELISM,
            "{running} replications run at the same time, expected at most {PARALLELISM}: {status}"
        );
        if killed.is_none() && running > 0 {
            killed = kill(kubectl, names)?;
        }
        sleep(PAUSE);
    };
    ensure!(code == 0, "exit code {code}; {}", grace.last_words());
    let killed = killed.context("it was over before a pod could be killed")?;
    ensure!(most > 0, "no look saw a running replication");
    println!(
        "launch: complete after {:.0} s, at most {most} at once in {looks} looks, although {killed} was killed",
        begin.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Kills one running pod; its name.
fn kill(kubectl: &Kubectl, names: &Names) -> Result<Option<String>> {
    let Some(pod) = kubectl.running(&names.job)?.into_iter().next() else {
        return Ok(None);
    };
    kubectl.delete(&pod)?;
    Ok(Some(pod))
}

fn launch_again(grace: &Grace, names: &Names) -> Result<()> {
    let before = grace.status()?;
    let said = grace.launch_again()?;
    let row = of_model(&said, names).context("it says nothing of the model")?;
    ensure!(
        row["outcome"] == "already_complete",
        "outcome {}, expected already_complete",
        row["outcome"]
    );
    let after = grace.status()?;
    ensure!(
        before == after,
        "it changed something: {before} before, {after} after"
    );
    println!("launch again: already complete, nothing changed");
    Ok(())
}

/// No pod runs any more: `doctor` makes one.
fn measure_storage(grace: &Grace) -> Result<()> {
    let report = grace.doctor_with_pod()?;
    let checks = report["checks"].as_array().context("no checks")?;
    let left = checks.iter().find(|it| it["name"] == "storage left");
    let left = left.context("it says nothing of storage left")?;
    ensure!(left["verdict"] != "unknown", "{left}");
    println!("doctor --measure-storage: {}", left["found"]);
    Ok(())
}

fn collect_and_verify(grace: &Grace, folder: &std::path::Path) -> Result<()> {
    grace.collect(folder)?;
    grace.verify(folder).map(drop)
}

/// How many replications run.
fn running(status: &Value, names: &Names) -> usize {
    let running = of_model(status, names).and_then(|row| row["running"].as_array());
    running.map_or(0, Vec::len)
}

/// The row of the model.
fn of_model<'a>(rows: &'a Value, names: &Names) -> Option<&'a Value> {
    let mut rows = rows.as_array()?.iter();
    rows.find(|row| row["model"] == names.model)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_replications_of_this_run_count() {
        let names = Names::of("1");
        let rows =
            json!([{"model": "other", "running": [0, 1, 2]}, {"model": "e2e-1", "running": [3]}]);
        assert_eq!(running(&rows, &names), 1);
        assert_eq!(running(&json!([]), &names), 0);
    }
}
