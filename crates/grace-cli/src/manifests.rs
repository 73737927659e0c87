//! Manifests as the user wants them, and the policies they are held against.

use std::path::{Path, PathBuf};

use grace_core::Problems;
use grace_k8s_gen::policy::{self, BUILTIN, Breach, Policy};
use grace_k8s_gen::{Manifest, Request, generate};

use crate::args::{ClusterArgs, PolicyArgs};
use crate::cluster::Wanted;
use crate::exit::{CONFIGURATION, Failure};
use crate::wiring;

/// All manifests, and what of them breaks the policies.
pub(crate) fn checked(
    wanted: &Wanted,
    args: &ClusterArgs,
    asked: &PolicyArgs,
) -> Result<(Vec<Manifest>, Vec<Breach>), Failure> {
    let policies = policies(&asked.policy, wanted)?;
    let request = Request {
        config: &wanted.config,
        study: &wanted.study,
        parallelism: args.parallelism,
        models: &args.model,
    };
    let manifests = generate(&request)?;
    let breaches = policy::check(&policies, &wanted.config, &manifests);
    Ok((manifests, breaches))
}

/// The policies that are asked for, else those of the configuration, whose files lie beside it.
fn policies(asked: &[String], wanted: &Wanted) -> Result<Vec<Policy>, Failure> {
    let (names, folder): (&[String], _) = if asked.is_empty() {
        let file = Path::new(wanted.config.places.file());
        (&wanted.config.cluster.policies, file.parent())
    } else {
        (asked, None)
    };
    let mut problems = Problems::new();
    let mut policies = Vec::new();
    for name in names.iter().filter(|name| *name != "none") {
        let path = folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
        let policy = match Policy::builtin(name) {
            Some(policy) => policy,
            None if path.exists() => wiring::read(&path)
                .and_then(|text| Policy::parse(&path.display().to_string(), &text)),
            None => {
                let known = BUILTIN.map(|policy| policy.name).join("`, `");
                return Err(Failure::configuration(format!(
                    "policy `{}` is neither a file nor one of the built-in `{known}`",
                    path.display()
                )));
            }
        };
        match policy {
            Ok(policy) => policies.push(policy),
            Err(found) => problems.extend(found),
        }
    }
    Ok(problems.into_result(policies)?)
}

/// All breaches, as an error.
pub(crate) fn refused(breaches: &[Breach]) -> Failure {
    let lines: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    let failure = Failure::new(CONFIGURATION, anyhow::Error::msg(lines.join("\n       ")));
    failure.with_hint("nothing was written or applied; `--policy FILE` takes a policy of your own, `--policy none` checks none")
}
