//! Manifests before judges from outside: the published schemas of Kubernetes, and checkov.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command::{output, root, shown};
use crate::venv;

/// The judges. `kubernetes-validate` carries the schemas of all releases up to its own version.
const PACKAGES: [&str; 2] = ["kubernetes-validate==1.37.0", "checkov==3.3.30"];
/// The oldest release whose fields Jobs of grace need, and the newest that is known.
const RELEASES: [&str; 2] = ["1.29", "1.37"];

/// A Job with a field that does not exist and a container that may do anything: no judge may pass it.
const BROKEN: &str = "\
apiVersion: batch/v1
kind: Job
metadata: {name: broken}
spec:
  completion: 3
  template:
    spec:
      restartPolicy: Never
      containers: [{name: a, image: a, securityContext: {privileged: true}}]
";

/// Arguments of `validate-manifests`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A folder of manifests [default: all golden ones]
    folder: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = args
        .folder
        .clone()
        .unwrap_or_else(|| root().join("testdata/golden/k8s"));
    let manifests = manifests(&folder)?;
    ensure!(
        !manifests.is_empty(),
        "{} holds no manifests",
        folder.display()
    );
    let bin = venv::ensure("manifests-venv", &PACKAGES)?;
    let broken = std::env::temp_dir().join(format!("grace-broken-{}", std::process::id()));
    fs::create_dir_all(&broken).with_context(|| broken.display().to_string())?;
    let judged = judge(&bin, &folder, &manifests, &broken);
    fs::remove_dir_all(&broken).with_context(|| broken.display().to_string())?;
    judged
}

fn judge(bin: &Path, folder: &Path, manifests: &[PathBuf], broken: &Path) -> Result<()> {
    let broken_job = broken.join("job.yaml");
    fs::write(&broken_job, BROKEN).with_context(|| broken_job.display().to_string())?;
    for release in RELEASES {
        let judge = |files: &[PathBuf]| {
            let mut judge = venv::program(bin, "kubernetes-validate");
            judge.args(["--strict", "-k", release]).args(files);
            judge
        };
        refuses(&mut judge(std::slice::from_ref(&broken_job)), "completion")?;
        let said = output(&mut judge(manifests))?;
        let passed = said.matches(" passed for resource ").count();
        ensure!(
            passed == manifests.len(),
            "kubernetes-validate passed {passed} of {} manifests for {release}:\n{said}",
            manifests.len()
        );
        println!("kubernetes-validate {release}, strict: {passed} manifests");
    }
    let judge = |folder: &Path| {
        let mut judge = venv::program(bin, "checkov");
        judge
            .arg("--config-file")
            .arg(root().join("xtask/src/validate/checkov.yaml"))
            .arg("--directory")
            .arg(folder);
        judge
    };
    refuses(&mut judge(broken), "CKV_K8S_16")?;
    let said = output(&mut judge(folder))?;
    // It looks into no hidden folder, and has nothing against a folder in which it finds nothing.
    let passed = said
        .lines()
        .find_map(|line| line.strip_prefix("Passed checks: "));
    let passed = passed.and_then(|rest| rest.split(',').next()?.parse::<u32>().ok());
    let passed = passed.filter(|passed| *passed > 0);
    let passed = passed
        .with_context(|| format!("checkov checked nothing in {}:\n{said}", folder.display()))?;
    println!("checkov: {passed} checks passed, none failed");
    Ok(())
}

/// Fails unless the judge refuses the broken manifest for the right reason: one that passes everything proves nothing.
fn refuses(judge: &mut Command, reason: &str) -> Result<()> {
    let done = judge
        .output()
        .with_context(|| format!("`{}` could not be started", shown(judge)))?;
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    ensure!(
        !done.status.success() && said.contains(reason),
        "`{}` does not refuse a broken manifest for `{reason}`:\n{said}",
        shown(judge)
    );
    Ok(())
}

/// Every manifest under `folder` that is an object of Kubernetes; kustomizations are none.
fn manifests(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        if path.is_dir() {
            found.extend(manifests(&path)?);
        } else if path.extension().is_some_and(|end| end == "yaml")
            && !path.ends_with("kustomization.yaml")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
