//! How a model's server is started: the section `server` of a model in `models.yaml`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::yaml::Field;

/// A name that holds one of these words is that of a secret.
const SECRET_WORDS: [&str; 8] = [
    "TOKEN",
    "KEY",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "APIKEY",
    "CREDENTIALS",
    "AUTH",
];

/// Whether the name of a variable or argument says that its value is secret.
///
/// ```
/// use grace_core::server::names_secret;
///
/// assert!(names_secret("HF_TOKEN") && names_secret("--api-key=x"));
/// assert!(!names_secret("--max-num-batched-tokens"));
/// ```
pub fn names_secret(name: &str) -> bool {
    let name = name.split('=').next().unwrap_or(name).to_ascii_uppercase();
    let mut words = name.split(['_', '-', '.']);
    words.any(|word| SECRET_WORDS.contains(&word))
}

/// The section `server`. Its defaults start vLLM on a free port.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StartSettings {
    /// The command that serves the model; `None` for `vllm serve`.
    pub command: Option<Vec<ArgumentTemplate>>,
    /// Further arguments for the server that measures probabilities, where that is a separate one.
    pub scoring_args: Vec<ArgumentTemplate>,
    /// Where the weights are; `None` for the model's name, which the server then finds by itself.
    pub model_path: Option<String>,
    /// Variables added to the server's environment. Their values may be secret.
    pub env: BTreeMap<String, String>,
    /// The port on 127.0.0.1; `None` for a free one.
    pub port: Option<u16>,
    /// How long loading may take; `None` for what the user allows on the command line.
    pub ready_timeout: Option<Duration>,
    /// The time between asking the server to stop (SIGTERM) and ending it (SIGKILL).
    pub stop_grace: Duration,
    /// How often a server that dies during work is started again, in one attempt.
    pub restarts: u32,
}

/// One argument of a command, with places that are filled when the server is started.
///
/// `{port}`, `{model}` and `{served_name}` are places; `{{` and `}}` are braces.
///
/// ```
/// use grace_core::server::{ArgumentTemplate, Places};
///
/// let places = Places { port: 8000, model: "/models/tiny", served_name: "tiny" };
/// let argument: ArgumentTemplate = "--url=http://127.0.0.1:{port}/{{v1}}".parse()?;
/// assert_eq!(argument.fill(&places), "--url=http://127.0.0.1:8000/{v1}");
/// # Ok::<(), grace_core::server::TemplateError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Port,
    Model,
    ServedName,
}

/// What the places of a command are filled with.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// The port on 127.0.0.1 at which the server is to listen.
    pub port: u16,
    /// The weights: a path, or the model's name.
    pub model: &'a str,
    /// The name under which the server is to serve them.
    pub served_name: &'a str,
}

/// An argument whose braces say nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A place that grace does not know.
    #[error(
        "has the place `{{{0}}}`, expected `{{port}}`, `{{model}}` or `{{served_name}}` (a brace is written `{{{{`)"
    )]
    UnknownPlace(String),
    /// A brace without its partner.
    #[error(
        "has a `{0}` by itself, expected `{{port}}`, `{{model}}` or `{{served_name}}` (a brace is written `{0}{0}`)"
    )]
    SingleBrace(char),
}

impl ArgumentTemplate {
    /// The argument as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The argument with its places filled.
    pub fn fill(&self, places: &Places<'_>) -> String {
        let fill = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Port => places.port.to_string(),
            Part::Model => places.model.to_owned(),
            Part::ServedName => places.served_name.to_owned(),
        };
        self.parts.iter().map(fill).collect()
    }

    /// Whether it says where the port is to stand.
    pub fn names_port(&self) -> bool {
        self.parts.contains(&Part::Port)
    }
}

impl FromStr for ArgumentTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some((before, brace, behind)) = split_at_brace(rest) {
            plain.push_str(before);
            if let Some(behind) = behind.strip_prefix(brace) {
                plain.push(brace);
                rest = behind;
                continue;
            }
            let place = behind.split_once('}').filter(|_| brace == '{');
            let (name, behind) = place.ok_or(TemplateError::SingleBrace(brace))?;
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(Part::place(name)?);
            rest = behind;
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        let text = text.to_owned();
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self { text, parts })
    }
}

fn split_at_brace(text: &str) -> Option<(&str, char, &str)> {
    let (before, from) = text.split_at(text.find(['{', '}'])?);
    let mut behind = from.chars();
    let brace = behind.next()?;
    Some((before, brace, behind.as_str()))
}

impl Part {
    fn place(name: &str) -> Result<Self, TemplateError> {
        match name {
            "port" => Ok(Self::Port),
            "model" => Ok(Self::Model),
            "served_name" => Ok(Self::ServedName),
            _ => Err(TemplateError::UnknownPlace(name.to_owned())),
        }
    }
}

impl Default for StartSettings {
    /// vLLM on a free port, 10 s to stop, 3 restarts.
    fn default() -> Self {
        Self {
            command: None,
            scoring_args: Vec::new(),
            model_path: None,
            env: BTreeMap::new(),
            port: None,
            ready_timeout: None,
            stop_grace: Duration::from_secs(10),
            restarts: 3,
        }
    }
}

/// Without the values of variables, which may be secret.
impl fmt::Debug for StartSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartSettings")
            .field("command", &self.command)
            .field("scoring_args", &self.scoring_args)
            .field("model_path", &self.model_path)
            .field("env", &self.env.keys())
            .field("port", &self.port)
            .field("ready_timeout", &self.ready_timeout)
            .field("stop_grace", &self.stop_grace)
            .field("restarts", &self.restarts)
            .finish()
    }
}

/// Reads the section `server` of a model.
pub(crate) fn read(field: &Field<'_>) -> Option<StartSettings> {
    let default = StartSettings::default();
    let map = field.mapping(&[
        "command",
        "scoring_args",
        "model_path",
        "env",
        "port",
        "ready_timeout",
        "stop_grace",
        "restarts",
    ])?;
    let whole = |key: &str, min: i64, max: i64| {
        map.optional(key).map_or(Some(None), |field| {
            field
                .integer(min, max)
                .map(|value| Some(value.unsigned_abs()))
        })
    };
    let port = whole("port", 1, i64::from(u16::MAX));
    let ready_timeout = whole("ready_timeout", 1, 7 * 24 * 3600);
    let stop_grace = whole("stop_grace", 0, 3600);
    let restarts = whole("restarts", 0, 1000);
    let command = map.optional("command").map_or(Some(None), |field| {
        command(field, port == Some(None)).map(Some)
    });
    let scoring_args = map
        .optional("scoring_args")
        .map_or_else(|| Some(Vec::new()), templates);
    let env = map
        .optional("env")
        .map_or_else(|| Some(BTreeMap::new()), env);
    Some(StartSettings {
        command: command?,
        scoring_args: scoring_args?,
        model_path: map.optional("model_path").and_then(Field::text),
        env: env?,
        port: port?.and_then(|port| u16::try_from(port).ok()),
        ready_timeout: ready_timeout?.map(Duration::from_secs),
        stop_grace: stop_grace?.map_or(default.stop_grace, Duration::from_secs),
        restarts: restarts?.map_or(Some(default.restarts), |count| u32::try_from(count).ok())?,
    })
}

fn command(field: &Field<'_>, any_port: bool) -> Option<Vec<ArgumentTemplate>> {
    let templates = templates(field)?;
    if templates.is_empty() {
        field.expected("a command and its arguments");
        return None;
    }
    if any_port && !templates.iter().any(ArgumentTemplate::names_port) {
        field.problem("says nothing of `{port}`, expected it among the arguments, or a fixed `port` beside it");
    }
    Some(templates)
}

fn templates(field: &Field<'_>) -> Option<Vec<ArgumentTemplate>> {
    let template = |item: &Field<'_>| {
        let parsed = item.text()?.parse();
        parsed
            .map_err(|error: TemplateError| item.problem(error.to_string()))
            .ok()
    };
    let templates: Vec<_> = field.list()?.iter().map(template).collect();
    templates.into_iter().collect()
}

fn env(field: &Field<'_>) -> Option<BTreeMap<String, String>> {
    let map = field.any_mapping()?;
    let variable = |(name, field): (&str, &Field<'_>)| {
        if name.contains(['=', '\0']) {
            field.problem("is no name of a variable, expected one without `=`");
        }
        Some((name.to_owned(), field.text()?))
    };
    let variables: Vec<_> = map.entries().map(variable).collect();
    variables.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ModelCatalog;

    fn parse(server: &str) -> Result<StartSettings, crate::Problems> {
        let text = format!("models:\n  m:\n    huggingface_name: lab/m\n    server:\n{server}");
        let mut catalog = ModelCatalog::parse("models.yaml", &text)?;
        Ok(catalog.models.remove(0).start)
    }

    #[track_caller]
    fn check_error(argument: &str, expected: &str) {
        let error = argument
            .parse::<ArgumentTemplate>()
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{argument}: {error}");
    }

    #[track_caller]
    fn check_filled(argument: &str, expected: &str) {
        let places = Places {
            port: 8011,
            model: "/m",
            served_name: "lab/m",
        };
        let template: ArgumentTemplate = argument.parse().unwrap();
        assert_eq!(template.fill(&places), expected);
        assert_eq!(template.as_str(), argument);
    }

    #[test]
    fn places_are_filled_and_doubled_braces_are_braces() {
        check_filled("{port}", "8011");
        check_filled("a{model}b{served_name}{port}", "a/mblab/m8011");
        check_filled("{{port}}", "{port}");
        check_filled("{{{port}}}", "{8011}");
        check_filled(r#"{{"a": 1}}"#, r#"{"a": 1}"#);
        check_filled("", "");
        check_filled("ü", "ü");
    }

    #[test]
    fn braces_that_say_nothing_are_refused() {
        check_error("{ports}", "`{ports}`, expected `{port}`");
        check_error("{}", "`{}`");
        check_error("{port", "`{` by itself");
        check_error("{", "`{` by itself");
        check_error("{port}{", "`{` by itself");
        check_error("port}", "`}` by itself");
        check_error("{a}}", "`{a}`");
    }

    #[test]
    fn every_key_is_read() {
        let settings = parse(
            "      command: [llama-server, -m, '{model}', --port, '{port}']\n      scoring_args: [--logits]\n      \
             env: {OMP_NUM_THREADS: 1}\n      port: 8000\n      ready_timeout: 60\n      stop_grace: 0\n      \
             restarts: 1\n      model_path: /models/m.gguf\n",
        )
        .unwrap();
        assert_eq!(settings.command.as_ref().unwrap().len(), 5);
        assert_eq!(settings.scoring_args[0].as_str(), "--logits");
        assert_eq!(settings.env["OMP_NUM_THREADS"], "1");
        assert_eq!(settings.port, Some(8000));
        assert_eq!(settings.ready_timeout, Some(Duration::from_mins(1)));
        assert_eq!(settings.stop_grace, Duration::ZERO);
        assert_eq!(settings.restarts, 1);
        assert_eq!(settings.model_path.as_deref(), Some("/models/m.gguf"));
    }

    #[test]
    fn mistakes_are_named_with_line_and_key() {
        let error = parse(
            "      command: [serve]\n      port: 70000\n      scoring_args: ['{prot}', 'x}']\n      restarts: -1\n      \
             env: {'A=B': x, C: ''}\n",
        )
        .unwrap_err()
        .to_string();
        for part in [
            "models.yaml:6: `models.m.server.port` is `70000`, expected a whole number from 1 to 65535",
            "models.yaml:7: `models.m.server.scoring_args[0]` has the place `{prot}`",
            "models.yaml:7: `models.m.server.scoring_args[1]` has a `}` by itself",
            "models.yaml:8: `models.m.server.restarts` is `-1`",
            "models.yaml:9: `models.m.server.env.A=B` is no name of a variable",
            "models.yaml:9: `models.m.server.env.C` is empty, expected text",
        ] {
            assert!(error.contains(part), "{part}\n{error}");
        }
        let error = parse("      command: [serve]\n").unwrap_err().to_string();
        assert!(
            error.contains("models.yaml:5: `models.m.server.command` says nothing of `{port}`"),
            "{error}"
        );
        assert!(parse("      command: [serve]\n      port: 8000\n").is_ok());
    }

    #[test]
    fn debug_shows_no_value_of_a_variable() {
        let settings = parse("      env: {HF_TOKEN: hf_secret}\n").unwrap();
        let shown = format!("{settings:?}");
        assert!(
            shown.contains("HF_TOKEN") && !shown.contains("hf_secret"),
            "{shown}"
        );
    }
}
