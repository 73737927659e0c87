//! `guard-server` and `become-server`: what stands between grace and a model server.

use std::io::{ErrorKind, stdin, stdout};
use std::time::Duration;

use grace_runner::supervise::{self, Guard};

use crate::args::{BecomeServerArgs, GuardServerArgs};
use crate::exit::{Failure, INTERNAL};
use crate::runtime;

/// What shells say of a program that is not there, or that cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// Guards a server until it ends or until stdin is closed, by the end of whoever holds the other end.
pub(crate) fn run(args: GuardServerArgs) -> Result<u8, Failure> {
    let become_server = vec![runtime::own_program()?, "become-server".into(), "--".into()];
    let grace = Duration::from_millis(args.stop_grace_ms);
    let guard = Guard::new(become_server, args.command, grace);
    let end_server = guard.end_server();
    runtime::on_every_signal(move || end_server.request())?;
    Ok(guard.run(stdin(), &mut stdout())?)
}

/// Runs the server in place of this process.
pub(crate) fn become_server(args: &BecomeServerArgs) -> Result<u8, Failure> {
    let Some((guard, command)) = args.guard_and_command.split_first() else {
        return Err(Failure::usage("no guard given"));
    };
    let guard = guard.to_str().and_then(|id| id.parse().ok());
    let guard = guard.ok_or_else(|| Failure::usage("the guard is no process id"))?;
    let error = supervise::become_server(guard, command);
    let code = match error.kind() {
        ErrorKind::NotFound => NOT_FOUND,
        ErrorKind::PermissionDenied => NOT_RUNNABLE,
        _ => INTERNAL,
    };
    let program = command.first().map(|program| program.display().to_string());
    let message = format!("`{}` cannot be started", program.unwrap_or_default());
    Err(Failure::new(
        code,
        anyhow::Error::new(error).context(message),
    ))
}
