#![doc = include_str!("../README.md")]

pub mod budget;
pub mod check;
pub mod policy;

mod amount;
mod config_map;
mod facts;
mod generate;
mod names;
mod quote;
mod reader;
mod render;
mod study;
mod typed;

pub use generate::{GenerateError, Manifest, Request, generate};
pub use names::{NameError, job_name};
pub use reader::{READER_CONTAINER, READER_MARK, READER_PROGRAM, READER_RESULTS, reader};
pub use study::Study;
pub use typed::{Kustomization, Object, TypedError, parse};
