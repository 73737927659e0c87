//! The steps: kill, resume, check, verify, replay, leave alone. Each prints what it found.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::grace::Grace;
use super::results::{Replication, rows};
use super::server::Server;
use super::{checks, scores};
use crate::command::output;

/// The experiments, and the file of stimuli of each; those that sample text come first.
pub(crate) const EXPERIMENTS: [(&str, &str); 4] = [
    ("study1_exp1", "study1.csv"),
    ("study2_exp1", "study2.csv"),
    ("study1_exp2", "study1.csv"),
    ("study2_exp2", "study2.csv"),
];

/// How soon a sealed replication is left.
const AT_ONCE: Duration = Duration::from_secs(2);
/// How soon no server is left of a `grace-cli` that was killed: the time between SIGTERM and SIGKILL, and some more.
const TO_END: Duration = Duration::from_mins(1);

/// Does a step and prints how it went.
pub(crate) fn step(name: &str, act: impl FnOnce() -> Result<String>) -> Result<()> {
    let started = Instant::now();
    let found = act().with_context(|| format!("step `{name}` failed"))?;
    let seconds = started.elapsed().as_secs_f64();
    println!("  ok {seconds:>6.1} s  {name:<32}  {found}");
    Ok(())
}

/// A replication that is killed once and resumed, and everything that must hold of it then.
pub(crate) fn kill_and_resume(grace: &Grace<'_>, model: &str) -> Result<()> {
    step("kill -9 in the middle", || kill_in_the_middle(grace, model))?;
    step("resumed", || {
        grace.replicate(model)?;
        complete(grace, model, 2)
    })?;
    check(grace, model)
}

/// A replication in one go, and everything that must hold of it then.
pub(crate) fn run_through(grace: &Grace<'_>, model: &str) -> Result<()> {
    step("run through", || {
        grace.replicate(model)?;
        complete(grace, model, 1)
    })?;
    check(grace, model)
}

/// `verify` finds no fault in all results, and no server runs.
pub(crate) fn verify(grace: &Grace<'_>) -> Result<()> {
    step("no server is left", || nothing_runs(grace))?;
    step("verify", || {
        grace.verify().map(|()| String::from("no fault"))
    })
}

/// Asks a server, started by the command on record, for the first `trials` trials of each experiment again, and for whatever `more`
/// asks its address for. All texts must be the same, and all log-probabilities but for `noise` nats.
pub(crate) fn ask_again(
    grace: &Grace<'_>,
    model: &str,
    trials: usize,
    noise: f64,
    more: impl FnOnce(&str) -> Result<()>,
) -> Result<()> {
    let mut server = grace.serve(model)?;
    let asked = EXPERIMENTS
        .iter()
        .try_for_each(|(experiment, _)| {
            step(&format!("replay of {experiment}"), || {
                replay(grace, model, experiment, trials, noise, &server)
            })
        })
        .and_then(|()| more(server.url()));
    if server.has_ended() {
        let ended = format!("the model server has ended; {}", server.last_words());
        asked.context(ended.clone())?;
        bail!(ended);
    }
    asked?;
    drop(server);
    step("no server is left", || nothing_runs(grace))
}

/// A sealed replication is left alone by another `replicate`.
pub(crate) fn leave_alone(grace: &Grace<'_>, model: &str, attempts: usize) -> Result<()> {
    step("run again when sealed", || {
        let replication = grace.replication(model);
        let before = replication.manifest();
        let started = Instant::now();
        grace.replicate(model)?;
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
        complete(grace, model, attempts)?;
        Ok(format!(
            "exit 0 after {} ms, nothing changed",
            took.as_millis()
        ))
    })
}

/// Kills `grace-cli` when the first scores are there.
fn kill_in_the_middle(grace: &Grace<'_>, model: &str) -> Result<String> {
    const SCORES: [&str; 1] = [EXPERIMENTS[2].0];
    let replication = grace.replication(model);
    let mut child = grace.start_replicate(model)?;
    while replication.journal_lines(&SCORES)? < 2 {
        if let Some(status) = child.try_wait()? {
            bail!(
                "it ended with {status} before it could be killed; {}",
                grace.last_words()
            );
        }
        thread::sleep(Duration::from_millis(50));
    }
    // Else its absence afterwards would say nothing.
    ensure!(grace.runs(), "the model server is not seen while it runs");
    child.kill().context("kill -9")?;
    child.wait()?;
    let lines = replication.journal_lines(&EXPERIMENTS.map(|(id, _)| id))?;
    ensure!(
        replication.manifest().is_none(),
        "it was sealed before it was killed"
    );
    let ended = nothing_runs(grace)?;
    Ok(format!("{lines} queries are on disk; {ended}"))
}

fn nothing_runs(grace: &Grace<'_>) -> Result<String> {
    let started = Instant::now();
    while grace.runs() {
        ensure!(
            started.elapsed() < TO_END,
            "a model server is left behind after {} s",
            TO_END.as_secs()
        );
        thread::sleep(Duration::from_millis(20));
    }
    let waited = started.elapsed().as_millis();
    Ok(format!("no model server after {waited} ms"))
}

fn complete(grace: &Grace<'_>, model: &str, attempts: usize) -> Result<String> {
    let metadata = grace.replication(model).metadata()?;
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
    let scoring = &metadata["probe"]["scoring"];
    let method = grace.settings().method;
    ensure!(
        scoring["method"] == method,
        "scoring is {scoring}, expected {method}"
    );
    Ok(format!(
        "complete after {attempts} attempt(s), chain rule within {} nat",
        scoring["chain_rule_nat"]
    ))
}

/// Everything that must hold of a sealed replication.
fn check(grace: &Grace<'_>, model: &str) -> Result<()> {
    let replication = grace.replication(model);
    for (experiment, stimuli) in EXPERIMENTS {
        step(&format!("records of {experiment}"), || {
            let rows = expected_rows(grace, stimuli)?;
            let records = replication.records(experiment)?;
            let journal = replication.journal(experiment)?;
            checks::complete_and_in_order(&records, rows)?;
            let answered = checks::answered_once(&records, &journal)?;
            let (compared, distinct) = checks::seeds_as_recorded(&records, &journal)?;
            let scored = if experiment.ends_with("exp2") {
                let distributions = scores::distributions(&records, grace.settings().method)?;
                format!(", {distributions} distributions")
            } else {
                String::new()
            };
            Ok(format!(
                "{rows} trials once and in order, {answered} queries answered once, {compared} seeds as sent, {distinct} distinct{scored}"
            ))
        })?;
    }
    step("MANIFEST.sha256", || manifest(&replication))
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

fn replay(
    grace: &Grace<'_>,
    model: &str,
    experiment: &str,
    trials: usize,
    noise: f64,
    server: &Server,
) -> Result<String> {
    let replication = grace.replication(model);
    let records = replication.records(experiment)?;
    let first = records.iter().take(trials);
    let first: Vec<u64> = first
        .filter_map(|record| record["trial_id"].as_u64())
        .collect();
    let replayed = grace.replay(&replication, experiment, &first, server.url())?;
    let (same, all) = checks::same_answers(&replayed, noise)?;
    ensure!(
        same == all,
        "{same} of {all} answers are the same, expected all of such a server:\n{replayed:#}"
    );
    Ok(format!("{same} of {all} answers are the same"))
}

/// Prints what became of the queries.
pub(crate) fn counts(grace: &Grace<'_>, models: &[&str]) -> Result<()> {
    const OUTCOMES: [&str; 7] = [
        "answered",
        "unparsable",
        "truncated",
        "refused_by_server",
        "over_context",
        "failed",
        "reused",
    ];
    println!("\nmodel                    experiment   trials  queries  parse rate  outcomes");
    for model in models {
        let metadata = grace.replication(model).metadata()?;
        for (experiment, _) in EXPERIMENTS {
            let counts = &metadata["counts"][experiment];
            let count = |name: &str| counts[name].as_u64().unwrap_or_default();
            let queries = count("queries");
            ensure!(
                queries > 0,
                "metadata.json of {model} counts no queries of {experiment}"
            );
            let rate = 100.0 * count("answered") as f64 / queries as f64;
            let outcomes: Vec<String> = OUTCOMES
                .iter()
                .filter(|name| count(name) > 0)
                .map(|name| format!("{name} {}", count(name)))
                .collect();
            println!(
                "{model:<23}  {experiment}  {:>6}  {queries:>7}  {rate:>8.1} %  {}",
                count("trials"),
                outcomes.join(", ")
            );
        }
    }
    println!();
    Ok(())
}

fn expected_rows(grace: &Grace<'_>, stimuli: &str) -> Result<usize> {
    let path = grace.settings().stimuli.join(stimuli);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(rows(&text).min(usize::try_from(grace.settings().limit)?))
}
