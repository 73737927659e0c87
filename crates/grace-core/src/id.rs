//! Names of things, checked once so that they are safe in paths and columns.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name that does not follow its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no valid {what}: expected {rule}")]
pub struct IdError {
    name: String,
    what: &'static str,
    rule: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $longest:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(name: &str) -> Result<Self, IdError> {
                let allowed: fn(char) -> bool = $allowed;
                let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
                if starts_well && name.len() <= $longest && name.chars().all(allowed) {
                    return Ok(Self(name.to_owned()));
                }
                Err(IdError { name: name.to_owned(), what: $what, rule: $rule })
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(name: String) -> Result<Self, IdError> {
                name.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A model's name in `models.yaml`, such as `gemma-2b-rtx3090`; used in paths, Job names, labels.
    ///
    /// ```
    /// use grace_core::ModelKey;
    /// assert!("gemma-2b-rtx3090".parse::<ModelKey>().is_ok());
    /// assert!("../etc".parse::<ModelKey>().is_err());
    /// ```
    ModelKey,
    "model key",
    "at most 63 letters, digits, `.`, `_` and `-`, beginning with a letter or digit",
    63,
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
);

id!(
    /// An experiment's name, such as `study1_exp1`; names the files of its results.
    ExperimentId,
    "experiment id",
    "at most 63 letters, digits, `_` and `-`, beginning with a letter or digit",
    63,
    |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
);

id!(
    /// The name of a question within its experiment, such as `knowledge`.
    QueryId,
    "query id",
    "at most 63 letters, digits and `_`, beginning with a letter or digit",
    63,
    |c| c.is_ascii_alphanumeric() || c == '_'
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_their_folder_are_refused() {
        for name in [
            "",
            "..",
            "../x",
            "a/b",
            ".hidden",
            "a b",
            "ü",
            &"x".repeat(64),
        ] {
            assert!(name.parse::<ModelKey>().is_err(), "{name}");
            assert!(name.parse::<ExperimentId>().is_err(), "{name}");
        }
    }

    #[test]
    fn message_names_the_rule() {
        let error = "a/b".parse::<QueryId>().unwrap_err().to_string();
        assert!(
            error.contains("`a/b` is no valid query id: expected"),
            "{error}"
        );
    }
}
