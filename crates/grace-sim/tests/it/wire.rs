//! Shapes, against what vLLM 0.32 was recorded to say.

use grace_sim::{Reasoning, SeedPolicy};
use serde_json::{Value, json};

use crate::{complete, get, hello, post, sim, start, text};

#[track_caller]
pub(crate) fn check_keys(value: &Value, expected: &[&str]) {
    let mut keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = expected.to_vec();
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

const USAGE: [&str; 5] = [
    "prompt_tokens",
    "total_tokens",
    "completion_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
];

/// Keys of the recorded sample `completion_seed_a`.
#[tokio::test]
async fn a_completion_has_the_keys_of_vllm() {
    let sim = start(sim()).await;
    let (status, answer) = complete(&sim, &hello(42)).await;
    assert_eq!(status, 200);
    check_keys(
        &answer,
        &[
            "id",
            "object",
            "created",
            "model",
            "choices",
            "service_tier",
            "system_fingerprint",
            "usage",
            "kv_transfer_params",
            "ec_transfer_params",
            "metrics",
        ],
    );
    check_keys(
        &answer["choices"][0],
        &[
            "index",
            "text",
            "logprobs",
            "finish_reason",
            "stop_reason",
            "token_ids",
            "prompt_logprobs",
            "prompt_token_ids",
            "routed_experts",
        ],
    );
    check_keys(&answer["usage"], &USAGE);
    assert_eq!(answer["object"], "text_completion");
    assert!(answer["id"].as_str().unwrap().starts_with("cmpl-"));
    assert!(
        answer["system_fingerprint"]
            .as_str()
            .unwrap()
            .starts_with("vllm-0.32.0-")
    );
}

/// Keys of the recorded sample `chat_reasoning_done`.
#[tokio::test]
async fn a_chat_answer_has_the_keys_of_vllm() {
    let sim = start(sim()).await;
    let body =
        json!({"model": "sim", "messages": [{"role": "user", "content": "Hello"}], "seed": 1});
    let (status, answer) = post(&sim, "/v1/chat/completions", &body).await;
    assert_eq!(status, 200);
    check_keys(
        &answer,
        &[
            "id",
            "object",
            "created",
            "model",
            "choices",
            "service_tier",
            "system_fingerprint",
            "usage",
            "prompt_logprobs",
            "prompt_token_ids",
            "prompt_text",
            "kv_transfer_params",
            "ec_transfer_params",
            "metrics",
        ],
    );
    check_keys(
        &answer["choices"][0],
        &[
            "index",
            "message",
            "logprobs",
            "finish_reason",
            "stop_reason",
            "token_ids",
            "routed_experts",
        ],
    );
    check_keys(
        &answer["choices"][0]["message"],
        &[
            "role",
            "content",
            "refusal",
            "annotations",
            "audio",
            "function_call",
            "reasoning",
        ],
    );
    check_keys(&answer["usage"], &USAGE);
}

#[tokio::test]
async fn the_small_paths_answer_like_vllm() {
    let sim = start(sim().with_version("0.40.1").with_max_model_len(2048)).await;
    assert_eq!(get(&sim, "/health").await, (200, String::new()));
    assert_eq!(get(&sim, "/ping").await, (200, String::new()));
    assert_eq!(
        get(&sim, "/version").await,
        (200, r#"{"version":"0.40.1"}"#.to_owned())
    );
    assert_eq!(
        get(&sim, "/nope").await,
        (404, r#"{"detail":"Not Found"}"#.to_owned())
    );
    let wrong_method = (405, r#"{"detail":"Method Not Allowed"}"#.to_owned());
    assert_eq!(get(&sim, "/v1/completions").await, wrong_method);
    let models: Value = serde_json::from_str(&get(&sim, "/v1/models").await.1).unwrap();
    let model = &models["data"][0];
    check_keys(
        model,
        &[
            "id",
            "object",
            "created",
            "owned_by",
            "root",
            "parent",
            "max_model_len",
            "permission",
        ],
    );
    assert_eq!(
        (&model["id"], &model["owned_by"]),
        (&json!("sim"), &json!("vllm"))
    );
    assert_eq!(model["max_model_len"], 2048);
}

#[tokio::test]
async fn seeds_decide_and_children_count_up() {
    let sim = start(sim()).await;
    let one = complete(&sim, &hello(7)).await.1;
    assert_eq!(text(&one), text(&complete(&sim, &hello(7)).await.1));
    assert_ne!(text(&one), text(&complete(&sim, &hello(8)).await.1));
    let mut body = hello(7);
    body["n"] = json!(3);
    let three = complete(&sim, &body).await.1;
    for child in 0..3 {
        let alone = complete(&sim, &hello(7 + child)).await.1;
        let choice = &three["choices"][usize::try_from(child).unwrap()];
        assert_eq!(choice["text"], alone["choices"][0]["text"]);
        assert_eq!(choice["index"], child);
    }
}

#[tokio::test]
async fn an_array_answers_in_order_under_one_seed() {
    let sim = start(sim()).await;
    let body =
        json!({"prompt": ["Hello there", "x", "Hello there"], "max_tokens": 12, "seed": 7, "n": 2});
    let answer = complete(&sim, &body).await.1;
    let choices = answer["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 6);
    assert_eq!(choices[0]["text"], choices[4]["text"]);
    assert_eq!(
        choices[0]["text"],
        complete(&sim, &hello(7)).await.1["choices"][0]["text"]
    );
    assert_eq!(answer["usage"]["prompt_tokens"], 5);
    let ids = complete(&sim, &json!({"prompt": [[1, 2, 3], [4]], "max_tokens": 2}))
        .await
        .1;
    assert_eq!(ids["usage"]["prompt_tokens"], 4);
}

#[tokio::test]
async fn seed_policies_differ() {
    let ignoring = start(sim().with_seed_policy(SeedPolicy::Ignores)).await;
    assert_ne!(
        complete(&ignoring, &hello(7)).await.1["choices"],
        complete(&ignoring, &hello(7)).await.1["choices"]
    );
    let constant = start(sim().with_seed_policy(SeedPolicy::Constant)).await;
    assert_eq!(
        text(&complete(&constant, &hello(7)).await.1),
        text(&complete(&constant, &hello(8)).await.1)
    );
    let honest = start(sim()).await;
    let unseeded = json!({"prompt": "Hello there", "max_tokens": 12});
    assert_ne!(
        text(&complete(&honest, &unseeded).await.1),
        text(&complete(&honest, &unseeded).await.1)
    );
    let greedy = json!({"prompt": "Hello there", "max_tokens": 12, "temperature": 0});
    assert_eq!(
        text(&complete(&honest, &greedy).await.1),
        text(&complete(&honest, &greedy).await.1)
    );
}

#[tokio::test]
async fn limits_and_stop_strings_end_a_text() {
    let sim = start(sim()).await;
    let long = complete(
        &sim,
        &json!({"prompt": "Hello there", "max_tokens": 3, "seed": 5}),
    )
    .await
    .1;
    assert_eq!(text(&long).split_whitespace().count(), 3);
    assert_eq!(long["choices"][0]["finish_reason"], "length");
    assert_eq!(long["usage"]["completion_tokens"], 3);
    let first = text(&long).split_whitespace().next().unwrap();
    let body = json!({"prompt": "Hello there", "max_tokens": 3, "seed": 5, "stop": ["\n", first]});
    let stopped = complete(&sim, &body).await.1;
    assert_eq!(text(&stopped), " ");
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");
    assert_eq!(stopped["choices"][0]["stop_reason"], first);
    let default = complete(&sim, &json!({"prompt": "Hello there", "seed": 5}))
        .await
        .1;
    assert!(default["usage"]["completion_tokens"].as_u64().unwrap() <= 16);
}

#[tokio::test]
async fn reasoning_comes_before_the_answer() {
    let question = json!([{"role": "user", "content": "'I have looked at 3 of the 3 exams. 3 of the exams \
        have passing grades.' How many of the 3 exams have passing grades?"}]);
    let body = json!({"messages": question, "seed": 1, "temperature": 0});
    let tags = || Reasoning::new("<think>", "</think>");
    let message = async |reasoning, body: &Value| {
        let sim = start(sim().with_reasoning(reasoning)).await;
        let answer = post(&sim, "/v1/chat/completions", body).await.1;
        answer["choices"][0]["message"].clone()
    };
    let whole = message(tags(), &body).await;
    let content = whole["content"].as_str().unwrap();
    assert!(
        content.starts_with("<think>\n") && content.contains("\n</think>\n\n"),
        "{content}"
    );
    assert_eq!(whole["reasoning"], Value::Null);
    let swallowed = message(tags().with_opening_swallowed(), &body).await;
    assert!(!swallowed["content"].as_str().unwrap().contains("<think>"));
    let parsed = message(tags().with_field(), &body).await;
    assert!(parsed["content"].as_str().unwrap().contains('3'));
    assert!(!parsed["reasoning"].as_str().unwrap().is_empty());
    let cut = json!({"messages": question, "seed": 1, "max_tokens": 3});
    let cut = message(tags().with_field(), &cut).await;
    assert_eq!(cut["content"], Value::Null);
    assert!(!cut["reasoning"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_stream_adds_up_to_the_answer() {
    let sim = start(sim()).await;
    let whole = complete(&sim, &hello(1)).await.1;
    let mut body = hello(1);
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let request = crate::client()
        .post(sim.base_url() + "/completions")
        .json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let events = response.text().await.unwrap();
    let mut data: Vec<&str> = events
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .collect();
    assert_eq!(data.pop(), Some("[DONE]"));
    let chunks: Vec<Value> = data
        .into_iter()
        .map(|chunk| serde_json::from_str(chunk).unwrap())
        .collect();
    let (last, texts) = chunks.split_last().unwrap();
    assert_eq!(texts.iter().map(text).collect::<String>(), text(&whole));
    let finish_reasons: Vec<&Value> = texts
        .iter()
        .map(|chunk| &chunk["choices"][0]["finish_reason"])
        .collect();
    assert_eq!(
        *finish_reasons.last().unwrap(),
        &whole["choices"][0]["finish_reason"]
    );
    assert!(finish_reasons[0].is_null());
    assert_eq!(
        last["usage"]["total_tokens"],
        whole["usage"]["total_tokens"]
    );
}

#[tokio::test]
async fn a_chat_stream_carries_reasoning_and_content() {
    let sim = start(sim().with_reasoning(Reasoning::new("<think>", "</think>").with_field())).await;
    let body = json!({"messages": [{"content": "Hello"}], "seed": 1, "stream": true});
    let request = crate::client()
        .post(sim.base_url() + "/chat/completions")
        .json(&body);
    let events = request.send().await.unwrap().text().await.unwrap();
    assert!(
        events.contains(r#""delta":{"content":"","role":"assistant"}"#),
        "{events}"
    );
    assert!(events.contains(r#""delta":{"reasoning":"#) && events.ends_with("data: [DONE]\n\n"));
}
