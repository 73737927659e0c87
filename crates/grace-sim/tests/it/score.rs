//! Scores over vLLM's wire, against recorded shapes and the model's closed form.

use grace_sim::{Bos, Merging, Sim, SimConfig, Tokenizer, ToyModel};
use serde_json::{Value, json};

use crate::shape::{check_shape, recorded};
use crate::{complete, get, post, sim, start, text};

const PROMPT: &str = "\"I have looked at 2 of the 3 jars. 1 of the jars is full.\" How many are full?\n\
                      What is the probability that the number is exactly 2 of the 3?\nAnswer:";
const PERCENTS: [&str; 11] = [
    " 0%", " 10%", " 20%", " 30%", " 40%", " 50%", " 60%", " 70%", " 80%", " 90%", " 100%",
];

fn close(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The sum over the choice's prompt tokens from the `border`-th on.
fn sum_from(choice: &Value, border: usize) -> f64 {
    let ids = ids(&choice["prompt_token_ids"]);
    let place =
        |place: usize| choice["prompt_logprobs"][place][ids[place].to_string()]["logprob"].as_f64();
    (border..ids.len()).map(|at| place(at).unwrap()).sum()
}

/// Recipe A: the bare prompt and the prompt with each option, in one request.
async fn score_by_prompts(sim: &Sim, prompt: &str, options: &[&str]) -> Vec<f64> {
    let mut prompts = vec![prompt.to_owned()];
    prompts.extend(options.iter().map(|option| format!("{prompt}{option}")));
    let body = json!({
        "model": "sim", "prompt": prompts, "max_tokens": 1, "temperature": 0,
        "prompt_logprobs": 0, "return_token_ids": true,
    });
    let (status, answer) = complete(sim, &body).await;
    assert_eq!(status, 200, "{answer}");
    let choices = answer["choices"].as_array().unwrap();
    let border = ids(&choices[0]["prompt_token_ids"]);
    let score = |choice: &Value| {
        assert!(ids(&choice["prompt_token_ids"]).starts_with(&border));
        sum_from(choice, border.len())
    };
    choices[1..].iter().map(score).collect()
}

/// Recipe B: ln P(id | context) for each id, from `top_logprobs`.
async fn next_logprobs(sim: &Sim, context: &[u32], asked: &[u32]) -> Vec<f64> {
    let body = json!({
        "prompt": context, "max_tokens": 1, "temperature": 0, "logprobs": 1,
        "logprob_token_ids": asked, "return_tokens_as_token_ids": true,
    });
    let (status, answer) = complete(sim, &body).await;
    assert_eq!(status, 200, "{answer}");
    let top = &answer["choices"][0]["logprobs"]["top_logprobs"][0];
    let logprob = |id: &u32| top[format!("token_id:{id}")].as_f64().unwrap();
    asked.iter().map(logprob).collect()
}

#[tokio::test]
async fn prompts_are_scored_as_the_closed_form_says() {
    let sim = start(sim()).await;
    let model = sim.toy_model();
    let scores = score_by_prompts(&sim, PROMPT, &PERCENTS).await;
    for (option, score) in PERCENTS.iter().zip(scores) {
        assert!(
            close(score, model.logprob_of(PROMPT, option), 1e-5),
            "{option}: {score}"
        );
    }
}

#[tokio::test]
async fn full_precision_is_exact() {
    let sim = start(sim().with_full_precision()).await;
    let expected = ToyModel::of(&SimConfig::new("sim")).logprob_of(PROMPT, " 40%");
    let scores = score_by_prompts(&sim, PROMPT, &[" 40%"]).await;
    assert!(close(scores[0], expected, 1e-12));
}

#[tokio::test]
async fn a_trie_walk_gives_the_same_scores() {
    let sim = start(sim()).await;
    let model = ToyModel::of(&SimConfig::new("sim"));
    for option in [" 0%", " 100%", " yes"] {
        let (mut context, ids) = model.border(PROMPT, option);
        let mut sum = 0.0;
        for id in ids {
            sum += next_logprobs(&sim, &context, &[id, 7]).await[0];
            context.push(id);
        }
        assert!(
            close(sum, model.logprob_of(PROMPT, option), 1e-5),
            "{option}: {sum}"
        );
    }
}

#[tokio::test]
async fn numbers_do_not_hang_on_the_sampling() {
    let sim = start(sim()).await;
    let mut answers = Vec::new();
    for temperature in [0.0, 0.3, 2.0] {
        let body = json!({
            "prompt": PROMPT, "max_tokens": 1, "temperature": temperature, "top_p": 0.5, "seed": 1,
            "prompt_logprobs": 3,
        });
        answers.push(complete(&sim, &body).await.1["choices"][0]["prompt_logprobs"].clone());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

#[tokio::test]
async fn scored_prompts_have_vllms_keys() {
    let sim = start(sim()).await;
    let prompt = json!({"prompt": "The name of the file is", "temperature": 0, "max_tokens": 1, "prompt_logprobs": 1});
    check_shape(
        &complete(&sim, &prompt).await.1,
        &recorded!("vllm/prompt_logprobs1.json"),
    );
    let ids = json!({"prompt": "The name of the file is", "temperature": 0, "max_tokens": 2, "return_token_ids": true});
    check_shape(
        &complete(&sim, &ids).await.1,
        &recorded!("vllm/return_token_ids.json"),
    );
    let echo = json!({"prompt": "The name of the file is", "temperature": 0, "max_tokens": 1, "echo": true, "logprobs": 1});
    check_shape(
        &complete(&sim, &echo).await.1,
        &recorded!("vllm/echo_logprobs1_max1.json"),
    );
    let asked = json!({"prompt": "The name of the file is", "max_tokens": 1, "temperature": 0, "logprobs": 2,
        "logprob_token_ids": [229, 377], "return_tokens_as_token_ids": true});
    let mut theirs = recorded!("vllm/logprob_token_ids.json");
    // That server had been started with details of its cache.
    theirs["usage"]["prompt_tokens_details"] = Value::Null;
    let ours = complete(&sim, &asked).await.1;
    check_shape(&ours, &theirs);
    assert_eq!(
        ours["choices"][0]["logprobs"]["top_logprobs"][0]
            .as_object()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn the_likeliest_tokens_stand_beside_the_prompts_own() {
    let sim = start(sim()).await;
    let body =
        json!({"prompt": "Hello there", "max_tokens": 1, "temperature": 0, "prompt_logprobs": 2});
    let answer = complete(&sim, &body).await.1;
    let positions = answer["choices"][0]["prompt_logprobs"].as_array().unwrap();
    assert!(positions[0].is_null());
    for position in &positions[1..] {
        let mut ranks: Vec<u64> = position
            .as_object()
            .unwrap()
            .values()
            .map(|one| one["rank"].as_u64().unwrap())
            .collect();
        ranks.sort_unstable();
        assert_eq!(ranks[..2], [1, 2]);
        assert!(ranks.len() <= 3);
    }
}

#[tokio::test]
async fn a_greedy_token_has_rank_one_and_its_own_logprob() {
    let sim = start(sim().with_full_precision()).await;
    let body = json!({"prompt": PROMPT, "max_tokens": 8, "temperature": 0, "logprobs": 1, "return_token_ids": true});
    let answer = complete(&sim, &body).await.1;
    let choice = &answer["choices"][0];
    assert_eq!(choice["text"], " 60%");
    assert_eq!(choice["finish_reason"], "stop");
    let context = ids(&choice["prompt_token_ids"]);
    let tokens = ids(&choice["token_ids"]);
    assert_eq!(tokens.last(), Some(&Tokenizer::EOS));
    assert_eq!(answer["usage"]["completion_tokens"], tokens.len());
    let logprobs: Vec<f64> =
        serde_json::from_value(choice["logprobs"]["token_logprobs"].clone()).unwrap();
    let expected = ToyModel::of(&SimConfig::new("sim")).logprob_of_ids(&context, &tokens);
    assert!(close(logprobs.iter().sum(), expected, 1e-9));
    assert_eq!(choice["logprobs"]["text_offset"], json!([0, 1, 2, 3, 4]));
    assert_eq!(
        choice["logprobs"]["top_logprobs"][0]
            .as_object()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn draws_follow_the_scores() {
    let sim = start(sim().with_babble_share(0.0)).await;
    let body = |seed: u64| json!({"prompt": PROMPT, "max_tokens": 8, "logprobs": 0, "seed": seed});
    let mut fifty = 0;
    for seed in 0..300 {
        let answer = complete(&sim, &body(seed)).await.1;
        fifty += u32::from(text(&answer) == " 50%");
    }
    let model = ToyModel::of(&SimConfig::new("sim").with_babble_share(0.0));
    let expected = model.logprob_of(PROMPT, " 50%").exp();
    assert!(
        close(f64::from(fifty) / 300.0, expected, 0.09),
        "{fifty} for {expected}"
    );
}

#[tokio::test]
async fn tokens_are_counted_over_all_prompts() {
    let sim = start(sim()).await;
    let body = json!({"prompt": ["yes", "yes no"], "max_tokens": 1, "prompt_logprobs": 0, "n": 2, "seed": 1});
    let answer = complete(&sim, &body).await.1;
    let usage = &answer["usage"];
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"]),
        (&json!(5), &json!(4))
    );
    assert_eq!(answer["choices"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn an_echo_begins_with_the_prompt() {
    let sim = start(sim()).await;
    let mut body = json!({"prompt": "Hello there", "temperature": 0, "max_tokens": 0, "echo": true, "logprobs": 0});
    let answer = complete(&sim, &body).await.1;
    let choice = &answer["choices"][0];
    assert_eq!(choice["text"], "Hello there");
    assert_eq!(choice["logprobs"]["tokens"][0], "<s>");
    assert_eq!(choice["logprobs"]["text_offset"][1], 3);
    assert_eq!(choice["logprobs"]["token_logprobs"][0], Value::Null);
    assert_eq!(answer["usage"]["completion_tokens"], 1);
    body["return_token_ids"] = json!(true);
    assert_eq!(text(&complete(&sim, &body).await.1), "");
}

#[tokio::test]
async fn texts_get_a_begin_token_and_ids_do_not() {
    let begin = async |config: SimConfig, body: Value| {
        let sim = start(config).await;
        let answer = complete(&sim, &body).await.1;
        ids(&answer["choices"][0]["prompt_token_ids"])
    };
    let text = || json!({"prompt": "yes", "max_tokens": 1, "return_token_ids": true});
    let bos = |bos| sim().with_tokenizer(Tokenizer::new().with_bos(bos));
    let yes = Tokenizer::new().encode("yes")[0];
    assert_eq!(begin(sim(), text()).await, [0, yes]);
    assert_eq!(begin(bos(Bos::Doubled), text()).await, [0, 0, yes]);
    assert_eq!(begin(bos(Bos::Absent), text()).await, [yes]);
    let mut bare = text();
    bare["add_special_tokens"] = json!(false);
    assert_eq!(begin(sim(), bare).await, [yes]);
    let mut given = text();
    given["prompt"] = json!([yes]);
    assert_eq!(begin(sim(), given).await, [yes]);
}

#[tokio::test]
async fn tokenize_answers_as_vllm_does() {
    let sim = start(sim()).await;
    let tokenize = async |body: Value| post(&sim, "/tokenize", &body).await;
    let (_, plain) = tokenize(json!({"model": "sim", "prompt": "The answer is 10%"})).await;
    check_shape(&plain, &recorded!("vllm/tokenize.json"));
    assert_eq!(plain["tokens"][0], Tokenizer::BOS);
    assert_eq!(plain["count"], plain["tokens"].as_array().unwrap().len());
    let strs = json!({"prompt": "The answer is 10%", "add_special_tokens": false, "return_token_strs": true});
    let (_, strs) = tokenize(strs).await;
    check_shape(&strs, &recorded!("vllm/tokenize_strs.json"));
    assert_eq!(
        strs["token_strs"],
        json!([
            "The",
            "\u{120}answer",
            "\u{120}is",
            "\u{120}",
            "1",
            "0",
            "%"
        ])
    );
    let chat = json!({"messages": [{"role": "user", "content": "yes"}], "return_token_strs": true});
    let (_, chat) = tokenize(chat).await;
    assert_eq!(
        chat["token_strs"],
        json!(["<|user|>", "yes", "<|end|>", "<|assistant|>"])
    );
    let open =
        json!({"messages": [{"role": "user", "content": "yes"}], "add_generation_prompt": false});
    assert_eq!(tokenize(open).await.1["count"], 3);
    assert_eq!(
        tokenize(json!({"model": "nope", "prompt": "x"})).await.0,
        404
    );
    assert_eq!(tokenize(json!({})).await.0, 400);
    let body = json!({"tokens": [0, 287, 289]});
    let (_, text) = post(&sim, "/detokenize", &body).await;
    check_shape(&text, &recorded!("vllm/detokenize.json"));
    assert_eq!(text["prompt"], "<s>The answer");
    assert_eq!(get(&sim, "/tokenize").await.0, 405);
}

#[tokio::test]
async fn a_merging_tokenizer_spoils_the_border() {
    let tokenizer = Tokenizer::new().with_merging(Merging::Colons);
    let sim = start(sim().with_tokenizer(tokenizer)).await;
    let body =
        json!({"prompt": ["Answer:", "Answer: yes"], "max_tokens": 1, "return_token_ids": true});
    let answer = complete(&sim, &body).await.1;
    let [bare, joint] = [0, 1].map(|at: usize| ids(&answer["choices"][at]["prompt_token_ids"]));
    assert!(!joint.starts_with(&bare));
}

#[tokio::test]
async fn what_cannot_be_scored_is_refused_in_vllms_words() {
    let sim = start(sim().with_max_model_len(8)).await;
    let cases = [
        (
            json!({"prompt": "x", "logprobs": 21}),
            "logprobs",
            "Requested sample logprobs of 21, which is greater than max allowed: 20 (parameter=logprobs, value=21)",
        ),
        (
            json!({"prompt": "x", "prompt_logprobs": 21}),
            "prompt_logprobs",
            "Requested prompt logprobs of 21, which is greater than max allowed: 20 (parameter=prompt_logprobs, value=21)",
        ),
        (
            json!({"prompt": "x", "prompt_logprobs": 1, "stream": true}),
            "prompt_logprobs",
            "`prompt_logprobs` are not available when `stream=True`. (parameter=prompt_logprobs)",
        ),
        (
            json!({"prompt": "x", "logprob_token_ids": [1]}),
            "logprob_token_ids",
            "when using `logprob_token_ids`, `logprobs` must be set. (parameter=logprob_token_ids)",
        ),
        (
            json!({"prompt": [0, 999_999]}),
            "",
            "Token id 999999 is out of vocabulary",
        ),
        (
            json!({"prompt": "", "prompt_logprobs": 0}),
            "prompt",
            "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)",
        ),
        (
            json!({"prompt": "x", "max_tokens": 0, "logprobs": 1}),
            "max_tokens",
            "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)",
        ),
        (
            json!({"prompt": [1, 1, 1, 1, 1, 1, 1, 1]}),
            "max_tokens",
            "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)",
        ),
    ];
    for (body, param, message) in cases {
        let (status, answer) = complete(&sim, &body).await;
        let error = &answer["error"];
        assert_eq!(
            (status, error["message"].as_str()),
            (400, Some(message)),
            "{body}"
        );
        assert_eq!(error["param"].as_str().unwrap_or_default(), param);
    }
    let many: Vec<u32> = (0..129).collect();
    let body = json!({"prompt": "x", "logprobs": 1, "logprob_token_ids": many});
    assert_eq!(complete(&sim, &body).await.0, 400);
    let flag = json!({"prompt": "x", "logprobs": true, "max_tokens": 1});
    assert_eq!(complete(&sim, &flag).await.0, 200);
}
