//! What was asked, as the mock works with it and as tests read it.

use http::HeaderMap;
use http::request::Parts;
use serde_json::Value;

/// The parameters of a request's address, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self(
            form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    #[cfg(test)]
    pub(crate) fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(pairs.into_iter().map(owned).collect())
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// All values of a parameter that may be there more than once, such as `command` of exec.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = self.0.iter().filter(move |(other, _)| other == name);
        of_name.map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| ["", "1", "true"].contains(&value))
    }
}

/// A request as it arrived, for tests to look at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Recorded {
    /// `GET`, `PATCH`, …
    pub method: String,
    /// The path, without the parameters.
    pub path: String,
    /// The parameters.
    pub query: Query,
    /// The API's name of what is asked: get, list, watch, create, patch, delete; empty for paths that it does not know.
    pub verb: String,
    /// `jobs`, `pods/log`, …; empty for paths that the mock does not know.
    pub resource: String,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// `Authorization`, in full: it is the token that the test made.
    pub authorization: Option<String>,
    /// Whether it asks to be taken for somebody else: a header that begins with `Impersonate-`.
    pub impersonates: bool,
    /// The body as JSON, as a string if it is none, null if it is empty.
    pub body: Value,
}

impl Recorded {
    pub(crate) fn new(parts: &Parts, body: &[u8]) -> Self {
        let header = |name: &str| header(&parts.headers, name);
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: Query::parse(parts.uri.query().unwrap_or_default()),
            verb: String::new(),
            resource: String::new(),
            content_type: header("content-type"),
            user_agent: header("user-agent"),
            authorization: header("authorization"),
            impersonates: parts
                .headers
                .keys()
                .any(|name| name.as_str().starts_with("impersonate-")),
            body: read_body(body),
        }
    }

    /// `propagationPolicy` of a DELETE, from its parameters or its body.
    pub fn propagation_policy(&self) -> Option<&str> {
        let in_query = self.query.get("propagationPolicy");
        in_query.or_else(|| self.body["propagationPolicy"].as_str())
    }

    /// Whether the request only tries: `dryRun=All`.
    pub fn is_dry_run(&self) -> bool {
        self.query.get("dryRun") == Some("All") || self.body["dryRun"][0] == "All"
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

fn read_body(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body)
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into())
}
