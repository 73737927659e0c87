//! Connections: servers away and back, stale connections, and those used again.

use std::time::Duration;

use grace_client::{Client, ClientConfig, FailureKind, RequestErrorKind};

use crate::scripted::{Server, Step, answer, generate, good, quick, raw, scripted, serve_at};

/// A port of loopback at which nobody listens.
async fn free_address() -> String {
    let server = scripted([]).await;
    server.url.strip_prefix("http://").unwrap().to_owned()
}

#[tokio::test]
async fn a_server_that_stays_away_is_unavailable() {
    let address = free_address().await;
    tokio::task::yield_now().await;
    let config = ClientConfig::new(&format!("http://{address}")).unwrap();
    let policy = quick()
        .with_max_attempts(1)
        .with_total_time(Duration::from_millis(300));
    let client = Client::new(config.with_retry(policy)).unwrap();
    let error = generate(&client).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::Unavailable);
    assert!(error.attempts().len() > 3, "{error:?}");
    assert!(error.elapsed() < Duration::from_secs(5));
    let attempt = &error.attempts()[0];
    assert_eq!(
        (attempt.kind, attempt.status),
        (Some(FailureKind::Connect), None)
    );
    assert_eq!(
        attempt.failure.as_deref(),
        Some("could not connect: Connection refused (os error 111)")
    );
}

#[tokio::test]
async fn a_server_that_comes_back_is_used() {
    let address = free_address().await;
    tokio::task::yield_now().await;
    let config = ClientConfig::new(&format!("http://{address}")).unwrap();
    let client = Client::new(config.with_retry(quick().with_max_attempts(1))).unwrap();
    let asking = tokio::spawn(async move { generate(&client).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let _server: Server = serve_at(&address, |_| good("four")).await;
    let generation = asking.await.unwrap().unwrap();
    assert_eq!(generation.text, "four");
    assert!(generation.attempts.len() > 1);
}

#[tokio::test]
async fn a_connection_that_went_stale_is_replaced() {
    let Step::Send(first) = good("one") else {
        unreachable!()
    };
    // Once closed behind the client's back, once closed as it is used again.
    let server = scripted([
        Step::SendAndClose(first),
        good("two"),
        Step::SendAndClose(Vec::new()),
        good("three"),
    ])
    .await;
    let client = server.client();
    for text in ["one", "two", "three"] {
        assert_eq!(generate(&client).await.unwrap().text, text);
    }
    assert_eq!(server.log().connections, 3);
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = scripted([good("one"), good("two"), answer(500, "no"), good("three")]).await;
    let client = server.client();
    for text in ["one", "two", "three"] {
        assert_eq!(generate(&client).await.unwrap().text, text);
    }
    assert_eq!(server.log().connections, 1);
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_server_without_tls_is_not_asked_again() {
    use tokio::io::AsyncWriteExt;

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let speaks_plainly = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let bytes = raw(400, "", "no TLS here");
        stream.write_all(&bytes).await.unwrap();
        stream
    });
    let config = ClientConfig::new(&url).unwrap().with_retry(quick());
    let error = generate(&Client::new(config).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), RequestErrorKind::Untrusted, "{error:?}");
    assert_eq!(error.attempts().len(), 1);
    assert!(!error.is_transient());
    drop(speaks_plainly.await.unwrap());
}
