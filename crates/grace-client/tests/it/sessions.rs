//! Scores and checks as they passed over the wire between this client and real servers (`testdata/wire`).

use std::time::Duration;

use grace_client::{
    BorderRule, CancellationToken, Client, Input, OptionScores, ScoreMethod, ScoreRequest,
    ScoringProbe, ScoringProbeRequest,
};
use serde_json::Value;

use crate::scripted::{Seen, Server, answer, serve};

const PROMPT: &str = "The name of the file is";
const OPTIONS: [&str; 3] = [" 10%", " yes", " It wasn't terrible"];

/// Answers each request as it was answered then; one that was never sent gets 418.
async fn replay(session: &str) -> Server {
    let exchanges: Vec<Value> = serde_json::from_str(session).unwrap();
    serve(move |seen: &Seen| {
        let body: Value = serde_json::from_str(&seen.body).unwrap_or(Value::Null);
        let same =
            |exchange: &&Value| exchange["path"] == seen.path() && exchange["request"] == body;
        match exchanges.iter().find(same) {
            Some(exchange) => {
                let status = u16::try_from(exchange["status"].as_u64().unwrap()).unwrap();
                answer(status, &exchange["response"].to_string())
            }
            None => answer(418, &format!("never sent: {}", seen.body)),
        }
    })
    .await
}

async fn session(text: &str, model: &str, method: ScoreMethod) -> (ScoringProbe, OptionScores) {
    let server = replay(text).await;
    let client = Client::new(server.config().with_attempt_timeout(Duration::from_secs(5))).unwrap();
    let (input, options) = (
        Input::Completion(PROMPT.to_owned()),
        OPTIONS.map(str::to_owned),
    );
    let samples = vec![(input.clone(), options.to_vec())];
    let mut request = ScoringProbeRequest::new(model, samples).with_tolerance(0.5);
    if method == ScoreMethod::PromptLogprobs {
        request = request.with_method(method);
    }
    let cancel = CancellationToken::new();
    let checked = client.probe_scoring(&request, &cancel).await.unwrap();
    assert_eq!(checked.method, method);
    let request = ScoreRequest::new(model, input, options.to_vec(), method);
    let scores = client.score_options(&request, &cancel).await.unwrap();
    assert_eq!(scores.border, BorderRule::Joint);
    (checked, scores)
}

#[track_caller]
fn assert_logprobs(scores: &OptionScores, expected: [f64; 3], within: f64) {
    for (option, expected) in scores.options.iter().zip(expected) {
        let found = option.logprob();
        assert!(
            (found - expected).abs() < within,
            "{found}, expected {expected}"
        );
    }
}

/// Sums that `testdata/wire/reference.py` computed with transformers in float32 from the same weights.
const TINY: [f64; 3] = [-41.868_039, -19.959_474, -71.065_183];

/// The same of the dequantised weights; llama.cpp computes with 4 and 8 bits.
const GEMMA: [f64; 3] = [-12.987_125, -11.113_291, -28.822_476];

#[tokio::test]
async fn vllm_by_prompt_logprobs() {
    let text = include_str!("../../../../testdata/wire/vllm/session_prompt_logprobs.json");
    let (checked, scores) = session(text, "tiny", ScoreMethod::PromptLogprobs).await;
    assert_eq!(checked.special_prefix, [0]);
    assert_logprobs(&scores, TINY, 1e-4);
}

#[tokio::test]
async fn vllm_by_trie() {
    let text = include_str!("../../../../testdata/wire/vllm/session_trie.json");
    let (_, scores) = session(text, "tiny", ScoreMethod::Trie).await;
    assert_logprobs(&scores, TINY, 1e-4);
}

#[tokio::test]
async fn llama_by_forced_tokens() {
    let text = include_str!("../../../../testdata/wire/llama/session_forced_tokens.json");
    let (checked, scores) = session(text, "gemma-3-270m", ScoreMethod::ForcedTokens).await;
    assert_eq!(checked.special_prefix, [2]);
    assert_eq!(
        checked.noise_floor.loaded_nat.to_bits(),
        0.0_f64.to_bits(),
        "one slot"
    );
    assert_logprobs(&scores, GEMMA, 0.14);
}
