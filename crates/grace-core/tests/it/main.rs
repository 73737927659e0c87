//! The crate from outside.

mod experiments;
mod inputs;
mod stimuli;
