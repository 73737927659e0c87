//! The configuration folder: one model, whose server is grace's own `serve-sim` in the same pod.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Args;
use crate::command::root;

/// Replications of the model, and how many at the same time.
pub(super) const REPLICATIONS: usize = 5;
pub(super) const PARALLELISM: usize = 2;
/// Rows of each study: with an answer in 400 ms and four at a time a replication takes some seconds, so that one can be
/// killed in its midst.
const ROWS: usize = 12;
const LATENCY_MS: &str = "400";

/// The names of what this run makes.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) model: String,
    pub(super) job: String,
    /// Of the claim, and the beginning of those of `ConfigMaps`.
    pub(super) claim: String,
}

impl Names {
    pub(super) fn of(drawn: &str) -> Self {
        Self {
            model: format!("e2e-{drawn}"),
            job: format!("grace-e2e-{drawn}-replicated"),
            claim: format!("grace-e2e-{drawn}"),
        }
    }
}

/// Writes models.yaml, plan.yaml and stimuli.
pub(super) fn write(folder: &Path, names: &Names, args: &Args) -> Result<()> {
    let stimuli = folder.join("stimuli");
    fs::create_dir_all(&stimuli).with_context(|| stimuli.display().to_string())?;
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())
    };
    // JSON is YAML.
    put("models.yaml", &models(names, args).to_string())?;
    put("plan.yaml", "experiments: [study1_exp1, study2_exp1]\n")?;
    for name in ["study1.csv", "study2.csv"] {
        put(&format!("stimuli/{name}"), &first_rows(name)?)?;
    }
    Ok(())
}

fn models(names: &Names, args: &Args) -> Value {
    let command = [
        "/grace/grace-cli",
        "serve-sim",
        "--port",
        "{port}",
        "--model",
        "{served_name}",
        "--latency-ms",
        LATENCY_MS,
        "--slots",
        "4",
    ];
    let mut claim = json!({ "size": "1Gi", "access_mode": args.access_mode });
    if let Some(class) = &args.storage_class {
        claim["storage_class"] = json!(class);
    }
    json!({
        "models": { &names.model: {
            "huggingface_name": "simulated",
            "gpu": { "count": 1, "type": args.gpu_type, "resource": args.gpu_resource },
            "server": { "command": command, "ready_timeout": 60, "stop_grace": 2 },
            "resources": {
                "memory_request": "512Mi", "memory_limit": "512Mi", "cpu_request": "250m", "cpu_limit": "250m",
                "ephemeral_storage_request": "256Mi", "ephemeral_storage_limit": "256Mi", "shm_size": "64Mi",
            },
        } },
        "cluster": {
            "namespace": args.namespace,
            "image": args.image,
            "server_image": args.image,
            "pvcs": { &names.claim: claim },
            "results_pvc": names.claim,
            "model_cache_pvc": names.claim,
            "config": { "config_map": names.claim },
            "tolerations": [{ "key": args.gpu_resource, "operator": "Exists", "effect": "NoSchedule" }],
        },
    })
}

/// The header and the first rows of the demo's stimuli, none of which goes over several lines.
fn first_rows(name: &str) -> Result<String> {
    let path = root().join("crates/grace-cli/demo").join(name);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let lines: Vec<&str> = text.split_inclusive('\n').take(ROWS + 1).collect();
    ensure!(
        lines.len() == ROWS + 1,
        "{} has fewer than {ROWS} rows",
        path.display()
    );
    Ok(lines.concat())
}
