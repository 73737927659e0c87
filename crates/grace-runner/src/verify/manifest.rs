//! Whether the sealed files are those that were sealed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use grace_core::Digest;
use grace_core::digest::Hasher;
use grace_core::layout::{MANIFEST, ReplicationLayout};

use super::report::ReplicationReport;

/// Compares the files of a replication with its manifest.
pub(super) fn check(layout: &ReplicationLayout, report: &mut ReplicationReport) {
    let before = report.faults.len();
    let listed = match fs::read_to_string(layout.manifest()) {
        Ok(text) => parse(&text, report),
        Err(error) => {
            report.hash_fault(format!("{MANIFEST} cannot be read: {error}"));
            return;
        }
    };
    for (name, expected) in &listed {
        match digest(&layout.sealed().file(name)) {
            Ok(found) if found == *expected => {}
            Ok(found) => report.hash_fault(format!(
                "{name} changed: its SHA-256 is {found}, sealed was {expected}"
            )),
            Err(error) => report.hash_fault(format!(
                "{name} is in {MANIFEST} and cannot be read: {error}"
            )),
        }
    }
    for name in unlisted(layout, &listed) {
        report.fault(format!(
            "{name} is not in {MANIFEST}: it was not part of what was sealed"
        ));
    }
    report.hashes_hold = Some(report.faults.len() == before);
}

fn parse(text: &str, report: &mut ReplicationReport) -> BTreeMap<String, Digest> {
    let mut listed = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let entry = line.split_once("  ");
        match entry.map(|(digest, name)| (Digest::try_from(digest.to_owned()), name)) {
            Some((Ok(digest), name)) if !name.contains('/') => {
                listed.insert(name.to_owned(), digest);
            }
            _ => report.hash_fault(format!(
                "{MANIFEST}:{}: is not a digest and a file name",
                number + 1
            )),
        }
    }
    listed
}

fn unlisted(layout: &ReplicationLayout, listed: &BTreeMap<String, Digest>) -> Vec<String> {
    let entries = fs::read_dir(layout.folder())
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name != MANIFEST && !name.starts_with('.') && !listed.contains_key(name))
        .collect();
    names.sort();
    names
}

fn digest(path: &Path) -> std::io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(hasher.finish());
        }
        hasher.update(&buffer[..count]);
    }
}
