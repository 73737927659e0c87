use std::error::Error;

use grace_client::{ApiKey, CancellationToken, Client, RequestError};

use crate::scripted::{answer, good, request, scripted};

const KEY: &str = "sk-hunter2-0123456789";

fn everything(error: &RequestError) -> String {
    let source = error.source().map(ToString::to_string);
    let attempts = error.attempts();
    format!(
        "{error} {error:?} {error:#?} {source:?} {attempts:?} {:?} {:?}",
        error.last_body(),
        error.request()
    )
}

#[tokio::test]
async fn the_key_is_sent_and_never_shown() {
    // Servers are known to repeat the key that they refuse.
    let repeated = format!(r#"{{"error":{{"message":"bad key {KEY}"}}}}"#);
    let server = scripted([good("four"), answer(500, &repeated), answer(401, &repeated)]).await;
    let config = server.config().with_api_key(ApiKey::new(KEY).unwrap());
    let config_shown = format!("{config:?}");
    let client = Client::new(config).unwrap();

    let cancel = CancellationToken::new();
    let generation = client.generate(&request(), &cancel).await.unwrap();
    let error = client.generate(&request(), &cancel).await.unwrap_err();
    let error = everything(&error);
    let shown = format!("{config_shown} {client:?} {client:#?} {generation:?} {error}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("bad key ApiKey(…)"));

    assert_eq!(server.log().seen.len(), 3);
    for seen in &server.log().seen {
        let header = format!("authorization: Bearer {KEY}\r\n");
        assert!(seen.head.contains(&header), "{}", seen.head);
    }
}

#[tokio::test]
async fn without_a_key_no_header_is_sent() {
    let server = scripted([good("four")]).await;
    server.generate().await.unwrap();
    let head = server.log().seen[0].head.to_lowercase();
    assert!(!head.contains("authorization"), "{head}");
}
