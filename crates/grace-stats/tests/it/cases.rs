//! The one-way reference cases: values in CSV files, expected numbers in JSON.

use std::path::{Path, PathBuf};

use grace_stats::one_way::Groups;
use serde::Deserialize;

use crate::references::{copied, copied_path, shared, shared_path};

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    file: String,
    condition: Option<String>,
    pub(crate) n_rows_missing: usize,
    pub(crate) status: String,
    pub(crate) anova: Option<Table>,
    pub(crate) expected: Estimates,
    pub(crate) variance_components_anova: Option<Components>,
    pub(crate) ci_alternatives: Option<Alternatives>,
    pub(crate) reml: Option<Reml>,
    pub(crate) glmm_logit_ml: Option<Logit>,
    pub(crate) fleiss_cuzick: Option<f64>,
    pub(crate) tools: Tools,
    tolerance: String,
    #[serde(skip)]
    folder: PathBuf,
}

#[derive(Deserialize)]
pub(crate) struct Table {
    pub(crate) k: usize,
    #[serde(rename = "N")]
    pub(crate) total: usize,
    pub(crate) grand_mean: f64,
    pub(crate) ssb: f64,
    pub(crate) ssw: f64,
    pub(crate) msb: Option<f64>,
    pub(crate) msw: Option<f64>,
    pub(crate) n0: Option<f64>,
    #[serde(rename = "F")]
    pub(crate) f: Option<f64>,
    pub(crate) p: Option<f64>,
}

#[derive(Deserialize)]
pub(crate) struct Estimates {
    pub(crate) icc_raw: Option<f64>,
    pub(crate) icc: Option<f64>,
    pub(crate) ci_lower_raw: Option<f64>,
    pub(crate) ci_upper_raw: Option<f64>,
    pub(crate) below_0_10: Option<bool>,
    pub(crate) recommended_ci: Option<Limits>,
    pub(crate) design_effect: Option<f64>,
    #[serde(rename = "effective_N")]
    pub(crate) effective_total: Option<f64>,
}

#[derive(Deserialize)]
pub(crate) struct Limits {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

#[derive(Deserialize)]
pub(crate) struct Components {
    pub(crate) between_raw: f64,
    pub(crate) within: f64,
    pub(crate) within_ci_lower: Option<f64>,
    pub(crate) within_ci_upper: Option<f64>,
    pub(crate) between_ci_lower_tukey_williams_raw: Option<f64>,
    pub(crate) between_ci_upper_tukey_williams_raw: Option<f64>,
}

#[derive(Deserialize)]
pub(crate) struct Alternatives {
    pub(crate) wald_exact: Limits,
}

#[derive(Deserialize)]
pub(crate) struct Reml {
    pub(crate) var_between: f64,
    pub(crate) var_within: f64,
    pub(crate) icc: f64,
    pub(crate) mu: f64,
    pub(crate) se_mu: f64,
    pub(crate) criterion: f64,
    pub(crate) criterion_at_zero: f64,
    pub(crate) lrt_stat: f64,
    pub(crate) boundary: bool,
}

#[derive(Deserialize)]
pub(crate) struct Logit {
    pub(crate) boundary: Option<bool>,
    pub(crate) status: String,
    pub(crate) beta0: Option<f64>,
    pub(crate) sigma: Option<f64>,
    pub(crate) icc_latent: Option<f64>,
    #[serde(rename = "logLik")]
    pub(crate) log_likelihood: Option<f64>,
    #[serde(rename = "logLik_at_zero")]
    pub(crate) log_likelihood_at_zero: Option<f64>,
    pub(crate) marginal_p: Option<f64>,
    pub(crate) icc_observed_scale: Option<f64>,
}

/// What other programs printed.
#[derive(Deserialize)]
pub(crate) struct Tools {
    #[serde(rename = "R_ICC_ICCest_THD")]
    pub(crate) icc_est: Option<Printed>,
    #[serde(rename = "R_psych_ICC")]
    pub(crate) psych: Option<Vec<Printed>>,
    #[serde(rename = "R_irr_icc_oneway")]
    pub(crate) irr: Option<Printed>,
    #[serde(rename = "R_lmer_reml_tight")]
    pub(crate) lmer: Option<Printed>,
    #[serde(rename = "R_nlme_reml")]
    pub(crate) nlme: Option<Printed>,
    #[serde(rename = "lme4_glmer_nAGQ25")]
    pub(crate) glmer: Option<Printed>,
}

/// One program's ICC, with an interval if it has one.
#[derive(Deserialize)]
pub(crate) struct Printed {
    #[serde(alias = "ICC", alias = "icc_latent")]
    pub(crate) icc: Option<f64>,
    pub(crate) lower: Option<f64>,
    pub(crate) upper: Option<f64>,
}

#[derive(Deserialize)]
struct Row {
    replication: i64,
    value: String,
    condition: Option<String>,
}

/// The selection in the repository, and all cases where they are.
pub(crate) fn cases() -> Vec<Case> {
    let in_folder = |file: Option<File>, folder: PathBuf| {
        let cases = file.map_or_else(Vec::new, |file| file.cases);
        cases.into_iter().map(move |case| Case {
            folder: folder.clone(),
            ..case
        })
    };
    let copied = in_folder(copied("icc/expected.json"), copied_path("icc"));
    let shared = in_folder(shared("icc/expected.json"), shared_path("icc"));
    copied.chain(shared).collect()
}

impl Case {
    /// Whether other programs are wrong here: constant or nearly constant values.
    pub(crate) fn is_trap(&self) -> bool {
        self.tolerance.contains("wrong in this trap case")
    }

    pub(crate) fn groups(&self) -> Groups {
        let rows = read(&self.folder.join(&self.file));
        let of_case = rows
            .iter()
            .filter(|row| self.condition.is_none() || row.condition == self.condition);
        let values = of_case.map(|row| (row.replication, number(&row.value)));
        Groups::from_rows(values).unwrap()
    }
}

fn read(path: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

fn number(text: &str) -> Option<f64> {
    (!text.is_empty()).then(|| text.parse().unwrap())
}
