use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use grace_client::{
    Api, CancellationToken, Probe, ProbeError, ProbeRequest, SeedBehaviour, ServerKind,
};

use crate::scripted::{Seen, Server, Step, answer, good, hang, serve};

const MODELS: &str = include_str!("../../../../testdata/wire/vllm/models.json");
const VERSION: &str = include_str!("../../../../testdata/wire/vllm/version.json");
const POLL: Duration = Duration::from_millis(5);

/// A vLLM whose text `write` makes from the seed and the number of the request.
async fn vllm(write: impl Fn(u64, usize) -> String + Send + Sync + 'static) -> Server {
    let count = AtomicUsize::new(0);
    serve(move |seen| match seen.path() {
        "/health" => answer(200, ""),
        "/v1/models" => answer(200, MODELS),
        "/version" => answer(200, VERSION),
        _ => {
            let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
            assert_eq!(body["temperature"], 1.0);
            let number = count.fetch_add(1, Ordering::Relaxed);
            good(&write(body["seed"].as_u64().unwrap(), number))
        }
    })
    .await
}

async fn probe(server: &Server, request: ProbeRequest) -> Result<Probe, ProbeError> {
    let cancel = CancellationToken::new();
    server.client().probe(&request, &cancel).await
}

async fn seed_behaviour(
    write: impl Fn(u64, usize) -> String + Send + Sync + 'static,
) -> SeedBehaviour {
    let server = vllm(write).await;
    let request = ProbeRequest::new("tiny", Api::Completions);
    probe(&server, request).await.unwrap().seed
}

#[tokio::test]
async fn seeds_are_checked() {
    let honoured = seed_behaviour(|seed, _| format!("text {seed}")).await;
    assert_eq!(honoured, SeedBehaviour::Honoured);
    let ignored = seed_behaviour(|_, number| format!("text {number}")).await;
    assert_eq!(ignored, SeedBehaviour::Ignored);
    let constant = seed_behaviour(|_, _| "text".to_owned()).await;
    assert_eq!(constant, SeedBehaviour::Constant);
    let one_other = seed_behaviour(|_, number| (number == 4).to_string()).await;
    assert_eq!(one_other, SeedBehaviour::Honoured);
}

#[tokio::test]
async fn a_probe_describes_vllm() {
    let server = vllm(|seed, _| seed.to_string()).await;
    let request = ProbeRequest::new("tiny", Api::Chat).with_check_seed(false);
    let probe = probe(&server, request).await.unwrap();
    assert_eq!(
        serde_json::to_value(&probe).unwrap(),
        serde_json::json!({
            "model": {
                "id": "tiny",
                "root": "models/tiny-model",
                "max_model_len": 2048,
                "owned_by": "vllm",
            },
            "server_version": "0.32.0",
            "server_kind": "vLLM",
            "system_fingerprint": null,
            "seed": "not_checked",
        })
    );
    let paths: Vec<_> = server
        .log()
        .seen
        .iter()
        .map(|seen| seen.path().to_owned())
        .collect();
    assert_eq!(paths, ["/v1/models", "/version", "/v1/chat/completions"]);
}

fn llama(seen: &Seen) -> Step {
    let body = match seen.path() {
        "/v1/models" => include_str!("../../../../testdata/wire/llama/models.json"),
        "/props" => include_str!("../../../../testdata/wire/llama/props.json"),
        _ => include_str!("../../../../testdata/wire/llama/completion.json"),
    };
    answer(200, body)
}

#[tokio::test]
async fn a_probe_describes_llama_cpp() {
    let server = serve(llama).await;
    let request = ProbeRequest::new("gemma-3-270m-q4_k_m.gguf", Api::Completions);
    let probe = probe(&server, request).await.unwrap();
    assert_eq!(probe.server_kind, ServerKind::LlamaCpp);
    assert_eq!(probe.model.max_model_len, Some(2048));
    assert_eq!(probe.system_fingerprint.as_deref(), Some("b0-unknown"));
    assert!(probe.server_version.is_some());
    assert_eq!(probe.seed, SeedBehaviour::Constant);
}

#[tokio::test]
async fn llama_cpp_with_another_model_is_found_out() {
    let server = serve(llama).await;
    let request = ProbeRequest::new("gemma-2b", Api::Completions);
    let error = probe(&server, request).await.unwrap_err();
    let url = &server.url;
    assert_eq!(
        error.to_string(),
        format!("server at {url} does not serve `gemma-2b`; it serves `gemma-3-270m-q4_k_m.gguf`")
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn an_alias_is_a_model() {
    let aliases = include_str!("../../../../testdata/wire/vllm/models_alias.json");
    let server = serve(|seen| match seen.path() {
        "/v1/models" => answer(200, aliases),
        _ => answer(404, r#"{"detail":"Not Found"}"#),
    })
    .await;
    let cancel = CancellationToken::new();
    let client = server.client();
    let model = client.wait_ready("tiny-alias", POLL, &cancel).await;
    assert_eq!(model.unwrap().id, "tiny-alias");
}

#[tokio::test]
async fn a_model_that_cannot_generate_is_an_error_with_its_history() {
    let server = serve(|seen| match seen.path() {
        "/v1/models" => answer(200, MODELS),
        _ => answer(400, "no"),
    })
    .await;
    let error = probe(&server, ProbeRequest::new("tiny", Api::Completions))
        .await
        .unwrap_err();
    let ProbeError::CannotGenerate { source, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(source.attempts().len(), 1);
    assert_eq!(
        error.to_string(),
        format!(
            "model `tiny` of the server at {} cannot generate",
            server.url
        )
    );
}

#[tokio::test]
async fn an_odd_list_of_models_is_unreachable() {
    let server = serve(|_| answer(200, "[]")).await;
    let error = probe(&server, ProbeRequest::new("tiny", Api::Chat)).await;
    assert!(matches!(error, Err(ProbeError::Unreachable { .. })));
}

#[tokio::test]
async fn readiness_is_waited_for() {
    let loading = include_str!("../../../../testdata/wire/llama/loading.json");
    let count = AtomicUsize::new(0);
    let server = serve(
        move |seen| match (count.fetch_add(1, Ordering::Relaxed), seen.path()) {
            (0, _) => Step::Reset,
            (1 | 2, "/health") => answer(503, loading),
            (3, "/health") => answer(200, ""),
            (4, "/v1/models") => answer(500, ""),
            (5, "/health") => answer(200, r#"{"status":"ok"}"#),
            (6, "/v1/models") => answer(200, MODELS),
            other => panic!("{other:?}"),
        },
    )
    .await;
    let cancel = CancellationToken::new();
    let model = server.client().wait_ready("tiny", POLL, &cancel).await;
    assert_eq!(model.unwrap().max_model_len, Some(2048));
    assert_eq!(server.log().seen.len(), 7);
}

#[tokio::test]
async fn another_model_ends_the_wait_at_once() {
    let server = vllm(|_, _| String::new()).await;
    let cancel = CancellationToken::new();
    let client = server.client();
    let error = client.wait_ready("gemma", POLL, &cancel).await.unwrap_err();
    let ProbeError::WrongModel {
        expected, served, ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(
        (expected.as_str(), served),
        ("gemma", vec!["tiny".to_owned()])
    );
}

#[tokio::test]
async fn a_wrong_key_ends_the_wait_at_once() {
    let server = serve(|seen| match seen.path() {
        "/health" => answer(200, ""),
        _ => answer(401, r#"{"error":"Unauthorized"}"#),
    })
    .await;
    let cancel = CancellationToken::new();
    let client = server.client();
    let error = client.wait_ready("tiny", POLL, &cancel).await.unwrap_err();
    assert!(matches!(error, ProbeError::Refused { .. }), "{error:?}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_wait_can_be_cancelled() {
    for step in [hang(), answer(503, "")] {
        let server = serve(move |_| step.clone()).await;
        let cancel = CancellationToken::new();
        let (client, token) = (server.client(), cancel.clone());
        let waiting = tokio::spawn(async move {
            let hour = Duration::from_hours(1);
            client.wait_ready("tiny", hour, &token).await
        });
        while server.log().seen.is_empty() {
            tokio::task::yield_now().await;
        }
        let cancelled = Instant::now();
        cancel.cancel();
        let error = waiting.await.unwrap().unwrap_err();
        assert!(matches!(error, ProbeError::Cancelled { .. }));
        assert!(cancelled.elapsed() < Duration::from_millis(100));
    }
}
