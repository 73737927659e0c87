//! llama.cpp's dialect, against recorded shapes and the model's closed form.

use grace_sim::{Dialect, ScoringFault, SimConfig, Tokenizer, ToyModel};
use serde_json::{Value, json};

use crate::shape::{check_shape, recorded};
use crate::{get, hello, post, sim, start, text};

const PROMPT: &str = "\"I have looked at 2 of the 3 jars. 1 of the jars is full.\" How many are full?\n\
                      What is the probability that the number is exactly 2 of the 3?\nAnswer:";

fn llama() -> SimConfig {
    sim().with_dialect(Dialect::LlamaCpp)
}

/// A request that forces `ids` after `prompt`.
fn forced(prompt: &[u32], ids: &[u32]) -> Value {
    let sequence: Vec<String> = ids.iter().map(|id| format!("<[{id}]>")).collect();
    json!({
        "prompt": prompt, "grammar": format!("root ::= {}", sequence.join(" ")), "n_predict": ids.len(),
        "n_probs": 1, "temperature": 0, "cache_prompt": false, "return_tokens": true,
    })
}

async fn tokenize(sim: &grace_sim::Sim, content: &str) -> Vec<u32> {
    let body = json!({"content": content, "add_special": true});
    let (_, answer) = post(sim, "/tokenize", &body).await;
    serde_json::from_value(answer["tokens"].clone()).unwrap()
}

#[tokio::test]
async fn forced_tokens_report_the_closed_form() {
    let sim = start(llama()).await;
    let model = ToyModel::of(&SimConfig::new("sim"));
    for option in [" 0%", " 40%", " 100%", " perhaps"] {
        let prompt = tokenize(&sim, PROMPT).await;
        let joint = tokenize(&sim, &format!("{PROMPT}{option}")).await;
        let ids = joint.strip_prefix(prompt.as_slice()).unwrap();
        let (status, answer) = post(&sim, "/completion", &forced(&prompt, ids)).await;
        assert_eq!(status, 200, "{answer}");
        check_shape(&answer, &recorded!("llama/score_grammar_tokens.json"));
        assert_eq!(answer["tokens"], json!(ids));
        assert_eq!(
            (&answer["content"], &answer["stop_type"]),
            (&json!(option), &json!("limit"))
        );
        let items = answer["completion_probabilities"].as_array().unwrap();
        let sum: f64 = items
            .iter()
            .map(|item| item["logprob"].as_f64().unwrap())
            .sum();
        assert!(
            (sum - model.logprob_of(PROMPT, option)).abs() < 1e-5,
            "{option}: {sum}"
        );
    }
}

#[tokio::test]
async fn a_grammar_works_on_the_openai_path_too() {
    let sim = start(llama()).await;
    let prompt = Tokenizer::new().encode_prompt(PROMPT);
    let mut body = forced(&prompt, &Tokenizer::new().encode(" 10%"));
    let fields = body.as_object_mut().unwrap();
    fields.remove("n_predict");
    fields.remove("n_probs");
    fields.extend([
        ("max_tokens".to_owned(), json!(4)),
        ("logprobs".to_owned(), json!(1)),
    ]);
    let (_, answer) = post(&sim, "/v1/completions", &body).await;
    check_shape(&answer, &recorded!("llama/score_grammar_tokens_v1.json"));
    assert_eq!(text(&answer), " 10%");
}

#[tokio::test]
async fn a_finished_grammar_ends_the_text() {
    let sim = start(llama()).await;
    let mut body = forced(&[0], &Tokenizer::new().encode(" yes"));
    body["n_predict"] = json!(9);
    let (_, answer) = post(&sim, "/completion", &body).await;
    assert_eq!(
        (&answer["content"], &answer["stop_type"]),
        (&json!(" yes"), &json!("eos"))
    );
}

#[tokio::test]
async fn grammars_that_cannot_be_followed_are_refused() {
    let sim = start(llama()).await;
    let refusal = async |grammar: &str| {
        let body = json!({"prompt": "x", "max_tokens": 2, "grammar": grammar});
        let (status, answer) = post(&sim, "/v1/completions", &body).await;
        (status, answer["error"]["type"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        refusal("root = x").await,
        (400, "invalid_request_error".to_owned())
    );
    for grammar in ["root ::= <[999999]>", "root ::= <[287]> <[1]>"] {
        assert_eq!(
            refusal(grammar).await,
            (500, "server_error".to_owned()),
            "no token, or the end of the text: {grammar}"
        );
    }
}

#[tokio::test]
async fn a_text_without_end_goes_on_to_its_limit() {
    let sim = start(llama()).await;
    let prompt = Tokenizer::new().encode_prompt(&format!("{PROMPT} 10%"));
    let mut body = json!({"prompt": prompt, "max_tokens": 3, "temperature": 0, "logprobs": 1});
    let tokens = async |body: &Value| {
        let (_, answer) = post(&sim, "/v1/completions", body).await;
        let content = answer["choices"][0]["logprobs"]["content"].clone();
        let ids = content.as_array().unwrap().iter();
        ids.map(|token| token["id"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(tokens(&body).await, [u64::from(Tokenizer::EOS)]);
    body["ignore_eos"] = json!(true);
    let endless = tokens(&body).await;
    assert_eq!(endless.len(), 3);
    assert!(!endless.contains(&u64::from(Tokenizer::EOS)));
}

#[tokio::test]
async fn fields_of_vllm_alone_are_ignored() {
    let sim = start(llama()).await;
    let body = json!({
        "model": "nope", "prompt": "Hello there", "max_tokens": 1, "seed": 1, "prompt_logprobs": 0, "echo": true,
        "return_token_ids": true, "logprob_token_ids": [3],
    });
    let (status, answer) = post(&sim, "/v1/completions", &body).await;
    assert_eq!(status, 200);
    check_shape(&answer, &recorded!("llama/completion.json"));
    assert!(!text(&answer).contains("Hello"));
}

#[tokio::test]
async fn participants_answer_as_they_do_in_the_other_dialect() {
    let (ours, theirs) = (start(llama()).await, start(sim()).await);
    let mut body = hello(7);
    body["temperature"] = json!(1);
    let answer = async |sim| post(sim, "/v1/completions", &body).await.1;
    assert_eq!(text(&answer(&ours).await), text(&answer(&theirs).await));
    let chat =
        json!({"messages": [{"role": "user", "content": "Hello"}], "seed": 1, "max_tokens": 12});
    let (_, chat) = post(&ours, "/v1/chat/completions", &chat).await;
    check_shape(&chat, &recorded!("llama/chat.json"));
}

#[tokio::test]
async fn the_server_tells_what_it_is() {
    let sim = start(llama().with_max_model_len(512)).await;
    let models: Value = serde_json::from_str(&get(&sim, "/v1/models").await.1).unwrap();
    check_shape(&models, &recorded!("llama/models.json"));
    assert_eq!(models["data"][0]["owned_by"], "llamacpp");
    assert_eq!(models["data"][0]["meta"]["n_ctx"], 512);
    let props: Value = serde_json::from_str(&get(&sim, "/props").await.1).unwrap();
    check_shape(&props, &recorded!("llama/props.json"));
    assert_eq!(
        get(&sim, "/health").await,
        (200, r#"{"status":"ok"}"#.to_owned())
    );
    let (status, body) = get(&sim, "/version").await;
    assert!(status == 404 && body.contains("File Not Found"));
}

#[tokio::test]
async fn tokenize_answers_as_llama_does() {
    let sim = start(llama()).await;
    let pieces =
        json!({"content": "The answer is 10% \u{e9}", "add_special": true, "with_pieces": true});
    let (_, pieces) = post(&sim, "/tokenize", &pieces).await;
    check_shape(&pieces, &recorded!("llama/tokenize.json"));
    assert_eq!(pieces["tokens"][0], json!({"id": 0, "piece": "<s>"}));
    assert_eq!(
        pieces["tokens"].as_array().unwrap().last().unwrap()["piece"],
        json!([169])
    );
    let (_, bare) = post(
        &sim,
        "/tokenize",
        &json!({"content": " It wasn't terrible"}),
    )
    .await;
    check_shape(&bare, &recorded!("llama/tokenize_nospecial.json"));
    assert_eq!(bare["tokens"].as_array().unwrap().len(), 4);
    let (_, text) = post(&sim, "/detokenize", &json!({"tokens": [0, 287]})).await;
    check_shape(&text, &recorded!("llama/detokenize.json"));
    assert_eq!(text["content"], "<s>The");
}

#[tokio::test]
async fn limits_are_llamas() {
    let sim = start(llama().with_max_model_len(4)).await;
    let refused = async |body: Value| {
        let (status, answer) = post(&sim, "/v1/completions", &body).await;
        (
            status,
            answer["error"]["message"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    let too_long =
        "request (4 tokens) exceeds the available context size (4 tokens), try increasing it";
    assert_eq!(
        refused(json!({"prompt": "1 2 3 4"})).await,
        (400, too_long.to_owned())
    );
    let negative =
        "Field 'max_tokens': Value must be between -1 <= value <= 2147483647, but got -5";
    assert_eq!(
        refused(json!({"prompt": "x", "max_tokens": -5})).await,
        (400, negative.to_owned())
    );
    let many = "Field 'n': Value must be between 1 <= value <= 4, but got 5";
    assert_eq!(
        refused(json!({"prompt": "x", "n": 5})).await,
        (400, many.to_owned())
    );
    assert_eq!(refused(json!({"max_tokens": 1})).await.0, 400);
    assert_eq!(
        refused(json!({"prompt": [999_999]})).await,
        (400, "Prompt contains invalid tokens".to_owned())
    );
    assert_eq!(refused(json!({"prompt": "x", "stream": true})).await.0, 501);
    assert_eq!(
        refused(json!({"prompt": "x", "max_tokens": 0, "temperature": -1, "stop": 5}))
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn the_key_guards_all_but_health() {
    let sim = start(llama().with_api_key("secret")).await;
    let (status, body) = post(&sim, "/tokenize", &json!({"content": "x"})).await;
    assert_eq!(status, 401);
    check_shape(&body, &recorded!("llama/auth_missing.json"));
    assert_eq!(get(&sim, "/health").await.0, 200);
}

#[tokio::test]
async fn scoring_faults_show_in_this_dialect_too() {
    let sim = start(llama()).await;
    let ids = Tokenizer::new().encode(" 10%");
    let items = async |fault| {
        sim.set_scoring_fault(Some(fault));
        let (_, answer) = post(&sim, "/completion", &forced(&[0], &ids)).await;
        answer["completion_probabilities"].clone()
    };
    assert_eq!(items(ScoringFault::Absent).await, Value::Null);
    assert_eq!(
        items(ScoringFault::TooFew).await.as_array().unwrap().len(),
        3
    );
    assert!(
        items(ScoringFault::MissingToken).await[3]
            .get("logprob")
            .is_none()
    );
    assert_eq!(items(ScoringFault::Null).await[3]["logprob"], Value::Null);
    assert_eq!(
        items(ScoringFault::MinusInfinity).await[3]["logprob"],
        -9999.0
    );
}
