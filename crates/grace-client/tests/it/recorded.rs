use grace_client::{
    CancellationToken, ChatMessage, Finish, GenerateRequest, Generation, Input, ReasoningMarkers,
    Sampling,
};

use crate::scripted::{answer, request, scripted};

async fn generate(body: &str, request: &GenerateRequest) -> Generation {
    let server = scripted([answer(200, body)]).await;
    let cancel = CancellationToken::new();
    let generation = server.client().generate(request, &cancel).await.unwrap();
    assert_eq!(generation.response.get(), body);
    assert_eq!(generation.request.get(), request.body().get());
    generation
}

fn chat() -> GenerateRequest {
    let turns = vec![
        ChatMessage::system("Be brief."),
        ChatMessage::user("Is it likely?"),
    ];
    GenerateRequest::new("tiny", Input::Chat(turns), Sampling::new(1.0, 3))
}

#[tokio::test]
async fn vllm_completion() {
    let body = include_str!("../../../../testdata/wire/vllm/completion.json");
    let generation = generate(body, &request()).await;
    assert!(generation.text.starts_with("rash' cannothiagjob\u{fffd} "));
    assert_eq!(generation.finish, Finish::Length);
    assert_eq!(generation.id.as_deref(), Some("cmpl-8ce3f93b783ec98d"));
    assert_eq!(
        generation.system_fingerprint.as_deref(),
        Some("vllm-0.32.0-65024210")
    );
    let usage = generation.usage.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (7, 24));
    assert_eq!(generation.reasoning, None);
    assert!(!generation.is_truncated_thought());
}

#[tokio::test]
async fn vllm_completion_that_met_a_stop_string() {
    let body = include_str!("../../../../testdata/wire/vllm/completion_stop.json");
    assert_eq!(generate(body, &request()).await.finish, Finish::Stop);
}

#[tokio::test]
async fn llama_completion_and_chat() {
    let body = include_str!("../../../../testdata/wire/llama/completion.json");
    let generation = generate(body, &request()).await;
    assert!(generation.text.starts_with(" one of the most visited"));
    assert_eq!(generation.usage.unwrap().prompt_tokens, 6);

    let body = include_str!("../../../../testdata/wire/llama/chat.json");
    let generation = generate(body, &chat()).await;
    assert_eq!(generation.text, "Is the sky blue?<|im_end|>\n<");
    assert_eq!(generation.finish, Finish::Length);
}

#[tokio::test]
async fn vllm_reasoning_that_came_to_an_end() {
    let body = include_str!("../../../../testdata/wire/vllm/chat_reasoning_done.json");
    let generation = generate(body, &chat()).await;
    let message: serde_json::Value = serde_json::from_str(body).unwrap();
    let message = &message["choices"][0]["message"];
    assert_eq!(generation.text, message["content"].as_str().unwrap());
    assert_eq!(
        generation.reasoning.as_deref(),
        message["reasoning"].as_str()
    );
    assert!(!generation.is_truncated_thought());
}

#[tokio::test]
async fn vllm_reasoning_that_was_cut() {
    let body = include_str!("../../../../testdata/wire/vllm/chat_reasoning_cut.json");
    let generation = generate(body, &chat()).await;
    assert_eq!(generation.text, "");
    assert_eq!(generation.reasoning.as_deref(), Some(" all doesn that"));
    assert_eq!(generation.finish, Finish::Length);
    assert!(generation.is_truncated_thought());
}

#[tokio::test]
async fn reasoning_under_its_older_name() {
    let body = r#"{"choices":[{"message":{"content":"no","reasoning_content":"hm"},"finish_reason":"stop"}]}"#;
    let generation = generate(body, &chat()).await;
    assert_eq!(
        (&*generation.text, generation.reasoning.as_deref()),
        ("no", Some("hm"))
    );
}

#[tokio::test]
async fn a_null_text_that_was_cut_is_empty() {
    let body = r#"{"choices":[{"message":{"content":null},"finish_reason":"length"}]}"#;
    let generation = generate(body, &chat()).await;
    assert_eq!((&*generation.text, generation.reasoning), ("", None));
}

#[tokio::test]
async fn reasoning_between_markers() {
    let request = chat().with_reasoning(ReasoningMarkers::new("<think>", "</think>"));
    let body = r#"{"choices":[{"message":{"content":"hm</think>\n\nno"},"finish_reason":"stop"}]}"#;
    let generation = generate(body, &request).await;
    assert_eq!(
        (&*generation.text, generation.reasoning.as_deref()),
        ("no", Some("hm"))
    );
    let body = r#"{"choices":[{"message":{"content":"hm, no"},"finish_reason":"length"}]}"#;
    let generation = generate(body, &request).await;
    assert!(generation.is_truncated_thought());
    assert_eq!(generation.text, "");
}

#[tokio::test]
async fn finish_is_what_the_server_says() {
    for (said, finish) in [
        (r#""abort""#, Finish::Other("abort".to_owned())),
        ("null", Finish::Missing),
    ] {
        let body = format!(r#"{{"choices":[{{"text":"a","finish_reason":{said}}}]}}"#);
        assert_eq!(generate(&body, &request()).await.finish, finish);
    }
}

#[tokio::test]
async fn what_is_sent_is_the_body() {
    let sampling = Sampling {
        temperature: 0.7,
        top_p: 0.95,
        top_k: 40,
        min_p: 0.05,
        presence_penalty: -0.5,
        frequency_penalty: 0.25,
        repetition_penalty: 1.1,
        max_tokens: 16,
    };
    let input = Input::Completion("Mark's \"exam\"\n\u{1F600}\u{7}".to_owned());
    let request = GenerateRequest::new("org/tiny", input, sampling)
        .with_seed(9_007_199_254_740_991)
        .with_stop(vec!["\n".to_owned(), "Q:".to_owned()]);
    let server = scripted([
        answer(200, r#"{"choices":[{"text":"a"}]}"#),
        answer(200, r#"{"choices":[{"message":{"content":"a"}}]}"#),
    ])
    .await;
    let (client, cancel) = (server.client(), CancellationToken::new());
    client.generate(&request, &cancel).await.unwrap();
    client.generate(&chat(), &cancel).await.unwrap();

    let log = server.log();
    assert_eq!(log.seen[0].path(), "/v1/completions");
    assert_eq!(log.seen[0].body, request.body().get());
    assert_eq!(
        log.seen[0].body,
        concat!(
            r#"{"model":"org/tiny","prompt":"Mark's \"exam\"\n😀\u0007","temperature":0.7,"#,
            r#""top_p":0.95,"top_k":40,"min_p":0.05,"presence_penalty":-0.5,"#,
            r#""frequency_penalty":0.25,"repetition_penalty":1.1,"repeat_penalty":1.1,"#,
            r#""max_tokens":16,"n":1,"stream":false,"seed":9007199254740991,"stop":["\n","Q:"]}"#,
        )
    );
    assert!(
        log.seen[0]
            .head
            .contains("content-type: application/json\r\n")
    );
    assert_eq!(log.seen[1].path(), "/v1/chat/completions");
    assert_eq!(
        log.seen[1].body,
        concat!(
            r#"{"model":"tiny","messages":[{"role":"system","content":"Be brief."},"#,
            r#"{"role":"user","content":"Is it likely?"}],"temperature":1.0,"top_p":1.0,"#,
            r#""top_k":0,"min_p":0.0,"presence_penalty":0.0,"frequency_penalty":0.0,"#,
            r#""repetition_penalty":1.0,"repeat_penalty":1.0,"max_tokens":3,"n":1,"#,
            r#""stream":false,"stop":[]}"#,
        )
    );
}
