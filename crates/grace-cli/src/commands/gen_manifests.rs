//! `gen-manifests`: from models.yaml to what a cluster accepts.

use std::collections::BTreeMap;
use std::path::Path;

use grace_core::cluster::LAB;
use grace_k8s_gen::policy::{BUILTIN, Breach};
use grace_k8s_gen::{GenerateError, Manifest, Object};
use serde::Serialize;

use crate::args::{Format, GenManifestsArgs};
use crate::cluster::{Wanted, check_parallelism};
use crate::exit::{COMPLETE, FAULTS_FOUND, Failure, INTERNAL};
use crate::folder::{self, Standing, State};
use crate::manifests::{checked, refused};
use crate::output;

/// How the files that grace makes begin.
const HEADER: &str = "# Made by `grace-cli gen-manifests`";

pub(crate) fn run(args: &GenManifestsArgs) -> Result<u8, Failure> {
    if args.show_config {
        output::raw(LAB)?;
        return Ok(COMPLETE);
    }
    if let Some(name) = &args.show_policy {
        return show_policy(name);
    }
    check_parallelism(&args.cluster)?;
    let wanted = Wanted::load(&args.cluster)?;
    let (manifests, breaches) = checked(&wanted, &args.cluster, &args.policy)?;
    let warnings = warnings(&wanted);
    let texts = manifests
        .iter()
        .map(|manifest| (manifest.path.as_str(), manifest.text.as_str()))
        .collect();
    let standings = match &args.out {
        Some(out) => compare(out, &texts, args.check)?,
        None => Vec::new(),
    };
    for warning in &warnings {
        output::note(format!("warning: {warning}"));
    }
    let report = || Report::of(&manifests, &standings, &breaches, &warnings);
    if !breaches.is_empty() {
        if args.cluster.output == Format::Json {
            output::json(&report())?;
        }
        return Err(refused(&breaches));
    }
    if let (Some(out), false) = (&args.out, args.check) {
        folder::write(out, &texts, &standings).map_err(|error| unusable(&error))?;
    }
    match (args.cluster.output, &args.out) {
        (Format::Json, _) => output::json(&report())?,
        (Format::Text, None) => stream(&manifests)?,
        (Format::Text, Some(out)) => text(out, &texts, &standings, args.check)?,
    }
    let differs = args.check
        && standings
            .iter()
            .any(|standing| standing.state != State::Same);
    Ok(if differs { FAULTS_FOUND } else { COMPLETE })
}

impl From<GenerateError> for Failure {
    fn from(error: GenerateError) -> Self {
        match error {
            GenerateError::Configuration(problems) => Self::from(problems),
            other => Self::new(INTERNAL, other),
        }
    }
}

fn show_policy(name: &str) -> Result<u8, Failure> {
    if let Some(policy) = BUILTIN.iter().find(|policy| policy.name == name) {
        output::raw(policy.text)?;
        return Ok(COMPLETE);
    }
    let names = BUILTIN.map(|policy| policy.name).join("`, `");
    Err(Failure::configuration(format!(
        "policy `{name}` is not built in, expected one of `{names}`"
    )))
}

/// What is no mistake, but will end pods.
fn warnings(wanted: &Wanted) -> Vec<String> {
    let missing = wanted.study.missing_stimuli();
    if missing.is_empty() || !wanted.needs_stimuli() {
        return Vec::new();
    }
    let files = missing.join("`, `");
    let how = if wanted.is_own {
        "put them into `stimuli/` of the configuration folder"
    } else {
        "give a folder with models.yaml and stimuli/ as `--config`"
    };
    vec![format!(
        "the stimuli `{files}` are not in the configuration, so pods would end with exit code 42: {how}, or name a volume that \
         has them in `cluster.config`"
    )]
}

/// Compares the folder; refuses one that holds manifests of others, as these would be applied with grace's.
fn compare(
    out: &Path,
    texts: &BTreeMap<&str, &str>,
    check: bool,
) -> Result<Vec<Standing>, Failure> {
    let standings = folder::compare(out, texts, HEADER).map_err(|error| unusable(&error))?;
    let foreign: Vec<&str> = standings
        .iter()
        .filter(|it| it.state == State::Foreign)
        .map(|it| it.path.as_str())
        .collect();
    if foreign.is_empty() || check {
        return Ok(standings);
    }
    let message = format!(
        "{} holds `{}`, which gen-manifests did not make",
        out.display(),
        foreign.join("`, `")
    );
    Err(Failure::configuration(message).with_hint("give a folder of its own as `--out`"))
}

fn unusable(error: &std::io::Error) -> Failure {
    Failure::configuration(format!("the folder of `--out` cannot be used: {error}"))
}

/// All objects as one stream, for `kubectl apply -f -`.
fn stream(manifests: &[Manifest]) -> Result<(), Failure> {
    let objects = manifests
        .iter()
        .filter(|manifest| !matches!(manifest.object, Object::Kustomization(_)));
    let texts: Vec<&str> = objects.map(|manifest| manifest.text.as_str()).collect();
    output::raw(&texts.join("---\n"))
}

/// How the folder stands: the diff for a check, else what was done.
fn text(
    out: &Path,
    texts: &BTreeMap<&str, &str>,
    standings: &[Standing],
    check: bool,
) -> Result<(), Failure> {
    let count = |state| standings.iter().filter(|it| it.state == state).count();
    let (same, changed, missing) = (
        count(State::Same),
        count(State::Changed),
        count(State::Missing),
    );
    let left = count(State::Orphan) + count(State::Foreign);
    let out = out.display();
    if !check {
        return output::line(format!(
            "{out}: {} manifests, {missing} new, {changed} changed, {same} as they were; {left} removed",
            same + changed + missing
        ));
    }
    for standing in standings {
        let wanted = texts
            .get(standing.path.as_str())
            .copied()
            .unwrap_or_default();
        output::raw(&standing.diff(wanted))?;
    }
    if changed + missing + left == 0 {
        output::line(format!("{out}: {same} manifests, as they should be"))
    } else {
        output::line(format!(
            "{out}: {changed} changed, {missing} missing, {left} left over, {same} as they should be"
        ))
    }
}

/// The same for programs.
#[derive(Debug, Serialize)]
struct Report<'a> {
    manifests: Vec<Entry<'a>>,
    left_over: Vec<&'a str>,
    breaches: &'a [Breach],
    warnings: &'a [String],
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    path: &'a str,
    kind: &'static str,
    name: Option<&'a str>,
    model: Option<&'a str>,
    sha256: String,
    /// How the file was found; absent without `--out`.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<State>,
}

impl<'a> Report<'a> {
    fn of(
        manifests: &'a [Manifest],
        standings: &'a [Standing],
        breaches: &'a [Breach],
        warnings: &'a [String],
    ) -> Self {
        let found = |path: &str| {
            standings
                .iter()
                .find(|it| it.path == path)
                .map(|it| it.state)
        };
        let entry = |manifest: &'a Manifest| Entry {
            path: &manifest.path,
            kind: manifest.object.kind(),
            name: manifest.object.name(),
            model: manifest.model.as_ref().map(grace_core::ModelKey::as_str),
            sha256: grace_core::Digest::of(manifest.text.as_bytes()).to_string(),
            found: found(&manifest.path),
        };
        let left = standings
            .iter()
            .filter(|it| matches!(it.state, State::Orphan | State::Foreign));
        Self {
            manifests: manifests.iter().map(entry).collect(),
            left_over: left.map(|it| it.path.as_str()).collect(),
            breaches,
            warnings,
        }
    }
}
