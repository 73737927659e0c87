//! A cluster's rules, as data, and the breaches of them.
//!
//! ```
//! use grace_k8s_gen::policy::Policy;
//!
//! let nrp = Policy::builtin("nrp").expect("one of the built-in policies")?;
//! assert_eq!(nrp.rules.gpus_per_pod, Some(2));
//! # Ok::<(), grace_core::Problems>(())
//! ```

mod breach;
mod check;
mod file;
mod pod_security;
mod resources;
mod words;

pub use breach::Breach;
pub use check::check;
pub use file::{BUILTIN, Builtin, LimitsToRequests, Policy, Rules};
