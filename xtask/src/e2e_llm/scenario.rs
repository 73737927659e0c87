//! The steps: kill, resume, check, verify, repeat, replay, leave alone.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::checks;
use super::grace::{EXPERIMENTS, Grace};
use super::results::{Replication, rows};
use super::server::Server;
use crate::command::output;

/// How long `replicate` waits for a server that is away.
const PATIENCE: Duration = Duration::from_mins(2);
/// The same where there is no server and none is needed.
const NO_PATIENCE: Duration = Duration::from_secs(5);
/// How soon a sealed replication is left.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Plays all steps; the first that does not hold is the error.
pub(super) fn play(grace: &Grace, mut server: Server, slots: u32) -> Result<()> {
    let url = server.url().to_owned();
    let played = with_server(grace, &url, slots);
    if server.has_ended() {
        played.with_context(|| format!("the model server has ended; {}", server.last_words()))?;
        bail!("the model server has ended; {}", server.last_words());
    }
    played?;
    drop(server);
    step("run again when sealed, without a server", || {
        left_alone(grace, &url)
    })?;
    counts(grace, 2)
}

fn with_server(grace: &Grace, url: &str, slots: u32) -> Result<()> {
    let (first, second) = (grace.replication(0), grace.replication(1));
    step("replication 0, kill -9 in the middle", || {
        kill_in_the_middle(grace, &first, url)
    })?;
    step("replication 0, resumed", || {
        grace.replicate(0, url, PATIENCE)?;
        complete(&first, 2)
    })?;
    check(grace, &first)?;
    step("verify", || {
        grace.verify().map(|()| String::from("no fault"))
    })?;
    step("replication 1", || {
        grace.replicate(1, url, PATIENCE)?;
        complete(&second, 1)
    })?;
    check(grace, &second)?;
    step("orders of both", || orders(&first, &second))?;
    step("verify both", || {
        grace.verify().map(|()| String::from("no fault"))
    })?;
    for (experiment, _) in EXPERIMENTS {
        step(&format!("replay of {experiment}"), || {
            replay(grace, &first, experiment, url, slots)
        })?;
    }
    Ok(())
}

/// Does a step and prints how it went.
fn step(name: &str, act: impl FnOnce() -> Result<String>) -> Result<()> {
    let started = Instant::now();
    let found = act().with_context(|| format!("step `{name}` failed"))?;
    let seconds = started.elapsed().as_secs_f64();
    println!("  ok {seconds:>6.1} s  {name:<40}  {found}");
    Ok(())
}

fn kill_in_the_middle(grace: &Grace, replication: &Replication, url: &str) -> Result<String> {
    let experiments = EXPERIMENTS.map(|(id, _)| id);
    // Two queries a row in study 1 and one in study 2: about a third of all.
    let enough = expected_rows(grace, EXPERIMENTS[0].1)?;
    let mut child = grace.start_replicate(0, url, PATIENCE)?;
    while replication.journal_lines(&experiments)? < enough {
        if let Some(status) = child.try_wait()? {
            bail!(
                "it ended with {status} before it could be killed (a larger `--limit` gives time); {}",
                grace.last_words()
            );
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().context("kill -9")?;
    child.wait()?;
    let lines = replication.journal_lines(&experiments)?;
    ensure!(
        replication.manifest().is_none(),
        "it was sealed before it was killed"
    );
    Ok(format!("{lines} requests are on disk"))
}

fn complete(replication: &Replication, attempts: usize) -> Result<String> {
    let metadata = replication.metadata()?;
    let status = &metadata["status"];
    ensure!(
        status == "complete",
        "its status is {status}, expected `complete`"
    );
    let found = metadata["attempts"].as_array().map_or(0, Vec::len);
    ensure!(
        found == attempts,
        "{found} attempts are on record, expected {attempts}"
    );
    Ok(format!("complete after {attempts} attempt(s)"))
}

/// Everything that must hold of a sealed replication.
fn check(grace: &Grace, replication: &Replication) -> Result<()> {
    for (experiment, stimuli) in EXPERIMENTS {
        step(&format!("records of {experiment}"), || {
            let rows = expected_rows(grace, stimuli)?;
            let records = replication.records(experiment)?;
            let journal = replication.journal(experiment)?;
            checks::complete_and_in_order(&records, rows)?;
            let answered = checks::answered_once(&records, &journal)?;
            let (compared, distinct) = checks::seeds_as_recorded(&records, &journal)?;
            Ok(format!(
                "{rows} trials once and in order, {answered} queries answered once, {compared} seeds as sent, {distinct} distinct"
            ))
        })?;
    }
    step("MANIFEST.sha256", || manifest(replication))
}

fn manifest(replication: &Replication) -> Result<String> {
    let text = replication.manifest().context("is not sealed")?;
    for (experiment, _) in EXPERIMENTS {
        let name = format!("{experiment}.json");
        ensure!(
            text.lines().any(|line| line.ends_with(&name)),
            "{name} is not listed"
        );
    }
    let mut sums = Command::new("sha256sum");
    sums.args(["--check", "--strict", "MANIFEST.sha256"]);
    output(sums.current_dir(replication.folder()))?;
    Ok(format!(
        "sha256sum agrees on {} files",
        text.lines().count()
    ))
}

fn orders(first: &Replication, second: &Replication) -> Result<String> {
    for (experiment, _) in EXPERIMENTS {
        checks::reordered(&first.records(experiment)?, &second.records(experiment)?)
            .with_context(|| experiment.to_owned())?;
    }
    Ok(String::from("the same trials in other orders"))
}

fn replay(
    grace: &Grace,
    replication: &Replication,
    experiment: &str,
    url: &str,
    slots: u32,
) -> Result<String> {
    let records = replication.records(experiment)?;
    let chosen = [0, records.len() / 2, records.len() - 1];
    let mut trials: Vec<u64> = chosen
        .iter()
        .filter_map(|&place| records.get(place)?["trial_id"].as_u64())
        .collect();
    trials.dedup();
    let replayed = grace.replay(replication, experiment, &trials, url)?;
    let (same, all) = checks::same_texts(&replayed)?;
    // One slot without a prompt cache computes every request in the same way; several do not.
    ensure!(
        slots > 1 || same == all,
        "{same} of {all} texts are the same, expected all of a server with one slot:\n{replayed:#}"
    );
    Ok(format!("{same} of {all} texts are the same"))
}

fn left_alone(grace: &Grace, url: &str) -> Result<String> {
    let replication = grace.replication(0);
    let before = replication.manifest();
    let started = Instant::now();
    grace.replicate(0, url, NO_PATIENCE)?;
    let took = started.elapsed();
    ensure!(
        took < AT_ONCE,
        "it took {:.1} s, expected to leave it at once",
        took.as_secs_f64()
    );
    ensure!(
        before == replication.manifest(),
        "it changed what was sealed"
    );
    manifest(&replication)?;
    complete(&replication, 2)?;
    Ok(format!(
        "exit 0 after {} ms, nothing changed",
        took.as_millis()
    ))
}

/// Prints what became of the queries.
fn counts(grace: &Grace, replications: u32) -> Result<()> {
    const OUTCOMES: [&str; 6] = [
        "answered",
        "unparsable",
        "truncated",
        "refused_by_server",
        "over_context",
        "failed",
    ];
    println!("\nreplication  experiment   trials  queries  parse rate  outcomes");
    for index in 0..replications {
        let metadata = grace.replication(index).metadata()?;
        for (experiment, _) in EXPERIMENTS {
            let counts = &metadata["counts"][experiment];
            let count = |name: &str| counts[name].as_u64().unwrap_or_default();
            let queries = count("queries");
            ensure!(
                queries > 0,
                "metadata.json of replication {index} counts no queries of {experiment}"
            );
            let rate = 100.0 * count("answered") as f64 / queries as f64;
            let outcomes: Vec<String> = OUTCOMES
                .iter()
                .filter(|name| count(name) > 0)
                .map(|name| format!("{name} {}", count(name)))
                .collect();
            println!(
                "{index:>11}  {experiment}  {:>6}  {queries:>7}  {rate:>8.1} %  {}",
                count("trials"),
                outcomes.join(", ")
            );
        }
    }
    println!();
    Ok(())
}

fn expected_rows(grace: &Grace, stimuli: &str) -> Result<usize> {
    let path = grace.stimuli.join(stimuli);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(rows(&text).min(usize::try_from(grace.limit)?))
}
