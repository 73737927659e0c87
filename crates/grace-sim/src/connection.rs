//! One connection, which a fault may cut.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::gate::{Outcome, pass};
use crate::server::Shared;

/// Serves a connection until it ends.
pub(crate) async fn serve_connection(stream: TcpStream, server: Arc<Shared>, router: Router) {
    server.record.count_connection();
    // Small answers must not wait for each other; without the option they are only slower.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let line = TokioIo::new(Line {
        stream,
        reset: Arc::clone(&reset),
    });
    let mut protocol = http1::Builder::new();
    if let Some(timeout) = server.config.idle_timeout {
        // hyper starts this clock when a connection falls idle.
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(timeout);
    }
    let service = service_fn(move |request| {
        let (server, router, reset) = (Arc::clone(&server), router.clone(), Arc::clone(&reset));
        async move {
            match pass(&server, router, request).await {
                Outcome::Answer(response) => Ok(response),
                Outcome::Cut { reset: wanted } => {
                    reset.store(wanted, Ordering::Relaxed);
                    Err(Cut)
                }
            }
        }
    });
    // An error here is the client's going or our own cut: both are part of the game.
    let _ = protocol.serve_connection(line, service).await;
}

/// The answer is that there is none: hyper drops the connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut by a fault")]
struct Cut;

/// A TCP stream that can end in a reset.
struct Line {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            // Closing with zero linger sends RST; if it cannot be set, the close is a plain one.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(())); // A FIN would come before the RST.
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
