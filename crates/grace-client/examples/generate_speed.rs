//! What `Client::generate` costs beside a bare `reqwest` loop that sends the
//! same bodies, in CPU time (user and system) of this process.
//!
//! Needs an instant server in another process, and Linux:
//!
//! `cargo run --release -p grace-client --example generate_speed -- http://127.0.0.1:8099 20000`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::{cell::Cell, error::Error, fs, future::Future, num::NonZeroUsize, rc::Rc};

use grace_client::{CancellationToken, Client, ClientConfig, GenerateRequest, Input, Sampling};
use tokio::task::LocalSet;

type Outcome<T> = Result<T, Box<dyn Error>>;

const ROUNDS: usize = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("expected: URL [REQUESTS]")?;
    let count: usize = args.next().as_deref().unwrap_or("20000").parse()?;
    for concurrency in [64, 1] {
        let mut costs = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            costs[0].push(bare(&url, count, concurrency).await?);
            costs[1].push(generate(&url, count, concurrency).await?);
        }
        let [bare, ours] = costs.map(median);
        println!(
            "concurrency {concurrency:>2}: bare reqwest {bare:.1} µs, generate {ours:.1} µs of CPU \
             a request, ratio {:.2} (median of {ROUNDS} rounds of {count})",
            ours / bare
        );
    }
    Ok(())
}

fn request() -> GenerateRequest {
    let prompt = "Mark has three exams to grade. ".repeat(8);
    let sampling = Sampling::new(0.7, 16);
    GenerateRequest::new("tiny", Input::Completion(prompt), sampling)
        .with_seed(1_234_567_890)
        .with_stop(vec!["\n".to_owned()])
}

async fn bare(url: &str, count: usize, concurrency: usize) -> Outcome<f64> {
    let http = reqwest_client()?;
    let url = format!("{url}/v1/completions");
    let body = request().body().get().to_owned();
    cost(count, concurrency, move || {
        let sent = http
            .post(&url)
            .header("content-type", "application/json")
            .body(body.clone())
            .send();
        async move {
            let answer = sent.await.expect("the server answers").bytes().await;
            assert!(!answer.expect("the server answers").is_empty());
        }
    })
    .await
}

async fn generate(url: &str, count: usize, concurrency: usize) -> Outcome<f64> {
    let limit = NonZeroUsize::new(concurrency).ok_or("no concurrency")?;
    let client = Client::new(ClientConfig::new(url)?.with_max_connections(limit))?;
    let request = Rc::new(request());
    let cancel = CancellationToken::new();
    cost(count, concurrency, move || {
        let (client, request, cancel) = (client.clone(), Rc::clone(&request), cancel.clone());
        async move {
            let generation = client.generate(&request, &cancel).await;
            assert!(!generation.expect("the server answers").text.is_empty());
        }
    })
    .await
}

/// CPU microseconds a request, after a warm-up.
async fn cost<F: Future<Output = ()> + 'static>(
    count: usize,
    concurrency: usize,
    send: impl Fn() -> F + 'static,
) -> Outcome<f64> {
    let send = Rc::new(send);
    run(count / 20, concurrency, &send).await;
    let before = cpu_nanos()?;
    run(count, concurrency, &send).await;
    Ok((cpu_nanos()? - before) / 1000.0 / count as f64)
}

async fn run<F: Future<Output = ()> + 'static>(
    count: usize,
    concurrency: usize,
    send: &Rc<impl Fn() -> F + 'static>,
) {
    let left = Rc::new(Cell::new(count));
    let tasks = LocalSet::new();
    for _ in 0..concurrency {
        let (left, send) = (Rc::clone(&left), Rc::clone(send));
        tasks.spawn_local(async move {
            while left.get() > 0 {
                left.set(left.get() - 1);
                send().await;
            }
        });
    }
    tasks.await;
}

/// User and system time of this process: fields 14 and 15 of its status, in
/// hundredths of a second.
fn cpu_nanos() -> Outcome<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = stat
        .rsplit_once(')')
        .ok_or("unknown form of /proc/self/stat")?;
    let ticks = after_name.split_whitespace().skip(11).take(2);
    let ticks: Vec<f64> = ticks.map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() * 1e7)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The same settings as the library's.
fn reqwest_client() -> Outcome<reqwest::Client> {
    let builder = reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .tcp_nodelay(true);
    #[cfg(feature = "tls")]
    let builder = {
        let ring = rustls::crypto::ring::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(ring.into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        builder.tls_backend_preconfigured(tls)
    };
    Ok(builder.build()?)
}
