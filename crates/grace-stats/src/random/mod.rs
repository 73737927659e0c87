//! Random numbers and permutations whose seed is given.
//!
//! Nothing is drawn from the operating system or a global state: who permutes holds the generator,
//! so a test is repeated by repeating its seed.

mod permutation;
mod splitmix;

pub use permutation::PermutationTest;
pub use splitmix::SplitMix64;
