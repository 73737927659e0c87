//! Asks a server how probable it finds some continuations, after checking that it can tell:
//! `cargo run -p grace-client --example score_options -- http://127.0.0.1:8000 tiny auto "Is it raining? Answer:" " yes" " no"`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;

use grace_client::{
    CancellationToken, Client, ClientConfig, Input, ScoreRequest, ScoringProbeRequest,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(model), Some(method), Some(prompt)) =
        (args.next(), args.next(), args.next(), args.next())
    else {
        return Err("expected: URL MODEL METHOD|auto PROMPT OPTION…".into());
    };
    let options: Vec<String> = args.collect();
    let client = Client::new(ClientConfig::new(&url)?)?;
    let cancel = CancellationToken::new();
    let input = Input::Completion(prompt);
    let samples = vec![(input.clone(), options.clone())];
    let mut check = ScoringProbeRequest::new(model.as_str(), samples).with_tolerance(0.5);
    if method != "auto" {
        check = check.with_method(method.parse()?);
    }
    let checked = client.probe_scoring(&check, &cancel).await?;
    println!("{checked:?}");
    let request = ScoreRequest::new(model, input, options.clone(), checked.method);
    let scores = client.score_options(&request, &cancel).await?;
    for (option, score) in options.iter().zip(&scores.options) {
        println!(
            "{option:20} {:10.4} nat, {} tokens",
            score.logprob(),
            score.token_ids.len()
        );
    }
    println!("{:?}, {:?}", scores.method, scores.border);
    Ok(())
}
