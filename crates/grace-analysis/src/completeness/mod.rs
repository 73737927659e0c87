//! What was expected and what was found, and everything that is wrong, file by file.

mod csv;
mod finding;
mod plan;
mod row;
mod table;

pub use finding::{Finding, FindingKind};
pub use row::{Row, State};
pub use table::Completeness;
