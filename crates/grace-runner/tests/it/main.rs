//! The crate from outside, against a simulated server.

#[cfg(test)]
mod replicate;
