//! From a configuration folder to what manifests and plans are made of.

use std::collections::BTreeMap;
use std::path::Path;

use grace_core::Problems;
use grace_core::cluster::{ClusterConfig, ConfigSource, LAB, Workload};
use grace_k8s_gen::Study;

use crate::args::ClusterArgs;
use crate::exit::{CONFIGURATION, Failure};
use crate::target::{EMBEDDED, chosen};
use crate::wiring::{Configuration, read};

/// Models, cluster and study.
pub(crate) struct Wanted {
    pub(crate) config: ClusterConfig,
    pub(crate) study: Study,
    /// Whether the user named a configuration.
    pub(crate) is_own: bool,
}

impl Wanted {
    /// Reads all that `args` name, reporting every mistake in all files.
    pub(crate) fn load(args: &ClusterArgs) -> Result<Self, Failure> {
        let mut problems = Problems::new();
        let (name, text, configuration) = match &args.config {
            None => (
                EMBEDDED.to_owned(),
                LAB.to_owned(),
                Configuration::builtin()?,
            ),
            Some(path) if path.is_file() => (
                path.display().to_string(),
                read(path)?,
                Configuration::builtin()?,
            ),
            Some(folder) => {
                let configuration = Configuration::read(folder, &mut problems)?;
                let path = folder.join("models.yaml");
                let text = read(&path)
                    .map_err(|found| problems.extend(found))
                    .unwrap_or_default();
                (path.display().to_string(), text, configuration)
            }
        };
        let config = ClusterConfig::parse(&name, &text);
        let mut files = BTreeMap::from([(String::from("models.yaml"), text.clone())]);
        if let Some(folder) = args.config.as_deref().filter(|path| path.is_dir()) {
            collect(folder, &configuration, &mut files, &mut problems);
        }
        let config = match config {
            Ok(config) => config,
            Err(found) => {
                // An empty text is a file that could not be read, which was said already.
                if !text.is_empty() || problems.is_empty() {
                    problems.extend(found);
                }
                let failure = Failure::new(CONFIGURATION, problems);
                return Err(failure.with_hint(
                    "`grace-cli gen-manifests --show-config` prints a models.yaml to start from",
                ));
            }
        };
        problems.into_result(())?;
        let experiments = configuration.experiments.iter();
        let study = Study {
            seeds: configuration.seeds(args.replications)?,
            experiments: experiments
                .clone()
                .map(|it| (it.id.to_string(), it.digest))
                .collect(),
            stimuli: experiments.map(|it| it.stimuli_file.clone()).collect(),
            files,
        };
        Ok(Self {
            config,
            study,
            is_own: args.config.is_some(),
        })
    }

    /// Whether pods get their stimuli from the configuration folder.
    pub(crate) fn needs_stimuli(&self) -> bool {
        matches!(self.config.cluster.config, ConfigSource::ConfigMap(_))
    }

    /// The models that `args` choose.
    pub(crate) fn chosen<'a>(&'a self, args: &ClusterArgs) -> Result<Vec<&'a Workload>, Failure> {
        chosen(&self.config, &args.model)
    }
}

/// The files that pods need, as far as they are in `folder`.
fn collect(
    folder: &Path,
    configuration: &Configuration,
    files: &mut BTreeMap<String, String>,
    problems: &mut Problems,
) {
    let mut wanted = vec![String::from("plan.yaml")];
    wanted.extend(
        configuration
            .experiments
            .iter()
            .map(|it| format!("stimuli/{}", it.stimuli_file)),
    );
    if let Ok(entries) = folder.join("experiments").read_dir() {
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let yaml = names.filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|end| end == "yaml" || end == "yml")
        });
        wanted.extend(yaml.map(|name| format!("experiments/{name}")));
    }
    for name in wanted {
        let path = folder.join(&name);
        if path.is_file() && !files.contains_key(&name) {
            match read(&path) {
                Ok(text) => {
                    files.insert(name, text);
                }
                Err(found) => problems.extend(found),
            }
        }
    }
}

/// Parallelism that no Job could have.
pub(crate) fn check_parallelism(args: &ClusterArgs) -> Result<(), Failure> {
    if args.parallelism > args.replications {
        return Err(Failure::usage(format!(
            "`--parallelism` is {}, over the {} of `--replications`; expected at most as many",
            args.parallelism, args.replications
        )));
    }
    Ok(())
}
