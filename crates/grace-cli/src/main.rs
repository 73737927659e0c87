//! The command `grace-cli`; all it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    grace_cli::main()
}
