//! `models.yaml` as manifests need it: the models with their resources, and the cluster they run on.

pub mod names;

mod claim;
mod deploy;
mod parse;
mod section;
mod settings;
mod workload;

pub use claim::{AccessMode, Claim};
pub use deploy::{ClusterConfig, LAB};
pub use settings::{Cluster, ConfigSource, Granted, Lifetime, Prefetch, SecretKey, Toleration};
pub use workload::{Estimate, Gpu, Resources, Workload};
