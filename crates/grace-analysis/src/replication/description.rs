//! What the folder of a replication says of itself.

use std::fs;
use std::io;

use grace_core::layout::ReplicationLayout;
use grace_core::metadata::{Counts, Metadata, SCHEMA, Status};
use serde_json::Value;

use crate::completeness::FindingKind;

/// What a folder says of itself.
pub(super) enum Description {
    ByGrace(Box<Metadata>),
    NotAtAll,
}

/// Reads `metadata.json`.
///
/// # Errors
///
/// Returns why the replication must be left out: damaged, or of another format, or begun without metadata.
pub(super) fn describe(layout: &ReplicationLayout) -> Result<Description, (FindingKind, String)> {
    let begun = layout.attempts().is_dir()
        || layout.manifest().exists()
        || layout.sealing().folder().exists();
    let broken = |message: String| (FindingKind::Broken, message);
    let bytes = match fs::read(layout.metadata()) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound && begun => {
            let message = String::from("is not there, though a replication was begun");
            return Err((FindingKind::Missing, message));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Description::NotAtAll),
        Err(error) => return Err(broken(format!("cannot be read: {error}"))),
    };
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
        broken(format!(
            "cannot be read as the description of a replication: {error}"
        ))
    })?;
    match value.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => {}
        None if !begun && value.is_object() => return Ok(Description::NotAtAll),
        found => {
            let found = found.unwrap_or("none");
            let message = format!("has the format `{found}`, expected `{SCHEMA}`");
            return Err((FindingKind::Refused, message));
        }
    }
    serde_json::from_slice(&bytes)
        .map(|metadata| Description::ByGrace(Box::new(metadata)))
        .map_err(|error| {
            broken(format!(
                "cannot be read as the description of a replication: {error}"
            ))
        })
}

/// How far a replication without a manifest is.
pub(super) fn unsealed(metadata: &Metadata) -> String {
    let status = match metadata.status {
        Status::Running => "running",
        Status::Complete => "complete",
        Status::Incomplete => "incomplete",
        _ => "failed",
    };
    let counts = metadata.counts.iter().map(|(_, counts)| counts);
    let open: u64 = counts.map(Counts::outstanding).sum();
    if open > 0 {
        return format!("is not sealed: its status is `{status}`, {open} queries are open");
    }
    format!("is not sealed: its status is `{status}`")
}
