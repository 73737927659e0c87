//! A server that sends exactly the bytes a test gives it.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use grace_client::{
    CancellationToken, Client, ClientConfig, GenerateRequest, Generation, Input, RequestError,
    RetryPolicy, Sampling,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends these bytes and keeps the connection.
    Send(Vec<u8>),
    /// Sends these bytes and closes the connection.
    SendAndClose(Vec<u8>),
    /// Sends these bytes, then nothing more, without closing.
    SendAndHang(Vec<u8>),
    /// Resets the connection.
    Reset,
    /// Waits, then does the other.
    After(Duration, Box<Self>),
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }
}

/// What happened at the server so far.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) seen: Vec<Seen>,
    pub(crate) connections: usize,
    /// Connections that the client closed while it was owed an answer.
    pub(crate) hung_up: usize,
    pub(crate) under_way: usize,
    pub(crate) most_under_way: usize,
}

pub(crate) struct Server {
    pub(crate) url: String,
    log: Arc<Mutex<Log>>,
    accepting: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    pub(crate) fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    pub(crate) fn config(&self) -> ClientConfig {
        ClientConfig::new(&self.url)
            .unwrap()
            .with_retry(quick())
            .with_attempt_timeout(Duration::from_secs(20))
            .with_jitter_seed(1)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.config()).unwrap()
    }

    /// What one `generate` gives.
    pub(crate) async fn generate(&self) -> Result<Generation, RequestError> {
        generate(&self.client()).await
    }
}

pub(crate) async fn generate(client: &Client) -> Result<Generation, RequestError> {
    client.generate(&request(), &CancellationToken::new()).await
}

pub(crate) fn request() -> GenerateRequest {
    let input = Input::Completion("Is it \"likely\"?\n".to_owned());
    GenerateRequest::new("tiny", input, Sampling::new(0.7, 16)).with_seed(42)
}

/// Like the default, but without the waiting.
pub(crate) fn quick() -> RetryPolicy {
    RetryPolicy::new()
        .with_max_attempts(3)
        .with_total_time(Duration::from_secs(30))
        .with_base_delay(Duration::from_millis(2))
        .with_max_delay(Duration::from_millis(10))
}

/// Takes one step a request, in order; after the last, all are answered 418.
pub(crate) async fn scripted(steps: impl IntoIterator<Item = Step>) -> Server {
    let steps: Mutex<VecDeque<Step>> = Mutex::new(steps.into_iter().collect());
    serve(move |_| {
        let step = steps.lock().unwrap().pop_front();
        step.unwrap_or_else(|| answer(418, "the script is over"))
    })
    .await
}

/// Lets `choose` decide from the request.
pub(crate) async fn serve(choose: impl Fn(&Seen) -> Step + Send + Sync + 'static) -> Server {
    serve_at("127.0.0.1:0", choose).await
}

pub(crate) async fn serve_at(
    address: &str,
    choose: impl Fn(&Seen) -> Step + Send + Sync + 'static,
) -> Server {
    let listener = TcpListener::bind(address).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let log = Arc::new(Mutex::new(Log::default()));
    let choose = Arc::new(choose);
    let shared = Arc::clone(&log);
    let accept = async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            shared.lock().unwrap().connections += 1;
            let (log, choose) = (Arc::clone(&shared), Arc::clone(&choose));
            tokio::spawn(async move { serve_connection(stream, &log, &*choose).await });
        }
    };
    let accepting = tokio::spawn(accept).abort_handle();
    Server {
        url,
        log,
        accepting,
    }
}

async fn serve_connection(
    mut stream: TcpStream,
    log: &Mutex<Log>,
    choose: &(impl Fn(&Seen) -> Step + Sync),
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    while let Some(seen) = read_request(&mut stream).await? {
        let step = choose(&seen);
        {
            let mut log = log.lock().unwrap();
            log.seen.push(seen);
            log.under_way += 1;
            log.most_under_way = log.most_under_way.max(log.under_way);
        }
        let goes_on = take(step, &mut stream, log).await;
        log.lock().unwrap().under_way -= 1;
        if !goes_on? {
            break;
        }
    }
    Ok(())
}

/// Takes one step; false means that the connection is over.
async fn take(step: Step, stream: &mut TcpStream, log: &Mutex<Log>) -> io::Result<bool> {
    match step {
        Step::Send(bytes) => stream.write_all(&bytes).await.map(|()| true),
        Step::SendAndClose(bytes) => stream.write_all(&bytes).await.map(|()| false),
        Step::SendAndHang(bytes) => {
            stream.write_all(&bytes).await?;
            until_hung_up(stream, log).await;
            Ok(false)
        }
        Step::Reset => {
            stream.set_zero_linger()?;
            Ok(false)
        }
        Step::After(wait, step) => {
            tokio::select! {
                () = tokio::time::sleep(wait) => Box::pin(take(*step, stream, log)).await,
                () = until_hung_up(stream, log) => Ok(false),
            }
        }
    }
}

async fn until_hung_up(stream: &TcpStream, log: &Mutex<Log>) {
    stream.readable().await.unwrap();
    log.lock().unwrap().hung_up += 1;
}

async fn read_request(stream: &mut TcpStream) -> io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    let head_length = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8(bytes[..head_length].to_vec()).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().unwrap())
    });
    let mut body = bytes[head_length..].to_vec();
    while body.len() < length.unwrap_or(0) {
        if stream.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    let body = String::from_utf8(body).unwrap();
    Ok(Some(Seen { head, body }))
}

pub(crate) fn raw(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} Any\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

pub(crate) fn answer(status: u16, body: &str) -> Step {
    Step::Send(raw(status, "", body))
}

/// A whole completion with this text.
pub(crate) fn good(text: &str) -> Step {
    let choice = format!(r#"{{"index":0,"text":"{text}","finish_reason":"stop"}}"#);
    answer(200, &format!(r#"{{"id":"cmpl-1","choices":[{choice}]}}"#))
}

pub(crate) fn hang() -> Step {
    Step::SendAndHang(Vec::new())
}
