//! The model server under grace's care: started, waited for, watched, started again, stopped.
//!
//! ```text
//! grace ──pipe──▶ guard ──▶ model server ──▶ its workers
//! ```
//!
//! Between grace and the server stands a **guard**, a small process that holds one end of a pipe. However grace ends,
//! the pipe closes, and the guard ends the server's whole process group: SIGTERM, then SIGKILL. On Linux it also ends
//! processes that left the group; and should the guard itself be killed, the kernel ends the server, and grace what
//! is left of its group. Closing the pipe is also how grace stops the server, so there is one way to stop, not two.
//!
//! The guard and the step between it and the server are [`Guard::run`] and [`become_server`]; the program that
//! uses this crate offers them as commands of its own and says so by [`ManagedServer::guard`].

mod children;
mod command;
mod error;
mod guard;
mod listener;
mod log_tail;
mod port_lock;
mod process;
mod secrets;
mod server;

pub use command::{Launch, LaunchError, Purpose};
pub use error::SuperviseError;
pub use guard::{EndServer, Guard, become_server};
pub use process::Exit;
pub use secrets::Secrets;
pub use server::ManagedServer;

pub(crate) use server::Supervisor;
