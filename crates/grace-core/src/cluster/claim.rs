//! Volumes that outlive pods: `cluster.pvcs`.

use super::names::is_dns_subdomain;
use super::parse::{name, quantity};
use crate::quantity::Quantity;
use crate::yaml::Field;

/// A persistent volume claim.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// How large it is.
    pub size: Quantity,
    /// The storage class; without one, the cluster's default.
    pub storage_class: Option<String>,
    /// Who may mount it.
    pub access_mode: AccessMode,
    /// Whether a manifest is made for it; `false` if it is there already.
    pub create: bool,
}

/// Who may mount a volume at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessMode {
    /// Pods on any node.
    ReadWriteMany,
    /// Pods on one node.
    ReadWriteOnce,
}

impl AccessMode {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadWriteMany => "ReadWriteMany",
            Self::ReadWriteOnce => "ReadWriteOnce",
        }
    }
}

/// Reads the claim that `field` describes; its key is the claim's name.
pub(super) fn claim(key: &str, field: &Field<'_>) -> Option<Claim> {
    let map = field.mapping(&["size", "storage_class", "access_mode", "create"])?;
    if !is_dns_subdomain(key) {
        field.problem("names a claim: expected lower-case letters, digits, `-` and `.`, such as `lab-results`");
    }
    let size = map.required("size").and_then(quantity);
    let storage_class = map
        .optional("storage_class")
        .map_or(Some(None), |field| name(field).map(Some));
    let access_mode =
        map.optional("access_mode")
            .map_or(Some(AccessMode::ReadWriteMany), |field| {
                field.parsed("`ReadWriteMany` or `ReadWriteOnce`", |text| {
                    [AccessMode::ReadWriteMany, AccessMode::ReadWriteOnce]
                        .into_iter()
                        .find(|mode| mode.as_str() == text)
                })
            });
    let create = map.optional("create").map_or(Some(true), Field::boolean);
    Some(Claim {
        name: key.to_owned(),
        size: size?,
        storage_class: storage_class?,
        access_mode: access_mode?,
        create: create?,
    })
}
