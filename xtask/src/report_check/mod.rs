//! `report-check`: the page of `grace-cli report` as a browser shows it.
//!
//! Makes two pages, one of the demo's results and one of results with long names, markup in names, many models and
//! missing replications; opens them in Chromium at three widths, in light and dark, and fails if a text does not fit, if
//! there is a message on the console, or if anything is asked of the network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::command::{self, built, existing};
use crate::debian;

const BROWSERS: [&str; 2] = ["chromium", "chromium-browser"];
const PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "fonts-dejavu-core"];

/// Arguments of `report-check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Pages to look at [default: those of the demo and of hard names, which are made]
    pages: Vec<PathBuf>,
    /// The binary to test [default: `cargo build --release -p grace-cli`]
    #[arg(long, value_name = "PATH")]
    grace_cli: Option<PathBuf>,
    /// Folder for pictures of the pages
    #[arg(long, value_name = "DIR")]
    shots: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let there = || browser().is_some() && debian::runs("chromedriver", &["--version"]);
    ensure!(
        debian::ensure(there, &PACKAGES),
        "no Chromium with chromedriver; on Debian: `apt-get install {}`",
        PACKAGES.join(" ")
    );
    let browser = browser().context("Chromium is gone")?;
    if !args.pages.is_empty() {
        return look(browser, &args.pages, args);
    }
    let program = match &args.grace_cli {
        Some(path) => existing(path)?,
        None => built()?,
    };
    let work = std::env::temp_dir().join(format!("grace-report-check-{}", std::process::id()));
    fs::create_dir_all(&work).with_context(|| work.display().to_string())?;
    let done = pages(&program, &work).and_then(|pages| look(browser, &pages, args));
    fs::remove_dir_all(&work).with_context(|| work.display().to_string())?;
    done
}

fn browser() -> Option<&'static str> {
    BROWSERS
        .into_iter()
        .find(|browser| debian::runs(browser, &["--version"]))
}

fn pages(program: &Path, work: &Path) -> Result<Vec<PathBuf>> {
    let demo = work.join("demo");
    let arguments = ["demo", "--limit", "150", "--out"];
    command::output(Command::new(program).args(arguments).arg(&demo))?;
    let hard = work.join("hard");
    write_hard_results(&hard)?;
    let folders = [("demo.html", demo.join("results")), ("hard.html", hard)];
    let page = |(name, results): (&str, PathBuf)| {
        let page = work.join(name);
        let mut report = Command::new(program);
        report.arg("report").arg(results).arg("--out").arg(&page);
        command::output(&mut report)?;
        Ok(page)
    };
    folders.into_iter().map(page).collect()
}

fn look(browser: &str, pages: &[PathBuf], args: &Args) -> Result<()> {
    for page in pages {
        let page = existing(page)?;
        let mut look = Command::new("python3");
        look.arg(command::root().join("xtask/src/report_check/look.py"));
        look.args(["chromedriver", browser]).arg(&page);
        if let Some(shots) = &args.shots {
            let name = page.file_stem().unwrap_or_default();
            look.arg("--shots").arg(shots.join(name));
        }
        command::run(&mut look)?;
    }
    Ok(())
}

/// Results as earlier scripts wrote them, with everything that a page may stumble over.
fn write_hard_results(folder: &Path) -> Result<()> {
    let names = [
        "<b>bold & \"quoted\" 'model'",
        "a-model-whose-name-is-longer-than-any-name-that-anybody-would-give-it-awq-int4",
        "模型-七",
        "m4",
        "m5",
        "m6",
        "m7",
        "m8",
        "m9",
    ];
    for (number, name) in names.into_iter().enumerate() {
        for replication in 0..2 {
            let folder = folder.join(name).join(format!("replication-{replication}"));
            fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
            let records: Vec<Value> = (0..48)
                .map(|trial| record(number, replication, trial))
                .collect();
            let text = serde_json::to_string(&records)?;
            fs::write(folder.join("study1_exp1.json"), text)?;
        }
    }
    // One replication is broken, one is missing.
    let broken = folder
        .join("m4")
        .join("replication-1")
        .join("study1_exp1.json");
    fs::write(&broken, "[{\"quantity\": ").with_context(|| broken.display().to_string())?;
    let gone = folder.join("m5").join("replication-1");
    fs::remove_dir_all(&gone).with_context(|| gone.display().to_string())
}

fn record(model: usize, replication: usize, trial: usize) -> Value {
    // Any spread will do, as long as it is the same every time.
    let answer = (trial * 7 + replication * 5 + model * 3 + trial / 6) % 4;
    let knowledge = if (trial * 5 + replication + model).is_multiple_of(3) {
        "yes"
    } else {
        "no"
    };
    let long = "access that goes on and on <script>alert(1)</script>";
    let access = if trial % 3 == 2 {
        long.to_owned()
    } else {
        (trial % 3 + 1).to_string()
    };
    json!({
        "participant_id": (trial / 6).to_string(), "story_shortname": "s", "story_setup": "Once.", "priorQ": "?",
        "speach": format!("speech {}", trial % 4), "speachQ": "?", "knowledgeQ": "?",
        "access": access, "observe": (trial % 2 + 1).to_string(),
        "response_quantity": answer.to_string(), "response_knowledge": knowledge,
        "quantity": answer, "knowledge": knowledge,
    })
}
