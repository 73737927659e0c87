//! A whole study: its table of ICCs and verdicts, and its mixed models, against R and lme4.

use std::collections::BTreeMap;
use std::path::Path;

use grace_stats::binary::{self, Counts, Latent};
use grace_stats::law::Confidence;
use grace_stats::mixed::{Crossed, Mixed, fit};
use grace_stats::one_way::{Groups, Margin, OneWay, Tally, analyse};
use serde::Deserialize;

use crate::references::{assert_close, assert_ratio, copied, copied_path, shared, shared_path};

#[derive(Deserialize)]
struct Expected {
    icc_table: Vec<Cell>,
    verdicts: Vec<Verdicts>,
    mixed_models: Vec<Mixture>,
}

#[derive(Deserialize)]
struct Cell {
    study: String,
    model: String,
    condition: String,
    measure: String,
    status: String,
    k: usize,
    #[serde(rename = "N")]
    total: usize,
    n_missing: usize,
    msb: f64,
    msw: f64,
    n0: f64,
    #[serde(rename = "F")]
    f: Option<f64>,
    p: Option<f64>,
    icc_raw: Option<f64>,
    ci_lower_raw: Option<f64>,
    ci_upper_raw: Option<f64>,
    wald_ci_lower: Option<f64>,
    wald_ci_upper: Option<f64>,
    reml_icc: Option<f64>,
    reml_var_between: Option<f64>,
    reml_var_within: Option<f64>,
    glmm: Option<Glmm>,
}

#[derive(Deserialize)]
struct Glmm {
    status: String,
    beta0: Option<f64>,
    icc_latent: Option<f64>,
    #[serde(rename = "logLik")]
    log_likelihood: Option<f64>,
    boundary: Option<bool>,
}

#[derive(Deserialize)]
struct Verdicts {
    study: String,
    model: String,
    measure: String,
    n_conditions: usize,
    n_estimable: usize,
    n_below_0_10: usize,
    n_constant: usize,
    n_not_estimable_other: usize,
    most_below: bool,
    text: String,
    n_wald_ci_upper_below_0_10: usize,
    n_wald_ci_lower_at_or_above_0_10: usize,
}

#[derive(Deserialize)]
struct Mixture {
    study: String,
    model: String,
    measure: String,
    lmer: Option<Fit>,
    own_profile_reml: Option<Own>,
    reml_crit_without_random_effect: Option<f64>,
    icc_adjusted: Option<f64>,
    restricted_lrt: Option<Lrt>,
    #[serde(rename = "glmer_nAGQ25")]
    glmer: Option<Logistic>,
    icc_latent_adjusted: Option<f64>,
    lrt: Option<Lrt>,
}

#[derive(Deserialize)]
struct Logistic {
    fixed: BTreeMap<String, Fixed>,
    variance: BTreeMap<String, f64>,
    #[serde(rename = "logLik")]
    log_likelihood: f64,
    dropped_constant_conditions: Vec<String>,
}

#[derive(Deserialize)]
struct Fit {
    fixed: BTreeMap<String, Fixed>,
    variance: BTreeMap<String, f64>,
    #[serde(rename = "REMLcrit")]
    criterion: f64,
}

#[derive(Deserialize)]
struct Fixed {
    estimate: f64,
    se: f64,
}

#[derive(Deserialize)]
struct Own {
    replication: f64,
    #[serde(rename = "Residual")]
    residual: f64,
    #[serde(rename = "REMLcrit")]
    criterion: f64,
}

#[derive(Deserialize)]
struct Lrt {
    stat: f64,
    p_half_chi2_mixture: f64,
}

#[derive(Deserialize)]
struct Row {
    model: String,
    replication: u32,
    condition: String,
    quantity: Option<String>,
    knowledge: Option<String>,
    rating: Option<String>,
    negation: Option<String>,
}

impl Row {
    /// The measure as a number, `yes` as 1 and `no` as 0.
    fn value(&self, measure: &str) -> Option<f64> {
        let text = match measure {
            "quantity" => &self.quantity,
            "knowledge" => &self.knowledge,
            "rating" => &self.rating,
            _ => &self.negation,
        };
        match text.as_deref()? {
            "" => None,
            "yes" => Some(1.0),
            "no" => Some(0.0),
            number => Some(number.parse().unwrap()),
        }
    }
}

/// Expected numbers and the rows of each study.
struct Study {
    expected: Expected,
    rows: BTreeMap<String, Vec<Row>>,
}

impl Study {
    fn new(expected: Expected, folder: &Path) -> Self {
        let names = expected.verdicts.iter().map(|row| row.study.clone());
        let rows = names.map(|name| {
            let path = folder.join(format!("{name}.csv"));
            let mut reader = csv::Reader::from_path(path).unwrap();
            (name, reader.deserialize().map(Result::unwrap).collect())
        });
        Self {
            rows: rows.collect(),
            expected,
        }
    }

    fn of_model(&self, study: &str, model: &str) -> impl Iterator<Item = &Row> {
        self.rows[study]
            .iter()
            .filter(move |row| row.model == model)
    }

    fn analysed(&self, cell: &Cell) -> (Groups, OneWay) {
        let rows = self
            .of_model(&cell.study, &cell.model)
            .filter(|row| row.condition == cell.condition)
            .map(|row| (row.replication, row.value(&cell.measure)));
        let groups = Groups::from_rows(rows).unwrap();
        let analysed = analyse(&groups, Confidence::P95);
        (groups, analysed)
    }

    fn crossed(&self, study: &str, model: &str, measure: &str) -> Crossed {
        let rows = self
            .of_model(study, model)
            .map(|row| (row.replication, row.condition.as_str(), row.value(measure)));
        Crossed::from_rows(rows).unwrap()
    }
}

/// Study 1 from the repository, and all studies where they are.
fn studies() -> Vec<Study> {
    let copied = copied("study/expected.json").map(|e| Study::new(e, &copied_path("study")));
    let shared = shared("study/expected.json").map(|e| Study::new(e, &shared_path("study")));
    copied.into_iter().chain(shared).collect()
}

#[test]
fn tables_of_iccs_agree() {
    for study in studies() {
        for cell in &study.expected.icc_table {
            check_cell(cell, &study.analysed(cell));
        }
    }
}

fn check_cell(cell: &Cell, (groups, analysed): &(Groups, OneWay)) {
    let what = format!("{} {} {}", cell.model, cell.condition, cell.measure);
    assert_eq!(analysed.status().as_str(), cell.status, "{what}");
    assert_eq!(
        (groups.count(), groups.total()),
        (cell.k, cell.total),
        "{what}"
    );
    assert_eq!(groups.missing(), cell.n_missing, "{what}");
    assert_eq!(
        analysed.icc_raw().is_some(),
        cell.icc_raw.is_some(),
        "{what}"
    );
    let OneWay::Estimated(found) = analysed else {
        return;
    };
    let close = |found: f64, expected: Option<f64>| {
        assert_close(&what, found, expected.unwrap(), 1e-10);
    };
    close(found.icc_raw, cell.icc_raw);
    close(found.f_interval_raw.lower, cell.ci_lower_raw);
    close(found.f_interval_raw.upper, cell.ci_upper_raw);
    close(found.interval.lower, cell.wald_ci_lower);
    close(found.interval.upper, cell.wald_ci_upper);
    close(found.reml.icc, cell.reml_icc);
    close(found.reml.between, cell.reml_var_between);
    close(found.reml.within, cell.reml_var_within);
    let ratio = |found, expected| assert_ratio(&what, found, expected, 1e-9);
    ratio(found.anova.ms_between(), cell.msb);
    ratio(found.anova.ms_within(), cell.msw);
    ratio(found.anova.n0, cell.n0);
    ratio(found.f, cell.f.unwrap());
    ratio(found.p, cell.p.unwrap());
}

#[test]
fn verdicts_agree() {
    for study in studies() {
        for expected in &study.expected.verdicts {
            let cells = study.expected.icc_table.iter().filter(|cell| {
                (&cell.study, &cell.model, &cell.measure)
                    == (&expected.study, &expected.model, &expected.measure)
            });
            let analysed: Vec<OneWay> = cells.map(|cell| study.analysed(cell).1).collect();
            check_tally(&Tally::of(&analysed, Margin::TENTH), expected);
        }
    }
}

fn check_tally(found: &Tally, expected: &Verdicts) {
    let counts = [
        (found.conditions, expected.n_conditions),
        (found.estimable, expected.n_estimable),
        (found.estimated_below, expected.n_below_0_10),
        (found.constant, expected.n_constant),
        (found.not_estimable, expected.n_not_estimable_other),
        (found.below, expected.n_wald_ci_upper_below_0_10),
        (found.above, expected.n_wald_ci_lower_at_or_above_0_10),
    ];
    for (found, expected_count) in counts {
        assert_eq!(
            found, expected_count,
            "{} {}",
            expected.model, expected.measure
        );
    }
    assert_eq!(found.most_estimated_below(), expected.most_below);
    assert!(found.to_string().starts_with(&expected.text), "{found}");
}

#[test]
fn linear_mixed_models_agree_with_lme4() {
    for study in studies() {
        for model in &study.expected.mixed_models {
            if let Some(lmer) = &model.lmer {
                let crossed = study.crossed(&model.study, &model.model, &model.measure);
                check_lmer(model, lmer, &fit(&crossed));
            }
        }
    }
}

fn check_lmer(model: &Mixture, lmer: &Fit, found: &Mixed) {
    let what = format!("{} {}", model.study, model.model);
    let Mixed::Fitted(found) = found else {
        panic!("{what}: {}", found.status());
    };
    let own = model.own_profile_reml.as_ref().unwrap();
    assert_ratio(&what, found.between, own.replication, 1e-6);
    assert_ratio(&what, found.within, own.residual, 1e-8);
    assert_ratio(&what, found.criterion, own.criterion, 1e-11);
    assert_close(&what, found.icc, model.icc_adjusted.unwrap(), 1e-8);
    assert_ratio(&what, found.between, lmer.variance["replication"], 1e-4);
    assert_ratio(&what, found.within, lmer.variance["Residual"], 1e-4);
    assert_ratio(&what, found.criterion, lmer.criterion, 1e-9);
    let without = model.reml_crit_without_random_effect.unwrap();
    assert_ratio(&what, found.criterion_at_zero, without, 1e-9);
    let lrt = model.restricted_lrt.as_ref().unwrap();
    assert_close(&what, found.lrt_stat(), lrt.stat, 1e-5);
    assert_close(&what, found.lrt_p(), lrt.p_half_chi2_mixture, 1e-5);
    // R sorts the conditions; the first is the intercept, which sorts before all letters.
    assert_eq!(found.conditions.len(), lmer.fixed.len());
    for (place, (effect, (name, fixed))) in found.conditions.iter().zip(&lmer.fixed).enumerate() {
        let (estimate, se) = match place {
            0 => (effect.mean, effect.mean_se),
            _ => (effect.difference, effect.difference_se),
        };
        assert_close(name, estimate, fixed.estimate, 1e-5);
        assert_close(name, se, fixed.se, 1e-5);
    }
}

#[test]
fn latent_iccs_of_conditions_agree() {
    for study in studies() {
        for cell in &study.expected.icc_table {
            if let Some(glmm) = &cell.glmm {
                let counts = Counts::from_groups(&study.analysed(cell).0).unwrap();
                check_glmm(&cell.condition, glmm, &binary::fit(&counts));
            }
        }
    }
}

fn check_glmm(what: &str, expected: &Glmm, found: &Latent) {
    assert_eq!(found.as_str(), expected.status, "{what}");
    if let Latent::Fitted(found) = found {
        assert_eq!(Some(found.boundary), expected.boundary, "{what}");
        assert_close(what, found.icc(), expected.icc_latent.unwrap(), 1e-7);
        let beta = found.conditions[0].log_odds;
        assert_close(what, beta, expected.beta0.unwrap(), 1e-6);
        let log_likelihood = expected.log_likelihood.unwrap();
        assert_ratio(what, found.log_likelihood, log_likelihood, 1e-10);
    }
}

#[test]
fn logistic_mixed_models_agree_with_lme4() {
    for study in studies() {
        for model in &study.expected.mixed_models {
            if let Some(glmer) = &model.glmer {
                let crossed = study.crossed(&model.study, &model.model, &model.measure);
                let found = binary::fit(&Counts::from_crossed(&crossed).unwrap());
                check_glmer(model, glmer, &found);
            }
        }
    }
}

fn check_glmer(model: &Mixture, glmer: &Logistic, found: &Latent) {
    let what = format!("{} {}", model.study, model.model);
    let Latent::Fitted(found) = found else {
        panic!("{what}: {}", found.as_str());
    };
    let variance = glmer.variance["replication"];
    assert_close(
        &what,
        found.sigma.powi(2),
        variance,
        1e-3 * variance + 1e-12,
    );
    assert_close(&what, found.icc(), model.icc_latent_adjusted.unwrap(), 2e-4);
    assert_ratio(&what, found.log_likelihood, glmer.log_likelihood, 1e-7);
    let lrt = model.lrt.as_ref().unwrap();
    assert_close(&what, found.lrt_stat(), lrt.stat, 1e-4);
    assert_ratio(&what, found.lrt_p(), lrt.p_half_chi2_mixture, 1e-4);
    assert_eq!(found.dropped.len(), glmer.dropped_constant_conditions.len());
    assert_eq!(found.conditions.len(), glmer.fixed.len());
    for (place, (effect, (name, fixed))) in found.conditions.iter().zip(&glmer.fixed).enumerate() {
        let (estimate, se) = match place {
            0 => (effect.log_odds, effect.log_odds_se),
            _ => (effect.difference, effect.difference_se),
        };
        assert_close(name, estimate, fixed.estimate, 2e-3);
        assert_close(name, se, fixed.se, 2e-3);
    }
}
