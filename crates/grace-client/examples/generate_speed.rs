//! What `Client::generate` costs beside a bare `reqwest` loop that sends the
//! same bodies, in CPU time (user and system) of this process, and how many
//! requests a second both reach.
//!
//! Needs a server that answers at once in another process, and Linux:
//!
//! `cargo run --release -p grace-client --example generate_speed -- http://127.0.0.1:8099 20000`
//!
//! A file of bodies, one a line as `grace-cli` sends them, takes the place of
//! the built-in one. One round; `benches/run.sh` repeats it and takes medians.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::{cell::Cell, error::Error, fs, future::Future, num::NonZeroUsize, rc::Rc, time::Instant};

use grace_client::{CancellationToken, Client, ClientConfig, GenerateRequest, Input, Sampling};
use serde_json::Value;
use tokio::task::LocalSet;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let url = args
        .next()
        .ok_or("expected: URL [REQUESTS [CONCURRENCY [BODIES]]]")?;
    let count: usize = args.next().as_deref().unwrap_or("20000").parse()?;
    let concurrency: usize = args.next().as_deref().unwrap_or("64").parse()?;
    let requests = match args.next() {
        Some(file) => requests_of(&file)?,
        None => vec![request()],
    };
    let requests = Rc::new(requests);
    let (bare, bare_rate) = bare(&url, count, concurrency, &requests).await?;
    let (ours, our_rate) = generate(&url, count, concurrency, &requests).await?;
    println!("bare     {bare:7.2} µs of CPU a request, {bare_rate:8.1} requests a second");
    println!("generate {ours:7.2} µs of CPU a request, {our_rate:8.1} requests a second");
    Ok(())
}

fn request() -> GenerateRequest {
    let prompt = "Mark has three exams to grade. ".repeat(8);
    let sampling = Sampling::new(0.7, 16);
    GenerateRequest::new("tiny", Input::Completion(prompt), sampling)
        .with_seed(1_234_567_890)
        .with_stop(vec!["\n".to_owned()])
}

/// The requests whose bodies are the lines of `file`.
fn requests_of(file: &str) -> Outcome<Vec<GenerateRequest>> {
    let text = fs::read_to_string(file)?;
    let mut requests = Vec::new();
    for line in text.lines() {
        let body: Value = serde_json::from_str(line)?;
        let word = |value: &Value| value.as_str().map(str::to_owned).ok_or("expected a string");
        let number = |key: &str| body[key].as_f64().ok_or("expected a number");
        let stop = body["stop"].as_array().ok_or("expected a list")?;
        let max_tokens = body["max_tokens"].as_u64().ok_or("expected a count")?;
        let mut sampling = Sampling::new(number("temperature")?, max_tokens.try_into()?);
        sampling.top_p = number("top_p")?;
        let input = Input::Completion(word(&body["prompt"])?);
        let request = GenerateRequest::new(word(&body["model"])?, input, sampling)
            .with_seed(body["seed"].as_u64().ok_or("expected a seed")?)
            .with_stop(stop.iter().map(word).collect::<Result<_, _>>()?);
        if request.body().get() != line {
            return Err(format!("{} would not be sent as {line}", request.body()).into());
        }
        requests.push(request);
    }
    Ok(requests)
}

async fn bare(
    url: &str,
    count: usize,
    concurrency: usize,
    requests: &[GenerateRequest],
) -> Outcome<(f64, f64)> {
    let http = reqwest_client()?;
    let url = format!("{url}/v1/completions");
    let bodies: Vec<String> = requests
        .iter()
        .map(|request| request.body().get().to_owned())
        .collect();
    cost(count, concurrency, move |number| {
        let sent = http
            .post(&url)
            .header("content-type", "application/json")
            .body(bodies[number % bodies.len()].clone())
            .send();
        async move {
            let answer = sent.await.expect("the server answers");
            assert!(answer.status().is_success(), "{}", answer.status());
            let answer = answer.bytes().await;
            assert!(!answer.expect("the server answers").is_empty());
        }
    })
    .await
}

async fn generate(
    url: &str,
    count: usize,
    concurrency: usize,
    requests: &Rc<Vec<GenerateRequest>>,
) -> Outcome<(f64, f64)> {
    let limit = NonZeroUsize::new(concurrency).ok_or("no concurrency")?;
    let client = Client::new(ClientConfig::new(url)?.with_max_connections(limit))?;
    let requests = Rc::clone(requests);
    let cancel = CancellationToken::new();
    cost(count, concurrency, move |number| {
        let (client, requests, cancel) = (client.clone(), Rc::clone(&requests), cancel.clone());
        async move {
            let request = &requests[number % requests.len()];
            let generation = client.generate(request, &cancel).await;
            assert!(!generation.expect("the server answers").text.is_empty());
        }
    })
    .await
}

/// CPU microseconds a request and requests a second, after a warm-up.
async fn cost<F: Future<Output = ()> + 'static>(
    count: usize,
    concurrency: usize,
    send: impl Fn(usize) -> F + 'static,
) -> Outcome<(f64, f64)> {
    let send = Rc::new(send);
    run(count / 20, concurrency, &send).await;
    let before = cpu_nanos()?;
    let start = Instant::now();
    run(count, concurrency, &send).await;
    let rate = count as f64 / start.elapsed().as_secs_f64();
    Ok(((cpu_nanos()? - before) / 1000.0 / count as f64, rate))
}

async fn run<F: Future<Output = ()> + 'static>(
    count: usize,
    concurrency: usize,
    send: &Rc<impl Fn(usize) -> F + 'static>,
) {
    let left = Rc::new(Cell::new(count));
    let tasks = LocalSet::new();
    let loops = (0..concurrency).map(|_| {
        let (left, send) = (Rc::clone(&left), Rc::clone(send));
        tasks.spawn_local(async move {
            while left.get() > 0 {
                left.set(left.get() - 1);
                send(left.get()).await;
            }
        })
    });
    let loops: Vec<_> = loops.collect();
    let all = async {
        for each in loops {
            each.await.expect("no request fails");
        }
    };
    tasks.run_until(all).await;
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
