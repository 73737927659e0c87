//! What the simulator refuses, in the words that vLLM 0.32 was recorded to use.

use serde_json::{Value, json};

use crate::wire::check_keys;
use crate::{complete, get, hello, sim, start};

/// Sends bad requests and compares param and message, as in the recorded `bad_*` samples.
async fn check_refusals(cases: &[(Value, &str, &str)]) {
    let sim = start(sim().with_max_model_len(4)).await;
    for (body, param, message) in cases {
        let (status, answer) = complete(&sim, body).await;
        let error = &answer["error"];
        check_keys(error, &["message", "type", "param", "code"]);
        assert_eq!(status, if *param == "model" { 404 } else { 400 }, "{body}");
        assert_eq!(error["message"], *message);
        assert_eq!(error["param"].as_str().unwrap_or_default(), *param);
        assert_eq!(error["code"], status);
    }
}

#[tokio::test]
async fn bad_prompts_and_lengths_are_refused_in_vllms_words() {
    let no_model = "The model `nope` does not exist. Valid aliases: sim.";
    let too_long = "This model's maximum context length is 4 tokens. However, your prompt contains 5 \
                    input tokens, which exceeds this limit even without any output tokens. Please \
                    reduce the length of the input prompt. (parameter=input_tokens, value=5)";
    let no_room = "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)";
    let negative = "max_tokens must be at least 1, got -5. (parameter=max_tokens, value=-5)";
    let too_many = "max_tokens=9000 cannot be greater than max_model_len=4. Please request fewer \
                    output tokens. (parameter=max_tokens, value=9000)";
    let missing =
        "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)";
    check_refusals(&[
        (json!({"model": "nope", "prompt": "x"}), "model", no_model),
        (json!({"prompt": "1 2 3 4 5"}), "input_tokens", too_long),
        (json!({"prompt": "1 2 3 4"}), "max_tokens", no_room),
        (
            json!({"prompt": "x", "max_tokens": 0}),
            "max_tokens",
            no_room,
        ),
        (
            json!({"prompt": "x", "max_tokens": -5}),
            "max_tokens",
            negative,
        ),
        (
            json!({"prompt": "x", "max_tokens": 9000}),
            "max_tokens",
            too_many,
        ),
        (json!({"max_tokens": 1}), "prompt", missing),
        (json!({"prompt": "", "max_tokens": 1}), "prompt", missing),
        (
            json!({"prompt": [], "max_tokens": 1}),
            "",
            "You must pass at least one prompt",
        ),
    ])
    .await;
}

#[tokio::test]
async fn bad_sampling_settings_are_refused_in_vllms_words() {
    let cold = "temperature must be non-negative, got -1.0. (parameter=temperature, value=-1.0)";
    let hot = "temperature must be in [0, 2], got 100.0. (parameter=temperature, value=100.0)";
    let top_p = "top_p must be in (0, 1], got 0.0. (parameter=top_p, value=0.0)";
    let greedy = "n must be 1 when using greedy sampling, got 2.";
    check_refusals(&[
        (
            json!({"prompt": "x", "temperature": -1}),
            "temperature",
            cold,
        ),
        (
            json!({"prompt": "x", "temperature": 100}),
            "temperature",
            hot,
        ),
        (json!({"prompt": "x", "top_p": 0}), "top_p", top_p),
        (
            json!({"prompt": "x", "n": 0}),
            "",
            "n must be at least 1, got 0.",
        ),
        (json!({"prompt": "x", "n": 2, "temperature": 0}), "", greedy),
        (
            json!({"prompt": "x", "stop": [""]}),
            "",
            "stop cannot contain an empty string.",
        ),
    ])
    .await;
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let sim = start(sim()).await;
    let post = |body: &'static str, content_type: &'static str| {
        let request = crate::client().post(sim.base_url() + "/completions");
        let sent = request
            .header("content-type", content_type)
            .body(body)
            .send();
        async { sent.await.unwrap().json::<Value>().await.unwrap() }
    };
    let broken = post(r#"{"prompt": "x", "#, "application/json").await;
    assert_eq!(broken["error"]["type"], "Bad Request");
    assert!(
        broken["error"]["message"]
            .as_str()
            .unwrap()
            .contains("json_invalid")
    );
    let untyped = post(r#"{"prompt": "x"}"#, "text/plain").await;
    assert!(
        untyped["error"]["message"]
            .as_str()
            .unwrap()
            .contains("Unsupported Media Type")
    );
    let (status, _) = complete(&sim, &json!({"prompt": "x", "temperature": "hot"})).await;
    assert_eq!(status, 400);
    let (status, _) = complete(
        &sim,
        &json!({"prompt": "x", "seed": 9_223_372_036_854_775_808_u64}),
    )
    .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn the_key_guards_v1_alone() {
    let sim = start(sim().with_api_key("secret")).await;
    let (status, body) = complete(&sim, &hello(1)).await;
    assert_eq!((status, body), (401, json!({"error": "Unauthorized"})));
    assert_eq!(get(&sim, "/health").await.0, 200);
    assert_eq!(get(&sim, "/version").await.0, 200);
    let url = sim.base_url() + "/models";
    let response = crate::client()
        .get(url)
        .bearer_auth("secret")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}
