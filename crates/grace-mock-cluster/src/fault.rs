//! What can go wrong between a client and the API.

use std::time::Duration;

use serde_json::Value;

/// A fault: which requests it meets, how often, and what happens to them.
///
/// ```
/// use grace_mock_cluster::{Fault, Trouble};
/// let fault = Fault::new("watch", "pods", Trouble::Cut { after: 0 }).times(3);
/// # let _ = fault;
/// ```
#[derive(Debug, Clone)]
pub struct Fault {
    verb: String,
    resource: String,
    name: Option<String>,
    left: u32,
    trouble: Trouble,
}

/// What happens to a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Trouble {
    /// It is answered with this code; without a body of its own the answer has a `Status` of the API.
    Status {
        /// The HTTP code.
        code: u16,
        /// The body.
        body: Option<Value>,
        /// Seconds in `Retry-After`.
        retry_after: Option<u64>,
    },
    /// The connection is closed after so many bytes of the body.
    Cut {
        /// The bytes that still arrive.
        after: usize,
    },
    /// The body ends as if it were whole after so many bytes: a log that stops though its container goes on.
    End {
        /// The bytes that arrive.
        after: usize,
    },
    /// Nothing is answered; of a watch or a followed log the head is.
    Silent,
    /// The answer comes late.
    Slow(Duration),
}

impl Trouble {
    /// An answer with a code alone.
    pub fn status(code: u16) -> Self {
        Self::Status {
            code,
            body: None,
            retry_after: None,
        }
    }

    /// The answer of a recording.
    ///
    /// # Panics
    ///
    /// If there is no such recording, or it holds no response.
    pub fn recorded(name: &str) -> Self {
        let response = crate::recorded(name)["response"].take();
        let code = response["status"].as_u64().map(u16::try_from);
        Self::Status {
            code: code
                .and_then(Result::ok)
                .unwrap_or_else(|| panic!("recording {name} has no response with a status")),
            retry_after: response["headers"]["Retry-After"]
                .as_str()
                .and_then(|text| text.parse().ok()),
            body: Some(response["body"].clone()),
        }
    }
}

impl Fault {
    /// Meets the next request of a verb (get, list, watch, create, patch, delete or `*`) for a resource (`jobs`,
    /// `pods/log` or `*`).
    pub fn new(verb: &str, resource: &str, trouble: Trouble) -> Self {
        Self {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            name: None,
            left: 1,
            trouble,
        }
    }

    /// Meets so many requests; `u32::MAX` is always.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.left = times;
        self
    }

    /// Meets only requests for the object of this name.
    #[must_use]
    pub fn on(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    fn meets(&self, verb: &str, resource: &str, name: &str) -> bool {
        self.left > 0
            && is(&self.verb, verb)
            && is(&self.resource, resource)
            && self.name.as_ref().is_none_or(|wanted| wanted == name)
    }
}

/// Whether a pattern is this word, or any.
pub(crate) fn is(pattern: &str, word: &str) -> bool {
    pattern == "*" || pattern == word
}

/// The trouble that the first fitting fault makes, which is then one time fewer.
pub(crate) fn strike(
    faults: &mut Vec<Fault>,
    verb: &str,
    resource: &str,
    name: &str,
) -> Option<Trouble> {
    let fault = faults
        .iter_mut()
        .find(|fault| fault.meets(verb, resource, name))?;
    if fault.left != u32::MAX {
        fault.left -= 1;
    }
    let trouble = fault.trouble.clone();
    faults.retain(|fault| fault.left > 0);
    Some(trouble)
}
