//! Asks a server for one continuation:
//! `cargo run -p grace-client --example generate -- http://127.0.0.1:8000 tiny "One, two,"`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;

use grace_client::{CancellationToken, Client, ClientConfig, GenerateRequest, Input, Sampling};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(model), Some(prompt)) = (args.next(), args.next(), args.next()) else {
        return Err("expected: URL MODEL PROMPT".into());
    };
    let client = Client::new(ClientConfig::new(&url)?)?;
    let input = Input::Completion(prompt);
    let request = GenerateRequest::new(model, input, Sampling::new(0.7, 32)).with_seed(42);
    let generation = client.generate(&request, &CancellationToken::new()).await?;
    println!("{}", generation.text);
    println!("({:?}, {:?})", generation.finish, generation.usage);
    Ok(())
}
