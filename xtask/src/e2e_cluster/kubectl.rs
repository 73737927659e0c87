//! What grace does not do: killing a pod, and deleting a claim.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::config::Names;
use crate::command::output;

/// kubectl, in one namespace of one context.
#[derive(Debug)]
pub(super) struct Kubectl {
    program: PathBuf,
    namespace: String,
    context: Option<String>,
}

impl Kubectl {
    /// Fails where there is no such program.
    pub(super) fn new(program: &Path, namespace: &str, context: Option<&str>) -> Result<Self> {
        output(Command::new(program).args(["version", "--client"])).with_context(|| {
            format!(
                "kubectl cannot be used: `{}`; name yours with --kubectl PATH",
                program.display()
            )
        })?;
        Ok(Self {
            program: program.to_owned(),
            namespace: namespace.to_owned(),
            context: context.map(str::to_owned),
        })
    }

    fn ask(&self, args: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(["--namespace", &self.namespace]);
        if let Some(context) = &self.context {
            command.args(["--context", context]);
        }
        output(command.args(args))
    }

    /// Names with their kind, such as `pod/NAME`.
    fn names(&self, args: &[&str]) -> Result<Vec<String>> {
        let args = [&["get"], args, &["--output", "name"]].concat();
        let said = self.ask(&args)?;
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// The running pods of a Job.
    pub(super) fn running(&self, job: &str) -> Result<Vec<String>> {
        let of_job = format!("batch.kubernetes.io/job-name={job}");
        let running = "status.phase=Running";
        self.names(&["pods", "--selector", &of_job, "--field-selector", running])
    }

    pub(super) fn delete(&self, name: &str) -> Result<()> {
        self.ask(&["delete", name, "--wait=false"]).map(drop)
    }

    /// Whether the claim is there.
    pub(super) fn has_claim(&self, names: &Names) -> Result<bool> {
        let claims = self.names(&["persistentvolumeclaims"])?;
        Ok(claims.contains(&format!("persistentvolumeclaim/{}", names.claim)))
    }

    /// Deletes whatever has a name of this run: Job, `ConfigMaps`, claim.
    pub(super) fn clean(&self, names: &Names) -> Result<()> {
        let mut deleted = Vec::new();
        for kind in ["jobs", "configmaps", "persistentvolumeclaims"] {
            let mine = |name: &String| {
                let (_, name) = name.split_once('/').unwrap_or_default();
                // Names of a run with a longer drawn part must not be taken for this one's.
                let rest = name.strip_prefix(&names.claim);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            };
            for name in self.names(&[kind])?.into_iter().filter(mine) {
                self.delete(&name)?;
                deleted.push(name);
            }
        }
        ensure!(
            !deleted.is_empty(),
            "nothing with a name of this run was there to be deleted"
        );
        println!("deleted: {}", deleted.join(", "));
        Ok(())
    }
}
