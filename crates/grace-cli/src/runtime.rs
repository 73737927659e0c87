//! The asynchronous runtime, signals and the environment: what only a program may touch.

use std::ffi::OsString;
use std::io::IsTerminal;

use grace_runner::supervise::Secrets;
use grace_runner::{Host, Stop};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Failure, INTERRUPTED, TERMINATED};

/// Runs `work` on this thread. The first SIGINT or SIGTERM asks it to stop, a second ends the process at once.
pub(crate) fn block_on<T>(
    work: impl AsyncFnOnce(Stop) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let stop = Stop::new();
    watch_signals(stop.clone())?;
    let runtime = runtime()?;
    let result = runtime.block_on(work(stop));
    // A look-up of names or a credential plugin that hangs is waited for by nobody.
    runtime.shutdown_background();
    result
}

/// Does `work`, which ends soon once the token is cancelled: at the first signal.
#[cfg(feature = "cluster")]
pub(crate) async fn cancelling<T>(
    stop: &Stop,
    work: impl AsyncFnOnce(&tokio_util::sync::CancellationToken) -> T,
) -> T {
    let token = tokio_util::sync::CancellationToken::new();
    let watch = async {
        stop.requested().await;
        token.cancel();
        std::future::pending().await
    };
    tokio::select! {
        result = work(&token) => result,
        never = watch => never,
    }
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Calls `act` at each SIGINT, SIGTERM and SIGHUP, from a thread of its own.
pub(crate) fn on_every_signal(act: impl Fn() + Send + 'static) -> Result<(), Failure> {
    let runtime = runtime()?;
    let (mut interrupt, mut terminate, mut hang_up) = {
        let _guard = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        )
    };
    let watch = async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
            act();
        }
    };
    let thread = std::thread::Builder::new().name(String::from("signals"));
    thread.spawn(move || runtime.block_on(watch))?;
    Ok(())
}

/// Watches on a thread of its own, because sealing keeps the other one busy.
fn watch_signals(stop: Stop) -> Result<(), Failure> {
    let runtime = runtime()?;
    let (mut interrupt, mut terminate) = {
        let _guard = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    let watch = async move {
        let mut asked = false;
        loop {
            let code = tokio::select! {
                _ = interrupt.recv() => INTERRUPTED,
                _ = terminate.recv() => TERMINATED,
            };
            if asked {
                end_at_once(code);
            }
            asked = true;
            stop.request(code);
        }
    };
    let thread = std::thread::Builder::new().name(String::from("signals"));
    thread.spawn(move || runtime.block_on(watch))?;
    Ok(())
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "a second signal means: now, whatever is still to be written"
)]
fn end_at_once(code: u8) -> ! {
    std::process::exit(i32::from(code))
}

/// An environment variable that is set and not empty.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment, besides clap"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The file of this very program, to start it again with other arguments.
pub(crate) fn own_program() -> Result<OsString, Failure> {
    Ok(std::env::current_exe()?.into_os_string())
}

/// The values of all variables whose names say that they are secret.
pub(crate) fn secrets() -> Secrets {
    let variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let variables = variables.iter();
    Secrets::of_variables(variables.map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Whether stderr is a terminal that can redraw a line; indicatif draws on no other.
pub(crate) fn on_terminal() -> bool {
    std::io::stderr().is_terminal() && variable("TERM").is_some_and(|term| term != "dumb")
}

/// Where this process runs: what Kubernetes puts into a pod's environment, else a random name.
pub(crate) fn host() -> Result<Host, Failure> {
    let uid = match variable("POD_UID") {
        Some(uid) => uid,
        None => format!("{:016x}", random()?),
    };
    Ok(Host {
        uid,
        node: variable("NODE_NAME"),
        pod: variable("POD_NAME"),
    })
}

/// A random number from the operating system.
pub(crate) fn random() -> Result<u64, Failure> {
    getrandom::u64().map_err(|error| Failure::new(crate::exit::INTERNAL, error))
}
