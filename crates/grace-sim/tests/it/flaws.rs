//! Faults of scoring, as a client of vLLM's wire meets them.

use grace_sim::{Fault, Faults, ScoringFault, Sim, SimConfig, ToyModel};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{complete, hello, sim, start};

const PROMPT: &str = "Is it good? Answer:";

/// `prompt_logprobs` of a prompt and its tokens, in order.
async fn scored(sim: &Sim, prompt: &str) -> (Vec<u32>, Value) {
    let body = json!({"prompt": prompt, "max_tokens": 1, "temperature": 0.5, "seed": 1,
        "prompt_logprobs": 0, "return_token_ids": true});
    let (status, answer) = complete(sim, &body).await;
    assert_eq!(status, 200);
    let choice = &answer["choices"][0];
    let ids = serde_json::from_value(choice["prompt_token_ids"].clone()).unwrap();
    (ids, choice["prompt_logprobs"].clone())
}

/// The prompt's own log-probabilities, without the first token, which has none.
async fn logprobs(sim: &Sim, prompt: &str) -> Vec<f64> {
    let (ids, positions) = scored(sim, prompt).await;
    let logprob =
        |(at, id): (usize, &u32)| positions[at][id.to_string()]["logprob"].as_f64().unwrap();
    ids.iter().enumerate().skip(1).map(logprob).collect()
}

fn faulty(fault: ScoringFault) -> SimConfig {
    sim().with_full_precision().with_scoring_fault(fault)
}

fn model() -> ToyModel {
    ToyModel::of(&SimConfig::new("sim"))
}

/// The last log-probability that a right server gives.
fn right(prompt: &str) -> f64 {
    let ids = model().tokenizer().encode_prompt(prompt);
    let (last, context) = ids.split_last().unwrap();
    model().next_logprob(context, *last)
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-9
}

#[tokio::test]
async fn without_a_fault_all_is_right() {
    let sim = start(sim().with_full_precision()).await;
    assert!(close(
        *logprobs(&sim, PROMPT).await.last().unwrap(),
        right(PROMPT)
    ));
}

#[tokio::test]
async fn absent_logprobs_are_null() {
    let sim = start(faulty(ScoringFault::Absent)).await;
    assert_eq!(scored(&sim, PROMPT).await.1, Value::Null);
    let body = json!({"prompt": "x", "max_tokens": 1, "logprobs": 1});
    assert_eq!(
        complete(&sim, &body).await.1["choices"][0]["logprobs"],
        Value::Null
    );
}

#[tokio::test]
async fn too_few_logprobs_are_one_fewer_than_tokens() {
    let sim = start(faulty(ScoringFault::TooFew)).await;
    let (ids, positions) = scored(&sim, PROMPT).await;
    assert_eq!(positions.as_array().unwrap().len() + 1, ids.len());
}

#[tokio::test]
async fn a_missing_token_is_not_at_its_place() {
    let sim = start(faulty(ScoringFault::MissingToken)).await;
    let (ids, positions) = scored(&sim, PROMPT).await;
    assert_eq!(positions.as_array().unwrap().len(), ids.len());
    assert_eq!(positions[ids.len() - 1], json!({}));
    let body = json!({"prompt": PROMPT, "max_tokens": 1, "temperature": 0, "logprobs": 1,
        "logprob_token_ids": [263, 264], "return_tokens_as_token_ids": true});
    let answer = complete(&sim, &body).await.1;
    let top = &answer["choices"][0]["logprobs"]["top_logprobs"][0];
    assert!(top.get("token_id:263").is_some() && top.get("token_id:264").is_none());
}

#[tokio::test]
async fn minus_infinity_comes_in_two_forms() {
    let last = async |fault| {
        let (ids, positions) = scored(&start(faulty(fault)).await, PROMPT).await;
        let at = ids.len() - 1;
        positions[at][ids[at].to_string()]["logprob"].clone()
    };
    assert_eq!(last(ScoringFault::MinusInfinity).await, -9999.0);
    assert_eq!(last(ScoringFault::Null).await, Value::Null);
}

#[tokio::test]
async fn stale_logprobs_are_those_of_the_request_before() {
    let sim = start(faulty(ScoringFault::Stale)).await;
    let first = logprobs(&sim, "Hello yes").await;
    assert_eq!(logprobs(&sim, "Hello no").await, first);
    let second = logprobs(&sim, "Hello yes").await;
    assert_ne!(second, first);
    sim.set_scoring_fault(None);
    assert_eq!(logprobs(&sim, "Hello yes").await, first);
}

#[tokio::test]
async fn shifted_logprobs_are_those_after_one_token_fewer() {
    let sim = start(faulty(ScoringFault::Shifted)).await;
    let ids = model().tokenizer().encode_prompt(PROMPT);
    let (last, context) = ids.split_last().unwrap();
    let expected = model().next_logprob(&context[..context.len() - 1], *last);
    assert!(close(
        *logprobs(&sim, PROMPT).await.last().unwrap(),
        expected
    ));
    let body = json!({"prompt": ids, "max_tokens": 1, "temperature": 0, "logprobs": 0,
        "logprob_token_ids": [263], "return_tokens_as_token_ids": true});
    let answer = complete(&sim, &body).await.1;
    let found = answer["choices"][0]["logprobs"]["top_logprobs"][0]["token_id:263"]
        .as_f64()
        .unwrap();
    assert!(close(found, model().next_logprob(context, 263)));
}

#[tokio::test]
async fn noise_is_new_each_time_and_bounded() {
    let sim = start(faulty(ScoringFault::Noise(0.2))).await;
    let mut found = Vec::new();
    for _ in 0..20 {
        found.push(*logprobs(&sim, PROMPT).await.last().unwrap());
    }
    assert!(found.iter().all(|x| (x - right(PROMPT)).abs() <= 0.1));
    assert!(found.iter().any(|x| (x - found[0]).abs() > 0.01));
}

#[tokio::test]
async fn an_old_server_ignores_token_ids() {
    let sim = start(faulty(ScoringFault::NoTokenIds)).await;
    let body = json!({"prompt": PROMPT, "max_tokens": 1, "temperature": 0, "logprobs": 1,
        "logprob_token_ids": [7], "return_tokens_as_token_ids": true});
    let answer = complete(&sim, &body).await.1;
    let top = &answer["choices"][0]["logprobs"]["top_logprobs"][0];
    assert!(top.get("token_id:7").is_none() && top.as_object().unwrap().len() == 1);
}

#[tokio::test]
async fn sampled_logprobs_follow_the_temperature() {
    let sim = start(faulty(ScoringFault::Sampled)).await;
    let ids = model().tokenizer().encode_prompt(PROMPT);
    let (last, context) = ids.split_last().unwrap();
    let sum: f64 = model()
        .next_logprobs(context)
        .iter()
        .map(|x| (2.0 * x).exp())
        .sum();
    let expected = 2.0 * model().next_logprob(context, *last) - sum.ln();
    assert!(close(
        *logprobs(&sim, PROMPT).await.last().unwrap(),
        expected
    ));
}

#[tokio::test]
async fn scoring_requests_meet_the_faults_of_http() {
    let faults = Faults::script([Fault::Status(503), Fault::EmptyChoices, Fault::Truncated]);
    let sim = start(sim().with_faults(faults)).await;
    let body = json!({"prompt": [PROMPT], "max_tokens": 1, "prompt_logprobs": 0});
    assert_eq!(complete(&sim, &body).await.0, 503);
    assert_eq!(complete(&sim, &body).await.1["choices"], json!([]));
    assert_eq!(complete(&sim, &body).await, (200, Value::Null));
    assert!(complete(&sim, &body).await.1["choices"][0]["prompt_logprobs"].is_array());
}

#[tokio::test]
async fn a_server_dies_when_it_is_told_to() {
    let sim = start(sim().with_die_after(2)).await;
    assert_eq!(complete(&sim, &hello(1)).await.0, 200);
    let score = json!({"prompt": PROMPT, "max_tokens": 1, "prompt_logprobs": 0});
    assert_eq!(complete(&sim, &score).await.0, 200);
    let url = sim.base_url() + "/completions";
    assert!(
        crate::client()
            .post(url)
            .json(&hello(1))
            .send()
            .await
            .is_err()
    );
    let address = sim.address();
    let error = sim.stop().await.unwrap_err();
    assert!(error.to_string().contains("has died"));
    assert!(TcpStream::connect(address).await.is_err());
}
