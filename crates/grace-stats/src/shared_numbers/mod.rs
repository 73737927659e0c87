//! Random numbers that requests share.
//!
//! If all requests of a replication are sent with one seed, equal prompts get equal answers, and
//! replications seem to differ although nothing about the model changed. [`expected_icc`] says how
//! large an ICC that makes; [`Answers`] finds it, since trials of one prompt then agree more inside
//! a replication than between replications.

mod agreement;
mod answers;
mod expected;

pub use agreement::Agreement;
pub use answers::Answers;
pub use expected::expected_icc;
