//! Which models may start now.

/// A model that waits for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Its place in the order that was given.
    pub(super) place: usize,
    /// GPUs of all its pods that run at the same time.
    pub(super) gpus: u32,
}

/// Those that start now, while `in_use` GPUs are taken by models that run: one after the other without a budget, else as many as
/// fit, largest first. A smaller one may pass a larger one that does not fit yet.
pub(super) fn next(
    waiting: &[Waiting],
    running: usize,
    in_use: u32,
    budget: Option<u32>,
) -> Vec<usize> {
    let Some(budget) = budget else {
        let first = waiting.iter().map(|it| it.place).min();
        return first.filter(|_| running == 0).into_iter().collect();
    };
    let mut left = budget.saturating_sub(in_use);
    let mut order: Vec<&Waiting> = waiting.iter().collect();
    order.sort_by_key(|it| (std::cmp::Reverse(it.gpus), it.place));
    let mut start = Vec::new();
    for model in order {
        if model.gpus <= left {
            left -= model.gpus;
            start.push(model.place);
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn models(gpus: &[u32]) -> Vec<Waiting> {
        gpus.iter()
            .enumerate()
            .map(|(place, &gpus)| Waiting { place, gpus })
            .collect()
    }

    #[test]
    fn without_a_budget_one_after_the_other() {
        assert_eq!(next(&models(&[2, 8, 1]), 0, 0, None), [0]);
        assert_eq!(next(&models(&[2, 8, 1]), 1, 2, None), [0; 0]);
    }

    #[test]
    fn with_a_budget_the_largest_first_and_what_fits_beside() {
        assert_eq!(next(&models(&[2, 8, 1, 4]), 0, 0, Some(10)), [1, 0]);
        assert_eq!(next(&models(&[2, 8, 1]), 1, 6, Some(10)), [0, 2]);
    }

    proptest! {
        #[test]
        fn the_budget_is_never_exceeded_and_never_idle(
            gpus in proptest::collection::vec(0u32..9, 1..12), in_use in 0u32..12, budget in 1u32..16,
        ) {
            let waiting = models(&gpus);
            let start = next(&waiting, 1, in_use, Some(budget));
            let taken: u32 = start.iter().map(|&place| gpus[place]).sum();
            prop_assert!(taken + in_use <= budget || taken == 0);
            let left = budget.saturating_sub(in_use + taken);
            let could = (0..gpus.len()).filter(|place| !start.contains(place)).any(|place| gpus[place] <= left);
            prop_assert!(!could, "one more would fit");
        }
    }
}
