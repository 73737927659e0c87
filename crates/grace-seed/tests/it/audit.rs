use grace_seed::{AuditReport, CollisionClass, RequestSeed, SeedAudit};
use proptest::prelude::*;

type Request = (&'static str, u8, u64);

fn audit(requests: &[Request]) -> AuditReport<usize> {
    let mut audit = SeedAudit::new();
    for (label, &(model, prompt, seed)) in requests.iter().enumerate() {
        audit.add(model, [prompt; 32], RequestSeed(seed), label);
    }
    audit.finish()
}

fn labels(class: &CollisionClass<usize>) -> Vec<Vec<usize>> {
    let labels = class.examples.iter();
    labels
        .map(|group| group.examples.iter().map(|request| request.label).collect())
        .collect()
}

const WRAP: u64 = 1 << 32;

#[test]
fn an_empty_audit_passes() {
    let report = audit(&[]);
    assert!(report.passed());
    assert_eq!(report.requests, 0);
}

#[test]
fn distinct_seeds_collide_nowhere() {
    let report = audit(&[("a", 0, 1), ("a", 0, 2), ("b", 0, WRAP)]);
    assert!(report.passed());
    assert_eq!(report.requests, 3);
    assert_eq!(labels(&report.equal), Vec::<Vec<usize>>::new());
    assert_eq!(labels(&report.equal_mod_2_32), Vec::<Vec<usize>>::new());
}

#[test]
fn equal_seeds_of_different_prompts_or_models_pass() {
    let report = audit(&[("a", 0, 5), ("a", 1, 5), ("b", 0, 5)]);
    assert!(report.passed());
    assert_eq!(labels(&report.equal), [[0, 1, 2]]);
    assert_eq!(labels(&report.equal_mod_2_32), [[0, 1, 2]]);
}

#[test]
fn one_prompt_and_seed_twice_fails() {
    let report = audit(&[("a", 0, 5), ("a", 1, 5), ("a", 0, 5)]);
    assert!(!report.passed());
    assert_eq!(labels(&report.shared), [[0, 2]]);
    assert_eq!(report.shared.examples[0].examples[0].model.as_ref(), "a");
    assert_eq!(report.shared.examples[0].examples[0].seed, RequestSeed(5));
}

#[test]
fn one_prompt_with_seeds_equal_modulo_2_32_fails() {
    let report = audit(&[
        ("a", 0, 5 + WRAP),
        ("a", 1, 7),
        ("a", 0, 5),
        ("b", 0, 5 + 2 * WRAP),
    ]);
    assert!(!report.passed());
    assert_eq!(report.equal.groups, 0);
    assert_eq!(labels(&report.equal_mod_2_32), [[2, 0, 3]]);
    assert_eq!(labels(&report.shared), [[2, 0]]);
}

#[test]
fn examples_are_bounded_and_counts_are_not() {
    let many_groups: Vec<Request> = (0..15).flat_map(|seed| [("a", 0, seed); 2]).collect();
    let report = audit(&many_groups);
    assert_eq!((report.shared.groups, report.shared.requests), (15, 30));
    assert_eq!(report.shared.examples.len(), 10);
    assert_eq!(report.shared.examples[9].examples[0].seed, RequestSeed(9));

    let report = audit(&[("a", 0, 3); 25]);
    assert_eq!((report.equal.groups, report.equal.requests), (1, 25));
    assert_eq!(report.equal.examples[0].requests, 25);
    assert_eq!(report.equal.examples[0].examples.len(), 10);
}

/// Requests in groups of two or more under `key`: groups, and requests in them.
fn counted<K: Ord>(requests: &[Request], key: impl Fn(&Request) -> K) -> (usize, usize) {
    let mut keys: Vec<K> = requests.iter().map(key).collect();
    keys.sort();
    let sizes = keys
        .chunk_by(|a, b| a == b)
        .map(<[K]>::len)
        .filter(|&size| size > 1);
    sizes.fold((0, 0), |(groups, total), size| (groups + 1, total + size))
}

proptest! {
    #[test]
    fn planted_collisions_are_found_and_nothing_else(
        seeds in prop::collection::btree_set(0..WRAP, 2..60),
        planted in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..3), 0..5),
    ) {
        let mut requests: Vec<Request> = seeds.into_iter().map(|seed| ("a", 0, seed)).collect();
        let mut originals = planted.iter().map(|(at, _)| at.index(requests.len())).collect::<Vec<_>>();
        for (original, (_, wraps)) in originals.clone().into_iter().zip(&planted) {
            let (model, prompt, seed) = requests[original];
            requests.push((model, prompt, seed + wraps * WRAP));
        }
        originals.sort_unstable();
        originals.dedup();
        let report = audit(&requests);
        prop_assert_eq!(report.passed(), planted.is_empty());
        prop_assert_eq!(report.shared.groups, originals.len());
        prop_assert_eq!(report.shared.requests, originals.len() + planted.len());
        let found: Vec<usize> = report.shared.examples.iter().map(|group| {
            group.examples.iter().map(|request| request.label).min().unwrap()
        }).collect();
        prop_assert_eq!(found, originals);
    }

    #[test]
    fn counts_are_those_of_a_plain_grouping_in_any_order_of_adding(
        requests in prop::collection::vec(
            (prop::sample::select(vec!["a", "b"]), 0_u8..3, 0_u64..6, 0_u64..2)
                .prop_map(|(model, prompt, low, high)| (model, prompt, low + high * WRAP)),
            0..40,
        ),
    ) {
        let report = audit(&requests);
        let totals = |class: &CollisionClass<usize>| (class.groups, class.requests);
        prop_assert_eq!(totals(&report.equal), counted(&requests, |r| r.2));
        prop_assert_eq!(totals(&report.equal_mod_2_32), counted(&requests, |r| r.2 % WRAP));
        prop_assert_eq!(totals(&report.shared), counted(&requests, |r| (r.0, r.1, r.2 % WRAP)));

        let mut backwards = SeedAudit::new();
        for (label, &(model, prompt, seed)) in requests.iter().enumerate().rev() {
            backwards.add(model, [prompt; 32], RequestSeed(seed), label);
        }
        prop_assert_eq!(backwards.finish(), report);
    }
}
