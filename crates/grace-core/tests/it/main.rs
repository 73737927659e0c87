//! The crate from outside.

#[cfg(test)]
mod experiments;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod stimuli;
#[cfg(test)]
mod yaml;
