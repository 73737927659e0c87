//! The steps: kill, resume, check, verify, replay, leave alone.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::checks;
use super::grace::{EXPERIMENTS, FOUR_SLOTS, Grace, ONE_SLOT};
use super::results::{Replication, rows};
use super::scores::{self, Compared};
use super::server::Server;
use crate::command::output;

/// How soon a sealed replication is left.
const AT_ONCE: Duration = Duration::from_secs(2);
/// How soon no server is left of a `grace-cli` that was killed.
const TO_END: Duration = Duration::from_secs(20);
/// Scores whose tokens are read one by one.
const ONE_BY_ONE: usize = 2;

/// Plays all steps; the first that does not hold is the error.
pub(super) fn play(grace: &Grace, start: impl FnOnce() -> Result<Server>) -> Result<()> {
    let (one, four) = (grace.replication(ONE_SLOT), grace.replication(FOUR_SLOTS));
    step("one slot: kill -9 in the middle", || {
        kill_in_the_middle(grace, &one)
    })?;
    step("one slot: resumed", || {
        grace.replicate(ONE_SLOT)?;
        complete(&one, 2)
    })?;
    check(grace, &one)?;
    step("one slot: noise of repeated scores", || noise(&one, true))?;
    step("four slots", || {
        grace.replicate(FOUR_SLOTS)?;
        complete(&four, 1)
    })?;
    check(grace, &four)?;
    step("four slots: noise of repeated scores", || {
        noise(&four, false)
    })?;
    step("no server is left", || no_server(grace))?;
    step("verify", || {
        grace.verify().map(|()| String::from("no fault"))
    })?;
    with_server(grace, &one, start()?)?;
    step("run again when sealed", || left_alone(grace, &one))?;
    counts(grace)
}

/// What needs a server that grace did not start.
fn with_server(grace: &Grace, replication: &Replication, mut server: Server) -> Result<()> {
    let url = server.url().to_owned();
    let played = ask_again(grace, replication, &url);
    if server.has_ended() {
        played.with_context(|| format!("the model server has ended; {}", server.last_words()))?;
        bail!("the model server has ended; {}", server.last_words());
    }
    played
}

fn ask_again(grace: &Grace, replication: &Replication, url: &str) -> Result<()> {
    for (experiment, _) in EXPERIMENTS {
        step(&format!("replay of {experiment}"), || {
            replay(grace, replication, experiment, url)
        })?;
    }
    step("forced tokens, read one by one", || {
        one_by_one(replication, url)
    })
}

/// Does a step and prints how it went.
fn step(name: &str, act: impl FnOnce() -> Result<String>) -> Result<()> {
    let started = Instant::now();
    let found = act().with_context(|| format!("step `{name}` failed"))?;
    let seconds = started.elapsed().as_secs_f64();
    println!("  ok {seconds:>6.1} s  {name:<40}  {found}");
    Ok(())
}

/// Kills `grace-cli` when the first scores are there.
fn kill_in_the_middle(grace: &Grace, replication: &Replication) -> Result<String> {
    const SCORES: [&str; 1] = [EXPERIMENTS[2].0];
    let mut child = grace.start_replicate(ONE_SLOT)?;
    while replication.journal_lines(&SCORES)? < 2 {
        if let Some(status) = child.try_wait()? {
            bail!(
                "it ended with {status} before it could be killed; {}",
                grace.last_words()
            );
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill().context("kill -9")?;
    child.wait()?;
    let lines = replication.journal_lines(&EXPERIMENTS.map(|(id, _)| id))?;
    ensure!(
        replication.manifest().is_none(),
        "it was sealed before it was killed"
    );
    let ended = no_server(grace)?;
    Ok(format!("{lines} queries are on disk; {ended}"))
}

fn no_server(grace: &Grace) -> Result<String> {
    let started = Instant::now();
    while grace.serves() {
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
    let scoring = &metadata["probe"]["scoring"];
    ensure!(
        scoring["method"] == "forced_tokens",
        "scoring is {scoring}, expected forced tokens"
    );
    Ok(format!(
        "complete after {attempts} attempt(s), chain rule within {} nat",
        scoring["chain_rule_nat"]
    ))
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
            let scored = if experiment.ends_with("exp2") {
                format!(", {} distributions", scores::distributions(&records)?)
            } else {
                String::new()
            };
            Ok(format!(
                "{rows} trials once and in order, {answered} queries answered once, {compared} seeds as sent, {distinct} distinct{scored}"
            ))
        })?;
    }
    step("MANIFEST.sha256", || manifest(replication))
}

/// One slot computes every request in the same way; several do not, and the noise floor must show it.
fn noise(replication: &Replication, exact: bool) -> Result<String> {
    let (alone, loaded) = scores::noise(&replication.metadata()?)?;
    ensure!(
        if exact {
            alone == 0.0 && loaded == 0.0
        } else {
            loaded > 0.0
        },
        "{alone} nat alone and {loaded} under load"
    );
    Ok(format!("{alone} nat alone, {loaded} nat under load"))
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

/// One slot without a prompt cache gives the same answer again.
fn replay(grace: &Grace, replication: &Replication, experiment: &str, url: &str) -> Result<String> {
    let records = replication.records(experiment)?;
    let trial = records
        .first()
        .and_then(|record| record["trial_id"].as_u64());
    let replayed = grace.replay(replication, experiment, trial.as_slice(), url)?;
    let (same, all) = checks::same_texts(&replayed)?;
    ensure!(
        same == all,
        "{same} of {all} answers are the same, expected all of a server with one slot:\n{replayed:#}"
    );
    Ok(format!("{same} of {all} answers are the same"))
}

fn one_by_one(replication: &Replication, url: &str) -> Result<String> {
    let mut all = Compared::default();
    let mut lines = replication.journal(EXPERIMENTS[3].0)?;
    lines.truncate(ONE_BY_ONE);
    for line in &lines {
        let compared = scores::one_by_one(line, url)?;
        all.tokens += compared.tokens;
        all.largest_nat = all.largest_nat.max(compared.largest_nat);
    }
    ensure!(all.tokens > 0, "no score to compare");
    Ok(format!(
        "{} tokens of {} prompts, within {:.4} nat",
        all.tokens,
        lines.len(),
        all.largest_nat
    ))
}

fn left_alone(grace: &Grace, replication: &Replication) -> Result<String> {
    let before = replication.manifest();
    let started = Instant::now();
    grace.replicate(ONE_SLOT)?;
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
    manifest(replication)?;
    complete(replication, 2)?;
    Ok(format!(
        "exit 0 after {} ms, nothing changed",
        took.as_millis()
    ))
}

/// Prints what became of the queries.
fn counts(grace: &Grace) -> Result<()> {
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
    for model in [ONE_SLOT, FOUR_SLOTS] {
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

fn expected_rows(grace: &Grace, stimuli: &str) -> Result<usize> {
    let path = grace.stimuli.join(stimuli);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(rows(&text).min(usize::try_from(grace.limit)?))
}
