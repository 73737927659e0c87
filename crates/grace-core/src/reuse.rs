//! Equal queries: which answer stands for which.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::plan::ExperimentPlan;

/// For each query of each trial, the equal one that is asked in its place: the first in presentation order.
///
/// Four bytes a query, or none where every query is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reuse {
    queries: usize,
    sources: Vec<u32>,
    reused: u64,
}

impl Reuse {
    /// Every query is asked.
    pub fn none() -> Self {
        Self::default()
    }

    /// Queries with equal `keys` share an answer. A key is that of a query number of a row, or `None` for a query
    /// that shares with none.
    pub fn of(plan: &ExperimentPlan, keys: impl Fn(u32, usize) -> Option<Digest>) -> Self {
        let queries = plan.experiment.queries.len();
        let slots = plan.trials() as usize * queries;
        let mut reuse = Self {
            queries,
            sources: (0..).take(slots).collect(),
            reused: 0,
        };
        let mut first: BTreeMap<Digest, u32> = BTreeMap::new();
        for &row in &plan.order {
            for query in 0..queries {
                let slot = reuse.slot(row, query);
                let Some(key) = keys(row, query) else {
                    continue;
                };
                let own = reuse.sources[slot];
                let source = *first.entry(key).or_insert(own);
                reuse.reused += u64::from(source != own);
                reuse.sources[slot] = source;
            }
        }
        reuse
    }

    /// The row and query number whose answer counts for query number `query` of `row`; itself, unless an equal one
    /// was asked.
    pub fn source(&self, row: u32, query: usize) -> (u32, usize) {
        match self.sources.get(self.slot(row, query)) {
            Some(&source) => {
                let source = source as usize;
                let row = u32::try_from(source / self.queries).unwrap_or(row);
                (row, source % self.queries)
            }
            None => (row, query),
        }
    }

    /// Whether query number `query` of `row` is asked itself.
    pub fn is_asked(&self, row: u32, query: usize) -> bool {
        self.source(row, query) == (row, query)
    }

    /// How many queries take the answer of another.
    pub fn reused(&self) -> u64 {
        self.reused
    }

    fn slot(&self, row: u32, query: usize) -> usize {
        row as usize * self.queries + query
    }
}

#[cfg(test)]
mod tests {
    use grace_seed::{ExperimentSeed, OrderAlgorithm, SeedBits};
    use proptest::prelude::*;

    use super::*;
    use crate::experiment::Experiment;
    use crate::plan::SeedRules;
    use crate::settings::RequestSeeds;
    use crate::stimuli::scan;

    fn plan(trials: usize) -> ExperimentPlan {
        let text = "{id: e, title: t, seed_offset: 0, stimuli: {file: f.csv, columns: [w]}, queries: [\
            {id: a, kind: generate, prompt: x, read: {kind: yes_no, column: c}, columns: {response: r}}, \
            {id: b, kind: generate, prompt: y, read: {kind: yes_no, column: d}, columns: {response: s}}]}";
        let experiment = Experiment::parse("e.yaml", text).unwrap();
        let stimuli = format!("w\n{}", "x\n".repeat(trials));
        let stimuli = scan("f.csv", stimuli.as_bytes(), &experiment).unwrap();
        let rules = SeedRules {
            order: OrderAlgorithm::Pcg64,
            request_seeds: RequestSeeds::PerRequest,
            bits: SeedBits::Bits31,
        };
        ExperimentPlan::new(experiment, stimuli, ExperimentSeed(3), rules, "m").unwrap()
    }

    #[test]
    fn without_reuse_every_query_is_asked() {
        let reuse = Reuse::none();
        assert!(reuse.is_asked(7, 1));
        assert_eq!((reuse.source(7, 1), reuse.reused()), ((7, 1), 0));
    }

    proptest! {
        #[test]
        fn the_first_of_equal_queries_in_presentation_order_stands_for_all(
            keys in prop::collection::vec(prop::option::of(0_u8..5), 2..60),
        ) {
            let plan = plan(keys.len() / 2);
            let key = |row: u32, query: usize| keys[row as usize * 2 + query];
            let reuse = Reuse::of(&plan, |row, query| key(row, query).map(|key| Digest::of(&[key])));
            let shown = plan.order.iter().flat_map(|&row| [(row, 0), (row, 1)]);
            let shown: Vec<(u32, usize)> = shown.collect();
            let mut asked = 0;
            for (place, &(row, query)) in shown.iter().enumerate() {
                let equal = |&&(r, q): &&(u32, usize)| key(row, query).is_some() && key(r, q) == key(row, query);
                let first = shown[..place].iter().find(equal).copied().unwrap_or((row, query));
                prop_assert_eq!(reuse.source(row, query), first);
                asked += u64::from(reuse.is_asked(row, query));
            }
            prop_assert_eq!(asked + reuse.reused(), plan.queries());
        }
    }
}
