use std::time::{Duration, Instant};

use grace_client::{
    CancellationToken, Client, Failure, FailureKind, RequestError, RequestErrorKind, RetryPolicy,
};

use crate::scripted::{Server, answer, good, hang, request, scripted, serve};

const PROMPT: Duration = Duration::from_millis(100);

/// Cancels after a while; gives the error and the time that it took to come.
async fn cancel_during(server: &Server, client: Client) -> (RequestError, Duration) {
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    let asking = tokio::spawn(async move { client.generate(&request(), &token).await });
    while server.log().seen.is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let cancelled = Instant::now();
    cancel.cancel();
    let error = asking.await.unwrap().unwrap_err();
    (error, cancelled.elapsed())
}

fn check_cancelled(error: &RequestError, took: Duration) {
    assert_eq!(error.kind(), RequestErrorKind::Cancelled);
    assert!(took < PROMPT, "{took:?}");
    assert!(
        error
            .to_string()
            .contains(" was cancelled after 1 attempt ")
    );
}

#[tokio::test]
async fn an_attempt_under_way_is_dropped_at_once() {
    let server = scripted([hang()]).await;
    let (error, took) = cancel_during(&server, server.client()).await;
    check_cancelled(&error, took);
    assert_eq!(error.attempts()[0].kind, Some(FailureKind::Cancelled));
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.is::<Failure>());
    tokio::time::timeout(PROMPT, async {
        while server.log().hung_up == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the server sees the connection close");
}

#[tokio::test]
async fn a_wait_between_attempts_ends_at_once() {
    let server = scripted([answer(500, "")]).await;
    let patient = RetryPolicy::new().with_base_delay(Duration::from_secs(20));
    let config = server.config().with_retry(patient).with_jitter_seed(5);
    let (error, took) = cancel_during(&server, Client::new(config).unwrap()).await;
    check_cancelled(&error, took);
    assert_eq!(error.attempts()[0].kind, Some(FailureKind::ServerError));
}

#[tokio::test]
async fn a_wait_for_a_free_slot_ends_at_once() {
    let server = serve(|_| hang()).await;
    let config = server
        .config()
        .with_max_connections(std::num::NonZeroUsize::MIN);
    let client = Client::new(config).unwrap();
    let holder = client.clone();
    let held = tokio::spawn(async move {
        let cancel = CancellationToken::new();
        holder.generate(&request(), &cancel).await
    });
    let (error, took) = cancel_during(&server, client).await;
    assert_eq!(error.kind(), RequestErrorKind::Cancelled);
    assert!(error.attempts().is_empty());
    assert!(took < PROMPT, "{took:?}");
    held.abort();
}

#[tokio::test]
async fn nothing_is_sent_after_a_cancel() {
    let server = scripted([good("four")]).await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let outcome = server.client().generate(&request(), &cancel).await;
    assert_eq!(outcome.unwrap_err().kind(), RequestErrorKind::Cancelled);
    assert_eq!(server.log().connections, 0);
}
