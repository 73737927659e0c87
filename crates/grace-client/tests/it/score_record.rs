//! What is kept of the requests of a score, also of one that fails.

use std::time::Duration;

use grace_client::{
    CancellationToken, Client, FailureKind, Input, OptionScores, RequestErrorKind, ScoreError,
    ScoreExchange, ScoreMethod, ScoreRequest,
};
use grace_sim::Fault;
use serde_json::Value;

use crate::scoring::{config, options, start};
use crate::scripted::{Seen, Step, answer, hang, serve};

/// Scores single letters behind a prompt of one token.
async fn score(
    client: &Client,
    texts: &[&str],
    method: ScoreMethod,
) -> Result<OptionScores, ScoreError> {
    let input = Input::Completion("Say a letter:".to_owned());
    let request = ScoreRequest::new("tiny", input, options(texts), method);
    client
        .score_options(&request, &CancellationToken::new())
        .await
}

/// What a request is about: the text of one for ids, the grammar of one for log-probabilities.
fn subject(request: &str) -> String {
    let body: Value = serde_json::from_str(request).unwrap();
    let subject = body["grammar"].as_str().or(body["content"].as_str());
    subject.unwrap().to_owned()
}

fn subjects(exchanges: &[ScoreExchange]) -> Vec<String> {
    let subjects = exchanges.iter().map(|sent| subject(sent.request.get()));
    subjects.collect()
}

/// The answer of a llama.cpp whose tokens are letters, 1 being the prompt.
fn letters(seen: &Seen) -> Step {
    if seen.path() == "/tokenize" {
        let text = subject(&seen.body);
        let letter = text.strip_prefix("Say a letter:").unwrap().trim().bytes();
        let ids: Vec<u32> = std::iter::once(1).chain(letter.map(u32::from)).collect();
        return answer(200, &format!(r#"{{"tokens":{ids:?}}}"#));
    }
    let grammar = subject(&seen.body);
    let id = grammar
        .trim_start_matches("root ::= <[")
        .trim_end_matches("]>");
    let token = format!(r#"{{"id":{id},"logprob":-{id}.5,"top_logprobs":[]}}"#);
    let body = format!(r#"{{"choices":[{{"index":0,"logprobs":{{"content":[{token}]}}}}]}}"#);
    answer(200, &body)
}

#[tokio::test]
async fn tries_of_requests_for_token_ids_are_kept() {
    let (sim, client) = start(config()).await;
    for method in [ScoreMethod::Trie, ScoreMethod::PromptLogprobs] {
        let before = sim.counts().requests;
        sim.set_faults(Fault::Status(500).times(2).on_all_paths());
        let scores = score(&client, &[" a", " b"], method).await.unwrap();
        let tries = scores.exchanges.iter().flat_map(|sent| &sent.attempts);
        let failed = tries.clone().filter(|attempt| attempt.failure.is_some());
        assert_eq!(failed.count(), 2, "{method}");
        assert_eq!(tries.count() as u64, sim.counts().requests - before);
        let ids = scores.exchanges.iter().filter(|sent| sent.asks_for_ids());
        let expected = if method == ScoreMethod::Trie { 3 } else { 0 };
        assert_eq!(ids.count(), expected);
    }
}

#[tokio::test]
async fn requests_are_kept_in_order_however_many_there_are() {
    // The later, the sooner answered.
    let server = serve(|seen| {
        let id: u64 = subject(&seen.body).bytes().map(u64::from).sum();
        Step::After(
            Duration::from_millis(200 - id % 100),
            Box::new(letters(seen)),
        )
    })
    .await;
    let texts: Vec<String> = ('0'..='z').map(|letter| format!(" {letter}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let scores = score(&server.client(), &texts, ScoreMethod::ForcedTokens).await;
    let prompt = std::iter::once("Say a letter:".to_owned());
    let joint = texts.iter().map(|text| format!("Say a letter:{text}"));
    let forced = ('0'..='z').map(|letter| format!("root ::= <[{}]>", u32::from(letter)));
    let expected: Vec<String> = prompt.chain(joint).chain(forced).collect();
    assert_eq!(subjects(&scores.unwrap().exchanges), expected);
}

#[tokio::test]
async fn a_failed_request_for_token_ids_is_kept_with_its_tries_and_its_siblings() {
    let server = serve(|seen| match subject(&seen.body).as_str() {
        "Say a letter: b" => answer(500, "no"),
        _ => letters(seen),
    })
    .await;
    let scored = score(&server.client(), &[" a", " b"], ScoreMethod::Trie).await;
    let error = scored.unwrap_err();
    assert!(error.is_transient());
    let [prompt, a, b] = error.exchanges() else {
        panic!("{:?}", error.exchanges());
    };
    assert!(prompt.response.is_some() && a.response.is_some());
    assert_eq!((b.path, b.attempts.len()), ("/tokenize", 3));
    assert!(b.response.is_none());
    assert_eq!(error.request().unwrap().attempts(), b.attempts);
    assert!(error.elapsed() >= error.request().unwrap().elapsed());
}

#[tokio::test]
async fn a_refused_option_ends_the_others_and_their_answers_and_tries_are_kept() {
    const LATER: Duration = Duration::from_millis(100);
    let server = serve(|seen| match subject(&seen.body).as_str() {
        "root ::= <[98]>" => Step::After(LATER, Box::new(answer(400, "no"))),
        "root ::= <[99]>" => hang(),
        _ => letters(seen),
    })
    .await;
    let texts = [" a", " b", " c"];
    let scored = score(&server.client(), &texts, ScoreMethod::ForcedTokens).await;
    let error = scored.unwrap_err();
    let kind = error.request().unwrap().kind();
    assert!(matches!(
        kind,
        RequestErrorKind::Refused { status: 400, .. }
    ));
    assert_eq!(error.to_string(), error.problem().to_string());
    let exchanges = error.exchanges();
    assert_eq!(
        subjects(exchanges)[4..],
        ["root ::= <[97]>", "root ::= <[98]>", "root ::= <[99]>"]
    );
    let [a, b, c] = &exchanges[4..] else {
        panic!("{exchanges:?}");
    };
    let answer = a.response.as_ref().unwrap().get();
    assert!(answer.contains("-97.5"), "{answer}");
    assert_eq!(b.attempts[0].status, Some(400));
    assert_eq!(c.attempts[0].kind, Some(FailureKind::Cancelled));
    assert!(b.response.is_none() && c.response.is_none());
}

#[tokio::test]
async fn a_request_that_was_never_sent_is_not_kept() {
    let server = serve(|seen| match subject(&seen.body).as_str() {
        "root ::= <[97]>" => answer(400, "no"),
        _ => letters(seen),
    })
    .await;
    let single = server
        .config()
        .with_max_connections(std::num::NonZeroUsize::MIN);
    let client = Client::new(single).unwrap();
    let texts = [" a", " b", " c"];
    let scored = score(&client, &texts, ScoreMethod::ForcedTokens).await;
    let kept = subjects(scored.unwrap_err().exchanges());
    let sent: Vec<String> = server
        .log()
        .seen
        .iter()
        .map(|seen| subject(&seen.body))
        .collect();
    assert_eq!(kept, sent);
    assert_eq!(kept.len(), 5, "the ids of four texts, and the refused one");
}
