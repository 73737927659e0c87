//! How to cite grace and these results.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use grace_core::Digest;
use grace_core::layout::ReplicationLayout;

use super::Facts;
use super::view::{Part, Section, counted};

pub(super) fn section(facts: &Facts<'_>) -> Section {
    let (fingerprint, count) = fingerprint(facts);
    let (words, note) = if count == 0 {
        let words = String::from(
            "Tell the version of grace, and where the results are: earlier scripts did not seal them, so that they have no \
             fingerprint.",
        );
        (words, String::from("results of earlier scripts"))
    } else {
        let words = format!(
            "Tell the version of grace, and which results: the fingerprint below is the SHA-256 of the SHA-256 digests, \
             one a line, of the manifests of the {} on this page, by model and index.",
            counted(count, "sealed replication", "sealed replications")
        );
        (words, format!("results {fingerprint}"))
    };
    let mut words = vec![words];
    let experiments = experiments(facts);
    if !experiments.is_empty() {
        words.push(format!(
            "Experiment files, by SHA-256: {}. Cite the papers that they follow, too.",
            experiments.join(", ")
        ));
    }
    let version = facts.version;
    let code = format!(
        "@software{{grace,\n  title   = {{grace: replicated behavioural experiments on language models}},\n  \
         version = {{{version}}},\n  note    = {{{note}}}\n}}"
    );
    Section {
        id: "cite",
        title: "How to cite",
        words,
        parts: vec![Part {
            code: Some(code),
            ..Part::default()
        }],
    }
}

/// The digest of all manifests, and how many there are.
fn fingerprint(facts: &Facts<'_>) -> (String, u64) {
    let mut digests = String::new();
    let mut count = 0;
    for replication in facts.results.readable() {
        if let Ok(bytes) = fs::read(ReplicationLayout::at(&replication.folder).manifest()) {
            let _ = writeln!(digests, "{}", Digest::of(&bytes));
            count += 1;
        }
    }
    (Digest::of(digests.as_bytes()).to_string(), count)
}

/// Each experiment file that was used, with its digest.
fn experiments(facts: &Facts<'_>) -> Vec<String> {
    let mut experiments = BTreeSet::new();
    for replication in facts.results.readable() {
        let inputs = replication
            .metadata
            .iter()
            .flat_map(|metadata| metadata.inputs.iter());
        for (key, value) in inputs {
            if let Some(experiment) = key.strip_suffix(".experiment_sha256") {
                experiments.insert(format!("{experiment} {value}"));
            }
        }
    }
    experiments.into_iter().collect()
}
