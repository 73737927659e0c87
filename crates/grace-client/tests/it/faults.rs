use std::{error::Error, time::Duration};

use grace_client::{Client, FailureKind, RequestErrorKind};

use crate::scripted::{Step, answer, generate, good, hang, quick, raw, request, scripted};

/// The server does `fault` once; the second attempt gives the text.
async fn check_passes(fault: Step, kind: FailureKind, status: impl Into<Option<u16>>) {
    let server = scripted([fault.clone(), good("four")]).await;
    let limit = Duration::from_millis(300);
    let config = server.config().with_attempt_timeout(limit);
    let generation = generate(&Client::new(config).unwrap()).await.unwrap();
    assert_eq!(generation.text, "four");
    let [first, second] = &generation.attempts[..] else {
        panic!("{fault:?}: {:?}", generation.attempts);
    };
    assert_eq!((first.kind, first.status), (Some(kind), status.into()));
    assert!(first.failure.is_some());
    assert_eq!((second.kind, second.status), (None, Some(200)));
    assert_eq!(second.failure, None);
    assert!(second.started_after >= first.started_after + first.took);
    let log = server.log();
    assert_eq!(log.seen.len(), 2);
    assert_eq!(log.seen[0].body, log.seen[1].body);
}

#[tokio::test]
async fn statuses_that_may_pass_are_tried_again() {
    check_passes(answer(429, ""), FailureKind::RateLimited, 429).await;
    check_passes(answer(500, "{}"), FailureKind::ServerError, 500).await;
    check_passes(
        answer(502, "<html>Bad Gateway"),
        FailureKind::ServerError,
        502,
    )
    .await;
    check_passes(
        answer(503, r#"{"error":{"message":"Loading model"}}"#),
        FailureKind::Unavailable503,
        503,
    )
    .await;
    for status in [408, 409, 425] {
        check_passes(answer(status, "later"), FailureKind::TryLater, status).await;
    }
}

#[tokio::test]
async fn connections_that_die_are_tried_again() {
    check_passes(Step::Reset, FailureKind::Reset, None).await;
    check_passes(Step::SendAndClose(Vec::new()), FailureKind::Reset, None).await;
    check_passes(
        Step::SendAndClose(b"HTTP/1.1 200 O".to_vec()),
        FailureKind::Reset,
        None,
    )
    .await;
    check_passes(
        Step::SendAndClose(b"ICY 200 OK\r\n\r\n".to_vec()),
        FailureKind::Reset,
        None,
    )
    .await;
}

#[tokio::test]
async fn silence_is_tried_again() {
    check_passes(hang(), FailureKind::Timeout, None).await;
    let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"choi".to_vec();
    check_passes(Step::SendAndHang(begun), FailureKind::Timeout, None).await;
}

#[tokio::test]
async fn answers_that_end_early_are_tried_again() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"choi".to_vec();
    check_passes(Step::SendAndClose(short), FailureKind::BrokenBody, 200).await;
    let chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"cho\r\n".to_vec();
    check_passes(Step::SendAndClose(chunks), FailureKind::BrokenBody, 200).await;
}

#[tokio::test]
async fn answers_that_make_no_sense_are_tried_again() {
    for body in [
        "",
        "garbage",
        "{\"choices\":[{\"text\":\"a",
        "{}",
        "null",
        "[]",
        r#"{"choices":null}"#,
        r#"{"choices":[{}]}"#,
        r#"{"choices":[{"text":null,"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"text":5}]}"#,
    ] {
        check_passes(answer(200, body), FailureKind::BrokenBody, 200).await;
    }
    check_passes(answer(204, ""), FailureKind::BrokenBody, 204).await;
    check_passes(
        answer(200, r#"{"choices":[]}"#),
        FailureKind::EmptyChoices,
        200,
    )
    .await;
    for body in [
        r#"{"error":{"message":"EngineCore encountered an issue.","code":500}}"#,
        r#"{"error":"broken","choices":[]}"#,
    ] {
        check_passes(answer(200, body), FailureKind::ServerError, 200).await;
    }
}

#[tokio::test]
async fn invalid_utf8_is_tried_again() {
    let mut bytes = raw(200, "", r#"{"choices":[{"text":"????"}]}"#);
    let place = bytes.windows(4).position(|four| four == b"????").unwrap();
    bytes[place..place + 4].copy_from_slice(&[0xff; 4]);
    check_passes(Step::Send(bytes), FailureKind::BrokenBody, 200).await;
}

#[tokio::test]
async fn retry_after_is_obeyed_in_both_forms() {
    for headers in [
        "Retry-After: 1\r\n",
        "Date: Mon, 23 Nov 2026 12:00:00 GMT\r\nRetry-After: Mon, 23 Nov 2026 12:00:01 GMT\r\n",
    ] {
        let limited = Step::Send(raw(429, headers, "slow down"));
        let server = scripted([limited, good("four")]).await;
        let generation = server.generate().await.unwrap();
        let waited = generation.attempts[1].waited_before;
        let second = Duration::from_secs(1);
        assert!(waited >= second && waited < 2 * second, "{waited:?}");
    }
}

#[tokio::test]
async fn retry_after_beyond_the_total_time_gives_up_at_once() {
    let limited = Step::Send(raw(429, "Retry-After: 31\r\n", "slow down"));
    let server = scripted([limited]).await;
    let error = server.generate().await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::GaveUp);
    assert_eq!(error.attempts().len(), 1);
    assert!(error.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_failed_request_tells_its_history() {
    let server = scripted([answer(500, "a"), hang(), answer(500, "c\nd")]).await;
    let config = server
        .config()
        .with_attempt_timeout(Duration::from_millis(200));
    let client = Client::new(config).unwrap();
    let error = generate(&client).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::GaveUp);
    assert!(error.is_transient());
    let text = error.to_string();
    let start = format!(
        "request to {}/v1/completions failed after 3 attempts in ",
        server.url
    );
    assert!(text.starts_with(&start) && text.ends_with(" s"), "{text}");
    assert_eq!(
        error.source().unwrap().to_string(),
        "server answered 500 Internal Server Error: c d"
    );
    assert_eq!(error.last_body(), Some("c\nd"));
    let kinds: Vec<_> = error.attempts().iter().map(|a| a.kind.unwrap()).collect();
    assert_eq!(
        kinds,
        [
            FailureKind::ServerError,
            FailureKind::Timeout,
            FailureKind::ServerError
        ]
    );
    assert_eq!(error.request().get(), request().body().get());
}

#[tokio::test]
async fn a_request_that_is_refused_is_not_sent_again() {
    for (status, body) in [
        (
            401,
            include_str!("../../../../testdata/wire/vllm/auth_missing.json"),
        ),
        (
            401,
            include_str!("../../../../testdata/wire/llama/auth_missing.json"),
        ),
        (
            404,
            include_str!("../../../../testdata/wire/vllm/unknown_model.json"),
        ),
        (
            404,
            include_str!("../../../../testdata/wire/vllm/unknown_path.json"),
        ),
        (400, r#"{"error":{"message":"temperature must be >= 0"}}"#),
        (403, ""),
        (405, r#"{"detail":"Method Not Allowed"}"#),
        (422, "<html>no</html>"),
        (301, ""),
    ] {
        let server = scripted([answer(status, body)]).await;
        let error = server.generate().await.unwrap_err();
        let RequestErrorKind::Refused {
            status: refused, ..
        } = error.kind()
        else {
            panic!("{error:?}");
        };
        assert_eq!(refused, status);
        assert_eq!(error.attempts().len(), 1);
        assert_eq!(error.last_body(), Some(body));
        assert!(!error.is_transient());
        assert_eq!(server.log().seen.len(), 1);
    }
}

#[tokio::test]
async fn a_prompt_over_the_context_has_a_kind_of_its_own() {
    for body in [
        include_str!("../../../../testdata/wire/vllm/over_context.json"),
        include_str!("../../../../testdata/wire/vllm/exact_context.json"),
        include_str!("../../../../testdata/wire/llama/over_context.json"),
    ] {
        let server = scripted([answer(400, body)]).await;
        let error = server.generate().await.unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::OverContext);
        assert_eq!(error.attempts()[0].kind, Some(FailureKind::OverContext));
        assert_eq!(error.attempts().len(), 1);
        assert_eq!(error.last_body(), Some(body));
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn an_answer_above_the_limit_is_final() {
    let body = format!(r#"{{"choices":[{{"text":"{}"}}]}}"#, "x".repeat(200_000));
    let length = body.len();
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
    );
    for step in [answer(200, &body), Step::Send(chunked.into_bytes())] {
        let server = scripted([step.clone(), step]).await;
        let limited = server.config().with_max_body_bytes(length - 1);
        let error = generate(&Client::new(limited).unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::TooLarge);
        assert_eq!(error.attempts().len(), 1);
        assert!(error.last_body().unwrap().len() <= 65_536);
        let enough = server.config().with_max_body_bytes(length);
        let generation = generate(&Client::new(enough).unwrap()).await.unwrap();
        assert_eq!(generation.text.len(), 200_000);
    }
}

#[tokio::test]
async fn an_endless_error_body_does_not_hide_its_status() {
    let endless = format!(
        "HTTP/1.1 401 No\r\ncontent-length: 99000000\r\n\r\n{}",
        "no ".repeat(40_000)
    );
    let server = scripted([Step::SendAndHang(endless.into_bytes())]).await;
    let error = server.generate().await.unwrap_err();
    assert!(matches!(
        error.kind(),
        RequestErrorKind::Refused { status: 401, .. }
    ));
    assert_eq!(error.last_body().unwrap().len(), 65_536);
}

#[tokio::test]
async fn an_attempt_is_cut_at_the_total_time() {
    let server = scripted([hang()]).await;
    let policy = quick().with_total_time(Duration::from_millis(200));
    let client = Client::new(server.config().with_retry(policy)).unwrap();
    let error = generate(&client).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::GaveUp);
    assert!(error.elapsed() < Duration::from_secs(5));
    assert_eq!(error.attempts()[0].kind, Some(FailureKind::Timeout));
}

#[tokio::test]
async fn the_answer_of_an_abandoned_attempt_is_never_used() {
    let late = Step::After(Duration::from_millis(300), Box::new(good("late")));
    let server = scripted([late, good("in time")]).await;
    let config = server
        .config()
        .with_attempt_timeout(Duration::from_millis(150));
    let client = Client::new(config).unwrap();
    assert_eq!(generate(&client).await.unwrap().text, "in time");
    assert_eq!(server.log().hung_up, 1);
}

#[tokio::test]
async fn a_sampling_parameter_that_json_cannot_hold_is_not_sent() {
    let server = scripted([]).await;
    let mut sampling = grace_client::Sampling::new(f64::NAN, 5);
    for value in [f64::NAN, f64::INFINITY] {
        sampling.temperature = value;
        let input = grace_client::Input::Completion(String::new());
        let request = grace_client::GenerateRequest::new("tiny", input, sampling);
        let cancel = grace_client::CancellationToken::new();
        let error = server
            .client()
            .generate(&request, &cancel)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), RequestErrorKind::Unsendable);
        assert!(!error.is_transient());
    }
    assert_eq!(server.log().connections, 0);
}
