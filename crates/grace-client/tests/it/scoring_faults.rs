//! Scores, where numbers are missing and requests are lost.

use std::time::Duration;

use grace_client::{
    CancellationToken, FailureKind, OptionProblem, RecordedScore, RequestErrorKind, ScoreMethod,
    ScoreProblem, ScoreRequest,
};
use grace_sim::{Fault, RetryAfter, ScoringFault};

use crate::scoring::{
    OPTIONS, PROMPT, YES_OR_NO, completion, config, llama, options, score, scoring, start,
};

#[tokio::test]
async fn every_fault_of_the_wire_passes_or_is_told() {
    let (sim, client) = start(config()).await;
    let method = ScoreMethod::PromptLogprobs;
    let ask = async || score(&client, completion(PROMPT), &OPTIONS, method).await;
    let expected = ask().await.unwrap().options;
    for fault in [
        Fault::Status(500),
        Fault::TooManyRequests(RetryAfter::Absent),
        Fault::EngineDead,
        Fault::Busy,
        Fault::Reset,
        Fault::Truncated,
        Fault::NotJson,
        Fault::EmptyChoices,
    ] {
        sim.set_faults(fault.clone().times(2));
        let scores = ask().await.unwrap();
        assert_eq!(scores.options, expected, "{fault:?}");
        assert_eq!(scores.exchanges[0].attempts.len(), 3, "{fault:?}");
    }
}

#[tokio::test]
async fn numbers_that_the_server_did_not_return_are_never_filled_in() {
    for (fault, expected) in [
        (
            ScoringFault::Absent,
            "`prompt_logprobs` is absent, though it was asked for",
        ),
        (ScoringFault::TooFew, "log-probabilities came back"),
        (
            ScoringFault::MissingToken,
            "no log-probability came back for token",
        ),
        (ScoringFault::Null, "is null, expected a number up to 0"),
    ] {
        let (_sim, client) = start(config().with_scoring_fault(fault)).await;
        let method = ScoreMethod::PromptLogprobs;
        let error = score(&client, completion(PROMPT), &OPTIONS, method)
            .await
            .unwrap_err();
        let request = error.request().expect("a failed request");
        assert_eq!(request.attempts().len(), 3, "asked for again: {fault:?}");
        let last = request.attempts()[2].failure.clone().unwrap();
        assert!(last.contains(expected), "{last}");
        assert_eq!(request.kind(), RequestErrorKind::Unusable);
        assert!(!error.is_transient(), "the same each time");
    }
}

#[tokio::test]
async fn bodies_that_a_proxy_broke_among_answers_without_numbers_may_be_had_later() {
    let (sim, client) = start(config().with_scoring_fault(ScoringFault::Null)).await;
    for fault in [
        Fault::Truncated,
        Fault::NotJson,
        Fault::EmptyChoices,
        Fault::Status(502),
    ] {
        sim.set_faults(fault.clone().times(1));
        let method = ScoreMethod::PromptLogprobs;
        let error = score(&client, completion(PROMPT), &OPTIONS, method)
            .await
            .unwrap_err();
        let kinds: Vec<_> = error.request().unwrap().attempts().iter().collect();
        assert_eq!(kinds[2].kind, Some(FailureKind::Unusable));
        assert!(error.is_transient(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_score_sent_again_gives_the_same_numbers() {
    for (config, method) in [
        (config(), ScoreMethod::PromptLogprobs),
        (config(), ScoreMethod::Trie),
        (llama(), ScoreMethod::ForcedTokens),
    ] {
        let (_sim, client) = start(config).await;
        let scores = score(&client, completion(PROMPT), &OPTIONS, method)
            .await
            .unwrap();
        let recorded = RecordedScore {
            method,
            bodies: scoring(&scores)
                .map(|exchange| &*exchange.request)
                .collect(),
            options: scores
                .options
                .iter()
                .map(|option| option.token_ids.clone())
                .collect(),
        };
        let again = client
            .rescore(&recorded, &CancellationToken::new())
            .await
            .unwrap();
        let before: Vec<Vec<f64>> = scores
            .options
            .iter()
            .map(|option| option.token_logprobs.clone())
            .collect();
        assert_eq!(again, before, "{method}");
    }
}

#[tokio::test]
async fn a_first_token_that_is_no_longer_listed_has_no_number() {
    let (sim, client) = start(config()).await;
    let method = ScoreMethod::FirstToken;
    let scores = score(&client, completion(YES_OR_NO), &[" yes", " no"], method).await;
    let scores = scores.unwrap();
    let rare = sim.toy_model().tokenizer().encode("%");
    let recorded = RecordedScore {
        method,
        bodies: scoring(&scores)
            .map(|exchange| &*exchange.request)
            .collect(),
        options: vec![scores.options[0].token_ids.clone(), rare],
    };
    let again = client.rescore(&recorded, &CancellationToken::new()).await;
    let error = again.unwrap_err();
    let problem = error.problem();
    assert!(
        matches!(
            problem,
            ScoreProblem::Options(OptionProblem::NotListed { option, .. }) if option == "number 2"
        ),
        "{problem:?}"
    );
}

#[tokio::test]
async fn a_score_some_of_whose_requests_are_lost_is_not_sent_again_in_part() {
    for (config, method) in [
        (config(), ScoreMethod::Trie),
        (llama(), ScoreMethod::ForcedTokens),
    ] {
        let (_sim, client) = start(config).await;
        let options = vec![vec![287], vec![290]];
        let bodies = Vec::new();
        let recorded = RecordedScore {
            method,
            bodies,
            options,
        };
        let again = client.rescore(&recorded, &CancellationToken::new()).await;
        let again = again.unwrap_err().into_problem();
        assert!(
            matches!(again, ScoreProblem::Options(OptionProblem::NotAsked { .. })),
            "{again:?}"
        );
    }
}

#[tokio::test]
async fn a_cancelled_score_ends_at_once() {
    let faults = Fault::Hang.times(100);
    let (_sim, client) = start(config().with_faults(faults)).await;
    let cancel = CancellationToken::new();
    let request = ScoreRequest::new(
        "tiny",
        completion(PROMPT),
        options(&OPTIONS),
        ScoreMethod::PromptLogprobs,
    );
    let score = client.score_options(&request, &cancel);
    let stop = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        cancel.cancel();
    };
    let (scored, ()) = tokio::join!(score, stop);
    let error = scored.unwrap_err();
    let kind = error.request().map(grace_client::RequestError::kind);
    assert_eq!(kind, Some(RequestErrorKind::Cancelled));
}
