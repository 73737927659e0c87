//! The columns of tables: stated by grace and by experiment files, observed where nobody states them.

mod column;
mod definition;
mod fields;
mod kinds;
mod resolve;

pub use column::{Column, ColumnType, Schema};
pub use definition::{Definition, Definitions};

pub(crate) use definition::{QueryColumns, Role};
pub(crate) use fields::{KEYS, OURS, depth, outcome_of, stated_type};
pub(crate) use kinds::{Kind, Kinds};
pub(crate) use resolve::{Observed, resolve};
