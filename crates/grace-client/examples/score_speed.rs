//! How long a file of scores takes: `score_speed URL MODEL METHOD IN_FLIGHT FILE`
//!
//! FILE holds a JSON object `{"prompt": …, "options": […]}` a line. Prints JSON: seconds, requests, tokens, and the sum of all
//! log-probabilities. `benches/scoring.py` runs it beside others.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::time::Instant;

use futures_util::{StreamExt, TryStreamExt, stream};
use grace_client::{
    CancellationToken, Client, ClientConfig, Input, OptionScore, ScoreMethod, ScoreRequest,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Query {
    prompt: String,
    options: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, model, method, in_flight, file] = args.as_slice() else {
        return Err("expected: URL MODEL METHOD IN_FLIGHT FILE".into());
    };
    let (method, in_flight): (ScoreMethod, usize) = (method.parse()?, in_flight.parse()?);
    let text = std::fs::read_to_string(file)?;
    let queries: Vec<Query> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let client = Client::new(ClientConfig::new(url)?)?;
    let cancel = CancellationToken::new();
    let request = |query: Query| {
        ScoreRequest::new(
            model.as_str(),
            Input::Completion(query.prompt),
            query.options,
            method,
        )
    };
    let requests: Vec<ScoreRequest> = queries.into_iter().map(request).collect();
    let started = Instant::now();
    let scores = stream::iter(&requests)
        .map(|request| client.score_options(request, &cancel))
        .buffered(in_flight);
    let scores: Vec<_> = scores.try_collect().await?;
    let requests = scores.iter().flat_map(|scores| &scores.exchanges);
    let for_ids = requests
        .clone()
        .filter(|request| request.asks_for_ids())
        .count();
    let seconds = started.elapsed().as_secs_f64();
    let options = scores.iter().flat_map(|scores| &scores.options);
    let sum: f64 = options.map(OptionScore::logprob).sum();
    println!(
        "{}",
        serde_json::json!({
            "seconds": seconds,
            "requests": requests.count() - for_ids,
            "tokenise_requests": for_ids,
            "prompt_tokens_sent": scores.iter().map(|scores| scores.prompt_tokens_sent).sum::<u64>(),
            "sum": sum,
        })
    );
    Ok(())
}
