//! Inputs that changed between attempts are refused, with each difference by name and both values.

use std::time::Duration;

use grace_sim::SimConfig;

use crate::folder::{contents, lines_so_far, sealed};
use crate::server::{Server, tiny};
use crate::study::{GENERATE, Study};

fn study() -> Study {
    Study::new(20).with_own_experiments(&["study1_exp1", "study2_exp1"])
}

fn slow() -> SimConfig {
    tiny().with_latency(Duration::from_millis(20)).with_slots(4)
}

/// Interrupts a replication, changes something, and expects a refusal that names `parts`; then the same with a
/// replication that is sealed. With the change taken back, all goes on.
#[track_caller]
fn check(change: impl Fn(&Study), restore: impl Fn(&Study), parts: &[&str]) {
    let study = study();
    let server = Server::start(slow());
    let mut running = study.replicate(&server).start();
    while lines_so_far(&study.replication(0)) < 5 {
        assert!(!running.has_ended());
        std::thread::sleep(Duration::from_millis(2));
    }
    running.signal("TERM");
    running.wait(Duration::from_secs(5)).exits(143);
    change(&study);
    check_refusal(&study, &server, &[], parts);
    restore(&study);
    study.replicate(&server).run().exits(0);
    assert_eq!(sealed(&study.replication(0)), study.undisturbed());
    change(&study);
    check_refusal(&study, &server, &[], parts);
}

#[track_caller]
fn check_refusal(study: &Study, server: &Server, args: &[&str], parts: &[&str]) {
    let before = contents(&study.results());
    let asked = server.counts().requests;
    study
        .replicate(server)
        .args(args)
        .run()
        .exits(42)
        .says(parts)
        .says(&[
            study.replication(0).to_str().unwrap(),
            "choose another results folder, or restore the inputs",
        ]);
    assert_eq!(contents(&study.results()), before);
    assert_eq!(server.counts().requests, asked);
}

#[track_caller]
fn check_edit(file: &str, from: &str, to: &str, parts: &[&str]) {
    check(
        |study| study.change(file, from, to),
        |study| study.change(file, to, from),
        parts,
    );
}

#[test]
fn changed_stimuli_are_refused() {
    check_edit(
        "stimuli/study1.csv",
        "Little Moon",
        "Little Mars",
        &[
            "`study1_exp1.stimuli_sha256` was ",
            "`study1_exp1.prompts_sha256` was ",
            ", is now ",
        ],
    );
}

#[test]
fn a_changed_prompt_is_refused() {
    check_edit(
        "experiments/study1_exp1.yaml",
        "Answer with one word (yes or no).",
        "Answer with one word: yes or no.",
        &[
            "`study1_exp1.experiment_sha256` was ",
            "`study1_exp1.prompts_sha256` was ",
            ", is now ",
        ],
    );
}

#[test]
fn changed_sampling_settings_are_refused() {
    check_edit(
        "experiments/study2_exp1.yaml",
        "temperature: 0.7",
        "temperature: 0.9",
        &["`study2_exp1.response.temperature` was 0.7, is now 0.9"],
    );
}

#[test]
fn a_changed_seed_is_refused() {
    check(
        |study| study.write("plan.yaml", &format!("{GENERATE}first_base_seed: 5001\n")),
        |study| study.write("plan.yaml", &format!("{GENERATE}first_base_seed: 1001\n")),
        &[
            "`study1_exp1.seed` was 1001, is now 5001",
            "`study2_exp1.seed` was 2001, is now 6001",
        ],
    );
}

#[test]
fn changed_seed_rules_and_order_are_refused() {
    check(
        |study| {
            study.write(
                "plan.yaml",
                &format!("{GENERATE}order: pandas\nrequest_seeds: shared\nseed_bits: 53\n"),
            );
        },
        |study| study.write("plan.yaml", GENERATE),
        &[
            "`study1_exp1.order_algorithm` was pcg64, is now pandas",
            "`study1_exp1.request_seeds` was per-request, is now shared",
            "`study1_exp1.seed_bits` was 31, is now 53",
        ],
    );
}

#[test]
fn a_changed_model_is_refused() {
    check_edit(
        "models.yaml",
        "huggingface_name: lab/tiny\n",
        "huggingface_name: lab/huge\n    served_name: lab/tiny\n    api: chat\n    stop: ['###']\n",
        &[
            "`model_name` was lab/tiny, is now lab/huge",
            "`api` was completions, is now chat",
            "`study1_exp1.quantity.stop` was [\"\\n\"], is now [\"\\n\", \"###\"]",
        ],
    );
}

#[test]
fn another_limit_and_another_choice_of_experiments_are_refused() {
    let study = study();
    let server = Server::plain();
    study.replicate(&server).run().exits(0);
    let fewer = "`study1_exp1.trials` was 20, is now 7";
    check_refusal(&study, &server, &["--limit", "7"], &[fewer]);
    let gone = "`study2_exp1.trials` was 20, is now absent";
    check_refusal(&study, &server, &["--experiment", "study1_exp1"], &[gone]);
}
