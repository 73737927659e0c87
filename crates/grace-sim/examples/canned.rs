//! Measures what the simulator costs: loopback requests against a canned and a thinking server.
//!
//! ```sh
//! cargo run --release -p grace-sim --example canned
//! ```
//!
//! Client and server share one thread, so the wall time of a request bounds the CPU of both.

use std::time::Instant;

use grace_sim::{Sim, SimConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REQUESTS: u32 = 50_000;
const BODY: &str = r#"{"model": "sim", "prompt": "Letters almost always have checks inside.\nToday Laura received 3 letters.\nLaura tells you on the phone: 'I have looked at 2 of the 3 letters. 1 of the letters has checks inside.'\nNow how many of the 3 letters do you think have checks inside?\nAnswer with a number from 0 to 3.\nAnswer:", "max_tokens": 16, "temperature": 0.7, "seed": 7}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let servers = [
        ("canned", SimConfig::new("sim").with_canned(" 2")),
        ("thinking", SimConfig::new("sim")),
    ];
    for (name, config) in servers {
        let sim = Sim::start(config).await?;
        let mut stream = TcpStream::connect(sim.address()).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "POST /v1/completions HTTP/1.1\r\nHost: sim\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{BODY}",
            BODY.len()
        );
        let mut answer = vec![0; 4096];
        let begun = Instant::now();
        for _ in 0..REQUESTS {
            stream.write_all(request.as_bytes()).await?;
            // An answer is far smaller than the buffer and arrives in one piece.
            let length = stream.read(&mut answer).await?;
            assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
        }
        let each = begun.elapsed() / REQUESTS;
        writeln_stdout(&format!("{name}: {each:?} a request, client included"))?;
        sim.stop().await?;
    }
    Ok(())
}

fn writeln_stdout(line: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{line}")
}
