//! Each fault, as a client meets it.

use std::io::ErrorKind;
use std::time::Duration;

use grace_sim::{Fault, Faults, RetryAfter};
use serde_json::Value;

use crate::plain::{read_to_end, send};
use crate::{complete, get, hello, sim, start, text};

/// What the first request meets, and that the second is served.
async fn first(fault: Fault) -> (u16, reqwest::header::HeaderMap, String) {
    let sim = start(sim().with_faults(Faults::from(fault))).await;
    let client = crate::client();
    let request = client.post(sim.base_url() + "/completions").json(&hello(1));
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.text().await.unwrap();
    assert_eq!(complete(&sim, &hello(1)).await.0, 200);
    (status, headers, body)
}

#[tokio::test]
async fn statuses_come_in_their_shapes() {
    let (status, _, body) = first(Fault::Status(503)).await;
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &error["error"]["code"]), (503, &503.into()));
    let (status, _, body) = first(Fault::EngineDead).await;
    assert!(status == 500 && body.contains("EngineCore encountered an issue."));
    let (status, _, body) = first(Fault::Busy).await;
    assert!(status == 503 && body.contains("The engine is currently busy"));
    let (status, _, body) = first(Fault::Loading).await;
    assert!(status == 503 && body.contains(r#""message":"Loading model""#));
}

#[tokio::test]
async fn retry_after_comes_in_both_forms() {
    let retry_after = async |form| {
        let (status, headers, _) = first(Fault::TooManyRequests(form)).await;
        assert_eq!(status, 429);
        headers
            .get("retry-after")
            .map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(retry_after(RetryAfter::Absent).await, None);
    assert_eq!(
        retry_after(RetryAfter::Seconds(2)).await.as_deref(),
        Some("2")
    );
    let date = retry_after(RetryAfter::Date(Duration::from_secs(3)))
        .await
        .unwrap();
    assert!(date.ends_with(" GMT"), "{date}");
}

#[tokio::test]
async fn bodies_can_be_useless() {
    let (status, headers, body) = first(Fault::NotJson).await;
    assert!(status == 200 && headers["content-type"] == "text/html" && body.starts_with("<html>"));
    let (status, _, body) = first(Fault::EmptyChoices).await;
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &answer["choices"]),
        (200, &Value::Array(Vec::new()))
    );
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_close_is_a_close() {
    let sim = start(sim().with_faults(Faults::script([Fault::Reset, Fault::Close]))).await;
    let (bytes, end) = read_to_end(&mut send(&sim).await).await;
    assert_eq!((bytes.len(), end), (0, Err(ErrorKind::ConnectionReset)));
    let (bytes, end) = read_to_end(&mut send(&sim).await).await;
    assert_eq!((bytes.len(), end), (0, Ok(())));
    assert_eq!(sim.counts().faults, 2);
}

#[tokio::test]
async fn a_truncated_answer_promises_more_than_it_holds() {
    let sim = start(sim().with_faults(Fault::Truncated.into())).await;
    let (bytes, _) = read_to_end(&mut send(&sim).await).await;
    let answer = String::from_utf8(bytes).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap()
        .parse()
        .unwrap();
    assert!(head.starts_with("HTTP/1.1 200"));
    assert_eq!(body.len(), length / 2);
}

#[tokio::test]
async fn a_hang_lasts_until_the_client_goes() {
    let sim = start(sim().with_faults(Fault::Hang.into())).await;
    let mut stream = send(&sim).await;
    let wait = tokio::time::timeout(Duration::from_millis(100), read_to_end(&mut stream)).await;
    assert!(wait.is_err());
    assert_eq!(sim.counts().in_flight, 1);
    drop(stream);
    while sim.counts().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(sim.counts().abandoned, 1);
    assert_eq!(complete(&sim, &hello(1)).await.0, 200);
}

#[tokio::test]
async fn a_drip_arrives_in_full_if_one_waits() {
    let sim = start(sim()).await;
    let expected = complete(&sim, &hello(1)).await.1;
    sim.set_faults(Fault::Drip(Duration::from_micros(10)).into());
    let dripped = complete(&sim, &hello(1)).await.1;
    assert_eq!(text(&expected), text(&dripped));
}

#[tokio::test]
async fn health_is_spared_unless_asked() {
    let sim = start(sim().with_faults(Faults::status(500))).await;
    assert_eq!(get(&sim, "/health").await.0, 200);
    sim.set_faults(Faults::status(500).on_all_paths());
    assert_eq!(get(&sim, "/health").await.0, 500);
    assert_eq!(get(&sim, "/health").await.0, 200);
}

#[tokio::test]
async fn with_a_limit_every_request_succeeds_in_the_end() {
    let faults = Faults::none()
        .with_rate(Fault::Status(500), 0.5)
        .with_rate(Fault::EngineDead, 0.5)
        .with_at_most_per_body(2);
    let sim = start(sim().with_faults(faults)).await;
    for seed in 0..10 {
        assert_eq!(complete(&sim, &hello(seed)).await.0, 500);
        assert_eq!(complete(&sim, &hello(seed)).await.0, 500);
        assert_eq!(complete(&sim, &hello(seed)).await.0, 200);
    }
}
