//! What is known about one cell.

use grace_stats::binary::{Counts, Latent, fit};
use grace_stats::law::Confidence;
use grace_stats::one_way::{Anova, Estimate, Groups, Margin, OneWay, Verdict, analyse};
use serde::Serialize;

use super::cell::{Cell, Factor};
use super::noise::Noise;

/// What a measure is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scale {
    /// Numbers.
    Numeric,
    /// 0 and 1; the ICC is that of these, and there is one on the latent scale besides.
    Binary,
}

impl Scale {
    fn as_str(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Binary => "binary",
        }
    }
}

/// A value in a row; one that is not defined is `null` in JSON and an empty field in CSV.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Field {
    Word(Option<&'static str>),
    Count(u64),
    Flag(Option<bool>),
    Number(Option<f64>),
}

/// A row of the table: status first, number second. What is not defined is absent.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct IccRow {
    /// Model, experiment, condition.
    pub by: Vec<Factor>,
    /// The measure.
    pub measure: String,
    /// What it is made of.
    pub scale: Scale,
    /// Why there is an estimate or none.
    pub status: &'static str,
    /// Replications with values, *k*.
    pub replications: u64,
    /// Values, *N*.
    pub trials: u64,
    /// Rows without a value.
    pub missing: u64,
    /// The whole answer; absent for deterministic values.
    pub one_way: Option<OneWay>,
    /// The verdict by the interval: `below`, `above` or `not resolved`.
    pub verdict: Option<&'static str>,
    /// Whether the ICC, not clipped, is under the margin.
    pub below_by_estimate: Option<bool>,
    /// The fit on the latent scale, for binary measures.
    pub latent: Option<Latent>,
    /// The noise floor, for deterministic values.
    pub noise: Option<Noise>,
}

/// The status of a cell whose values are the same in every replication.
pub(super) const DETERMINISTIC: &str = "deterministic";
/// The status of values that no sum of squares can be made of.
pub(super) const NO_NUMBER: &str = "not_estimable_out_of_range";

impl IccRow {
    /// What is known about `cell`, whose measure is on `scale`.
    pub(super) fn of(cell: &Cell, scale: Scale, margin: Margin, confidence: Confidence) -> Self {
        let row = Self {
            by: cell.by.clone(),
            measure: cell.measure.clone(),
            scale,
            ..Self::nothing()
        };
        let Ok(groups) = cell.groups() else {
            return row;
        };
        let row = Self {
            replications: groups.count() as u64,
            trials: groups.total() as u64,
            missing: groups.missing() as u64,
            ..row
        };
        if cell.deterministic {
            return Self {
                status: DETERMINISTIC,
                noise: Noise::of(cell),
                ..row
            };
        }
        row.estimated(&groups, margin, confidence)
    }

    fn nothing() -> Self {
        Self {
            by: Vec::new(),
            measure: String::new(),
            scale: Scale::Numeric,
            status: NO_NUMBER,
            replications: 0,
            trials: 0,
            missing: 0,
            one_way: None,
            verdict: None,
            below_by_estimate: None,
            latent: None,
            noise: None,
        }
    }

    fn estimated(self, groups: &Groups, margin: Margin, confidence: Confidence) -> Self {
        let one_way = analyse(groups, confidence);
        let counts = match self.scale {
            Scale::Binary => Counts::from_groups(groups).ok(),
            Scale::Numeric => None,
        };
        Self {
            status: one_way.status().as_str(),
            verdict: one_way.verdict(margin).map(Verdict::as_str),
            below_by_estimate: one_way.is_below(margin),
            latent: counts.as_ref().map(fit),
            one_way: Some(one_way),
            ..self
        }
    }

    /// The numbers of the row with their names, in the order of the table: estimate, interval, verdict parts,
    /// analysis of variance, components. Absent where they are not defined.
    pub fn numbers(&self) -> [(&'static str, Option<f64>); 22] {
        let one_way = self.one_way.as_ref();
        let estimate = match one_way {
            Some(OneWay::Estimated(estimate)) => Some(estimate.as_ref()),
            _ => None,
        };
        let anova = match one_way {
            Some(OneWay::Estimated(estimate)) => Some(&estimate.anova),
            Some(OneWay::Perfect(perfect)) => Some(&perfect.anova),
            _ => None,
        };
        let icc = one_way.and_then(OneWay::icc_raw);
        let interval = one_way.and_then(OneWay::interval);
        let perfect = matches!(one_way, Some(OneWay::Perfect(_)));
        let latent = match &self.latent {
            Some(Latent::Fitted(fit)) => Some(fit.icc()),
            _ => None,
        };
        let constant = match one_way {
            Some(OneWay::Constant { value }) => Some(*value),
            _ => None,
        };
        [
            ("mean", anova.map(|anova| anova.mean).or(constant)),
            ("icc", icc),
            ("icc_clipped", icc.map(|icc| icc.max(0.0))),
            ("ci_low", interval.map(|interval| interval.lower)),
            ("ci_high", interval.map(|interval| interval.upper)),
            ("reml_icc", estimate.map(|one| one.reml.icc)),
            ("design_effect", estimate.map(Estimate::design_effect)),
            ("effective_trials", estimate.map(Estimate::effective_total)),
            ("f", estimate.map(|one| one.f)),
            ("p", estimate.map(|one| one.p).or(perfect.then_some(0.0))),
            ("n0", anova.map(|anova| anova.n0)),
            ("ms_between", anova.map(Anova::ms_between)),
            ("ms_within", anova.map(Anova::ms_within)),
            (
                "var_between",
                estimate.map(|one| one.components.between_raw),
            ),
            ("var_within", estimate.map(|one| one.components.within)),
            ("reml_var_between", estimate.map(|one| one.reml.between)),
            ("reml_var_within", estimate.map(|one| one.reml.within)),
            ("f_ci_low_raw", estimate.map(|one| one.f_interval_raw.lower)),
            (
                "f_ci_high_raw",
                estimate.map(|one| one.f_interval_raw.upper),
            ),
            ("latent_icc", latent),
            ("noise_largest", self.noise.map(|noise| noise.largest)),
            ("noise_sd", self.noise.map(|noise| noise.sd)),
        ]
    }

    /// What a row has behind its factors and its measure, in the order of the table.
    pub(super) fn fields(&self) -> Vec<(&'static str, Field)> {
        let numbers = self.numbers().into_iter();
        [
            ("scale", Field::Word(Some(self.scale.as_str()))),
            ("status", Field::Word(Some(self.status))),
            ("replications", Field::Count(self.replications)),
            ("trials", Field::Count(self.trials)),
            ("missing", Field::Count(self.missing)),
            ("verdict", Field::Word(self.verdict)),
            ("below_by_estimate", Field::Flag(self.below_by_estimate)),
        ]
        .into_iter()
        .chain(numbers.map(|(name, number)| (name, Field::Number(number))))
        .chain([("latent_status", Field::Word(self.latent_status()))])
        .collect()
    }

    /// The names of [`IccRow::fields`].
    pub(super) fn field_names() -> impl Iterator<Item = &'static str> {
        Self::nothing().fields().into_iter().map(|(name, _)| name)
    }

    /// Whether a row has a field `name` of its own, which is no name for a factor. A factor may be named `measure`, as
    /// in tables with one column of values: it says more than the name of that column, and stands in its place.
    pub(super) fn has_field(name: &str) -> bool {
        Self::field_names().any(|other| other == name)
    }

    /// Whether a factor stands in the place of the measure's name.
    pub(super) fn has_own_measure(&self) -> bool {
        self.by.iter().all(|factor| factor.name != "measure")
    }

    /// A number of [`IccRow::numbers`] by its name.
    pub fn number(&self, name: &str) -> Option<f64> {
        let numbers = self.numbers();
        numbers.iter().find(|(other, _)| *other == name)?.1
    }

    /// The status on the latent scale.
    pub fn latent_status(&self) -> Option<&'static str> {
        self.latent.as_ref().map(Latent::as_str)
    }
}

/// As a flat object: factors under their own names, then everything else.
impl Serialize for IccRow {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;

        let mut map = serializer.serialize_map(None)?;
        for factor in &self.by {
            map.serialize_entry(&factor.name, &factor.level)?;
        }
        if self.has_own_measure() {
            map.serialize_entry("measure", &self.measure)?;
        }
        for (name, field) in self.fields() {
            map.serialize_entry(name, &field)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::icc::Value;

    fn row(groups: &[&[f64]]) -> IccRow {
        let values = (0..).zip(groups).flat_map(|(replication, group)| {
            group
                .iter()
                .map(move |value| Value::new(replication, None, Some(*value)))
        });
        let by = vec![Factor::new("access", "3")];
        let cell = Cell::new(by, "x", values.collect());
        let scale = if cell.is_binary() {
            Scale::Binary
        } else {
            Scale::Numeric
        };
        IccRow::of(&cell, scale, Margin::TENTH, Confidence::P95)
    }

    #[test]
    fn what_is_not_defined_is_null() {
        let json = serde_json::to_value(row(&[&[2.0, 2.0], &[2.0, 2.0]])).unwrap();
        assert_eq!(json["status"], "undefined_no_variance");
        assert!(json["icc"].is_null() && json["verdict"].is_null() && json["p"].is_null());
        assert_eq!((&json["access"], &json["mean"]), (&"3".into(), &2.0.into()));
    }

    #[test]
    fn replications_that_differ_in_nothing_else_are_perfect() {
        let row = row(&[&[0.0, 0.0], &[1.0, 1.0]]);
        assert_eq!(row.status, "perfect_no_within_variance");
        assert_eq!(
            (row.number("icc"), row.number("ci_low"), row.number("p")),
            (Some(1.0), Some(1.0), Some(0.0))
        );
        assert_eq!(row.latent_status(), Some("separated_diverges"));
        assert_eq!(row.verdict, Some("above"));
    }

    #[test]
    fn numbers_other_than_0_and_1_have_no_latent_scale() {
        let row = row(&[&[0.0, 2.0], &[1.0, 1.0]]);
        assert_eq!((row.scale, row.latent_status()), (Scale::Numeric, None));
    }

    #[test]
    fn values_that_no_sum_of_squares_can_be_made_of_have_a_status() {
        assert_eq!(row(&[&[f64::INFINITY, 2.0], &[1.0, 1.0]]).status, NO_NUMBER);
    }
}
