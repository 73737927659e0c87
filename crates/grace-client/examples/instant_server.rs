//! A server that answers every request at once with the same completion, for
//! `generate_speed`. Raw TCP, one thread a connection.
//!
//! `cargo run --release -p grace-client --example instant_server -- 127.0.0.1:8099`
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
};

/// What vLLM 0.32 sends for a short completion.
const BODY: &str = r#"{"id":"cmpl-8ce3f93b783ec98d","object":"text_completion","created":1795452692,"model":"tiny","choices":[{"index":0,"text":" three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen","logprobs":null,"finish_reason":"length","stop_reason":null,"token_ids":null,"prompt_logprobs":null,"prompt_token_ids":null,"routed_experts":null}],"service_tier":null,"system_fingerprint":"vllm-0.32.0-65024210","usage":{"prompt_tokens":7,"total_tokens":31,"completion_tokens":24,"prompt_tokens_details":null,"completion_tokens_details":null},"kv_transfer_params":null,"ec_transfer_params":null,"metrics":null}"#;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0"))?;
    println!("http://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || answer_all(&stream));
    }
    Ok(())
}

fn answer_all(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let length = BODY.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{BODY}"
    );
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let mut body = Vec::new();
    let mut body_length = 0;
    while reader.read_line(&mut line)? > 0 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            body_length = value.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" {
            body.resize(body_length, 0);
            reader.read_exact(&mut body)?;
            stream.write_all(answer.as_bytes())?;
        }
        line.clear();
    }
    Ok(())
}
