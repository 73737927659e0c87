use std::{error::Error, num::NonZeroUsize, time::Duration, time::SystemTime};

use reqwest::Url;

use crate::{retry::RetryPolicy, secret::ApiKey};

/// What a [`Client`](crate::Client) needs to know: where the server is, and
/// how patient to be.
///
/// Nothing is read from the environment. Every setting but the address has a
/// default:
///
/// | setting | default |
/// |---|---|
/// | connect timeout | 10 s |
/// | attempt timeout | 300 s |
/// | retry | [`RetryPolicy::new`] |
/// | connections | 64 |
/// | size of an answer | 64 MiB |
#[derive(Debug, Clone)]
pub struct ClientConfig {
    pub(crate) root: String,
    pub(crate) api_key: Option<ApiKey>,
    pub(crate) connect_timeout: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) max_connections: NonZeroUsize,
    pub(crate) max_body_bytes: usize,
    pub(crate) jitter_seed: Option<u64>,
    pub(crate) clock: fn() -> SystemTime,
}

impl ClientConfig {
    /// Points at the server `base_url`: `http://host:8000`,
    /// `http://host:8000/v1` and either with a trailing slash mean the same.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if this is no `http` or `https` URL, if it carries a
    /// user name, password, query or fragment, or if it is `https` and the
    /// crate was built without its feature `tls`.
    pub fn new(base_url: &str) -> Result<Self, ConfigError> {
        let root = parse_base_url(base_url)?;
        Ok(Self {
            root,
            api_key: None,
            connect_timeout: Duration::from_secs(10),
            attempt_timeout: Duration::from_mins(5),
            retry: RetryPolicy::new(),
            max_connections: const { NonZeroUsize::new(64).expect("64 is not zero") },
            max_body_bytes: 64 << 20,
            jitter_seed: None,
            clock: system_clock,
        })
    }

    /// Sends this key with every request.
    #[must_use]
    pub fn with_api_key(mut self, key: ApiKey) -> Self {
        self.api_key = Some(key);
        self
    }

    /// Limits the time until a connection stands; 10 s by default.
    #[must_use]
    pub fn with_connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Limits one attempt, from the moment it has a connection slot until its
    /// answer is read to the end; 300 s by default.
    ///
    /// Servers that are told to stop may neither answer nor close, so there is
    /// always such a limit. Set it from `max_tokens`.
    #[must_use]
    pub fn with_attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = limit;
        self
    }

    /// Sets when failed attempts are made again.
    #[must_use]
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Limits the attempts that are under way at one time; 64 by default. A
    /// request that waits before its next attempt holds no place.
    #[must_use]
    pub fn with_max_connections(mut self, limit: NonZeroUsize) -> Self {
        self.max_connections = limit;
        self
    }

    /// Limits the size of an answer in bytes; 64 MiB by default. Longer ones
    /// end the request with [`RequestErrorKind::TooLarge`](crate::RequestErrorKind::TooLarge).
    #[must_use]
    pub fn with_max_body_bytes(mut self, limit: usize) -> Self {
        self.max_body_bytes = limit;
        self
    }

    /// Fixes the random part of the waits between attempts, for tests. By
    /// default it differs between processes, so that many clients of one
    /// server do not come back in step.
    #[must_use]
    pub fn with_jitter_seed(mut self, seed: u64) -> Self {
        self.jitter_seed = Some(seed);
        self
    }

    /// Sets the clock that a `Retry-After` date is compared with if the server
    /// sends no `Date`; the system's by default.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> SystemTime) -> Self {
        self.clock = clock;
        self
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the default of an injectable clock"
)]
fn system_clock() -> SystemTime {
    SystemTime::now()
}

/// Gives the URL without `/v1` and trailing slashes.
fn parse_base_url(text: &str) -> Result<String, ConfigError> {
    let shown = without_credentials(text);
    let url = Url::parse(text).map_err(|error| ConfigError::InvalidUrl {
        url: shown.clone(),
        reason: error.to_string(),
    })?;
    let scheme = url.scheme();
    if !matches!(scheme, "http" | "https") {
        return Err(ConfigError::UnknownScheme {
            scheme: scheme.to_owned(),
            url: shown,
        });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConfigError::CredentialsInUrl { url: shown });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigError::InvalidUrl {
            url: shown,
            reason: "a base URL has no `?` or `#` part".to_owned(),
        });
    }
    if scheme == "https" && !cfg!(feature = "tls") {
        return Err(ConfigError::NoTls { url: shown });
    }
    let root = url.as_str().trim_end_matches('/');
    let root = root.strip_suffix("/v1").unwrap_or(root);
    Ok(root.trim_end_matches('/').to_owned())
}

/// Cuts what stands between `//` and the last `@`.
fn without_credentials(url: &str) -> String {
    match (url.split_once("//"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}//{rest}"),
        (None, Some((_, rest))) => rest.to_owned(),
        _ => url.to_owned(),
    }
}

/// Why a client cannot be made from its settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The base URL is no URL, or has parts that a base URL cannot have.
    #[error("base URL `{url}` cannot be used: {reason}")]
    #[non_exhaustive]
    InvalidUrl {
        /// The URL as given, without credentials.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The base URL is neither `http` nor `https`.
    #[error("base URL `{url}` has scheme `{scheme}`, expected `http` or `https`")]
    #[non_exhaustive]
    UnknownScheme {
        /// The URL as given, without credentials.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// The base URL holds a user name or password, which logs would show.
    #[error("base URL `{url}` was given with a user name or password; pass an API key instead")]
    #[non_exhaustive]
    CredentialsInUrl {
        /// The URL as given, without credentials.
        url: String,
    },
    /// The base URL is `https` but the crate was built without TLS.
    #[error("base URL `{url}` needs HTTPS, which this build leaves out (feature `tls`)")]
    #[non_exhaustive]
    NoTls {
        /// The URL as given.
        url: String,
    },
    /// The API key cannot be sent as a header.
    #[error("the API key cannot be used: {reason}")]
    #[non_exhaustive]
    UnusableKey {
        /// What is wrong with it, without the key.
        reason: String,
    },
    /// The HTTP client could not be set up, for example because the system's
    /// root certificates cannot be read.
    #[error("the HTTP client could not be set up")]
    #[non_exhaustive]
    Setup {
        /// What the HTTP library says.
        source: Box<dyn Error + Send + Sync>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_root(url: &str, expected: &str) {
        assert_eq!(ClientConfig::new(url).unwrap().root, expected, "{url}");
    }

    #[track_caller]
    fn check_refused(url: &str, expected: &str) {
        let error = ClientConfig::new(url).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn all_spellings_of_an_address_mean_the_same() {
        check_root("http://h:8000", "http://h:8000");
        check_root("http://h:8000/", "http://h:8000");
        check_root("http://h:8000/v1", "http://h:8000");
        check_root("http://h:8000/v1/", "http://h:8000");
        check_root("http://h:8000//v1//", "http://h:8000");
        check_root("http://[::1]:80/v1", "http://[::1]");
        check_root("http://h/team/a/v1", "http://h/team/a");
    }

    #[test]
    fn unusable_addresses_are_refused() {
        check_refused(
            "h:8000",
            "base URL `h:8000` has scheme `h`, expected `http` or `https`",
        );
        check_refused(
            "localhost",
            "base URL `localhost` cannot be used: relative URL without a base",
        );
        check_refused(
            "http://h/v1?key=1",
            "base URL `http://h/v1?key=1` cannot be used: a base URL has no `?` or `#` part",
        );
    }

    #[test]
    fn credentials_are_refused_and_not_repeated() {
        check_refused(
            "http://user:hunter2@h:8000",
            "base URL `http://h:8000` was given with a user name or password; pass an API key instead",
        );
        check_refused(
            "http://user:hunter2@h:port",
            "base URL `http://h:port` cannot be used: invalid port number",
        );
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn https_without_the_feature_is_an_error() {
        check_refused(
            "https://h",
            "base URL `https://h` needs HTTPS, which this build leaves out (feature `tls`)",
        );
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let config = ClientConfig::new("http://h")
            .unwrap()
            .with_api_key(ApiKey::new("hunter2").unwrap());
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
