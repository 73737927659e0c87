//! YAML text into the Kubernetes types, with nothing left over.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A manifest as Kubernetes understands it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Object {
    /// A Job.
    Job(Box<Job>),
    /// A persistent volume claim.
    Claim(Box<PersistentVolumeClaim>),
    /// A `ConfigMap`.
    ConfigMap(Box<ConfigMap>),
    /// A pod of its own.
    Pod(Box<Pod>),
    /// A list of manifests, for `kubectl apply -k`.
    Kustomization(Kustomization),
}

/// A list of manifests, for `kubectl apply -k`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Kustomization {
    /// The version of the format.
    pub api_version: String,
    /// `Kustomization`.
    pub kind: String,
    /// Files and folders, relative to its own.
    pub resources: Vec<String>,
}

/// A text that is no such object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TypedError {
    /// No YAML, or values of another type than the field has.
    #[error("is no valid object")]
    Invalid(#[from] serde_yaml::Error),
    /// Fields that the type does not have.
    #[error("has the unknown field `{}`", .0.join("`, `"))]
    UnknownFields(Vec<String>),
}

/// Reads `text` as a `T`.
///
/// # Errors
///
/// Returns an error for text that is no YAML, a value of the wrong type, and any field that `T` does not have.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, TypedError> {
    let mut unknown = Vec::new();
    let object = serde_ignored::deserialize(serde_yaml::Deserializer::from_str(text), |path| {
        // A `?` stands for an optional field on the way.
        unknown.push(path.to_string().replace(".?", ""));
    })?;
    if unknown.is_empty() {
        Ok(object)
    } else {
        Err(TypedError::UnknownFields(unknown))
    }
}

impl Object {
    /// Its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Job(_) => "Job",
            Self::Claim(_) => "PersistentVolumeClaim",
            Self::ConfigMap(_) => "ConfigMap",
            Self::Pod(_) => "Pod",
            Self::Kustomization(_) => "Kustomization",
        }
    }

    /// Its name; a kustomization has none.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Job(job) => job.metadata.name.as_deref(),
            Self::Claim(claim) => claim.metadata.name.as_deref(),
            Self::ConfigMap(map) => map.metadata.name.as_deref(),
            Self::Pod(pod) => pod.metadata.name.as_deref(),
            Self::Kustomization(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_refused_at_any_depth() {
        let text = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\nspec:\n  completion: 3\n  template:\n    spec:\n      containers:\n        - {name: a, imagePullpolicy: Never}\n";
        let error = parse::<Job>(text).unwrap_err().to_string();
        assert_eq!(
            error,
            "has the unknown field `spec.completion`, `spec.template.spec.containers.0.imagePullpolicy`"
        );
    }

    #[test]
    fn values_of_another_type_are_refused() {
        for text in [
            "apiVersion: batch/v1\nkind: Job\nspec: {completions: \"3\", template: {}}\n",
            "kind: Pod\n",
            "- 1\n",
            "a: [",
        ] {
            assert!(parse::<Job>(text).is_err(), "{text}");
        }
    }
}
