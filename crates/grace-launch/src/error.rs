//! What can go wrong between here and a cluster, without the API's long dumps.

use std::error::Error as StdError;

use kube::client::AuthError;
use kube::config::KubeconfigError;
use kube::core::Status;

/// The longest message of the API that is repeated, in characters.
const LONGEST: usize = 400;

/// A request to a cluster that failed: what was being done, why it failed, and whether trying again may help.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {kind}")]
pub struct ClusterError {
    doing: String,
    kind: FaultKind,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// No usable kubeconfig or context.
    #[error("no usable configuration of a cluster: {0}")]
    Configuration(String),
    /// No connection, or one that broke.
    #[error("the API server cannot be reached: {0}")]
    Unreachable(String),
    /// The credentials are not accepted (401).
    #[error("the cluster does not accept these credentials (401)")]
    Unauthorized,
    /// The credentials ran out, and new ones cannot be had.
    #[error("the credentials cannot be renewed: {0}")]
    NoLogin(String),
    /// A right is missing (403).
    #[error("the cluster forbids it: {0}")]
    Forbidden(String),
    /// There is no such object, or no such namespace (404).
    #[error("not found: {0}")]
    NotFound(String),
    /// Somebody else owns or just changed it (409).
    #[error("conflict: {0}")]
    Conflict(String),
    /// The object is not valid (400, 422).
    #[error("the cluster refuses the object: {0}")]
    Invalid(String),
    /// The object is too large (413, or etcd's limit).
    #[error("the object is too large for the cluster: {0}")]
    TooLarge(String),
    /// The server is overloaded, starting or stopping (429, 5xx).
    #[error("the API server answered {code}: {message}")]
    Server {
        /// The HTTP status.
        code: u16,
        /// Its message, shortened.
        message: String,
    },
    /// No answer within the deadline.
    #[error("no answer within {0} s")]
    TimedOut(u64),
    /// Something else, such as an answer that is no Kubernetes object.
    #[error("{0}")]
    Other(String),
}

impl ClusterError {
    /// An error of `kind` while `doing` something, such as ``apply Job `x` ``.
    pub fn new(doing: impl Into<String>, kind: FaultKind) -> Self {
        let doing = doing.into();
        Self { doing, kind }
    }

    /// What kube reports, while `doing` something.
    pub fn of(doing: impl Into<String>, error: &kube::Error) -> Self {
        Self::new(doing, FaultKind::of(error))
    }

    /// Why it failed.
    pub fn kind(&self) -> &FaultKind {
        &self.kind
    }

    /// Whether the same may succeed later.
    pub fn is_transient(&self) -> bool {
        self.kind.is_transient()
    }

    /// Whether it takes new credentials, which only the user can get.
    pub(crate) fn is_login(&self) -> bool {
        matches!(self.kind, FaultKind::Unauthorized | FaultKind::NoLogin(_))
    }

    /// Whether the server did not even look at the request: it has too many, is starting or stopping. After 504 it may have.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::Server {
                code: 429 | 503,
                ..
            }
        )
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        self.kind.hint()
    }
}

impl FaultKind {
    /// Whether the same may succeed later. New credentials may come, too, but only from the user.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_) | Self::NoLogin(_) | Self::Server { .. } | Self::TimedOut(_)
        )
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Configuration(_) => {
                "set KUBECONFIG or give --context; `kubectl config get-contexts` lists those there are"
            }
            Self::Unreachable(_) | Self::TimedOut(_) => {
                "check network and VPN with `grace-cli doctor`, then run the same command again: Jobs on the cluster go on meanwhile"
            }
            Self::Unauthorized | Self::NoLogin(_) => {
                "log in to the cluster again, then run the same command again: Jobs on the cluster go on meanwhile"
            }
            Self::Forbidden(_) => {
                "`grace-cli doctor` lists the rights that grace needs in the namespace"
            }
            Self::Conflict(_) => {
                "another program owns it or changed it just now: run the same command again; if that is no help, `kubectl get --show-managed-fields --output yaml` names the owner"
            }
            Self::TooLarge(_) => {
                "keep large files on a volume: `cluster.config: {pvc: …}` of models.yaml"
            }
            Self::Server { .. } => "run the same command again later",
            _ => return None,
        })
    }

    /// What kube reports.
    pub fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_status(status),
            kube::Error::InferConfig(error) => Self::Configuration(of_kubeconfig(error)),
            kube::Error::InferKubeconfig(error) => Self::Configuration(of_kubeconfig(error)),
            kube::Error::Auth(error) => Self::Configuration(format!(
                "the credentials of the kubeconfig cannot be used: {}",
                of_auth(error)
            )),
            kube::Error::Service(error) => Self::of_service(&**error),
            kube::Error::HyperError(error) => Self::Unreachable(innermost(error)),
            kube::Error::ReadEvents(error) => Self::Unreachable(innermost(error)),
            kube::Error::SerdeError(error) => Self::Other(format!(
                "the answer is no Kubernetes object: {}",
                shortened(&error.to_string())
            )),
            other => Self::Other(shortened(&other.to_string())),
        }
    }

    /// What came in the way of a request: credentials that had to be renewed for it, or the connection.
    fn of_service(error: &(dyn StdError + 'static)) -> Self {
        match causes_of(error).find_map(|it| it.downcast_ref::<AuthError>()) {
            Some(error) => Self::NoLogin(of_auth(error)),
            None => Self::Unreachable(innermost(error)),
        }
    }

    /// What the API answers.
    pub fn of_status(status: &Status) -> Self {
        match status.code {
            401 => Self::Unauthorized,
            403 => Self::Forbidden(shortened(&status.message)),
            404 => Self::NotFound(shortened(&status.message)),
            409 => Self::Conflict(causes(status)),
            413 => Self::TooLarge(shortened(&status.message)),
            500 if status.message.contains("too large") => {
                Self::TooLarge(shortened(&status.message))
            }
            400 | 422 => Self::Invalid(causes(status)),
            code => Self::Server {
                code,
                message: shortened(&status.message),
            },
        }
    }
}

/// Each field that is wrong, with why; never its value, which may be a whole pod with secrets in its environment.
fn causes(status: &Status) -> String {
    let causes = status.details.iter().flat_map(|it| &it.causes);
    let lines: Vec<String> = causes
        .map(|cause| {
            let why = reason_without_value(&cause.message);
            if cause.field.is_empty() {
                why
            } else {
                format!("{}: {why}", cause.field)
            }
        })
        .collect();
    if lines.is_empty() {
        shortened(&status.message)
    } else {
        lines.join("; ")
    }
}

/// `Invalid value: <dump>: reason` without the dump if it is long.
fn reason_without_value(message: &str) -> String {
    let is_dump = message.chars().count() > LONGEST && message.starts_with("Invalid value: ");
    match message.rsplit_once(": ") {
        Some((_, reason)) if is_dump => shortened(reason),
        _ => shortened(message),
    }
}

/// The text on one line, cut at [`LONGEST`] characters.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let cut: String = line.chars().take(LONGEST).collect();
    format!("{cut} … ({} characters)", line.chars().count())
}

/// Why a kubeconfig cannot be used. An error of its syntax quotes the file, tokens included, so it is not repeated.
fn of_kubeconfig(error: &(dyn StdError + 'static)) -> String {
    let mut causes = causes_of(error);
    if causes.any(|it| matches!(it.downcast_ref(), Some(KubeconfigError::Parse(_)))) {
        return String::from("a kubeconfig is no valid YAML, or not that of a kubeconfig");
    }
    innermost(error)
}

/// Why credentials cannot be had, without what a plugin printed, which may be a token.
fn of_auth(error: &AuthError) -> String {
    match error {
        // Its command may hold secrets as well.
        AuthError::AuthExecRun { out, .. } => {
            format!("the plugin of the kubeconfig ended with {}", out.status)
        }
        AuthError::AuthExecStart(error) => format!("the plugin cannot be started: {error}"),
        AuthError::ReadTokenFile(error, path) => {
            format!("{} cannot be read: {error}", path.display())
        }
        _ => String::from("they, or the plugin that gives them, are not as expected"),
    }
}

/// The error and what caused it, outermost first.
fn causes_of<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The last two causes of an error, which say most, as `outer: inner`.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for error in causes_of(error) {
        let text = error.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
    }
    let from = texts.len().saturating_sub(2);
    shortened(&texts.split_off(from).join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, message: &str, field: &str) -> Status {
        let cause =
            serde_json::json!({"field": field, "message": message, "reason": "FieldValueInvalid"});
        serde_json::from_value(serde_json::json!({
            "code": code, "message": message, "reason": "Invalid", "details": {"causes": [cause]},
        }))
        .expect("a status")
    }

    #[test]
    fn the_dump_of_a_pod_is_not_repeated() {
        let dump = format!(
            "Invalid value: {{\"env\":\"SECRET {}\"}}: field is immutable",
            "x".repeat(3000)
        );
        let FaultKind::Invalid(text) = FaultKind::of_status(&status(422, &dump, "spec.template"))
        else {
            panic!("expected Invalid");
        };
        assert_eq!(text, "spec.template: field is immutable");
    }

    #[test]
    fn a_plugin_that_fails_is_told_without_its_command_and_what_it_printed() {
        use std::os::unix::process::ExitStatusExt;

        let out = std::process::Output {
            status: std::process::ExitStatus::from_raw(256),
            stdout: b"a-token".to_vec(),
            stderr: Vec::new(),
        };
        let error = || AuthError::AuthExecRun {
            cmd: String::from("get-token --client-secret=a-secret"),
            out: Box::new(out.clone()),
        };
        for error in [
            kube::Error::Auth(error()),
            kube::Error::Service(Box::new(error())),
        ] {
            let error = ClusterError::of("list Jobs", &error);
            let text = error.to_string();
            assert!(text.contains("ended with exit status: 1"), "{text}");
            assert!(
                !text.contains("a-token") && !text.contains("a-secret"),
                "{text}"
            );
            assert!(!text.contains("cannot be reached"), "{text}");
        }
    }

    #[test]
    fn a_short_value_is_repeated_with_its_field() {
        let kind = FaultKind::of_status(&status(
            422,
            "Invalid value: \"A\": must be lower case",
            "metadata.name",
        ));
        assert_eq!(
            kind.to_string(),
            "the cluster refuses the object: metadata.name: Invalid value: \"A\": must be lower case"
        );
    }

    #[test]
    fn etcd_says_too_large_with_a_500() {
        let kind = FaultKind::of_status(&status(500, "etcdserver: request is too large", ""));
        assert!(matches!(kind, FaultKind::TooLarge(_)), "{kind}");
        assert!(!kind.is_transient());
    }

    #[test]
    fn an_overloaded_server_is_worth_another_try() {
        assert!(FaultKind::of_status(&status(429, "too many requests", "")).is_transient());
        assert!(!FaultKind::of_status(&status(403, "jobs.batch is forbidden", "")).is_transient());
    }
}
