//! A client by hand, for what an HTTP library would hide.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use grace_sim::Sim;

/// Sends a completion request on a connection of its own.
pub(crate) async fn send(sim: &Sim) -> TcpStream {
    let mut stream = TcpStream::connect(sim.address()).await.unwrap();
    let body = r#"{"prompt": "Hello there", "max_tokens": 8, "seed": 1}"#;
    let length = body.len();
    let request = format!(
        "POST /v1/completions HTTP/1.1\r\nHost: sim\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// All bytes until the connection ends, and how it ended.
pub(crate) async fn read_to_end(
    stream: &mut TcpStream,
) -> (Vec<u8>, Result<(), std::io::ErrorKind>) {
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await;
    (bytes, end.map(drop).map_err(|error| error.kind()))
}
