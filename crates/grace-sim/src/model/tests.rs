//! The model against its closed form.

use super::*;
use crate::participant::{Goal, Listener, Speaker, percent_distribution};
use crate::tokenizer::Merging;

const SPEECH: &str = "Ann says: \"I have looked at 2 of the 3 jars. 1 of the jars is full.\" How many \
                      are full?\nQuestion: What is the probability that the number is exactly 1 of the 3?\n\
                      Answer:";
const KNOWS: &str = "Ann says: \"I have looked at 2 of the 3 jars.\" Does Ann know exactly how many are \
                     full?\nAnswer yes or no.\nAnswer:";
const POLITE: &str =
    "It deserves 1 heart. If Emma wanted to make Kyle feel good, what would she say?\nReply:";

fn model() -> ToyModel {
    ToyModel::of(&SimConfig::new("sim"))
}

/// P(option | prompt), and what the closed form gives for an answer of probability `p`.
fn check(model: &ToyModel, prompt: &str, option: &str, p: f64) {
    let (context, ids) = model.border(prompt, option);
    let babble = model.babble_logprob(&context, &ids).exp();
    let expected = 0.95 * p + 0.05 * babble;
    let found = model.logprob_of(prompt, option).exp();
    assert!(
        (found / expected - 1.0).abs() < 1e-9,
        "{option:?}: {found} for {expected}"
    );
}

#[test]
fn percentages_follow_the_listener() {
    let belief = Listener::new().distribution(2, 1)[1];
    for (step, p) in percent_distribution(belief).into_iter().enumerate() {
        check(&model(), SPEECH, &format!(" {}%", 10 * step), p);
    }
    check(&model(), SPEECH, " 11%", 0.0);
}

#[test]
fn yes_and_no_follow_the_listener_and_the_batch_shift() {
    let [no, yes] = Listener::new().knowledge_distribution(2);
    check(&model(), KNOWS, " no", no);
    check(&model(), KNOWS, " yes", yes);
    let config = SimConfig::new("sim").with_batch_effect_sd(1.0);
    let odds = yes / no * config.batch_shift().exp();
    check(&ToyModel::of(&config), KNOWS, " yes", odds / (1.0 + odds));
}

#[test]
fn sentences_follow_the_speaker() {
    let p = Speaker::new().distribution(1, Goal::Social);
    check(&model(), POLITE, " It was terrible.", p[0]);
    check(&model(), POLITE, " It wasn't amazing.", p[7]);
    check(&model(), POLITE, " It was okay.", 0.0);
}

#[test]
fn the_models_turn_in_a_chat_is_a_place_to_answer() {
    let model = model();
    let turns = [(
        "user".to_owned(),
        KNOWS.trim_end_matches("Answer:").to_owned(),
    )];
    let context = model.tokenizer().encode_chat(&turns, true);
    let ids = model.tokenizer().encode(" no");
    assert!((model.logprob_of_ids(&context, &ids).exp() - 0.95 * 0.975).abs() < 0.01);
}

#[test]
fn next_token_probabilities_sum_to_one_wherever_the_context_ends() {
    let model = model();
    let ids = model
        .tokenizer()
        .encode_prompt(&format!("{POLITE} It wasn't bad."));
    for end in 0..=ids.len() {
        let sum: f64 = model
            .next_logprobs(&ids[..end])
            .into_iter()
            .map(f64::exp)
            .sum();
        assert!((sum - 1.0).abs() < 1e-9, "{end}: {sum}");
    }
}

#[test]
fn an_answer_is_followed_by_the_end() {
    let model = model();
    let (context, ids) = model.border(KNOWS, " no");
    let context = [context, ids].concat();
    assert!(model.next_logprob(&context, Tokenizer::EOS).exp() > 0.99);
}

#[test]
fn a_merged_border_is_bridged_by_the_options_own_tokens() {
    let config =
        SimConfig::new("sim").with_tokenizer(Tokenizer::new().with_merging(Merging::Colons));
    let (_, ids) = ToyModel::of(&config).border(KNOWS, " yes");
    assert_eq!(Tokenizer::decode(&ids), " yes");
    check(&ToyModel::of(&config), KNOWS, " yes", 0.025);
}

#[test]
fn names_and_contexts_change_what_is_babbled() {
    let other = ToyModel::of(&SimConfig::new("other"));
    let babble = |model: &ToyModel, prompt: &str| model.logprob_of(prompt, " yes").to_bits();
    assert_ne!(babble(&model(), "Hello"), babble(&other, "Hello"));
    assert_ne!(babble(&model(), "Hello"), babble(&model(), "Hello there"));
}

/// Recorded results depend on these. Add to them, never change them.
#[test]
fn value_stability_of_logprobs() {
    let found = [
        model().logprob_of("Hello there", " yes"),
        model().logprob_of(KNOWS, " yes"),
        model().logprob_of(SPEECH, " 40%"),
        model().logprob_of(POLITE, " It was good."),
    ];
    for (found, expected) in found.into_iter().zip(RECORDED) {
        assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
    }
}

/// The first two from Python, written out by hand from the documentation of [`ToyModel`].
const RECORDED: [f64; 4] = [
    -8.227_843_205_526_788,
    -3.739_259_333_933_053,
    -1.116_431_143_955_564_5,
    -1.267_879_615_330_125_5,
];
