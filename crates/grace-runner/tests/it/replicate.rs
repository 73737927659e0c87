use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use expect_test::expect_file;
use grace_client::{Client, ClientConfig};
use grace_core::ExperimentId;
use grace_core::experiment::{Experiment, builtin};
use grace_core::journal::RequestOutcome;
use grace_core::layout::ReplicationLayout;
use grace_core::model::Model;
use grace_core::plan::SeedRules;
use grace_core::scoring::ScoringSettings;
use grace_core::settings::RequestSeeds;
use grace_runner::{
    Clock, End, ExperimentJob, Host, Job, Monitor, Options, Stop, Timestamp, replicate,
};
use grace_seed::{ExperimentSeed, OrderAlgorithm, SeedBits};
use grace_sim::{Sim, SimConfig};
use tempfile::TempDir;

const CSV: &str = "Participant_ID,Domain,Precontext,Scenario,Utterance,Goal,State,SP_Name,LS_Name\n\
    1,cake,Jo baked.,Jo asked Al.,It was good,If Al wanted Jo to feel good rather than to inform,2 hearts,Al,Jo\n\
    2,cake,Jo baked.,Jo asked Al.,It was good,If Al wanted to be accurate and informative,0 hearts,Al,Jo\n\
    3,cake,Jo baked.,Jo asked Al.,It was good,If Al wanted BOTH that Jo should feel good AND to be accurate and informative,3 hearts,Al,Jo\n";

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::parse("2026-11-23T12:00:00.000Z").unwrap()
    }
}

#[derive(Default)]
struct Steps(Mutex<Vec<u8>>);

impl Monitor for Steps {
    fn step(&self, number: u8, _what: &str) {
        self.0.lock().unwrap().push(number);
    }
    fn experiment(&self, _id: &ExperimentId, _requests: u64, _answered: u64) {}
    fn finished(&self, _outcome: RequestOutcome) {}
    fn note(&self, _text: &str) {}
}

fn job(folder: &Path) -> Job {
    let stimuli = folder.join("study2.csv");
    std::fs::write(&stimuli, CSV).unwrap();
    let mut options = Options::new("0.0.0");
    // The same on machines with GPUs.
    options.nvidia_smi = "/nowhere/nvidia-smi".into();
    let file = builtin("study2_exp1").unwrap();
    Job {
        layout: ReplicationLayout::at(folder.join("replication-0")),
        model: Model::named("tiny".parse().unwrap(), "lab/tiny"),
        replication: 0,
        base_seed: Some(1001),
        rules: SeedRules {
            order: OrderAlgorithm::Pcg64,
            request_seeds: RequestSeeds::PerRequest,
            bits: SeedBits::Bits31,
        },
        scoring: ScoringSettings::default(),
        experiments: vec![ExperimentJob {
            experiment: Experiment::parse(file.file, file.text).unwrap(),
            stimuli,
            seed: ExperimentSeed(2001),
            limit: NonZeroU32::new(3),
        }],
        host: Host {
            uid: String::from("uid"),
            node: Some(String::from("node-1")),
            pod: None,
        },
        options,
    }
}

async fn run(folder: &Path, sim: &Sim, monitor: &dyn Monitor) -> End {
    let client = Client::new(ClientConfig::new(&sim.base_url()).unwrap()).unwrap();
    replicate(job(folder), &client, &Noon, monitor, &Stop::new())
        .await
        .unwrap()
}

async fn sim() -> Sim {
    Sim::start(SimConfig::new("lab/tiny").with_version("1.2.3"))
        .await
        .unwrap()
}

#[tokio::test]
async fn golden_metadata() {
    let (folder, sim, steps) = (TempDir::new().unwrap(), sim().await, Steps::default());
    assert!(matches!(
        run(folder.path(), &sim, &steps).await,
        End::Complete { .. }
    ));
    let metadata =
        std::fs::read_to_string(folder.path().join("replication-0/metadata.json")).unwrap();
    expect_file!["../../../../testdata/golden/replication/metadata.json"].assert_eq(&metadata);
    assert_eq!(*steps.0.lock().unwrap(), [1, 2, 3, 4, 5, 6, 7]);
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Monitor for Notes {
    fn step(&self, _number: u8, _what: &str) {}
    fn experiment(&self, _id: &ExperimentId, _requests: u64, _answered: u64) {}
    fn finished(&self, _outcome: RequestOutcome) {}
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[tokio::test(start_paused = true)]
async fn patience_with_a_server_that_is_not_ready_is_told_every_half_minute() {
    let (folder, notes) = (TempDir::new().unwrap(), Notes::default());
    let mut job = job(folder.path());
    job.options.server_timeout = Duration::from_secs(95);
    let client = Client::new(ClientConfig::new("http://127.0.0.1:1").unwrap()).unwrap();
    let error = replicate(job, &client, &Noon, &notes, &Stop::new())
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 75);
    let told = [30, 60, 90].map(|seconds| format!("the server is not ready after {seconds} s"));
    assert_eq!(*notes.0.lock().unwrap(), told);
}

#[tokio::test]
async fn a_sealed_replication_asks_for_nothing() {
    let (folder, sim) = (TempDir::new().unwrap(), sim().await);
    run(folder.path(), &sim, &grace_runner::Silent).await;
    let asked = sim.counts().requests;
    assert_eq!(
        run(folder.path(), &sim, &grace_runner::Silent).await,
        End::AlreadyComplete
    );
    assert_eq!(sim.counts().requests, asked);
}

#[tokio::test]
async fn records_keep_stimuli_unchanged_and_add_columns_in_the_documented_order() {
    let (folder, sim) = (TempDir::new().unwrap(), sim().await);
    run(folder.path(), &sim, &grace_runner::Silent).await;
    let text =
        std::fs::read_to_string(folder.path().join("replication-0/study2_exp1.json")).unwrap();
    let record = text.lines().nth(1).unwrap();
    let keys = [
        "Participant_ID",
        "Domain",
        "Precontext",
        "Scenario",
        "Utterance",
        "Goal",
        "State",
        "SP_Name",
        "LS_Name",
        "response",
        "polarity",
        "quality",
        "conditions",
        "trial_id",
        "trial_order_in_replication",
        "replication_id",
        "replication_seed",
        "request_seeds",
        "trial_order_shuffled",
        "order_algorithm",
        "run_timestamp",
        "model_name",
        "model_key",
        "experiment_name",
        "status",
        "outcomes",
        "timings",
        "tokens",
    ];
    let places: Vec<usize> = keys
        .iter()
        .map(|key| record.find(&format!("\"{key}\":")).expect(key))
        .collect();
    assert!(places.is_sorted(), "{record}");
    let records: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let order: Vec<u64> = records
        .iter()
        .map(|record| record["trial_id"].as_u64().unwrap())
        .collect();
    let planned = grace_seed::trial_order(OrderAlgorithm::Pcg64, 2001, 3).unwrap();
    assert_eq!(
        order,
        planned.into_iter().map(u64::from).collect::<Vec<_>>()
    );
}
