//! The rights that commands need in the namespace.

use std::collections::BTreeMap;

use super::check::Check;
use crate::error::ClusterError;

/// From this minor version on, exec over a `WebSocket` needs `create` besides `get`
/// (`AuthorizePodWebsocketUpgradeCreatePermission`, kubernetes/kubernetes#134577).
const CREATE_FOR_EXEC: u32 = 35;

/// A kind of object with the verbs that are needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rights {
    pub(super) group: &'static str,
    pub(super) resource: &'static str,
    pub(super) subresource: Option<&'static str>,
    pub(super) verbs: &'static [&'static str],
    /// Which commands need them.
    pub(super) by: &'static [&'static str],
    /// What is lost without them, if commands go on.
    pub(super) without: Option<&'static str>,
}

const fn rights(
    resource: &'static str,
    verbs: &'static [&'static str],
    by: &'static [&'static str],
) -> Rights {
    Rights {
        group: "",
        resource,
        subresource: None,
        verbs,
        by,
        without: None,
    }
}

/// All rights, as DESIGN 9's commands use them.
pub(super) const RIGHTS: [Rights; 8] = [
    Rights {
        group: "batch",
        ..rights(
            "jobs",
            &["get", "list", "watch", "create", "patch", "delete"],
            &["launch", "status", "cancel"],
        )
    },
    rights(
        "pods",
        &["get", "list", "watch", "create", "delete"],
        &["launch", "status", "logs", "collect"],
    ),
    Rights {
        subresource: Some("log"),
        ..rights("pods", &["get"], &["launch", "logs"])
    },
    Rights {
        subresource: Some("exec"),
        ..rights("pods", &["get", "create"], &["collect"])
    },
    Rights {
        without: Some("reasons that only events tell stay unknown"),
        ..rights("events", &["list", "watch"], &["launch", "status"])
    },
    rights(
        "persistentvolumeclaims",
        &["get", "create", "patch"],
        &["launch", "collect"],
    ),
    rights("configmaps", &["get", "create", "patch"], &["launch"]),
    Rights {
        without: Some("`doctor` cannot look for the key of the token"),
        ..rights("secrets", &["get"], &["doctor"])
    },
];

/// The answer to "may I", by verb.
pub(super) type Answers = BTreeMap<&'static str, Result<bool, ClusterError>>;

impl Rights {
    /// Its name, as `pods/exec`.
    pub(super) fn name(&self) -> String {
        match self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource),
            None => self.resource.to_owned(),
        }
    }

    /// Whether `verb` is only needed where something is still to be made, or by newer servers.
    fn is_needed(&self, verb: &str, minor: Option<u32>, creates: bool) -> bool {
        match (self.name().as_str(), verb) {
            ("pods/exec", "create") => minor.is_none_or(|minor| minor >= CREATE_FOR_EXEC),
            ("persistentvolumeclaims" | "configmaps", "create" | "patch") => creates,
            ("jobs", "delete") => false,
            _ => true,
        }
    }

    /// What the answers mean. `minor` is the server's version, `creates` says whether objects of this kind are to be made.
    pub(super) fn judge(&self, answers: &Answers, minor: Option<u32>, creates: bool) -> Check {
        let name = format!("rights: {}", self.name());
        let verbs = |is: &dyn Fn(&Result<bool, ClusterError>) -> bool| -> Vec<&str> {
            let meant = answers.iter().filter(|(_, answer)| is(answer));
            meant.map(|(verb, _)| *verb).collect()
        };
        if let Some(Err(error)) = answers.values().find(|it| it.is_err()) {
            return Check::unknown(name, error.to_string());
        }
        let missing = verbs(&|it| matches!(it, Ok(false)));
        if missing.is_empty() {
            return Check::ok(name, format!("{} allowed", self.verbs.join(", ")));
        }
        let need = if self.by.len() > 1 { "need" } else { "needs" };
        let found = format!(
            "{} missing, which {} {need}",
            missing.join(", "),
            self.by.join(", ")
        );
        if let Some(without) = self.without {
            return Check::warn(name, found).advise(format!("{without}; {}", self.ask(&missing)));
        }
        let needed: Vec<&str> = missing
            .iter()
            .copied()
            .filter(|verb| self.is_needed(verb, minor, creates))
            .collect();
        if needed.is_empty() {
            let why = match self.name().as_str() {
                "pods/exec" => "servers from 1.35 on ask for it",
                "jobs" => "only `--delete-finished` and `cancel --delete` need it",
                _ => "nothing of this kind is to be made",
            };
            return Check::warn(name, found).advise(format!("{why}; {}", self.ask(&missing)));
        }
        Check::fail(name, found).advise(self.ask(&missing))
    }

    fn ask(&self, verbs: &[&str]) -> String {
        format!(
            "ask whoever administers the namespace for a Role with {{apiGroups: [\"{}\"], resources: [{}], verbs: [{}]}}",
            self.group,
            self.name(),
            verbs.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn judge(name: &str, missing: &[&str], minor: u32, creates: bool) -> Check {
        let rights = RIGHTS.iter().find(|it| it.name() == name).unwrap();
        let answers = rights
            .verbs
            .iter()
            .map(|verb| (*verb, Ok(!missing.contains(verb))));
        rights.judge(&answers.collect(), Some(minor), creates)
    }

    #[test]
    fn a_missing_right_fails_with_the_rule_to_ask_for() {
        let check = judge("jobs", &["patch", "create"], 36, true);
        assert_eq!(check.verdict, Verdict::Fail);
        assert_eq!(
            check.found,
            "create, patch missing, which launch, status, cancel need"
        );
        assert!(
            check
                .advice
                .unwrap()
                .contains("apiGroups: [\"batch\"], resources: [jobs], verbs: [create, patch]")
        );
        assert_eq!(judge("jobs", &[], 36, true).verdict, Verdict::Ok);
    }

    #[test]
    fn create_on_exec_is_needed_by_newer_servers_alone() {
        assert_eq!(
            judge("pods/exec", &["create"], 34, true).verdict,
            Verdict::Warn
        );
        assert_eq!(
            judge("pods/exec", &["create"], 35, true).verdict,
            Verdict::Fail
        );
        assert_eq!(
            judge("pods/exec", &["get"], 34, true).verdict,
            Verdict::Fail
        );
    }

    #[test]
    fn what_commands_do_without_is_a_warning() {
        assert_eq!(judge("jobs", &["delete"], 36, true).verdict, Verdict::Warn);
        assert_eq!(judge("events", &["watch"], 36, true).verdict, Verdict::Warn);
        assert_eq!(judge("secrets", &["get"], 36, true).verdict, Verdict::Warn);
        assert_eq!(
            judge("persistentvolumeclaims", &["create"], 36, false).verdict,
            Verdict::Warn
        );
        assert_eq!(
            judge("persistentvolumeclaims", &["create"], 36, true).verdict,
            Verdict::Fail
        );
        assert_eq!(
            judge("persistentvolumeclaims", &["get"], 36, false).verdict,
            Verdict::Fail
        );
    }
}
