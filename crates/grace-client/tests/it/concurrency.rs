use std::{num::NonZeroUsize, time::Duration};

use grace_client::{CancellationToken, Client, RetryPolicy};
use tokio::task::JoinSet;

use crate::scripted::{Step, answer, generate, good, request, scripted, serve};

fn client(server: &crate::scripted::Server, limit: usize, policy: RetryPolicy) -> Client {
    let limit = NonZeroUsize::new(limit).unwrap();
    let config = server
        .config()
        .with_max_connections(limit)
        .with_retry(policy);
    Client::new(config).unwrap()
}

#[tokio::test]
async fn attempts_under_way_never_exceed_the_limit() {
    let slow = || Step::After(Duration::from_millis(20), Box::new(good("four")));
    let server = serve(move |_| slow()).await;
    let client = client(&server, 3, RetryPolicy::new());
    let mut asking = JoinSet::new();
    for _ in 0..30 {
        let client = client.clone();
        asking.spawn(async move { generate(&client).await.unwrap() });
    }
    assert_eq!(asking.join_all().await.len(), 30);
    assert_eq!(server.log().most_under_way, 3);
    assert!(server.log().connections <= 3);
}

#[tokio::test]
async fn a_request_that_waits_holds_no_slot() {
    let server = scripted([answer(500, ""), good("second")]).await;
    let policy = RetryPolicy::new().with_base_delay(Duration::from_secs(20));
    let client = client(&server, 1, policy);
    let cancel = CancellationToken::new();
    let (waiting, token) = (client.clone(), cancel.clone());
    let waiting = tokio::spawn(async move { waiting.generate(&request(), &token).await });
    while server.log().seen.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(generate(&client).await.unwrap().text, "second");
    cancel.cancel();
    waiting.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn the_wait_for_a_slot_counts_against_no_limit() {
    let slow = Step::After(Duration::from_millis(150), Box::new(good("four")));
    let server = serve(move |_| slow.clone()).await;
    let limit = Duration::from_millis(400);
    let config = server
        .config()
        .with_max_connections(NonZeroUsize::MIN)
        .with_attempt_timeout(limit)
        .with_retry(RetryPolicy::new().with_total_time(limit));
    let client = Client::new(config).unwrap();
    let mut asking = JoinSet::new();
    for _ in 0..5 {
        let client = client.clone();
        asking.spawn(async move { generate(&client).await.unwrap() });
    }
    let generations = asking.join_all().await;
    assert!(generations.iter().all(|one| one.attempts.len() == 1));
    let longest = generations.iter().map(|one| one.attempts[0].waited_before);
    assert!(longest.max().unwrap() > limit);
}

#[test]
fn a_client_can_be_shared() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    fn is_sent<T: Send>(_: T) {}
    is_shared::<Client>();
    let config = grace_client::ClientConfig::new("http://127.0.0.1:9").unwrap();
    let client = Client::new(config).unwrap();
    let (request, cancel) = (request(), CancellationToken::new());
    is_sent(client.generate(&request, &cancel));
}
