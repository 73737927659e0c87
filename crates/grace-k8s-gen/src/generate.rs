//! From configuration to manifests: decide, render, type, check.

use std::collections::BTreeMap;

use grace_core::cluster::{ClusterConfig, ConfigSource, Workload};
use grace_core::{ModelKey, Problem, Problems};
use serde::Serialize;
use serde_json::json;

use crate::check::{self, Fault};
use crate::config_map::pack;
use crate::facts::{ClaimFacts, ConfigMapFacts, JobFacts, Shared};
use crate::names::{job_name, prefetch_name};
use crate::render::{Renderer, Template};
use crate::study::Study;
use crate::typed::{Object, TypedError, parse};

/// What manifests are wanted for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Models and cluster.
    pub config: &'a ClusterConfig,
    /// Seeds, experiments and files.
    pub study: &'a Study,
    /// Replications of a model at the same time, where the model does not say itself.
    pub parallelism: u32,
    /// Only these models; empty: all.
    pub models: &'a [ModelKey],
}

/// A manifest: a file of its own.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Manifest {
    /// Its path in the output folder, with `/`.
    pub path: String,
    /// What is in it.
    pub text: String,
    /// The same as Kubernetes understands it.
    pub object: Object,
    /// The model that it is for, if for one.
    pub model: Option<ModelKey>,
}

/// Why there are no manifests.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// Mistakes in the configuration.
    #[error(transparent)]
    Configuration(#[from] Problems),
    /// A template of grace's own does not fit what it is given.
    #[error("template of {path} cannot be filled")]
    Template {
        /// The manifest.
        path: String,
        /// Why.
        source: Box<handlebars::RenderError>,
    },
    /// A template of grace's own makes something that is no Kubernetes object.
    #[error("{path} {source}")]
    Typed {
        /// The manifest.
        path: String,
        /// Why.
        source: TypedError,
    },
    /// A manifest that a cluster would not take.
    #[error("{path} would be refused by a cluster: {}", .faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; "))]
    Refused {
        /// The manifest.
        path: String,
        /// All reasons.
        faults: Vec<Fault>,
    },
}

/// Makes all manifests, sorted by path: `base/` (claims and `ConfigMaps`), `prefetch/`, `jobs/`, and kustomizations.
///
/// The same request makes the same bytes.
///
/// # Errors
///
/// Returns every mistake in the configuration; or the first manifest that is not what it should be, which is a fault of
/// grace.
pub fn generate(request: &Request<'_>) -> Result<Vec<Manifest>, GenerateError> {
    let jobs = decide(request)?;
    let cluster = &request.config.cluster;
    let config_maps = match &cluster.config {
        ConfigSource::ConfigMap(prefix) => pack(prefix, &request.study.files)?,
        _ => Vec::new(),
    };
    let shared = Shared::of(cluster, request.study, &config_maps);
    let mut press = Press::new()?;
    for claim in cluster.claims.iter().filter(|claim| claim.create) {
        let path = format!("base/claim-{}.yaml", claim.name);
        press.print(path, Template::Claim, &ClaimFacts::of(cluster, claim), None)?;
    }
    for packed in &config_maps {
        let path = format!("base/{}.yaml", packed.name);
        press.print(
            path,
            Template::ConfigMap,
            &ConfigMapFacts::of(cluster, packed),
            None,
        )?;
    }
    for job in &jobs {
        let model = Some(&job.workload.model.key);
        let facts = JobFacts::of(&shared, cluster, job.workload, (&job.name, job.parallelism));
        press.print(
            format!("jobs/{}.yaml", job.name),
            Template::Job,
            &facts,
            model,
        )?;
        if is_on_the_hub(&job.workload.model.name) {
            let name = prefetch_name(&job.name);
            press.print(
                format!("prefetch/{name}.yaml"),
                Template::Prefetch,
                &facts.named(&name),
                model,
            )?;
        }
    }
    press.finish()
}

/// A model's Job, as far as it is decided before anything is made.
struct Planned<'a> {
    workload: &'a Workload,
    name: String,
    parallelism: u32,
}

/// Which Jobs there will be, or every reason why not.
fn decide<'a>(request: &Request<'a>) -> Result<Vec<Planned<'a>>, Problems> {
    let Request { config, models, .. } = request;
    let mut problems = Problems::new();
    for key in models.iter().filter(|key| config.workload(key).is_none()) {
        let known: Vec<&str> = config
            .workloads
            .iter()
            .map(|workload| workload.model.key.as_str())
            .collect();
        let message = format!(
            "has no model `{key}`, expected one of `{}`",
            known.join("`, `")
        );
        problems.push(Problem::new(config.places.file(), message).at_key("models"));
    }
    let wanted = |workload: &&Workload| models.is_empty() || models.contains(&workload.model.key);
    let mut names: BTreeMap<String, &ModelKey> = BTreeMap::new();
    let mut planned = Vec::new();
    for workload in config.workloads.iter().filter(wanted) {
        let job = plan(request, workload, &mut problems);
        let Some(job) = job else { continue };
        if let Some(other) = names.insert(job.name.clone(), &workload.model.key) {
            let path = format!("models.{}", workload.model.key);
            let message = format!(
                "makes the Job name `{}`, as `{other}` does; `.` and `_` become `-`, so change one key",
                job.name
            );
            problems.push(config.places.problem(&path, message));
        }
        planned.push(job);
    }
    check_failed_indexes(request, &mut problems);
    problems.into_result(planned)
}

fn plan<'a>(
    request: &Request<'a>,
    workload: &'a Workload,
    problems: &mut Problems,
) -> Option<Planned<'a>> {
    let places = &request.config.places;
    let completions = request.study.seeds.replications();
    let path = format!("models.{}", workload.model.key);
    let parallelism = workload.parallelism.unwrap_or(request.parallelism);
    if parallelism > completions {
        let path = format!("{path}.replication_parallelism");
        let message = format!(
            "is {parallelism}, over the {completions} replications that there are; expected at most as many"
        );
        problems.push(places.problem(&path, message));
    }
    match job_name(workload.model.key.as_str(), completions) {
        Ok(name) => Some(Planned {
            workload,
            name,
            parallelism,
        }),
        Err(error) => {
            problems.push(places.problem(&path, error.to_string()));
            None
        }
    }
}

fn check_failed_indexes(request: &Request<'_>, problems: &mut Problems) {
    let completions = request.study.seeds.replications();
    if let Some(most) = request.config.cluster.lifetime.max_failed_indexes
        && most > completions
    {
        let message = format!(
            "is {most}, over the {completions} replications that there are; expected at most as many"
        );
        problems.push(
            request
                .config
                .places
                .problem("cluster.max_failed_indexes", message),
        );
    }
}

/// Whether weights of this name can be fetched: `organisation/model`, not a path.
fn is_on_the_hub(name: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
    };
    name.split_once('/')
        .is_some_and(|(owner, model)| part(owner) && part(model))
}

/// Makes a manifest that belongs to no set.
pub(crate) fn press_one(
    path: &str,
    template: Template,
    facts: &impl Serialize,
) -> Result<Manifest, GenerateError> {
    let mut press = Press::new()?;
    press.print(path.to_owned(), template, facts, None)?;
    let made = press.manifests.remove(path);
    Ok(made.expect("what was printed is among the manifests"))
}

/// Makes manifests one by one, and the lists of them at the end.
struct Press {
    renderer: Renderer,
    manifests: BTreeMap<String, Manifest>,
}

impl Press {
    fn new() -> Result<Self, GenerateError> {
        let renderer = Renderer::new().map_err(|source| GenerateError::Template {
            path: String::from("all manifests"),
            source: Box::new(source),
        })?;
        Ok(Self {
            renderer,
            manifests: BTreeMap::new(),
        })
    }

    fn print(
        &mut self,
        path: String,
        template: Template,
        facts: &impl Serialize,
        model: Option<&ModelKey>,
    ) -> Result<(), GenerateError> {
        let text =
            self.renderer
                .render(template, facts)
                .map_err(|source| GenerateError::Template {
                    path: path.clone(),
                    source: Box::new(source),
                })?;
        let typed = typed(template, &text);
        let object = typed.map_err(|source| GenerateError::Typed {
            path: path.clone(),
            source,
        })?;
        let faults = check::object(&object, text.len());
        if !faults.is_empty() {
            return Err(GenerateError::Refused { path, faults });
        }
        let model = model.cloned();
        self.manifests.insert(
            path.clone(),
            Manifest {
                path,
                text,
                object,
                model,
            },
        );
        Ok(())
    }

    /// Adds the kustomizations: one for each folder, and one for all.
    fn finish(mut self) -> Result<Vec<Manifest>, GenerateError> {
        let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in self.manifests.keys() {
            if let Some((folder, file)) = path.split_once('/') {
                folders
                    .entry(folder.to_owned())
                    .or_default()
                    .push(file.to_owned());
            }
        }
        let all: Vec<&String> = folders.keys().collect();
        let whole = json!({ "resources": all });
        for (folder, resources) in &folders {
            let facts = json!({ "resources": resources });
            self.print(
                format!("{folder}/kustomization.yaml"),
                Template::Kustomization,
                &facts,
                None,
            )?;
        }
        self.print(
            String::from("kustomization.yaml"),
            Template::Kustomization,
            &whole,
            None,
        )?;
        Ok(self.manifests.into_values().collect())
    }
}

fn typed(template: Template, text: &str) -> Result<Object, TypedError> {
    Ok(match template {
        Template::Job | Template::Prefetch => Object::Job(parse(text)?),
        Template::Claim => Object::Claim(parse(text)?),
        Template::ConfigMap => Object::ConfigMap(parse(text)?),
        Template::Kustomization => Object::Kustomization(parse(text)?),
        Template::Reader => Object::Pod(parse(text)?),
    })
}
