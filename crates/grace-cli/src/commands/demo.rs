//! `demo`: 2 simulated models × 5 replications, and nothing needed but this binary.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use grace_client::{Client, ClientConfig};
use grace_core::model::Model;
use grace_runner::verify::{VerifyOptions, verify};
use grace_runner::{Job, Options, Stop};
use grace_sim::{Sim, SimConfig};
use tokio::runtime::Builder;

use crate::args::DemoArgs;
#[cfg(feature = "analysis")]
use crate::commands::recovery;
use crate::commands::replicate::Study;
use crate::commands::{verify as verify_command, work};
use crate::exit::{COMPLETE, FAULTS_FOUND, Failure, INTERNAL, TRY_AGAIN};
use crate::wiring::Configuration;
use crate::{output, runtime};

/// The stimuli that the project ships: its own wording, the lab's columns and structure.
const STIMULI: [(&str, &str); 2] = [
    ("study1.csv", include_str!("../../demo/study1.csv")),
    ("study2.csv", include_str!("../../demo/study2.csv")),
];

const REPLICATIONS: u32 = 5;

/// Rows of the experiments that score: all of Study 2 would make most of the demo's time and data.
const SCORED_ROWS: NonZeroU32 = const { NonZeroU32::new(40).expect("40 is not 0") };

/// A simulated model and the batch effect planted into it.
struct DemoModel {
    key: &'static str,
    batch_effect_sd: f64,
    /// The ICC of `quantity` over all conditions of Study 1 that this shift makes.
    #[cfg(feature = "analysis")]
    icc: f64,
}

/// The second model's replications differ by a shift in log-odds. How large it must be was found by simulation: with 30
/// instances, and the variance between replications brought to that of a standard normal shift, `quantity` had an ICC of
/// 0.155 at an SD of 0.65, 0.206 at 0.75 and 0.228 at 0.80.
const MODELS: [DemoModel; 2] = [
    DemoModel {
        key: "sim-exchangeable",
        batch_effect_sd: 0.0,
        #[cfg(feature = "analysis")]
        icc: 0.0,
    },
    DemoModel {
        key: "sim-batch-effect",
        batch_effect_sd: 0.74,
        #[cfg(feature = "analysis")]
        icc: 0.2,
    },
];

pub(crate) fn run(args: &DemoArgs) -> Result<u8, Failure> {
    let folders = Folders {
        #[cfg(feature = "analysis")]
        out: args.out.clone(),
        stimuli: args.out.join("stimuli"),
        results: args.out.join("results"),
    };
    unpack(&folders.stimuli)?;
    // The servers think on a thread of their own, so that they and the client use both cores.
    let servers = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let code = runtime::block_on(async |stop| {
        for model in &MODELS {
            for index in 0..REPLICATIONS {
                let sim = servers.spawn(Sim::start(simulation(model, index)));
                let sim = sim.await.map_err(|error| Failure::new(INTERNAL, error))??;
                let job = job(model, index, &folders, args.limit)?;
                let code = replication(model, index, job, &sim.base_url(), &stop).await?;
                if code != COMPLETE {
                    return Ok(code);
                }
            }
        }
        Ok(COMPLETE)
    })?;
    if code != COMPLETE {
        return Ok(code);
    }
    report(&folders)
}

struct Folders {
    #[cfg(feature = "analysis")]
    out: PathBuf,
    stimuli: PathBuf,
    results: PathBuf,
}

fn report(folders: &Folders) -> Result<u8, Failure> {
    let report = verify(&folders.results, VerifyOptions::default())?;
    verify_command::text(&report)?;
    output::line("")?;
    #[cfg(feature = "analysis")]
    recovery::show(&folders.results, &folders.out, REPLICATIONS, &planted())?;
    output::line(format!("stimuli: {}", folders.stimuli.display()))?;
    output::line(format!("results: {}", folders.results.display()))?;
    output::line(
        "Each replication-N/ holds metadata.json, one sealed .json per experiment, MANIFEST.sha256 and,",
    )?;
    output::line("under attempts/, every request and answer as it was sent and received.")?;
    Ok(if report.passed() {
        COMPLETE
    } else {
        FAULTS_FOUND
    })
}

#[cfg(feature = "analysis")]
fn planted() -> [recovery::Planted; 2] {
    MODELS.map(|model| recovery::Planted {
        model: model.key,
        experiment: "study1_exp1",
        measure: "quantity",
        icc: model.icc,
    })
}

/// Each replication meets a server of its own, as each pod does.
fn simulation(model: &DemoModel, index: u32) -> SimConfig {
    SimConfig::new(name(model))
        .with_batch_effect_sd(model.batch_effect_sd)
        .with_instance(u64::from(index))
}

fn name(model: &DemoModel) -> String {
    format!("simulated/{}", model.key)
}

fn job(
    model: &DemoModel,
    index: u32,
    folders: &Folders,
    limit: Option<NonZeroU32>,
) -> Result<Job, Failure> {
    let study = Study::new(Configuration::builtin()?, index)?;
    let key = model
        .key
        .parse()
        .map_err(|error| Failure::new(INTERNAL, error))?;
    let asked = Model::named(key, name(model));
    let mut job = study.job(asked, &folders.results, &folders.stimuli, limit, options())?;
    for experiment in &mut job.experiments {
        if experiment.experiment.scores() {
            let rows = experiment
                .limit
                .map_or(SCORED_ROWS, |limit| limit.min(SCORED_ROWS));
            experiment.limit = Some(rows);
        }
    }
    Ok(job)
}

async fn replication(
    model: &DemoModel,
    index: u32,
    job: Job,
    url: &str,
    stop: &Stop,
) -> Result<u8, Failure> {
    output::line(format!("── {} replication {index} at {url}", model.key))?;
    let client = Client::new(ClientConfig::new(url)?)?;
    let (end, code) = work::perform(job, &client, stop).await?;
    if let Some(reason) = work::reason(&end) {
        output::line(reason)?;
    }
    Ok(code)
}

fn options() -> Options {
    Options::new(env!("CARGO_PKG_VERSION"))
}

/// Writes the stimuli where the user can look at them; what is there already must be the same.
fn unpack(folder: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| {
        let what = anyhow::Error::new(error).context(format!("writing {} failed", path.display()));
        Failure::new(TRY_AGAIN, what).with_hint("`--out DIR` chooses another folder")
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (name, text) in STIMULI {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(found) if found == text.as_bytes() => {}
            Ok(_) => {
                let message = format!("{} is there already with other content", path.display());
                return Err(
                    Failure::configuration(message).with_hint("`--out DIR` chooses another folder")
                );
            }
            Err(_) => fs::write(&path, text).map_err(|error| failed(&path, error))?,
        }
    }
    Ok(())
}
