//! What starts a server: from the model's settings to a command line and variables.

use std::collections::BTreeMap;
use std::fmt;

use grace_core::model::Model;
use grace_core::server::Places;

/// What a server is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// For sampled texts, and for probabilities too unless these have a server of their own.
    Generate,
    /// For probabilities alone: with `scoring_args`.
    Score,
}

/// A command line, and the variables that are added to the environment.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Launch {
    /// The program and its arguments; never empty.
    pub argv: Vec<String>,
    /// Variables; their values may be secret.
    pub env: BTreeMap<String, String>,
}

/// A command line that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// `extra_args` or `scoring_args` sets what grace sets.
    #[error("`{key}` of model `{model}` holds `{argument}`, which is set already; {instead}")]
    SetByGrace {
        /// The model's key.
        model: String,
        /// Where the argument stands.
        key: &'static str,
        /// The argument.
        argument: String,
        /// What to use in its place.
        instead: &'static str,
    },
}

/// Arguments of vLLM that grace sets, and where else the user can say what they say.
const SET_BY_GRACE: [(&str, &str); 3] = [
    ("--port", "set `server.port`"),
    ("--host", "the server listens at 127.0.0.1"),
    ("--served-model-name", "set `served_name`"),
];

/// No reports to vLLM's makers from the machines of a study.
const VLLM_ENV: [(&str, &str); 2] = [("VLLM_NO_USAGE_STATS", "1"), ("DO_NOT_TRACK", "1")];

impl Launch {
    /// The command that serves `model` at `port` of 127.0.0.1: the configured one, else `vllm serve`.
    ///
    /// # Errors
    ///
    /// Returns [`LaunchError`] if `extra_args` contradict what grace needs.
    pub fn new(model: &Model, port: u16, purpose: Purpose) -> Result<Self, LaunchError> {
        let start = &model.start;
        let places = Places {
            port,
            model: start.model_path.as_deref().unwrap_or(&model.name),
            served_name: &model.served_name,
        };
        let (mut argv, mut env) = match &start.command {
            Some(command) => {
                let filled = command.iter().map(|argument| argument.fill(&places));
                (filled.collect(), BTreeMap::new())
            }
            None => (vllm(model, &places)?, owned(VLLM_ENV)),
        };
        if purpose == Purpose::Score {
            argv.extend(
                start
                    .scoring_args
                    .iter()
                    .map(|argument| argument.fill(&places)),
            );
        }
        env.extend(start.env.clone());
        Ok(Self { argv, env })
    }

    /// The program.
    pub fn program(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }
}

/// An argument's name as vLLM reads it, for which `_` and `-` are the same.
fn name_of(argument: &str) -> String {
    let name = argument.split('=').next().unwrap_or(argument);
    name.replace('_', "-")
}

/// Whether an argument sets `name`; vLLM takes the beginning of a name for the whole.
fn sets(argument: &str, name: &str) -> bool {
    let given = name_of(argument);
    given.len() > "--".len() && given.starts_with("--") && name.starts_with(&given)
}

/// What grace sets, and what models.yaml has set by a key of its own.
fn set_already(model: &Model) -> Vec<(&'static str, &'static str)> {
    let settings = &model.server;
    let keys = [
        (settings.dtype.is_some(), "--dtype", "change `vllm.dtype`"),
        (
            settings.max_model_len.is_some(),
            "--max-model-len",
            "change `vllm.max_model_len`",
        ),
        (
            settings.tensor_parallel_size.is_some(),
            "--tensor-parallel-size",
            "change `vllm.tensor_parallel_size`",
        ),
        (model.revision.is_some(), "--revision", "change `revision`"),
    ];
    let keys = keys.into_iter().filter(|(is_set, ..)| *is_set);
    let keys = keys.map(|(_, name, instead)| (name, instead));
    SET_BY_GRACE.into_iter().chain(keys).collect()
}

/// Refuses arguments that say once more, and perhaps otherwise, what is set already: the last one would hold, and the
/// record would tell the first.
fn check_given(model: &Model, places: &Places<'_>) -> Result<(), LaunchError> {
    let extra = model.server.extra_args.iter().cloned();
    let extra = extra.map(|argument| ("extra_args", argument));
    let scoring = model.start.scoring_args.iter();
    let scoring = scoring.map(|argument| ("scoring_args", argument.fill(places)));
    let set = set_already(model);
    for (key, argument) in extra.chain(scoring) {
        if let Some((_, instead)) = set.iter().find(|(name, _)| sets(&argument, name)) {
            return Err(LaunchError::SetByGrace {
                model: model.key.to_string(),
                key,
                argument,
                instead,
            });
        }
    }
    Ok(())
}

/// vLLM's command line (its `vllm serve --help`, 0.32).
fn vllm(model: &Model, places: &Places<'_>) -> Result<Vec<String>, LaunchError> {
    check_given(model, places)?;
    let settings = &model.server;
    let given = |name: &str| settings.extra_args.iter().any(|arg| sets(arg, name));
    let port = places.port.to_string();
    let mut argv: Vec<String> = ["vllm", "serve", places.model].map(str::to_owned).into();
    let mut set = |name: &str, value: &str| argv.extend([name.to_owned(), value.to_owned()]);
    set("--served-model-name", places.served_name);
    set("--host", "127.0.0.1");
    set("--port", &port);
    if let Some(dtype) = &settings.dtype {
        set("--dtype", dtype);
    }
    if let Some(length) = settings.max_model_len {
        set("--max-model-len", &length.to_string());
    }
    if let Some(size) = settings.tensor_parallel_size {
        set("--tensor-parallel-size", &size.to_string());
    }
    if let Some(revision) = &model.revision {
        set("--revision", revision);
    }
    // Else the model's own file fills parameters of sampling, and draws from the top few tokens only.
    if !given("--generation-config") {
        set("--generation-config", "vllm");
    }
    argv.extend(settings.extra_args.iter().cloned());
    Ok(argv)
}

fn owned<const N: usize>(env: [(&str, &str); N]) -> BTreeMap<String, String> {
    let owned = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.into()
}

/// Without the values of variables.
impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("argv", &self.argv)
            .field("env", &self.env.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use grace_core::model::ModelCatalog;

    use super::*;

    fn model(settings: &str) -> Model {
        let text = format!("models:\n  m:\n    huggingface_name: lab/m\n{settings}");
        let mut catalog = ModelCatalog::parse("models.yaml", &text).unwrap();
        catalog.models.remove(0)
    }

    #[track_caller]
    fn check(settings: &str, purpose: Purpose, expected: &str) {
        let launch = Launch::new(&model(settings), 8011, purpose).unwrap();
        assert_eq!(launch.argv.join(" "), expected);
    }

    #[test]
    fn vllm_is_told_all_that_the_catalogue_says() {
        check(
            "",
            Purpose::Generate,
            "vllm serve lab/m --served-model-name lab/m --host 127.0.0.1 --port 8011 --generation-config vllm",
        );
        check(
            "    revision: abc\n    served_name: m\n    vllm: {tensor_parallel_size: 2, dtype: bfloat16, \
             max_model_len: 4096, extra_args: [--enforce-eager]}\n    server: {model_path: /models/m}\n",
            Purpose::Generate,
            "vllm serve /models/m --served-model-name m --host 127.0.0.1 --port 8011 --dtype bfloat16 \
             --max-model-len 4096 --tensor-parallel-size 2 --revision abc --generation-config vllm --enforce-eager",
        );
        check(
            "    vllm: {extra_args: [--generation-config=auto]}\n",
            Purpose::Generate,
            "vllm serve lab/m --served-model-name lab/m --host 127.0.0.1 --port 8011 --generation-config=auto",
        );
    }

    #[test]
    fn a_configured_command_takes_the_place_of_vllm() {
        let settings = "    server:\n      command: [llama-server, -m, '{model}', --alias, '{served_name}', --port, '{port}']\n      \
                        scoring_args: [-np, '1']\n      model_path: /m.gguf\n      env: {A: b}\n";
        let generate = "llama-server -m /m.gguf --alias lab/m --port 8011";
        check(settings, Purpose::Generate, generate);
        check(settings, Purpose::Score, &format!("{generate} -np 1"));
        let launch = Launch::new(&model(settings), 8011, Purpose::Generate).unwrap();
        assert_eq!(launch.env, owned([("A", "b")]));
    }

    #[test]
    fn vllm_reports_nothing_unless_it_is_told_to() {
        let env = |settings| {
            Launch::new(&model(settings), 1, Purpose::Generate)
                .unwrap()
                .env
        };
        assert_eq!(env("")["VLLM_NO_USAGE_STATS"], "1");
        assert_eq!(
            env("    server: {env: {DO_NOT_TRACK: 0}}\n")["DO_NOT_TRACK"],
            "0"
        );
    }

    #[test]
    fn arguments_that_grace_sets_are_refused() {
        for argument in [
            "--port",
            "--port=8000",
            "--host=::",
            "--served-model-name",
            "--served_model_name",
            "--served-model=x",
            "--max_model_len=8",
        ] {
            let settings = format!("    vllm: {{max_model_len: 4, extra_args: ['{argument}']}}\n");
            let error = Launch::new(&model(&settings), 1, Purpose::Generate).unwrap_err();
            let said = error.to_string();
            assert!(
                said.contains(argument) && said.contains("model `m`"),
                "{said}"
            );
        }
        let settings =
            "    vllm: {dtype: float32}\n    server: {scoring_args: [--dtype, bfloat16]}\n";
        let error = Launch::new(&model(settings), 1, Purpose::Generate).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`scoring_args` of model `m` holds `--dtype`, which is set already; change `vllm.dtype`"
        );
        let other = "    vllm: {extra_args: [--max_model_len=8, --generation_config, auto]}\n";
        check(
            other,
            Purpose::Generate,
            "vllm serve lab/m --served-model-name lab/m --host 127.0.0.1 --port 8011 --max_model_len=8 --generation_config auto",
        );
    }
}
