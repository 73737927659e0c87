//! What is not scored: servers that fail a check, and options that cannot be told apart.

use grace_sim::{Bos, Dialect, ScoringFault, SimConfig, Tokenizer};

use crate::folder::{journals, metadata};
use crate::scores::{exact, scoring};
use crate::server::Server;

/// What `replicate` says to a server that must not score; nothing is recorded as an answer.
#[track_caller]
fn refused(config: SimConfig, args: &[&str], parts: &[&str]) {
    let (study, server) = (scoring(4), Server::start(config));
    study
        .replicate(&server)
        .args(args)
        .run()
        .exits(42)
        .says(parts);
    assert_eq!(
        journals(&study.replication(0)),
        Vec::<std::path::PathBuf>::new()
    );
}

#[test]
fn a_server_that_must_not_score_is_refused_by_the_name_of_the_check() {
    let faulty = |fault| exact().with_scoring_fault(fault);
    let by_prompt = &["--scoring", "prompt_logprobs"];
    refused(
        faulty(ScoringFault::Absent),
        &[],
        &["cannot tell the probabilities of options", "`trie`"],
    );
    refused(
        faulty(ScoringFault::TooFew),
        by_prompt,
        &["fails the check `token_count`"],
    );
    refused(
        faulty(ScoringFault::Null),
        by_prompt,
        &["fails the check `token_count`"],
    );
    refused(
        faulty(ScoringFault::Shifted),
        &[],
        &["fails the check `greedy_token`"],
    );
    refused(faulty(ScoringFault::Stale), &[], &["fails the check `"]);
    refused(
        faulty(ScoringFault::Noise(5.0)),
        &[],
        &["fails the check `"],
    );
    let doubled = exact().with_tokenizer(Tokenizer::new().with_bos(Bos::Doubled));
    refused(doubled, &[], &["fails the check `special_tokens`", "twice"]);
}

/// Its numbers may move by a nat, which is more than those of others: enough to be told from wrong ones all the same.
#[test]
fn llama_is_refused_for_wrong_numbers_and_too_much_noise() {
    let faulty = |fault| {
        let llama = exact().with_dialect(Dialect::LlamaCpp);
        llama.with_scoring_fault(fault)
    };
    for fault in [ScoringFault::Stale, ScoringFault::Shifted] {
        refused(faulty(fault), &[], &["fails the check `"]);
    }
    refused(
        faulty(ScoringFault::Noise(5.0)),
        &[],
        &[
            "fails the check `",
            "hint: numbers move with the load",
            "`--parallel 1`",
        ],
    );
    let (study, server) = (scoring(4), Server::start(faulty(ScoringFault::Noise(0.2))));
    let ended = study.replicate(&server).run().exits(0);
    ended.says(&["scoring by forced_tokens"]);
    let noise = &metadata(&study.replication(0))["probe"]["scoring"]["noise_floor"];
    assert!(noise["loaded_nat"].as_f64().unwrap() > 0.0, "{noise}");
}

#[test]
fn a_model_that_wants_a_first_token_is_not_asked_without() {
    let without = || exact().with_tokenizer(Tokenizer::new().with_bos(Bos::Absent));
    let (study, server) = (scoring(3), Server::start(without()));
    study
        .replicate(&server)
        .run()
        .exits(0)
        .says(&["no beginning-of-sequence token"]);
    let wanting = scoring(3);
    wanting.change(
        "models.yaml",
        "huggingface_name",
        "bos: true\n    huggingface_name",
    );
    let ended = wanting.replicate(&server).run().exits(42);
    ended.says(&["fails the check `special_tokens`", "expected one"]);
}

#[test]
fn options_that_begin_one_another_are_refused_before_any_trial() {
    let study = scoring(3).with_own_experiments(&["study1_exp2"]);
    study.write("plan.yaml", "experiments: [study1_exp2]\n");
    for percent in (0..=100).step_by(10) {
        let (from, to) = (format!("\" {percent}%\""), format!("\" {percent}\""));
        study.change("experiments/study1_exp2.yaml", &from, &to);
    }
    let server = Server::start(exact());
    let ended = study.replicate(&server).run().exits(42);
    ended.says(&["begin those of option \" 100\"", "hint: change the options"]);
    assert!(journals(&study.replication(0)).is_empty());
}

#[test]
fn empty_and_repeated_options_are_mistakes_of_the_file() {
    let study = scoring(3).with_own_experiments(&["study1_exp2"]);
    study.change(
        "experiments/study1_exp2.yaml",
        "text: \" no\"",
        "text: \" yes\"",
    );
    study.change(
        "experiments/study1_exp2.yaml",
        "text: \" 0%\"",
        "text: \"\"",
    );
    let server = Server::start(exact());
    let ended = study.replicate(&server).run().exits(42);
    ended.says(&[
        "repeats the option ` yes`",
        "`queries[0].options[0].text` is empty",
    ]);
    assert_eq!(server.counts().requests, 0);
}

#[test]
fn a_thinking_model_behind_a_chat_template_is_not_scored() {
    let study = scoring(3);
    let with = "api: chat\n    reasoning: {start: <think>, end: </think>}\n    huggingface_name";
    study.change("models.yaml", "huggingface_name", with);
    let server = Server::start(exact());
    let ended = study.replicate(&server).run().exits(42);
    ended.says(&["`study1_exp2`", "expected `api: completions`"]);
    assert_eq!(server.counts().requests, 0);
}
