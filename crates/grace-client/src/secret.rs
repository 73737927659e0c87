use std::fmt;

use http::HeaderValue;

use crate::config::ConfigError;

/// What stands in for a key wherever text could show it.
const HIDDEN: &str = "ApiKey(…)";

/// A key sent as `Authorization: Bearer …`, which nothing here ever prints.
///
/// `Debug` shows `ApiKey(…)`; there is no `Display` and no way to read the key
/// back. Error texts and bodies in which a server repeats the key are shown
/// with `ApiKey(…)` in its place.
#[derive(Clone)]
pub struct ApiKey {
    header: HeaderValue,
}

impl ApiKey {
    /// Takes a key as it is written, without `Bearer`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnusableKey`] if the key is empty or holds anything but
    /// visible ASCII; the usual case is a line break at the end of a key that
    /// was read from a file. The message names the place, never the key.
    pub fn new(key: &str) -> Result<Self, ConfigError> {
        if key.is_empty() {
            return Err(ConfigError::UnusableKey {
                reason: "it is empty".to_owned(),
            });
        }
        if let Some(place) = key.bytes().position(|byte| !byte.is_ascii_graphic()) {
            return Err(ConfigError::UnusableKey {
                reason: describe_byte(key, place),
            });
        }
        let header = HeaderValue::try_from(format!("Bearer {key}"));
        let mut header = header.map_err(|_| ConfigError::UnusableKey {
            reason: "it is no header value".to_owned(),
        })?;
        header.set_sensitive(true);
        Ok(Self { header })
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// `text` with every occurrence of the key replaced.
    pub(crate) fn redact(&self, text: &str) -> Option<String> {
        let header = self.header.to_str().ok()?;
        let key = header.strip_prefix("Bearer ")?;
        text.contains(key).then(|| text.replace(key, HIDDEN))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

fn describe_byte(key: &str, place: usize) -> String {
    let what = match key.as_bytes().get(place) {
        Some(b'\n' | b'\r') => "a line break",
        Some(b' ' | b'\t') => "a space",
        Some(byte) if byte.is_ascii() => "a control character",
        _ => "a character outside ASCII",
    };
    format!("byte {} of {} is {what}", place + 1, key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(key: &str, expected: &str) {
        let error = ApiKey::new(key).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains("sk-"), "{error:?}");
    }

    #[test]
    fn a_key_that_is_no_header_is_refused_without_showing_it() {
        check_refused("", "the API key cannot be used: it is empty");
        check_refused(
            "sk-1\n",
            "the API key cannot be used: byte 5 of 5 is a line break",
        );
        check_refused("sk 1", "the API key cannot be used: byte 3 of 4 is a space");
        check_refused(
            "sk-é",
            "the API key cannot be used: byte 4 of 5 is a character outside ASCII",
        );
        check_refused(
            "sk-\u{7}",
            "the API key cannot be used: byte 4 of 4 is a control character",
        );
    }

    #[test]
    fn nothing_prints_the_key() {
        let key = ApiKey::new("sk-verysecret").unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(…)");
        assert!(!format!("{:?}", key.header()).contains("verysecret"));
    }

    #[test]
    fn a_repeated_key_is_replaced() {
        let key = ApiKey::new("sk-verysecret").unwrap();
        assert_eq!(
            key.redact("bad key sk-verysecret.").as_deref(),
            Some("bad key ApiKey(…).")
        );
        assert_eq!(key.redact("bad key"), None);
    }
}
