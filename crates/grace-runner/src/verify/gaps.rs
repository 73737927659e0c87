//! Whether replications are missing.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::criteria::{by_model, without_exception};
use super::report::{Criterion, ReplicationReport};

/// Replications whose index is missing: below `wanted`, else below the highest one of the same model.
pub(super) fn gaps(replications: &[ReplicationReport], wanted: Option<u32>) -> Criterion {
    let mut missing = Vec::new();
    for (model, siblings) in by_model(replications) {
        let indexes: BTreeSet<u32> = siblings
            .iter()
            .filter_map(|replication| replication.replication)
            .collect();
        // A single replication is looked at for itself, whatever its index.
        let highest = indexes.last().copied().filter(|_| indexes.len() > 1);
        let end = wanted.or(highest).unwrap_or_default();
        missing.extend(absent(&indexes, end).map(|range| match range.into_inner() {
            (first, last) if first == last => format!("{model} {first}"),
            (first, last) => format!("{model} {first}–{last}"),
        }));
    }
    let mut all = replications.iter();
    let looked = all.any(|replication| replication.replication.is_some());
    let criterion = without_exception(
        "no replication missing",
        "none missing",
        "",
        &missing,
        looked,
    );
    Criterion {
        wanted: wanted.map_or(criterion.wanted, |wanted| {
            format!("all {wanted} of each model")
        }),
        ..criterion
    }
}

/// The ranges of numbers below `end` that are not among `indexes`.
fn absent(indexes: &BTreeSet<u32>, end: u32) -> impl Iterator<Item = RangeInclusive<u32>> {
    let present = indexes.range(..end).copied();
    let mut next = 0;
    present.chain([end]).filter_map(move |index| {
        let gap = (index > next).then(|| next..=index - 1);
        next = index.saturating_add(1);
        gap
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(indexes: &[u32], wanted: Option<u32>) -> (bool, String) {
        let replication = |&index: &u32| ReplicationReport {
            model_key: Some(String::from("m")),
            replication: Some(index),
            ..ReplicationReport::new("m".as_ref())
        };
        let replications: Vec<_> = indexes.iter().map(replication).collect();
        let criterion = gaps(&replications, wanted);
        (criterion.met, criterion.found)
    }

    #[test]
    fn missing_replications_are_told_as_ranges() {
        let none = |met| (met, String::from("none missing"));
        let some = |text: &str| (false, text.to_owned());
        assert_eq!(missing(&[0, 1, 2], None), none(true));
        assert_eq!(missing(&[7], None), none(true));
        assert_eq!(missing(&[2, 0], None), some("m 1"));
        assert_eq!(
            missing(&[0, 3_000_000, u32::MAX], None),
            some("m 1–2999999; m 3000001–4294967294")
        );
        assert_eq!(missing(&[0, 1, 2], Some(3)), none(true));
        assert_eq!(missing(&[0, 5], Some(3)), some("m 1–2"));
        assert_eq!(missing(&[1], Some(u32::MAX)), some("m 0; m 2–4294967294"));
        let even: Vec<u32> = (0..100).map(|index| index * 2).collect();
        assert!(missing(&even, None).1.ends_with("m 39; and 79 more"));
        assert!(!missing(&[], None).0);
    }
}
