//! `grace-seed` as its users see it.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests, which clippy does not see"
)]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod audit;
mod order;
mod plan;
mod request;
mod vectors;

/// Types of the API can be sent to and shared between threads.
#[test]
fn api_types_are_send_and_sync() {
    fn check<T: Send + Sync>() {}
    check::<grace_seed::SeedPlan>();
    check::<grace_seed::SeedPlanError>();
    check::<grace_seed::OrderError>();
    check::<grace_seed::SeedBitsError>();
    check::<grace_seed::RequestKey<'_>>();
    check::<grace_seed::SeedAudit<String>>();
    check::<grace_seed::AuditReport<String>>();
}
