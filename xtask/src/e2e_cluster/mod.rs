//! `e2e-cluster`: from a configuration folder to verified results, on the cluster of the current kubeconfig.
//!
//! The model's server is simulated: grace's own `serve-sim`, from an image made by `cargo xtask image --features sim`. What is
//! done, and what must hold, is in `scenario`. Everything on the cluster has a name that is drawn for this run, and is deleted
//! at its end, whether it went well or not.

mod config;
mod grace;
mod kubectl;
mod scenario;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::command::{built, existing};
use config::Names;
use grace::Grace;
use kubectl::Kubectl;

/// Arguments of `e2e-cluster`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// grace's image with `serve-sim` where the cluster finds it: `cargo xtask image --features sim`, then pushed or loaded
    #[arg(long, value_name = "REF")]
    image: String,
    /// Namespace in which to work
    #[arg(long, value_name = "NAME")]
    namespace: String,
    /// Context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Storage class of the claim [default: the cluster's]
    #[arg(long, value_name = "NAME")]
    storage_class: Option<String>,
    /// Access mode of the claim; `ReadWriteOnce` does where all pods are on one node
    #[arg(long, value_name = "MODE", default_value = "ReadWriteMany")]
    access_mode: String,
    /// GPU of the pods, as nodes are labelled with it under `nvidia.com/gpu.product`: each pod asks for one, which it does not
    /// use. A cluster without GPUs can pretend: CONTRIBUTING.md says how
    #[arg(long, value_name = "KIND")]
    gpu_type: String,
    /// Name under which the cluster counts GPUs
    #[arg(long, value_name = "NAME", default_value = "nvidia.com/gpu")]
    gpu_resource: String,
    /// The kubectl to kill pods, look and clean up with
    #[arg(long, value_name = "PATH", default_value = "kubectl")]
    kubectl: PathBuf,
    /// Keep what was made: Jobs aside, which are deleted as a part of the test
    #[arg(long)]
    keep: bool,
    /// The binary to test [default: `cargo build --release -p grace-cli`]
    #[arg(long, value_name = "PATH")]
    grace_cli: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let begin = Instant::now();
    let kubectl = Kubectl::new(&args.kubectl, &args.namespace, args.context.as_deref())?;
    let program = match &args.grace_cli {
        Some(path) => existing(path)?,
        None => built()?,
    };
    let names = Names::of(&drawn()?);
    let work = std::env::temp_dir().join(&names.claim);
    fs::create_dir_all(&work).with_context(|| work.display().to_string())?;
    config::write(&work.join("config"), &names, args)?;
    let grace = Grace::new(program, &work, args.context.clone());
    let done = scenario::play(&grace, &kubectl, &names);
    if done.is_err() || args.keep {
        println!("configuration, results and logs are in {}", work.display());
    } else {
        fs::remove_dir_all(&work).with_context(|| work.display().to_string())?;
    }
    let cleaned = if args.keep {
        println!("kept: claim and ConfigMaps {}*", names.claim);
        Ok(())
    } else {
        kubectl.clean(&names)
    };
    // What went wrong first says more.
    done.and(cleaned)?;
    println!(
        "e2e-cluster: all of it held, {:.0} s",
        begin.elapsed().as_secs_f64()
    );
    Ok(())
}

/// What tells the objects of this run from those of others: eight random digits.
fn drawn() -> Result<String> {
    let path = "/proc/sys/kernel/random/uuid";
    let uuid = fs::read_to_string(path).context(path)?;
    Ok(uuid.chars().take(8).collect())
}
