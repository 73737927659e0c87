//! Names, labels and annotations.

use std::collections::BTreeMap;

use grace_core::cluster::names::{is_dns_label, is_dns_subdomain, is_label_key, is_label_value};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Faults;

/// The most bytes of all annotations together.
const MOST_ANNOTATION_BYTES: usize = 262_144;

pub(super) fn check(meta: &ObjectMeta, faults: &mut Faults) {
    let name = meta.name.as_deref().unwrap_or_default();
    faults.unless(is_dns_subdomain(name), "metadata.name", || {
        format!("is `{name}`, expected a DNS subdomain")
    });
    if let Some(namespace) = &meta.namespace {
        faults.unless(is_dns_label(namespace), "metadata.namespace", || {
            format!("is `{namespace}`, expected a DNS label")
        });
    }
    labels(meta.labels.as_ref(), "metadata.labels", faults);
    let annotations = meta.annotations.iter().flatten();
    let mut bytes = 0;
    for (key, value) in annotations {
        faults.unless(is_label_key(key), "metadata.annotations", || {
            format!("has the key `{key}`, which cannot be one")
        });
        bytes += key.len() + value.len();
    }
    faults.unless(
        bytes <= MOST_ANNOTATION_BYTES,
        "metadata.annotations",
        || format!("have {bytes} bytes, expected at most {MOST_ANNOTATION_BYTES}"),
    );
}

/// Checks keys and values.
pub(super) fn labels(labels: Option<&BTreeMap<String, String>>, field: &str, faults: &mut Faults) {
    for (key, value) in labels.into_iter().flatten() {
        faults.unless(is_label_key(key), field, || {
            format!("has the key `{key}`, which cannot be one")
        });
        faults.unless(is_label_value(value), field, || {
            format!("has the value `{value}`, which cannot be one")
        });
    }
}
