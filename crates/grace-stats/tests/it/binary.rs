//! Yes-or-no measures, against lme4's `glmer` and exact optima.

use grace_stats::binary::{Counts, Latent, LatentFit, fit, fleiss_cuzick};
use grace_stats::one_way::Groups;
use proptest::prelude::*;

use crate::cases::{Case, Logit, cases};
use crate::references::assert_close;

#[test]
fn latent_fits_agree_with_exact_optima() {
    for case in cases() {
        if let Some(logit) = &case.glmm_logit_ml {
            check(
                &case,
                logit,
                &fit(&Counts::from_groups(&case.groups()).unwrap()),
            );
        }
    }
}

fn check(case: &Case, expected: &Logit, found: &Latent) {
    let id = case.id.as_str();
    assert_eq!(found.as_str(), expected.status, "{id}");
    let Latent::Fitted(found) = found else {
        return;
    };
    assert_eq!(Some(found.boundary), expected.boundary, "{id}");
    let close = |found: f64, expected: Option<f64>, tolerance: f64| {
        assert_close(id, found, expected.unwrap(), tolerance);
    };
    close(found.sigma, expected.sigma, 1e-6);
    close(found.icc(), expected.icc_latent, 1e-7);
    close(found.conditions[0].log_odds, expected.beta0, 1e-6);
    close(found.log_likelihood, expected.log_likelihood, 1e-8);
    close(
        found.log_likelihood_at_zero,
        expected.log_likelihood_at_zero,
        1e-9,
    );
    let (mean, icc) = found.observed(&found.conditions[0]);
    close(mean, expected.marginal_p, 1e-7);
    close(icc, expected.icc_observed_scale, 1e-7);
}

#[test]
fn latent_fits_agree_with_what_glmer_prints() {
    for case in cases() {
        if let (Some(glmer), false) = (&case.tools.glmer, case.is_trap()) {
            let counts = Counts::from_groups(&case.groups()).unwrap();
            let found = fitted(fit(&counts)).unwrap();
            assert_close(&case.id, found.icc(), glmer.icc.unwrap(), 2e-4);
        }
    }
}

#[test]
fn kappas_agree() {
    for case in cases() {
        if let Some(expected) = case.fleiss_cuzick {
            let found = fleiss_cuzick(&case.groups()).unwrap().unwrap();
            assert_close(&case.id, found, expected, 1e-12);
        }
    }
}

fn counted(cells: &[(u32, u32)]) -> Latent {
    let rows = cells
        .iter()
        .enumerate()
        .flat_map(|(replication, (yes, total))| {
            (0..*total).map(move |trial| (replication, Some(f64::from(trial < *yes))))
        });
    fit(&Counts::from_groups(&Groups::from_rows(rows).unwrap()).unwrap())
}

fn fitted(latent: Latent) -> Option<Box<LatentFit>> {
    match latent {
        Latent::Fitted(fit) => Some(fit),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn swapping_yes_and_no_turns_the_log_odds_round(
        cells in prop::collection::vec((0..=12_u32, 1..=12_u32), 2..7),
    ) {
        let cells: Vec<_> = cells.into_iter().map(|(yes, total)| (yes.min(total), total)).collect();
        let swapped: Vec<_> = cells.iter().map(|(yes, total)| (total - yes, *total)).collect();
        let (one, other) = (counted(&cells), counted(&swapped));
        prop_assert_eq!(one.as_str(), other.as_str());
        if let (Some(one), Some(other)) = (fitted(one), fitted(other)) {
            prop_assert!((one.sigma - other.sigma).abs() < 1e-5);
            prop_assert!((one.conditions[0].log_odds + other.conditions[0].log_odds).abs() < 1e-5);
        }
    }

    #[test]
    fn a_random_effect_never_makes_the_answers_less_likely(
        cells in prop::collection::vec((0..=30_u32, 1..=30_u32), 2..9),
    ) {
        let cells: Vec<_> = cells.into_iter().map(|(yes, total)| (yes.min(total), total)).collect();
        if let Some(fit) = fitted(counted(&cells)) {
            prop_assert!(fit.log_likelihood >= fit.log_likelihood_at_zero - 1e-9);
            prop_assert!((0.0..1.0).contains(&fit.icc()));
        }
    }
}
