//! What reports show of answers: proportions, means, and drift over time.
//!
//! Trials of one replication may be alike, so an interval over trials can be too narrow. Where
//! replications differ, take the interval of the replications' means.

mod mean;
mod proportion;
mod trend;

pub use mean::{Mean, mean};
pub use proportion::{ProportionError, wilson_interval};
pub use trend::{SlopeTest, Trend, TrendFit, trend};
