//! The loop that accepts connections, and the task that lets time pass.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::controller::{self, Heard};
use crate::gate::pass;
use crate::gc;
use crate::state::{Shared, State};

/// What the accept loop is told.
#[derive(Debug)]
pub(crate) enum Order {
    /// Refuse connections, and say when that is so.
    Down(oneshot::Sender<()>),
    /// Accept them again.
    Up(oneshot::Sender<()>),
}

/// Accepts connections until the orders end.
pub(crate) async fn accept(
    listener: std::net::TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) {
    let mut listener = TcpListener::from_std(listener).ok();
    loop {
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Ok((stream, _)) = accepted => {
                tokio::spawn(connection(stream, Arc::clone(&shared)));
            }
            order = orders.recv() => match order {
                None => return,
                Some(Order::Down(done)) => {
                    listener = None;
                    shared.cut();
                    let _ = done.send(());
                }
                Some(Order::Up(done)) => {
                    listener = bind_again(address).await;
                    let _ = done.send(());
                }
            },
        }
    }
}

/// The port was ours: nobody else is given it so soon, but a last connection may still be closing.
async fn bind_again(address: SocketAddr) -> Option<TcpListener> {
    for _ in 0..100 {
        if let Ok(listener) = TcpListener::bind(address).await {
            return Some(listener);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let mut cuts = shared.cuts();
    cuts.borrow_and_update();
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| pass(Arc::clone(&shared), request));
    let serve = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        // The client's going or a fault's cut: both are part of the game.
        _ = serve => {}
        _ = cuts.changed() => {}
    }
}

/// Lets time pass: what is being deleted ends, what runs goes on.
pub(crate) async fn keep(shared: Arc<Shared>, mut heard: mpsc::UnboundedReceiver<Heard>) {
    let mut changes = shared.changes();
    loop {
        changes.borrow_and_update();
        let next = shared.edit(|state| step(state, Instant::now()));
        let at = next.unwrap_or_else(|| Instant::now() + Duration::from_hours(1));
        tokio::select! {
            _ = changes.changed() => {}
            Some(heard) = heard.recv() => shared.edit(|state| controller::hear(state, &heard)),
            () = tokio::time::sleep_until(at.into()) => {}
        }
    }
}

fn step(state: &mut State, now: Instant) -> Option<Instant> {
    // First the controller: it must see why a pod is on its way out before the pod is gone.
    let of_jobs = controller::step(state, now);
    let of_deletion = gc::sweep(state, now);
    of_deletion.into_iter().chain(of_jobs).min()
}
