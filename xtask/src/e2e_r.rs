//! `e2e-r`: what R makes of the same tables.
//!
//! Aggregates the demo's results, has `analysis/replication_icc.R` (lme4) and `analysis/replication_icc.py` (pandas)
//! fit `value ~ condition + (1 | replication)` to each measure, and compares both with `grace-cli icc --pooled`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::{self, built, existing, root};
use crate::debian;

const PACKAGES: [&str; 2] = ["r-base-core", "r-cran-lme4"];

/// The experiments of the demo, and a measure as the scripts and grace name it.
const MEASURES: [(&str, &str); 4] = [
    ("study1_exp1", "quantity"),
    ("study1_exp1", "knowledge"),
    ("study2_exp1", "polarity=was"),
    ("study2_exp1", "quality=good"),
];

/// How far two fits of one model may be apart: lme4 stops at 1e-7 of the ICC even when asked for more, and a variance is
/// known to about four digits.
const ICC_ABSOLUTE: f64 = 1e-6;
const VARIANCE_RELATIVE: f64 = 1e-4;

/// Arguments of `e2e-r`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Results to look at, with the experiments of the demo [default: the demo's, 150 rows of each study]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
    /// The binary to test [default: `cargo build --release -p grace-cli`]
    #[arg(long, value_name = "PATH")]
    grace_cli: Option<PathBuf>,
    /// Fail if there is no R with lme4; without it, R is left out then
    #[arg(long)]
    required: bool,
    /// Cache folder [default: `grace` in `$XDG_CACHE_HOME` or `~/.cache`]
    #[arg(long, value_name = "DIR", env = "GRACE_CACHE")]
    cache: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let there = || debian::runs("Rscript", &["-e", "library(lme4)"]);
    let has_r = debian::ensure(there, &PACKAGES);
    ensure!(
        has_r || !args.required,
        "no R with lme4; on Debian: `apt-get install {}`",
        PACKAGES.join(" ")
    );
    let program = match &args.grace_cli {
        Some(path) => existing(path)?,
        None => built()?,
    };
    let python = crate::dataset::python(args.cache.as_deref())?;
    let work = std::env::temp_dir().join(format!("grace-e2e-r-{}", std::process::id()));
    let results = match &args.results {
        Some(results) => existing(results)?,
        None => crate::dataset::demo(&program, &work.join("demo"), 150)?,
    };
    let done = compare(&program, &python, has_r, &results, &work.join("dataset"))
        .and_then(|()| compare_degenerate(&program, &python, has_r, &work.join("degenerate.csv")));
    fs::remove_dir_all(&work).with_context(|| work.display().to_string())?;
    done?;
    if !has_r {
        println!("e2e-r: R with lme4 could not be had, so only Python was compared");
    }
    Ok(())
}

/// Models of which nothing can be estimated, each for another reason, and one of which something can.
const DEGENERATE: &str = "\
model,model_key,replication_id,conditions.c,value
constant,constant,0,a,1
constant,constant,1,a,1
constant,constant,0,b,2
constant,constant,1,b,2
single,single,0,a,1
single,single,0,a,2
few,few,0,a,1
few,few,1,b,2
empty,empty,0,a,
empty,empty,1,a,
perfect,perfect,0,a,1
perfect,perfect,0,a,1
perfect,perfect,1,a,2
perfect,perfect,1,b,4
perfect,perfect,0,b,3
one,one,0,a,1
one,one,0,a,2
one,one,1,a,2
one,one,1,a,5
";

fn compare(
    program: &Path,
    python: &Path,
    has_r: bool,
    results: &Path,
    tables: &Path,
) -> Result<()> {
    let mut aggregate = Command::new(program);
    aggregate
        .arg("aggregate")
        .arg(results)
        .arg("--out")
        .arg(tables);
    command::output(&mut aggregate)?;
    let grace = icc(program, results, &[])?;
    for (experiment, measure) in MEASURES {
        let table = tables.join(format!("{experiment}.csv"));
        let of_measure: Vec<&Value> = grace
            .iter()
            .filter(|row| row["experiment"] == experiment && row["measure"] == measure)
            .collect();
        ensure!(
            !of_measure.is_empty(),
            "grace has no {measure} of {experiment}"
        );
        check_scripts(python, has_r, &table, measure, &of_measure)?;
    }
    Ok(())
}

/// Compares what is said where there is nothing to estimate.
fn compare_degenerate(program: &Path, python: &Path, has_r: bool, table: &Path) -> Result<()> {
    fs::write(table, DEGENERATE).with_context(|| table.display().to_string())?;
    let columns = "--value value --replication replication_id --by model --by conditions.c --table";
    let columns: Vec<&str> = columns.split(' ').collect();
    let grace = icc(program, table, &columns)?;
    let rows: Vec<&Value> = grace.iter().collect();
    check_scripts(python, has_r, table, "value", &rows)
}

/// The rows of `icc --pooled` about what stands behind `options`.
fn icc(program: &Path, what: &Path, options: &[&str]) -> Result<Vec<Value>> {
    let mut icc = Command::new(program);
    icc.args(["icc", "--pooled", "--output", "json"])
        .args(options)
        .arg(what);
    Ok(serde_json::from_str(&command::output(&mut icc)?)?)
}

fn check_scripts(
    python: &Path,
    has_r: bool,
    table: &Path,
    measure: &str,
    grace: &[&Value],
) -> Result<()> {
    let scripts = root().join("analysis");
    let script = |program: &Path, name: &str| -> Result<String> {
        let mut script = Command::new(program);
        script.arg(scripts.join(name)).arg(table).arg(measure);
        command::output(&mut script)
    };
    check("pandas", &script(python, "replication_icc.py")?, grace)?;
    if has_r {
        let theirs = script(Path::new("Rscript"), "replication_icc.R")?;
        check("lme4", &theirs, grace)?;
    }
    Ok(())
}

/// Compares each model's line of a script with grace's row.
fn check(who: &str, csv: &str, grace: &[&Value]) -> Result<()> {
    let theirs = parse(csv)?;
    ensure!(
        theirs.len() == grace.len(),
        "{who} has {} models, grace {}",
        theirs.len(),
        grace.len()
    );
    for row in grace {
        let model = row["model"].as_str().unwrap_or_default();
        let line = theirs
            .get(model)
            .with_context(|| format!("{who} has no model {model}"))?;
        let measure = row["measure"].as_str().unwrap_or_default();
        let said =
            check_model(line, row).with_context(|| format!("{measure} by {model}, {who}"))?;
        println!("{measure} by {model}: {said} by {who}, too");
    }
    Ok(())
}

/// Compares a line of a script with grace's row; what both say.
fn check_model(line: &BTreeMap<String, String>, row: &Value) -> Result<String> {
    let their = |name: &str| -> Result<f64> {
        let field = line.get(name).with_context(|| format!("no {name}"))?;
        field
            .parse()
            .with_context(|| format!("{name} is `{field}`"))
    };
    let ours = |name: &str| {
        let number = row[name].as_f64();
        number.with_context(|| format!("grace has no {name}: {row}"))
    };
    for name in ["replications", "conditions", "trials"] {
        let (ours, theirs) = (ours(name)?, their(name)?);
        ensure!(
            (ours - theirs).abs() < 0.5,
            "{name} is {theirs}, grace has {ours}"
        );
    }
    let status = row["status"].as_str().unwrap_or_default();
    let theirs = line.get("status").map_or("none", String::as_str);
    ensure!(theirs == status, "status is {theirs}, grace has {status}");
    if status != "ok" {
        return Ok(status.to_owned());
    }
    let (icc, theirs) = (ours("icc")?, their("icc")?);
    ensure!(
        (icc - theirs).abs() <= ICC_ABSOLUTE,
        "ICC is {theirs}, grace has {icc}"
    );
    let within = ours("var_within")?;
    for name in ["var_within", "var_between"] {
        let (ours, theirs) = (ours(name)?, their(name)?);
        // At the boundary one says 0 and the other nearly so.
        let tolerance = VARIANCE_RELATIVE * ours.abs().max(theirs.abs()) + ICC_ABSOLUTE * within;
        ensure!(
            (ours - theirs).abs() <= tolerance,
            "{name} is {theirs}, grace has {ours}"
        );
    }
    Ok(format!("ICC {icc:.6}"))
}

/// The lines of a CSV file without quotes, by model.
fn parse(csv: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
    let mut lines = csv.lines();
    let names: Vec<&str> = lines
        .next()
        .context("nothing was printed")?
        .split(',')
        .collect();
    let line = |line: &str| {
        let fields = line.split(',').map(|field| field.trim().to_owned());
        let fields: BTreeMap<String, String> = names
            .iter()
            .map(|name| (*name).to_owned())
            .zip(fields)
            .collect();
        let model = fields.get("model").cloned().context("no column `model`")?;
        Ok((model, fields))
    };
    lines.map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CSV: &str = "model,status,replications,conditions,trials,var_between,var_within,icc\n\
                       m,ok,3,6,900, 0.25,0.75,0.25\n";

    fn row(icc: f64) -> Value {
        json!({"model": "m", "measure": "x", "replications": 3, "conditions": 6, "trials": 900,
            "status": "ok", "var_between": 0.25, "var_within": 0.75, "icc": icc})
    }

    #[test]
    fn equal_numbers_are_equal() {
        check("R", CSV, &[&row(0.250_000_5)]).unwrap();
    }

    #[test]
    fn different_numbers_are_told() {
        let error = check("R", CSV, &[&row(0.26)]).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "x by m, R: ICC is 0.25, grace has 0.26"
        );
        assert!(check("R", CSV, &[]).is_err());
    }
}
