//! A rule that a manifest breaks.

use std::fmt;

use grace_core::yaml::Places;
use serde::Serialize;

/// A rule that a manifest breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Breach {
    /// The file that the value comes from.
    pub file: String,
    /// The line there.
    pub line: Option<u64>,
    /// The key there, as `models.tiny.resources.memory_limit`.
    pub key: String,
    /// The policy's name.
    pub policy: String,
    /// The rule's name.
    pub rule: &'static str,
    /// The object, as `Job/grace-tiny-replicated`.
    pub object: String,
    /// What was found.
    pub found: String,
    /// What the rule allows.
    pub limit: String,
    /// What to do.
    pub fix: String,
}

/// What a rule has to say, before it is known where.
#[derive(Debug)]
pub(super) struct Complaint {
    pub(super) rule: &'static str,
    /// The key in models.yaml.
    pub(super) key: String,
    pub(super) found: String,
    pub(super) limit: String,
    pub(super) fix: String,
}

impl Complaint {
    pub(super) fn about(self, object: &str, policy: &str, places: &Places) -> Breach {
        Breach {
            file: places.file().to_owned(),
            line: places.line(&self.key),
            key: self.key,
            policy: policy.to_owned(),
            rule: self.rule,
            object: object.to_owned(),
            found: self.found,
            limit: self.limit,
            fix: self.fix,
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(
            f,
            ": `{}` breaks the rule `{}` of the policy `{}` ({}): found {}, limit {}; {}",
            self.key, self.rule, self.policy, self.object, self.found, self.limit, self.fix
        )
    }
}
