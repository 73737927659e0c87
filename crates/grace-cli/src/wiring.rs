//! From arguments and files to what the libraries take.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use grace_client::{ApiKey, Client, ClientConfig, RetryPolicy};
use grace_core::experiment::{BUILTIN, Experiment, builtin};
use grace_core::model::{Model, ModelCatalog};
use grace_core::plan::SeedRules;
use grace_core::settings::{PlanSettings, ScoringServer};
use grace_core::{ExperimentId, Problem, Problems};
use grace_runner::Options;
use grace_runner::supervise::ManagedServer;
use grace_seed::{SeedPlan, SeedPlanError};

use crate::args::{ServerArgs, WorkArgs};
use crate::exit::{CONFIGURATION, Failure, TRY_AGAIN};
use crate::runtime::{self, variable};

/// The client for the server that the arguments and the environment name.
pub(crate) fn client(args: &ServerArgs) -> Result<Client, Failure> {
    let base_url = base_url(args).ok_or_else(|| {
        Failure::usage(
            "no server given: expected `--base-url URL` (or GRACE_BASE_URL, OPENAI_BASE_URL)",
        )
    })?;
    client_of(args, &base_url)
}

fn base_url(args: &ServerArgs) -> Option<String> {
    let given = args.base_url.clone();
    given.or_else(|| variable("OPENAI_BASE_URL"))
}

fn client_of(args: &ServerArgs, base_url: &str) -> Result<Client, Failure> {
    let retry = RetryPolicy::new()
        .with_max_attempts(args.max_attempts)
        // Local servers come back within seconds; waiting much longer than that would waste GPU time.
        .with_max_delay(Duration::from_secs(10))
        // Time enough for one slow answer, whatever the patience with a server that is gone.
        .with_total_time(args.timeout.max(args.request_timeout))
        .with_away_time(args.timeout);
    let mut config = ClientConfig::new(base_url)?
        .with_attempt_timeout(args.request_timeout)
        .with_retry(retry)
        .with_max_connections(args.max_connections);
    if let Some(key) = variable("OPENAI_API_KEY") {
        config = config.with_api_key(ApiKey::new(&key)?);
    }
    Ok(Client::new(config)?)
}

/// The client for the server that the arguments or the environment name, else for one that will be started for `model`.
pub(crate) fn client_or_server(
    args: &ServerArgs,
    model: &Model,
    scoring: ScoringServer,
) -> Result<(Client, Option<ManagedServer>), Failure> {
    match base_url(args) {
        Some(url) => Ok((client_of(args, &url)?, None)),
        None => server(args, model, scoring),
    }
}

/// How the server of `model` is started, and the client for it.
pub(crate) fn server(
    args: &ServerArgs,
    model: &Model,
    scoring: ScoringServer,
) -> Result<(Client, Option<ManagedServer>), Failure> {
    let port = match model.start.port {
        Some(port) => port,
        None => free_port()?,
    };
    let client = client_of(args, &format!("http://127.0.0.1:{port}/v1"))?;
    let server = ManagedServer {
        guard: vec![runtime::own_program()?, "guard-server".into()],
        port,
        ready_timeout: model.start.ready_timeout.unwrap_or(args.timeout),
        scoring,
        secrets: runtime::secrets(),
    };
    Ok((client, Some(server)))
}

/// A port of 127.0.0.1 at which nothing listens.
///
/// Not one that the system hands out for connections (on Linux from 32768 on, see ip(7)): a server that loads for minutes
/// takes it late, and a connection attempt that came from that very port would even reach itself. Processes begin at
/// different ports, so that two that start at once do not choose the same.
fn free_port() -> Result<u16, Failure> {
    const FIRST: u16 = 20_000;
    const COUNT: u32 = 10_000;
    let own = std::process::id();
    let candidates = (0..COUNT).map(|step| (own.wrapping_add(step)) % COUNT);
    let mut ports = candidates.filter_map(|offset| FIRST.checked_add(u16::try_from(offset).ok()?));
    let free = ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.ok_or_else(|| {
        Failure::new(
            TRY_AGAIN,
            anyhow::anyhow!("no port from {FIRST} to 29999 of 127.0.0.1 is free"),
        )
    })
}

/// How a run is gone about.
pub(crate) fn options(args: &WorkArgs, server: Option<ManagedServer>) -> Options {
    Options {
        max_connections: args.server.max_connections,
        server_timeout: args.server.timeout,
        fail_on_error: args.fail_on_error,
        require_seeds: !args.seeds_optional,
        server,
        ..Options::new(env!("CARGO_PKG_VERSION"))
    }
}

/// The files of a configuration folder, checked.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) folder: PathBuf,
    pub(crate) settings: PlanSettings,
    pub(crate) experiments: Vec<Experiment>,
}

impl Configuration {
    /// The built-in experiments under default settings.
    pub(crate) fn builtin() -> Result<Self, Failure> {
        let experiments = BUILTIN
            .iter()
            .map(|file| Experiment::parse(file.file, file.text));
        Ok(Self {
            folder: PathBuf::new(),
            settings: PlanSettings::default(),
            experiments: experiments.collect::<Result<_, _>>()?,
        })
    }

    /// Reads plan.yaml and experiments/ of `folder`, as far as they are there, reporting every mistake in all of them.
    pub(crate) fn load(folder: &Path) -> Result<Self, Failure> {
        let mut problems = Problems::new();
        let configuration = Self::read(folder, &mut problems)?;
        Ok(problems.into_result(configuration)?)
    }

    /// The same with models.yaml.
    pub(crate) fn load_with_models(folder: &Path) -> Result<(Self, ModelCatalog), Failure> {
        let mut problems = Problems::new();
        let configuration = Self::read(folder, &mut problems)?;
        let path = folder.join("models.yaml");
        let models =
            read(&path).and_then(|text| ModelCatalog::parse(&path.display().to_string(), &text));
        match models {
            Ok(models) => Ok((problems.into_result(configuration)?, models)),
            Err(found) => {
                problems.extend(found);
                let failure = Failure::new(CONFIGURATION, problems);
                let smallest = "the smallest models.yaml is `models: {my-model: {huggingface_name: org/name}}`";
                Err(if path.exists() {
                    failure
                } else {
                    failure.with_hint(smallest)
                })
            }
        }
    }

    /// Reads plan.yaml and experiments/ of `folder`, as far as they are there, adding mistakes to `problems`.
    pub(crate) fn read(folder: &Path, problems: &mut Problems) -> Result<Self, Failure> {
        if !folder.is_dir() {
            return Err(Failure::configuration(format!(
                "configuration {} is no folder, expected one with a models.yaml",
                folder.display()
            )));
        }
        let plan = folder.join("plan.yaml");
        let settings = if plan.exists() {
            let parsed = read(&plan)
                .and_then(|text| PlanSettings::parse(&plan.display().to_string(), &text));
            parsed
                .map_err(|found| problems.extend(found))
                .unwrap_or_default()
        } else {
            PlanSettings::default()
        };
        let own = own_experiments(&folder.join("experiments"), problems)?;
        let experiments = select(own, &settings.experiments, &plan, problems);
        Ok(Self {
            folder: folder.to_owned(),
            settings,
            experiments,
        })
    }

    /// The folder of the stimuli, unless another is given.
    pub(crate) fn stimuli(&self, given: Option<PathBuf>) -> PathBuf {
        given.unwrap_or_else(|| self.folder.join("stimuli"))
    }

    /// The seeds of `replications` replications; refused if those of two experiments meet.
    pub(crate) fn seeds(&self, replications: u32) -> Result<SeedPlan, Failure> {
        let offsets = self
            .experiments
            .iter()
            .map(|experiment| (experiment.id.to_string(), experiment.seed_offset));
        SeedPlan::new(self.settings.first_base_seed, replications, offsets).map_err(seed_failure)
    }

    /// How seeds and orders are made.
    pub(crate) fn rules(&self) -> SeedRules {
        SeedRules {
            order: self.settings.order,
            request_seeds: self.settings.request_seeds,
            bits: self.settings.seed_bits,
        }
    }
}

/// A mistake in seeds, with its advice.
pub(crate) fn seed_failure(error: SeedPlanError) -> Failure {
    let hint = error.hint();
    let failure = Failure::new(CONFIGURATION, error);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

/// A built-in experiment by its id, or one from a file.
pub(crate) fn experiment(id_or_file: &str) -> Result<Experiment, Failure> {
    if let Some(file) = builtin(id_or_file) {
        return Ok(Experiment::parse(file.file, file.text)?);
    }
    let path = Path::new(id_or_file);
    if !path.exists() {
        let ids = BUILTIN.map(|file| file.id).join("`, `");
        return Err(Failure::configuration(format!(
            "experiment `{id_or_file}` is neither a file nor one of the built-in `{ids}`"
        )));
    }
    Ok(Experiment::parse(id_or_file, &read(path)?)?)
}

/// Reads a text file that the user wrote.
pub(crate) fn read(path: &Path) -> Result<String, Problems> {
    let name = path.display().to_string();
    let bytes =
        fs::read(path).map_err(|error| Problem::new(&name, format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to() + 1;
        Problem::new(
            &name,
            format!("is not UTF-8 from its byte {at} on; save the file as UTF-8"),
        )
        .into()
    })
}

/// The experiment files of a folder, by file name.
fn own_experiments(folder: &Path, problems: &mut Problems) -> Result<Vec<Experiment>, Failure> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let unreadable = |error: std::io::Error| {
        Failure::configuration(format!("{} cannot be listed: {error}", folder.display()))
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            paths.push(path);
        }
    }
    paths.sort();
    let mut experiments: Vec<Experiment> = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        match read(&path).and_then(|text| Experiment::parse(&name, &text)) {
            Ok(experiment) => {
                if experiments.iter().any(|other| other.id == experiment.id) {
                    let message = format!("has the id `{}` of another file", experiment.id);
                    problems.push(Problem::new(name, message));
                }
                experiments.push(experiment);
            }
            Err(found) => problems.extend(found),
        }
    }
    Ok(experiments)
}

/// The experiments that a plan names, own files before built-in ones; without names all own, else all built-in.
fn select(
    mut own: Vec<Experiment>,
    wanted: &[ExperimentId],
    plan: &Path,
    problems: &mut Problems,
) -> Vec<Experiment> {
    let all_builtin = BUILTIN.iter().map(|file| file.id.to_owned());
    let wanted: Vec<String> = match (wanted.is_empty(), own.is_empty()) {
        (false, _) => wanted.iter().map(ToString::to_string).collect(),
        (true, false) => return own,
        (true, true) => all_builtin.collect(),
    };
    let mut selected = Vec::new();
    for id in wanted {
        if let Some(position) = own
            .iter()
            .position(|experiment| experiment.id.as_str() == id)
        {
            selected.push(own.swap_remove(position));
        } else if let Some(file) = builtin(&id) {
            match Experiment::parse(file.file, file.text) {
                Ok(experiment) => selected.push(experiment),
                Err(found) => problems.extend(found),
            }
        } else {
            let message = format!(
                "names the experiment `{id}`, which is neither in experiments/ nor built in"
            );
            problems.push(Problem::new(plan.display().to_string(), message).at_key("experiments"));
        }
    }
    selected
}
