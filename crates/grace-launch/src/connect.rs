//! The way to a cluster: kubeconfig and context, or the pod's own account.

use std::path::PathBuf;
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Config, Resource};
use secrecy::ExposeSecret;
use tokio::time::Instant;
use tower::timeout::TimeoutLayer;

use crate::error::{ClusterError, FaultKind};

/// The longest time for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest silence of an open connection; watches end by themselves before that.
const SILENCE: Duration = Duration::from_mins(2);
/// The longest time until an answer begins, renewed credentials included: a plugin that hangs must look like an outage. An API
/// server that stops may say nothing for a minute.
const HEAD: Duration = Duration::from_secs(90);
/// The longest time for a plugin that may ask somebody for a password.
const DIALOGUE: Duration = Duration::from_mins(10);
/// The longest time for a request that is answered at once.
pub(crate) const ANSWER: Duration = Duration::from_secs(30);

/// Between a busy server's answer and the next request.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Which cluster, and which namespace of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// A kubeconfig file; otherwise `KUBECONFIG`, `~/.kube/config`, or the account of the pod this runs in.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig; otherwise the current one.
    pub context: Option<String>,
    /// The namespace; otherwise that of the context.
    pub namespace: Option<String>,
}

/// A namespace of a cluster, with the client that reaches it. No request has been sent yet.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    access: Access,
    namespace: String,
    server: String,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client knows tokens.
        f.debug_struct("Cluster")
            .field("server", &self.server)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Reads the configuration that `access` names; sends nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no configuration, no such context, or if it cannot be used.
    pub async fn connect(access: Access) -> Result<Self, ClusterError> {
        let mut config = read(&access)
            .await
            .map_err(|error| ClusterError::of("read the kubeconfig", &error))?;
        config.connect_timeout = Some(CONNECT);
        config.read_timeout = Some(SILENCE);
        config.write_timeout = Some(SILENCE);
        // It takes minutes before it tells of a failure, which nobody hears of meanwhile.
        config.default_retry = false;
        check_token(&config)?;
        check_impersonation(&config)?;
        let server = config.cluster_url.to_string();
        let namespace = access
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        let client = log_in(config).await?;
        Ok(Self {
            client,
            access,
            namespace,
            server,
        })
    }

    /// The same cluster with credentials read anew, as they may have been renewed.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`].
    pub async fn reconnect(&self) -> Result<Self, ClusterError> {
        let mut again = Self::connect(self.access.clone()).await?;
        again.namespace.clone_from(&self.namespace);
        Ok(again)
    }

    /// The same cluster, another namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The address of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The objects of a kind in the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

/// kube panics at a token that no header can hold.
fn check_token(config: &Config) -> Result<(), ClusterError> {
    let token = config.auth_info.token.as_ref();
    let fits = token.is_none_or(|it| http::HeaderValue::from_str(it.expose_secret()).is_ok());
    if fits {
        return Ok(());
    }
    let message = "the token has a character that it cannot have, such as a line break";
    let fault = FaultKind::Configuration(message.to_owned());
    Err(ClusterError::new("read the kubeconfig", fault))
}

/// Grace is whom its user logs in as, and nobody else.
fn check_impersonation(config: &Config) -> Result<(), ClusterError> {
    let info = &config.auth_info;
    let impersonates = info.impersonate.is_some()
        || info.impersonate_uid.is_some()
        || info.impersonate_groups.is_some()
        || info.impersonate_user_extra.is_some();
    if !impersonates {
        return Ok(());
    }
    let message = "its user impersonates another (`as`), which grace does not do: choose a context without, by --context";
    let fault = FaultKind::Configuration(message.to_owned());
    Err(ClusterError::new("read the kubeconfig", fault))
}

/// A client with credentials. The plugin that may give them is waited for, by kube, on the thread that asks: one that hangs
/// would stop everything, Ctrl-C included.
async fn log_in(config: Config) -> Result<Client, ClusterError> {
    let doing = "read the kubeconfig";
    let exec = config.auth_info.exec.as_ref();
    let limit = match exec.and_then(|it| it.interactive_mode.as_ref()) {
        None | Some(ExecInteractiveMode::Never) => ANSWER,
        Some(_) => DIALOGUE,
    };
    let (sender, client) = tokio::sync::oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let ask = move || {
        let _guard = runtime.enter();
        // Who gave up waiting needs none.
        let _ = sender.send(client_of(config));
    };
    let thread = std::thread::Builder::new().name(String::from("login"));
    let failed = |message: String| ClusterError::new(doing, FaultKind::NoLogin(message));
    thread
        .spawn(ask)
        .map_err(|error| failed(format!("no thread for it: {error}")))?;
    match tokio::time::timeout(limit, client).await {
        Ok(Ok(client)) => client.map_err(|error| ClusterError::of(doing, &error)),
        Ok(Err(_)) => Err(failed(String::from("it broke off"))),
        Err(_) => Err(failed(format!(
            "the plugin of the kubeconfig gave no credentials within {} s",
            limit.as_secs()
        ))),
    }
}

fn client_of(config: Config) -> kube::Result<Client> {
    let limit = TimeoutLayer::new(HEAD);
    Ok(ClientBuilder::try_from(config)?.with_layer(&limit).build())
}

async fn read(access: &Access) -> kube::Result<Config> {
    let options = KubeConfigOptions {
        context: access.context.clone(),
        ..KubeConfigOptions::default()
    };
    Ok(match &access.kubeconfig {
        Some(path) => {
            Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await?
        }
        None if access.context.is_some() => Config::from_kubeconfig(&options).await?,
        // As `Config::infer`, without its variables for debugging: they impersonate, and send the token elsewhere.
        None => match Config::from_kubeconfig(&options).await {
            Ok(config) => config,
            Err(error) => Config::incluster().map_err(|_| error)?,
        },
    })
}

/// What `request` brings within [`ANSWER`]; `doing` names it in errors. A server that is too busy is asked again meanwhile.
pub(crate) async fn answer<T>(
    doing: impl Into<String>,
    request: impl AsyncFn() -> kube::Result<T>,
) -> Result<T, ClusterError> {
    let (doing, until) = (doing.into(), Instant::now() + ANSWER);
    let (mut pause, mut busy) = (SHORTEST_PAUSE, None);
    loop {
        let error = match tokio::time::timeout_at(until, request()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => ClusterError::of(doing.clone(), &error),
            Err(_) => busy.take().unwrap_or_else(|| {
                ClusterError::new(doing.clone(), FaultKind::TimedOut(ANSWER.as_secs()))
            }),
        };
        if !error.is_busy() || Instant::now() + pause >= until {
            return Err(error);
        }
        busy = Some(error);
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}
