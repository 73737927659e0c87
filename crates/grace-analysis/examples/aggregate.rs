//! Writes the tables of a results folder and says what is missing.
//!
//! ```text
//! cargo run --release -p grace-analysis --example aggregate -- RESULTS OUT
//! ```

#![expect(clippy::print_stdout, reason = "an example prints what it finds")]

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::Path;

use grace_analysis::Results;
use grace_analysis::schema::Definitions;
use grace_core::experiment::{BUILTIN, Experiment};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [results, out] = arguments.as_slice() else {
        return Err("expected two folders: RESULTS OUT".into());
    };
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let builtin = BUILTIN.map(|file| Experiment::parse(file.file, file.text));
    let known = builtin.into_iter().collect::<Result<Vec<_>, _>>()?;

    let results = Results::survey(Path::new(results), &Definitions::new(&known), threads)?;
    let completeness = results.completeness(None);
    for table in results.write_tables(Path::new(out), &completeness, threads)? {
        println!("{}: {} rows", table.parquet.display(), table.rows);
    }
    for finding in &completeness.findings {
        println!("{finding}");
    }
    Ok(())
}
