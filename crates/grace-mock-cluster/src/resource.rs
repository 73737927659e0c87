//! The kinds that the mock knows, and the paths that lead to them.

use serde_json::Value;

/// A kind of the API, as its paths and its objects name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Resource {
    pub(crate) plural: &'static str,
    /// Empty for the core group.
    pub(crate) group: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) namespaced: bool,
}

const fn resource(
    plural: &'static str,
    group: &'static str,
    kind: &'static str,
    namespaced: bool,
) -> Resource {
    Resource {
        plural,
        group,
        kind,
        namespaced,
    }
}

const RESOURCES: &[Resource] = &[
    resource("jobs", "batch", "Job", true),
    resource("pods", "", "Pod", true),
    resource("events", "", "Event", true),
    resource("configmaps", "", "ConfigMap", true),
    resource("persistentvolumeclaims", "", "PersistentVolumeClaim", true),
    resource("secrets", "", "Secret", true),
    resource("serviceaccounts", "", "ServiceAccount", true),
    resource("resourcequotas", "", "ResourceQuota", true),
    resource("namespaces", "", "Namespace", false),
    resource("nodes", "", "Node", false),
    resource(
        "selfsubjectaccessreviews",
        "authorization.k8s.io",
        "SelfSubjectAccessReview",
        false,
    ),
    resource(
        "selfsubjectreviews",
        "authentication.k8s.io",
        "SelfSubjectReview",
        false,
    ),
];

impl Resource {
    pub(crate) fn find(plural: &str) -> Option<Self> {
        RESOURCES.iter().copied().find(|one| one.plural == plural)
    }

    /// `batch/v1`, or `v1` for the core group.
    pub(crate) fn api_version(self) -> String {
        if self.group.is_empty() {
            "v1".to_owned()
        } else {
            format!("{}/v1", self.group)
        }
    }

    /// `jobs.batch`, as messages of the API say it.
    pub(crate) fn qualified(self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// Writes `apiVersion` and `kind` into an object.
    pub(crate) fn mark(self, object: &mut Value) {
        object["apiVersion"] = self.api_version().into();
        object["kind"] = self.kind.into();
    }
}

/// What a path points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) resource: Resource,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

impl Target {
    /// Reads a path such as `/apis/batch/v1/namespaces/lab/jobs/x`.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let group = match parts.next()? {
            "api" => "",
            "apis" => parts.next()?,
            _ => return None,
        };
        if parts.next()? != "v1" {
            return None;
        }
        let rest: Vec<&str> = parts.collect();
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", namespace, inner @ ..] if !inner.is_empty() => (Some(*namespace), inner),
            all => (None, all),
        };
        let (plural, rest) = rest.split_first()?;
        let resource = Resource::find(plural).filter(|one| one.group == group)?;
        let mut rest = rest.iter().map(|part| (*part).to_owned());
        Some(Self {
            resource,
            namespace: namespace.map(str::to_owned),
            name: rest.next(),
            subresource: rest.next(),
        })
    }

    /// `pods/log`, as rights name it.
    pub(crate) fn right(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource.plural),
            None => self.resource.plural.to_owned(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The namespace, empty for what belongs to the cluster.
    pub(crate) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let target = Target::parse("/apis/batch/v1/namespaces/lab/jobs/x").unwrap();
        assert_eq!(
            (target.right().as_str(), target.namespace(), target.name()),
            ("jobs", "lab", "x")
        );
        let target = Target::parse("/api/v1/namespaces/lab/pods/p/log").unwrap();
        assert_eq!(target.right(), "pods/log");
        let target = Target::parse("/api/v1/pods").unwrap();
        assert_eq!((target.namespace, target.name), (None, None));
        let target = Target::parse("/api/v1/namespaces/lab").unwrap();
        assert_eq!(
            (target.right().as_str(), target.name()),
            ("namespaces", "lab")
        );
    }

    #[test]
    fn unknown_groups_and_kinds_are_not_read() {
        for path in [
            "/apis/batch/v2/jobs",
            "/api/v1/jobs",
            "/api/v1/nothing",
            "/version",
        ] {
            assert_eq!(Target::parse(path), None, "{path}");
        }
    }
}
