//! A server's life, as its clients see it, and what its handle tells.

use std::io::ErrorKind;
use std::time::Duration;

use grace_sim::{Life, Startup};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::plain::{read_to_end, send};
use crate::{complete, get, hello, sim, start, text};

const MOMENT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_paused_server_refuses_and_comes_back_on_its_port() {
    let sim = start(sim().with_latency(Duration::from_mins(1))).await;
    let mut in_flight = send(&sim).await;
    while sim.counts().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    sim.pause().await;
    let refused = TcpStream::connect(sim.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(read_to_end(&mut in_flight).await.0.is_empty());
    sim.resume().await;
    assert_eq!(get(&sim, "/health").await.0, 200);
    assert_eq!(sim.counts().abandoned, 1);
}

#[tokio::test]
async fn a_silent_server_takes_all_and_answers_nothing() {
    let sim = start(sim()).await;
    sim.stop_silently().await;
    let mut stream = send(&sim).await;
    assert!(timeout(MOMENT, read_to_end(&mut stream)).await.is_err());
    sim.resume().await;
    assert_eq!(complete(&sim, &hello(1)).await.0, 200);
}

#[tokio::test]
async fn a_stopping_server_refuses_new_and_forgets_old_requests() {
    let sim = start(sim().with_latency(5 * MOMENT)).await;
    let mut in_flight = send(&sim).await;
    while sim.counts().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    sim.set_life(Life::Stopping).await;
    assert!(
        timeout(8 * MOMENT, read_to_end(&mut in_flight))
            .await
            .is_err()
    );
    assert!(TcpStream::connect(sim.address()).await.is_err());
}

#[tokio::test]
async fn a_draining_server_is_healthy_and_refuses_work() {
    let sim = start(sim()).await;
    sim.set_life(Life::Draining).await;
    assert_eq!(get(&sim, "/health").await.0, 200);
    let (status, answer) = complete(&sim, &hello(1)).await;
    let message = answer["error"]["message"].as_str();
    assert_eq!(
        (status, message),
        (500, Some("cannot schedule new futures after shutdown"))
    );
}

#[tokio::test]
async fn a_loading_server_says_so_on_every_path() {
    let sim = start(sim().with_startup(Startup::Loading(10 * MOMENT))).await;
    for path in ["/health", "/v1/models", "/nope"] {
        let (status, body) = get(&sim, path).await;
        assert!(status == 503 && body.contains("Loading model"));
    }
    while get(&sim, "/health").await.0 == 503 {
        tokio::time::sleep(MOMENT / 10).await;
    }
    assert_eq!(complete(&sim, &hello(1)).await.0, 200);
}

#[tokio::test]
async fn a_refusing_server_opens_its_port_later() {
    let sim = start(sim().with_startup(Startup::Refusing(MOMENT))).await;
    let opened = async {
        while TcpStream::connect(sim.address()).await.is_err() {
            tokio::time::sleep(MOMENT / 10).await;
        }
    };
    timeout(50 * MOMENT, opened).await.unwrap();
    assert_eq!(get(&sim, "/health").await.0, 200);
}

#[tokio::test]
async fn slots_bound_what_is_served_at_a_time() {
    let sim = start(sim().with_slots(2).with_latency(MOMENT)).await;
    let begun = std::time::Instant::now();
    let all = (0..6).map(async |seed| complete(&sim, &hello(seed)).await.0);
    let statuses = futures_util::future::join_all(all).await;
    assert_eq!(statuses, [200; 6]);
    assert!(begun.elapsed() >= 3 * MOMENT);
    assert_eq!(sim.counts().in_flight_max, 6);
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let sim = start(sim().with_idle_timeout(MOMENT)).await;
    let (bytes, end) = read_to_end(&mut send(&sim).await).await;
    let answer = String::from_utf8(bytes).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with('}'),
        "{answer}"
    );
    assert_eq!(end, Ok(()));
}

#[tokio::test]
async fn the_log_keeps_what_arrived() {
    let sim = start(sim().with_request_log(2)).await;
    for seed in 0..3 {
        complete(&sim, &hello(seed)).await;
    }
    let requests = sim.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].path, "/v1/completions");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&requests[1].text()).unwrap(),
        hello(1)
    );
    assert_eq!(sim.counts().requests, 3);
}

#[tokio::test]
async fn a_canned_answer_is_always_the_same() {
    let sim = start(sim().with_canned(" 2")).await;
    assert_eq!(text(&complete(&sim, &hello(1)).await.1), " 2");
    assert_eq!(text(&complete(&sim, &serde_json::json!({})).await.1), " 2");
}

#[tokio::test]
async fn a_stopped_server_leaves_its_port() {
    let sim = start(sim()).await;
    let address = sim.address();
    sim.stop().await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[test]
fn handles_can_go_anywhere() {
    fn check<T: Send + Sync>() {}
    check::<grace_sim::Sim>();
    check::<grace_sim::SimConfig>();
    check::<grace_sim::Faults>();
}
