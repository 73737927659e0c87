#![doc = include_str!("../README.md")]

mod audit;
mod order;
mod plan;
mod request;

pub use audit::{AuditReport, AuditedRequest, Collision, CollisionClass, SeedAudit};
pub use order::{OrderAlgorithm, OrderError, trial_order};
pub use plan::{
    BaseSeed, DEFAULT_FIRST_BASE_SEED, ExperimentSeed, PlannedSeed, SeedPlan, SeedPlanError,
};
pub use request::{RequestKey, RequestSeed, SeedBits, SeedBitsError, request_seed};
