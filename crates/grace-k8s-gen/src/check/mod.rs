//! What an API server would refuse, said before it is asked.
//!
//! The rules are those of the server's own validation, as far as they can touch what grace makes; recorded answers of a
//! real server hold them to it.

mod job;
mod meta;
mod pod;

use std::fmt;

use crate::typed::Object;

/// The most bytes of an object: etcd takes 1.5 MiB, and the server adds fields of its own.
const MOST_BYTES: usize = 1_400_000;

/// Why a cluster would refuse a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The field, as `spec.template.spec.restartPolicy`.
    pub field: String,
    /// What was found there and what is expected.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field, self.message)
    }
}

/// The faults that were found so far.
#[derive(Debug, Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn push(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let (field, message) = (field.into(), message.into());
        self.0.push(Fault { field, message });
    }

    fn unless(&mut self, holds: bool, field: &str, message: impl FnOnce() -> String) {
        if !holds {
            self.push(field, message());
        }
    }
}

/// Why a cluster would refuse `object`, whose text has `bytes` bytes; empty if it would not.
pub fn object(object: &Object, bytes: usize) -> Vec<Fault> {
    let mut faults = Faults::default();
    match object {
        Object::Job(job) => job::check(job, &mut faults),
        Object::Claim(claim) => {
            meta::check(&claim.metadata, &mut faults);
            let spec = claim.spec.as_ref();
            let storage = spec
                .and_then(|spec| spec.resources.as_ref()?.requests.as_ref()?.get("storage"))
                .is_some();
            faults.unless(storage, "spec.resources.requests.storage", || {
                String::from("is required")
            });
        }
        Object::ConfigMap(map) => {
            meta::check(&map.metadata, &mut faults);
            let text = map
                .data
                .iter()
                .flatten()
                .map(|(key, text)| key.len() + text.len())
                .sum::<usize>();
            faults.unless(text <= 1 << 20, "data", || {
                format!("has {text} bytes, expected at most {}", 1 << 20)
            });
        }
        Object::Pod(it) => {
            meta::check(&it.metadata, &mut faults);
            match &it.spec {
                Some(spec) => pod::check(spec, "spec", &mut faults),
                None => faults.push("spec", "is required"),
            }
        }
        Object::Kustomization(_) => {}
    }
    faults.unless(bytes <= MOST_BYTES, "metadata", || {
        format!("is part of {bytes} bytes, expected at most {MOST_BYTES}")
    });
    faults.0
}
