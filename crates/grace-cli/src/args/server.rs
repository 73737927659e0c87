//! The server that is asked.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;
use grace_core::model::Api;

/// Which server, and how it is spoken to. A key is taken from `OPENAI_API_KEY`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServerArgs {
    /// Address of a running OpenAI-compatible server, such as `http://127.0.0.1:8000/v1` [env: also `OPENAI_BASE_URL`]
    #[arg(
        long,
        visible_alias = "endpoint",
        value_name = "URL",
        env = "GRACE_BASE_URL"
    )]
    pub(crate) base_url: Option<String>,
    /// Requests in flight at most
    #[arg(
        long,
        value_name = "N",
        default_value = "64",
        env = "GRACE_MAX_CONNECTIONS"
    )]
    pub(crate) max_connections: NonZeroUsize,
    /// How long to wait for a server that is away or loading, at the start and for each request
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds, env = "GRACE_TIMEOUT")]
    pub(crate) timeout: Duration,
    /// How long a single try of a request may take
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds, env = "GRACE_REQUEST_TIMEOUT")]
    pub(crate) request_timeout: Duration,
    /// Tries of a request that the server fails
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..), env = "GRACE_MAX_ATTEMPTS")]
    pub(crate) max_attempts: u32,
}

/// `completions` or `chat`.
pub(crate) fn api(text: &str) -> Result<Api, String> {
    text.parse()
        .map_err(|error: grace_core::model::ApiError| error.to_string())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok();
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| String::from("expected a number of seconds over 0, such as 600"))
}
