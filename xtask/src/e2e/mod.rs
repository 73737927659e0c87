//! What the end-to-end runs of real models share: the real `grace-cli` on servers that it starts and stops itself.
//!
//! `grace-cli` is killed with SIGKILL in the middle of a replication and resumed; what it left is checked and verified, and
//! queries are replayed on a server that the recorded command starts. `steps` is what is done, `checks` and `scores` what must
//! hold.

mod checks;
mod grace;
mod results;
mod scores;
mod server;
mod steps;

pub(crate) use grace::{Grace, Settings};
pub(crate) use results::Replication;
pub(crate) use scores::noise;
pub(crate) use server::{post, tail};
pub(crate) use steps::{
    EXPERIMENTS, ask_again, counts, kill_and_resume, leave_alone, run_through, step, verify,
};
