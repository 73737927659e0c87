//! A replication that an earlier script wrote.

use std::path::PathBuf;

use grace_core::Digest;
use grace_core::layout::METADATA;
use serde_json::value::RawValue;

use super::{Replication, read_records};
use crate::completeness::FindingKind;
use crate::find::{self, entries};
use crate::read::Origin;

impl Replication {
    /// Reads what an earlier script wrote: every `.json` that holds an array.
    pub(super) fn legacy(&mut self, buffer: &mut Vec<u8>) {
        let folder = self.folder.clone();
        let paths = entries(&folder).unwrap_or_default();
        let records: Vec<&PathBuf> = paths
            .iter()
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "json")
            })
            .filter(|path| find::name(path) != METADATA)
            .collect();
        if records.is_empty() {
            let message = "holds no records: it never began";
            return self.leave_out(folder, FindingKind::Missing, message);
        }
        if self.index.is_none() {
            let message =
                "does not tell which replication it is: expected a name such as replication-0";
            return self.leave_out(folder, FindingKind::Refused, message);
        }
        for path in records {
            match read_records(path, Origin::Legacy, buffer) {
                Ok(()) => {
                    let experiment = find::name(path).trim_end_matches(".json").to_owned();
                    self.records(path, &experiment, buffer);
                }
                Err(error) => {
                    self.leave_out(
                        path,
                        FindingKind::Broken,
                        format!("cannot be read: {error}"),
                    );
                }
            }
        }
    }
}

/// The digest of the records in any order: with one seed for all replications and an order for each, the same answers
/// stand in another order.
pub(super) fn content(bytes: &[u8]) -> Option<Digest> {
    let records: Vec<&RawValue> = serde_json::from_slice(bytes).ok()?;
    let mut records: Vec<&str> = records.into_iter().map(RawValue::get).collect();
    records.sort_unstable();
    Some(Digest::of(records.join("\n").as_bytes()))
}
