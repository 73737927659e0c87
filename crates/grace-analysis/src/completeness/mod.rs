//! What was expected and what was found, and everything that is wrong, file by file.

mod csv;
mod finding;
mod table;

pub use finding::{Finding, FindingKind};
pub use table::{Completeness, Row, State};
