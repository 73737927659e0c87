//! Reading the records of one file: first what is in them, then the values.

mod batch;
mod cursor;
mod legacy;
mod python;
mod records;
mod rows;
mod survey;

#[cfg(test)]
pub(crate) use batch::TextColumn;
pub(crate) use batch::{Batch, Values};
pub(crate) use legacy::{Origin, Place};
pub(crate) use python::without_nan;
pub(crate) use records::{Cell, Sink, read};
pub(crate) use rows::Rows;
pub(crate) use survey::{Survey, SurveyRules, Surveyor, glance, survey};
