//! Repository automation: `cargo xtask COMMAND`.
//!
//! | command | what it does |
//! |---|---|
//! | `tidy` | fails where the repository breaks its own rules: walls between crates, sizes of files, unnamed test data, incomplete crates, unfinished code |
//! | `regen` | writes the golden files: runs the tests named `golden_*` with `UPDATE_EXPECT=1`; `--check` only runs them |
//! | `pod-size` | builds the binary that runs in pods and fails if it has outgrown its limit |
//! | `gen-manifests` | writes the golden manifests of the lab; `--check` only compares |
//! | `validate-manifests` | asks judges from outside about the golden manifests: kubernetes-validate, checkov |
//! | `image` | makes grace's image as an OCI archive, without Docker |
//! | `dataset` | has pandas read the tables that `aggregate` writes, and compares them with its own reading of the records |
//! | `report-check` | opens the page of `report` in Chromium and fails if a text does not fit, or if it asks the network for anything |
//! | `e2e-r` | has R's lme4 and pandas fit the mixed model to the tables, and compares them with `icc --pooled` |
//! | `e2e-llm` | runs, kills, resumes, verifies and replays replications of a real model on a real server |
//! | `e2e-vllm` | the same on vLLM, and its scores beside an independent forward pass; 3.4 GB, not in CI |
//! | `e2e-cluster` | launches on a real cluster with a simulated model server, kills a pod, collects and verifies; not in CI |
//!
//! It knows no grace crate: what it checks of `grace-cli`, it checks from outside.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command for developers: it prints what it finds"
)]

mod command;
mod dataset;
mod debian;
mod e2e;
mod e2e_cluster;
mod e2e_llm;
mod e2e_r;
mod e2e_vllm;
mod gen_manifests;
mod image;
mod pod_size;
mod regen;
mod report_check;
mod tidy;
mod validate;
mod venv;

use std::process::ExitCode;

use clap::Parser;

/// Repository automation of grace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Check the rules of this repository that no compiler checks
    Tidy,
    /// Write the golden files, or check them
    Regen(regen::Args),
    /// Build the binary that runs in pods and check its size
    PodSize(pod_size::Args),
    /// Write the golden manifests for N replications, P of a model at the same time, or check them
    GenManifests(gen_manifests::Args),
    /// Validate the golden manifests with kubernetes-validate and checkov
    ValidateManifests(validate::Args),
    /// Make grace's image as an OCI archive, without Docker
    Image(image::Args),
    /// Aggregate the demo's results and compare the tables with what pandas makes of the same records
    Dataset(dataset::Args),
    /// Open the page of `report` in Chromium: does everything fit, is nothing asked of the network?
    ReportCheck(report_check::Args),
    /// Compare `icc --pooled` with R's lme4 and with pandas
    #[command(name = "e2e-r")]
    E2eR(e2e_r::Args),
    /// Run replications of a real model on a real server: kill, resume, verify, replay
    #[command(name = "e2e-llm")]
    E2eLlm(e2e_llm::Args),
    /// Launch on the cluster of the kubeconfig, kill a pod, collect, verify
    #[command(name = "e2e-cluster")]
    E2eCluster(e2e_cluster::Args),
    /// The same on vLLM's CPU build, and its scores beside a forward pass of transformers
    #[command(name = "e2e-vllm")]
    E2eVllm(e2e_vllm::Args),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Tidy => tidy::run(),
        Task::Regen(args) => regen::run(&args),
        Task::PodSize(args) => pod_size::run(&args),
        Task::GenManifests(args) => gen_manifests::run(&args),
        Task::ValidateManifests(args) => validate::run(&args),
        Task::Image(args) => image::run(&args),
        Task::Dataset(args) => dataset::run(&args),
        Task::ReportCheck(args) => report_check::run(&args),
        Task::E2eR(args) => e2e_r::run(&args),
        Task::E2eLlm(args) => e2e_llm::run(&args),
        Task::E2eCluster(args) => e2e_cluster::run(&args),
        Task::E2eVllm(args) => e2e_vllm::run(&args),
    };
    if let Err(error) = done {
        eprintln!("error: {error}");
        for cause in error.chain().skip(1) {
            eprintln!("  caused by: {cause}");
        }
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
