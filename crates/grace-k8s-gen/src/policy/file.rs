//! Policy files.

use std::collections::BTreeMap;

use grace_core::Problems;
use grace_core::quantity::Quantity;
use grace_core::yaml::{Document, Field, Mapping};

/// The rules of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Its name in messages.
    pub name: String,
    /// What it is about.
    pub title: String,
    /// When it was compared with its sources.
    pub as_of: String,
    /// Where the rules are published.
    pub sources: Vec<String>,
    /// The rules.
    pub rules: Rules,
}

/// Rules; one that is absent is not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules {
    /// How far limits may be over requests.
    pub limits_to_requests: Option<LimitsToRequests>,
    /// Pods at the same time beyond which limits must equal requests.
    pub equal_limits_over_pods: Option<u32>,
    /// Programs that no container may run.
    pub forbidden_commands: Vec<String>,
    /// Programs that no container may call with `install`.
    pub installers: Vec<String>,
    /// Variables that may not point to a claim.
    pub install_variables: Vec<String>,
    /// GPUs of one pod, without an exception.
    pub gpus_per_pod: Option<u32>,
    /// Parts of names of GPUs that must be applied for.
    pub scarce_gpus: Vec<String>,
    /// Priority classes that may be chosen; empty: any.
    pub priority_classes: Vec<String>,
    /// Storage classes that may not be chosen.
    pub forbidden_storage_classes: Vec<String>,
    /// The longest name of an object.
    pub most_name_characters: Option<u32>,
    /// Jobs at the same time.
    pub most_jobs: Option<u32>,
    /// Whether pods must keep to the profile `restricted` of the Pod Security Standards.
    pub restricted: bool,
}

/// How far limits may be over requests.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitsToRequests {
    /// The limit in percent of the request.
    pub most_percent: u32,
    /// The resources that the rule is about.
    pub resources: Vec<String>,
    /// Requests up to which the rule does not hold, by resource.
    pub exempt_up_to: BTreeMap<String, Quantity>,
}

/// A policy that grace carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// The YAML text.
    pub text: &'static str,
}

/// All policies that grace carries.
pub const BUILTIN: [Builtin; 2] = [
    Builtin {
        name: "nrp",
        text: include_str!("../../policies/nrp.yaml"),
    },
    Builtin {
        name: "restricted",
        text: include_str!("../../policies/restricted.yaml"),
    },
];

impl Policy {
    /// The built-in policy `name`.
    pub fn builtin(name: &str) -> Option<Result<Self, Problems>> {
        let policy = BUILTIN.iter().find(|policy| policy.name == name)?;
        Some(Self::parse(&format!("{name}.yaml (built in)"), policy.text))
    }

    /// Reads the text of a policy file; `file` names it in messages.
    ///
    /// # Errors
    ///
    /// Returns every mistake in the file, with line and key.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problems> {
        let document = Document::parse(file, text)?;
        let policy = policy(&document.root());
        document.finish(policy)
    }
}

fn policy(root: &Field<'_>) -> Option<Policy> {
    let map = root.mapping(&["policy", "title", "as_of", "sources", "rules"])?;
    let name = map.required("policy").and_then(Field::text);
    let title = map
        .optional("title")
        .map_or(Some(String::new()), Field::text);
    let as_of = map.required("as_of").and_then(|field| {
        field.parsed("a day such as 2026-11-25", |text| {
            is_day(text).then(|| text.to_owned())
        })
    });
    let sources = texts(&map, "sources");
    let rules = map.required("rules").and_then(rules);
    Some(Policy {
        name: name?,
        title: title?,
        as_of: as_of?,
        sources: sources?,
        rules: rules?,
    })
}

fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [4, 2, 2]
        && parts
            .iter()
            .all(|part| part.chars().all(|c| c.is_ascii_digit()))
}

fn rules(field: &Field<'_>) -> Option<Rules> {
    let map = field.mapping(&[
        "limits_to_requests",
        "equal_limits_over_pods",
        "forbidden_commands",
        "installers",
        "install_variables",
        "gpus_per_pod",
        "scarce_gpus",
        "priority_classes",
        "forbidden_storage_classes",
        "most_name_characters",
        "most_jobs",
        "pod_security",
    ])?;
    let number = |key: &str| {
        map.optional(key).map_or(Some(None), |field| {
            Some(u32::try_from(field.integer(0, 1_000_000)?).ok())
        })
    };
    let limits = map
        .optional("limits_to_requests")
        .map_or(Some(None), |field| limits(field).map(Some));
    let equal_limits_over_pods = number("equal_limits_over_pods");
    let forbidden_commands = texts(&map, "forbidden_commands");
    let installers = texts(&map, "installers");
    let install_variables = texts(&map, "install_variables");
    let gpus_per_pod = number("gpus_per_pod");
    let scarce_gpus = texts(&map, "scarce_gpus");
    let priority_classes = texts(&map, "priority_classes");
    let forbidden_storage_classes = texts(&map, "forbidden_storage_classes");
    let most_name_characters = number("most_name_characters");
    let most_jobs = number("most_jobs");
    let restricted = map.optional("pod_security").map_or(Some(false), |field| {
        field.parsed("`restricted` or `none`", |text| match text {
            "restricted" => Some(true),
            "none" => Some(false),
            _ => None,
        })
    });
    Some(Rules {
        limits_to_requests: limits?,
        equal_limits_over_pods: equal_limits_over_pods?,
        forbidden_commands: forbidden_commands?,
        installers: installers?,
        install_variables: install_variables?,
        gpus_per_pod: gpus_per_pod?,
        scarce_gpus: scarce_gpus?,
        priority_classes: priority_classes?,
        forbidden_storage_classes: forbidden_storage_classes?,
        most_name_characters: most_name_characters?,
        most_jobs: most_jobs?,
        restricted: restricted?,
    })
}

fn limits(field: &Field<'_>) -> Option<LimitsToRequests> {
    let map = field.mapping(&["most_percent", "resources", "exempt_up_to"])?;
    let most_percent = map
        .required("most_percent")
        .and_then(|field| field.integer(100, 10_000));
    let resources = map.required("resources").and_then(Field::texts);
    let exempt = map.optional("exempt_up_to").map_or_else(
        || Some(BTreeMap::new()),
        |field| {
            let amount = |(key, field): (&str, &Field<'_>)| {
                let amount = field.parsed("a quantity such as `2Gi`", |text| text.parse().ok())?;
                Some((key.to_owned(), amount))
            };
            let amounts: Vec<_> = field.any_mapping()?.entries().map(amount).collect();
            amounts.into_iter().collect()
        },
    );
    Some(LimitsToRequests {
        most_percent: u32::try_from(most_percent?).ok()?,
        resources: resources?,
        exempt_up_to: exempt?,
    })
}

fn texts(map: &Mapping<'_>, key: &str) -> Option<Vec<String>> {
    map.optional(key)
        .map_or_else(|| Some(Vec::new()), Field::texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_policy_is_valid_dated_and_named() {
        for policy in BUILTIN {
            let read = Policy::builtin(policy.name).unwrap().unwrap();
            assert_eq!(read.name, policy.name);
            assert!(is_day(&read.as_of) && !read.sources.is_empty());
        }
        assert!(Policy::builtin("nope").is_none());
    }

    #[test]
    fn mistakes_in_a_policy_come_at_once() {
        let text = "policy: lab\nas_of: soon\nrules:\n  gpus_per_pod: many\n  no_such_rule: 1\n  pod_security: strict\n  limits_to_requests: {most_percent: 90, resources: [cpu], exempt_up_to: {cpu: x}}\n";
        let problems = Policy::parse("p.yaml", text).unwrap_err();
        let lines: Vec<u64> = problems
            .as_slice()
            .iter()
            .filter_map(|problem| problem.line)
            .collect();
        assert_eq!(lines, [2, 4, 5, 6, 7, 7], "{problems}");
    }
}
