//! The crate from outside, against a simulated server.

#[cfg(test)]
mod export;
#[cfg(test)]
mod replicate;
