//! `export-results`: what `collect` and `doctor` run in a pod.

use std::io::{BufWriter, Write};
use std::time::Duration;

use grace_runner::export::{ExportError, UseMark, idle, list, send, volume};

use crate::args::ExportCommand;
use crate::exit::{COMPLETE, CONFIGURATION, Failure, TRY_AGAIN, USAGE};
use crate::runtime;

pub(crate) fn run(command: &ExportCommand) -> Result<u8, Failure> {
    match command {
        ExportCommand::List { from, model } => {
            let mark = UseMark::at(from.mark.clone());
            with_stdout(|out| list(&from.results, model, &mark, out))?;
            Ok(COMPLETE)
        }
        ExportCommand::Volume { results } => {
            with_stdout(|out| volume(results, out))?;
            Ok(COMPLETE)
        }
        ExportCommand::Send { from } => {
            let mark = UseMark::at(from.mark.clone());
            let mut wanted = std::io::stdin().lock();
            let sent = with_stdout(|out| send(&from.results, &mut wanted, &mark, out))?;
            Ok(if sent.failed == 0 {
                COMPLETE
            } else {
                TRY_AGAIN
            })
        }
        ExportCommand::Wait {
            idle: seconds,
            mark,
        } => {
            let longest = Duration::from_secs(*seconds);
            // As the first process of a container it would get no SIGTERM without a handler.
            runtime::block_on(async |stop| {
                tokio::select! {
                    () = idle(mark, longest) => {}
                    () = stop.requested() => {}
                }
                Ok(COMPLETE)
            })
        }
    }
}

fn with_stdout<T>(
    act: impl FnOnce(&mut dyn Write) -> Result<T, ExportError>,
) -> Result<T, Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    Ok(act(&mut out)?)
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        let code = match &error {
            ExportError::Wanted { .. } => USAGE,
            ExportError::File(error) if !error.is_transient() => CONFIGURATION,
            _ => TRY_AGAIN,
        };
        Self::new(code, error)
    }
}
