//! The check of a server before it scores, and its verdict on servers that should not.

use grace_client::{
    CancellationToken, CheckName, Client, Input, ScoreMethod, ScoringProbe, ScoringProbeError,
    ScoringProbeRequest,
};
use grace_sim::{Bos, Fault, Faults, ScoringFault, SimConfig, Tokenizer};

use crate::scoring::{YES_OR_NO, config, llama, options, start};

const PROMPT: &str = "The room is full of light.\nIs it good? Answer:";

fn request() -> ScoringProbeRequest {
    let samples = vec![
        (
            Input::Completion(PROMPT.to_owned()),
            options(&[" yes", " no"]),
        ),
        (
            Input::Completion("It rains.\nSay it:".to_owned()),
            options(&[" It was good.", " It wasn't good.", " 10%"]),
        ),
    ];
    ScoringProbeRequest::new("tiny", samples)
}

async fn check(
    config: SimConfig,
    request: ScoringProbeRequest,
) -> Result<ScoringProbe, ScoringProbeError> {
    let (_sim, client) = start(config).await;
    probe(&client, request).await
}

async fn probe(
    client: &Client,
    request: ScoringProbeRequest,
) -> Result<ScoringProbe, ScoringProbeError> {
    client
        .probe_scoring(&request, &CancellationToken::new())
        .await
}

#[track_caller]
fn assert_refused(checked: Result<ScoringProbe, ScoringProbeError>, wanted: CheckName, part: &str) {
    let error = checked.unwrap_err();
    assert!(!error.is_transient());
    match error {
        ScoringProbeError::Check { check, found, .. } => {
            assert_eq!(check, wanted, "{found}");
            assert!(found.contains(part), "{found}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_right_server_passes_with_the_first_method_that_it_knows() {
    for (config, method) in [
        (config(), ScoreMethod::Trie),
        (
            config().with_scoring_fault(ScoringFault::NoTokenIds),
            ScoreMethod::PromptLogprobs,
        ),
        (llama(), ScoreMethod::ForcedTokens),
    ] {
        let checked = check(config, request().with_tolerance(1e-6)).await.unwrap();
        assert_eq!(checked.method, method);
        assert_eq!(checked.special_prefix, [Tokenizer::BOS]);
        assert!(checked.chain_rule_nat.unwrap() < 1e-9);
        assert!(checked.chain_rule_tokens >= 4);
        assert!(checked.noise_floor.alone_nat < 1e-9);
        assert_eq!(
            checked.noise_floor.options,
            5 + 4 * 5,
            "two samples, again and eight times"
        );
    }
}

#[tokio::test]
async fn a_model_that_ends_its_text_at_once_is_checked_on_llama_all_the_same() {
    let (sim, client) = start(llama()).await;
    // Behind a whole answer nothing is likelier than the end.
    let prompt = format!("{YES_OR_NO} yes");
    let ids = sim.toy_model().tokenizer().encode_prompt(&prompt);
    assert!(sim.toy_model().next_logprob(&ids, Tokenizer::EOS).exp() > 0.5);
    let samples = vec![(Input::Completion(prompt), options(&[" yes", " no"]))];
    let request = ScoringProbeRequest::new("tiny", samples).with_tolerance(1e-6);
    let checked = probe(&client, request).await.unwrap();
    assert_eq!(checked.method, ScoreMethod::ForcedTokens);
    assert_eq!(checked.chain_rule_tokens, 3);
}

#[tokio::test]
async fn the_method_that_was_asked_for_is_used_or_refused() {
    let wanted = request().with_method(ScoreMethod::PromptLogprobs);
    let checked = check(config(), wanted.clone()).await.unwrap();
    assert_eq!(checked.method, ScoreMethod::PromptLogprobs);
    let error = check(llama(), wanted).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("cannot tell the probabilities of options: `prompt_logprobs`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_without_logprobs_is_refused_with_every_method_named() {
    let error = check(config().with_scoring_fault(ScoringFault::Absent), request()).await;
    let text = error.unwrap_err().to_string();
    for method in ScoreMethod::EXACT {
        assert!(text.contains(&format!("`{method}`: ")), "{text}");
    }
}

#[tokio::test]
async fn fewer_logprobs_than_tokens_fail_the_count() {
    let by_prompt = request().with_method(ScoreMethod::PromptLogprobs);
    for (fault, part) in [
        (ScoringFault::TooFew, "log-probabilities came back"),
        (
            ScoringFault::MissingToken,
            "no log-probability came back for token",
        ),
        (ScoringFault::Null, "is null"),
    ] {
        let checked = check(config().with_scoring_fault(fault), by_prompt.clone()).await;
        assert_refused(checked, CheckName::TokenCount, part);
    }
}

#[tokio::test]
async fn bodies_that_a_proxy_broke_are_no_verdict_on_the_server() {
    for fault in [Fault::Truncated, Fault::NotJson] {
        // Met where scores are repeated: nothing before sends the texts of the options.
        let faults = Faults::none().with_marked("It was good.", fault.clone());
        let wanted = request().with_method(ScoreMethod::PromptLogprobs);
        let error = check(config().with_faults(faults), wanted).await;
        let error = error.unwrap_err();
        assert!(error.is_transient(), "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn stale_numbers_are_caught() {
    for method in [ScoreMethod::PromptLogprobs, ScoreMethod::Trie] {
        let wanted = request().with_method(method);
        let checked = check(config().with_scoring_fault(ScoringFault::Stale), wanted).await;
        let error = checked.unwrap_err();
        assert!(
            matches!(
                error,
                ScoringProbeError::Check {
                    check: CheckName::ChainRule | CheckName::TokenCount,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[tokio::test]
async fn numbers_after_another_context_are_not_those_that_the_server_goes_by() {
    for (config, method) in [
        (config(), ScoreMethod::PromptLogprobs),
        (config(), ScoreMethod::Trie),
        (llama(), ScoreMethod::ForcedTokens),
    ] {
        let config = config.with_scoring_fault(ScoringFault::Shifted);
        let checked = check(config, request().with_method(method)).await;
        assert_refused(
            checked,
            CheckName::GreedyToken,
            "at most 0.25 nat may lie between them",
        );
    }
}

#[tokio::test]
async fn numbers_that_are_no_probabilities_of_what_excludes_each_other_are_refused() {
    let sample = (
        Input::Completion(YES_OR_NO.to_owned()),
        options(&[" yes", " no"]),
    );
    let request = ScoringProbeRequest::new("tiny", vec![sample]);
    for (config, method) in [
        (config(), ScoreMethod::PromptLogprobs),
        (config(), ScoreMethod::Trie),
        (llama(), ScoreMethod::ForcedTokens),
    ] {
        // All else holds: they agree with each other, and the likeliest is the likeliest.
        let config = config.with_scoring_fault(ScoringFault::Raised(3.0));
        let checked = check(config, request.clone().with_method(method)).await;
        assert_refused(
            checked,
            CheckName::TotalProbability,
            "options that exclude each other have the probability",
        );
    }
}

/// Llama.cpp's numbers move with its load: `replicate` lets them move by a nat.
#[tokio::test]
async fn a_nat_of_room_hides_no_wrong_numbers_of_llama() {
    for fault in [
        ScoringFault::Stale,
        ScoringFault::Shifted,
        ScoringFault::Noise(4.0),
    ] {
        let config = llama().with_scoring_fault(fault);
        let checked = check(config, request().with_tolerance(1.0)).await;
        let error = checked.unwrap_err();
        assert!(
            matches!(error, ScoringProbeError::Check { .. }),
            "{fault:?}: {error}"
        );
    }
}

#[tokio::test]
async fn noise_is_measured_and_too_much_of_it_refused() {
    let noisy = |nats| config().with_scoring_fault(ScoringFault::Noise(nats));
    let checked = check(noisy(0.05), request()).await.unwrap();
    let noise = checked.noise_floor;
    assert!(noise.alone_nat > 0.0 && noise.loaded_nat > 0.0, "{noise:?}");
    assert!(noise.loaded_nat < 0.1 * 6.0, "{noise:?}");
    let error = check(noisy(3.0), request()).await.unwrap_err();
    assert!(
        matches!(
            error,
            ScoringProbeError::Check {
                check: CheckName::ChainRule | CheckName::RepeatedScoring,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn beginnings_of_sequence_are_audited() {
    let with = |bos| config().with_tokenizer(Tokenizer::new().with_bos(bos));
    let checked = check(with(Bos::Doubled), request()).await;
    assert_refused(checked, CheckName::SpecialTokens, "twice");
    let checked = check(with(Bos::Absent), request()).await.unwrap();
    assert!(checked.special_prefix.is_empty());
    let checked = check(with(Bos::Absent), request().with_bos(true)).await;
    assert_refused(checked, CheckName::SpecialTokens, "expected one");
    let checked = check(with(Bos::Once), request().with_bos(false)).await;
    assert_refused(checked, CheckName::SpecialTokens, "expected none");
    // A text that brings its own token where the server puts one, too.
    let samples = vec![(
        Input::Completion(format!("<s>{PROMPT}")),
        options(&[" yes", " no"]),
    )];
    let checked = check(config(), ScoringProbeRequest::new("tiny", samples)).await;
    assert_refused(checked, CheckName::SpecialTokens, "twice");
}

#[tokio::test]
async fn options_that_are_no_distribution_are_refused_before_any_number() {
    let samples = vec![(
        Input::Completion(PROMPT.to_owned()),
        options(&[" 10", " 100"]),
    )];
    let error = check(config(), ScoringProbeRequest::new("tiny", samples))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ScoringProbeError::Options { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("Answer:"), "{error}");
    let nothing = check(config(), ScoringProbeRequest::new("tiny", Vec::new())).await;
    assert!(matches!(nothing, Err(ScoringProbeError::NoSample)));
}

#[tokio::test]
async fn a_server_that_is_away_may_be_checked_later() {
    let (sim, client) = start(config()).await;
    sim.stop().await.unwrap();
    let error = probe(&client, request()).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn first_tokens_must_differ_in_every_set_before_any_number() {
    let samples = vec![(
        Input::Completion(PROMPT.to_owned()),
        options(&[" 10%", " 100%", " 20%"]),
    )];
    let request = ScoringProbeRequest::new("tiny", samples).with_method(ScoreMethod::FirstToken);
    let error = check(config(), request).await.unwrap_err();
    assert!(
        matches!(error, ScoringProbeError::Options { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn options_are_audited_on_a_server_that_cannot_score() {
    let config = || config().with_scoring_fault(ScoringFault::Absent);
    let audit = async |texts: &[&str]| {
        let (_sim, client) = start(config()).await;
        let input = Input::Completion(PROMPT.to_owned());
        let request = ScoringProbeRequest::new("tiny", vec![(input, options(texts))]);
        let cancel = CancellationToken::new();
        client.audit_options(&request, &cancel).await
    };
    assert!(audit(&[" yes", " no"]).await.is_ok());
    let refused = audit(&[" 10", " 100"]).await.unwrap_err();
    assert!(
        matches!(refused, ScoringProbeError::Options { .. }),
        "{refused:?}"
    );
}
