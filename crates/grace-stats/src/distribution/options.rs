//! Probabilities over options.

use std::f64::consts::LN_2;

use super::{DistributionError, ValuedDistribution};

/// Probabilities over options, which sum to 1, in the order of the options.
///
/// # Examples
///
/// ```
/// use grace_stats::distribution::{Distribution, DistributionError};
///
/// let yes_no = Distribution::from_logprobs(&[-10_000.0, -10_001.0])?;
/// assert_eq!(format!("{:.3}", yes_no.probs()[0]), "0.731");
///
/// let error = Distribution::from_logprobs(&[f64::NEG_INFINITY; 2]).unwrap_err();
/// assert_eq!(error, DistributionError::NoMass { options: 2 });
/// # Ok::<(), DistributionError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    probs: Vec<f64>,
    logprobs: Vec<f64>,
    log_mass: f64,
}

impl Distribution {
    /// Normalises log-probabilities (natural logarithms of joint probabilities) over the options
    /// they belong to: `p_i = exp(l_i) / Σ exp(l_j)`.
    ///
    /// Only differences count, so log-probabilities may be as low as they like; the largest is
    /// subtracted before `exp`. Negative infinity is a probability of exactly 0. A log-probability
    /// above 0 is taken as it is.
    ///
    /// # Errors
    ///
    /// [`NoOptions`](DistributionError::NoOptions),
    /// [`BadLogprob`](DistributionError::BadLogprob) for NaN or positive infinity, and
    /// [`NoMass`](DistributionError::NoMass) if all are negative infinity.
    pub fn from_logprobs(logprobs: &[f64]) -> Result<Self, DistributionError> {
        let options = logprobs.len();
        if options == 0 {
            return Err(DistributionError::NoOptions);
        }
        let bad = |logprob: f64| logprob.is_nan() || logprob == f64::INFINITY;
        if let Some(option) = logprobs.iter().position(|&logprob| bad(logprob)) {
            let logprob = logprobs[option];
            return Err(DistributionError::BadLogprob { option, logprob });
        }
        let largest = logprobs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            return Err(DistributionError::NoMass { options });
        }
        Ok(Self::from_shifted(logprobs, largest))
    }

    /// Normalises weights, such as probabilities that do not quite sum to 1.
    ///
    /// # Errors
    ///
    /// [`NoOptions`](DistributionError::NoOptions),
    /// [`BadWeight`](DistributionError::BadWeight) for a negative or infinite weight or NaN, and
    /// [`NoMass`](DistributionError::NoMass) if all are 0.
    pub fn from_weights(weights: &[f64]) -> Result<Self, DistributionError> {
        let bad = |weight: f64| !(0.0..f64::INFINITY).contains(&weight);
        if let Some(option) = weights.iter().position(|&weight| bad(weight)) {
            let weight = weights[option];
            return Err(DistributionError::BadWeight { option, weight });
        }
        let logs: Vec<f64> = weights.iter().map(|weight| weight.ln()).collect();
        let mut distribution = Self::from_logprobs(&logs)?;
        // Through logarithms alone 0.4 of 1 would come back with an error in the last digit.
        let total: f64 = weights.iter().sum();
        if total.is_finite() {
            for (prob, weight) in distribution.probs.iter_mut().zip(weights) {
                *prob = weight / total;
            }
        }
        Ok(distribution)
    }

    /// `logprobs` are not empty and their `largest` is finite.
    fn from_shifted(logprobs: &[f64], largest: f64) -> Self {
        let shifted: Vec<f64> = logprobs.iter().map(|logprob| logprob - largest).collect();
        let total: f64 = shifted.iter().map(|logprob| logprob.exp()).sum();
        let log_total = total.ln();
        Self {
            probs: shifted.iter().map(|l| l.exp() / total).collect(),
            logprobs: shifted.iter().map(|l| l - log_total).collect(),
            log_mass: largest + log_total,
        }
    }

    /// The probability of each option, from 0 to 1.
    pub fn probs(&self) -> &[f64] {
        &self.probs
    }

    /// The natural logarithm of each option's probability; negative infinity for 0.
    ///
    /// Still tells options apart whose probabilities are too small for [`probs`](Self::probs).
    pub fn logprobs(&self) -> &[f64] {
        &self.logprobs
    }

    /// The logarithm of the sum of `exp` of what was given, before normalising.
    ///
    /// For joint log-probabilities of options that exclude each other this is the log-probability
    /// that the model gives any of them; rounding may lift it a little above 0.
    pub fn log_mass(&self) -> f64 {
        self.log_mass
    }

    /// The sum of what was given, before normalising: `exp` of [`log_mass`](Self::log_mass).
    ///
    /// It is 0 for a log-mass below about -745.
    pub fn mass(&self) -> f64 {
        self.log_mass.exp()
    }

    /// The entropy in bits, `-Σ p log2 p` with `0 log 0 = 0`; from 0 to `log2` of the number of
    /// options.
    ///
    /// # Source
    ///
    /// Shannon (1948), *Bell System Technical Journal* 27, 379–423, section 6.
    pub fn entropy_bits(&self) -> f64 {
        let terms = self.probs.iter().zip(&self.logprobs);
        let nats: f64 = terms
            .filter(|(prob, _)| **prob > 0.0)
            .map(|(prob, logprob)| -prob * logprob)
            .sum();
        // `+ 0.0` turns the -0 of a certain option into 0.
        (nats / LN_2).max(0.0) + 0.0
    }

    /// The entropy as a share of what it would be if all options were as likely, from 0 to 1;
    /// `None` for a single option, which could only be 0 of 0.
    pub fn relative_entropy(&self) -> Option<f64> {
        let largest = (self.probs.len() as f64).log2();
        (largest > 0.0).then(|| (self.entropy_bits() / largest).min(1.0))
    }

    /// The most likely option, from 0; of several, the first.
    pub fn mode(&self) -> usize {
        let mut mode = 0;
        for (option, prob) in self.probs.iter().enumerate() {
            if *prob > self.probs[mode] {
                mode = option;
            }
        }
        mode
    }

    /// The probability that the answer is one of the options that `belongs` is true for.
    pub fn prob_where(&self, mut belongs: impl FnMut(usize) -> bool) -> f64 {
        let options = self.probs.iter().enumerate();
        let sum: f64 = options
            .filter(|(option, _)| belongs(*option))
            .map(|(_, prob)| prob)
            .sum();
        sum.min(1.0)
    }

    /// The distribution over `classes` classes, where option `i` belongs to class `class_of[i]`.
    ///
    /// Classes are counted from 0; one without options has probability 0. The mass stays that of
    /// the options.
    ///
    /// # Errors
    ///
    /// [`LengthMismatch`](DistributionError::LengthMismatch) unless there is one class for each
    /// option, and [`NoSuchClass`](DistributionError::NoSuchClass).
    pub fn marginal(&self, class_of: &[usize], classes: usize) -> Result<Self, DistributionError> {
        self.check_length("classes", class_of.len())?;
        if let Some(option) = class_of.iter().position(|class| *class >= classes) {
            let class = class_of[option];
            return Err(DistributionError::NoSuchClass {
                option,
                class,
                classes,
            });
        }
        let mut weights = vec![0.0; classes];
        for (prob, class) in self.probs.iter().zip(class_of) {
            weights[*class] += prob;
        }
        let mut marginal = Self::from_weights(&weights)?;
        marginal.log_mass = self.log_mass;
        Ok(marginal)
    }

    /// The same distribution, with the number that each option stands for.
    ///
    /// # Errors
    ///
    /// [`LengthMismatch`](DistributionError::LengthMismatch) unless there is one value for each
    /// option, and [`BadValue`](DistributionError::BadValue) for a value that is not finite.
    pub fn with_values(self, values: &[f64]) -> Result<ValuedDistribution, DistributionError> {
        self.check_length("values", values.len())?;
        ValuedDistribution::new(self, values.to_vec())
    }

    fn check_length(&self, what: &'static str, found: usize) -> Result<(), DistributionError> {
        let options = self.probs.len();
        if found == options {
            return Ok(());
        }
        Err(DistributionError::LengthMismatch {
            what,
            found,
            options,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO: f64 = f64::NEG_INFINITY;

    #[test]
    fn an_option_without_probability_is_exactly_0() {
        let distribution = Distribution::from_logprobs(&[NO, -1.0, NO]).unwrap();
        assert_eq!(distribution.probs(), [0.0, 1.0, 0.0]);
        assert_eq!(distribution.logprobs(), [NO, 0.0, NO]);
        assert_eq!(distribution.log_mass(), -1.0);
    }

    #[test]
    fn a_certain_option_has_an_entropy_of_positive_0() {
        let certain = Distribution::from_logprobs(&[0.0, NO]).unwrap();
        assert_eq!(certain.entropy_bits().to_bits(), 0.0_f64.to_bits());
        let single = Distribution::from_logprobs(&[-3.0]).unwrap();
        assert_eq!(single.entropy_bits().to_bits(), 0.0_f64.to_bits());
        assert_eq!(single.relative_entropy(), None);
    }

    #[test]
    fn what_is_no_logprob_is_named() {
        let error = |logprobs: &[f64]| Distribution::from_logprobs(logprobs).unwrap_err();
        assert_eq!(error(&[]), DistributionError::NoOptions);
        assert_eq!(
            error(&[NO, NO]).to_string(),
            "none of 2 options has any probability, so their distribution is undefined"
        );
        assert_eq!(
            error(&[-1.0, f64::NAN]).to_string(),
            "log-probability of option 1 is NaN, expected a finite number or negative infinity"
        );
        assert_eq!(
            error(&[f64::INFINITY]).to_string(),
            "log-probability of option 0 is inf, expected a finite number or negative infinity"
        );
    }

    #[test]
    fn what_is_no_weight_is_named() {
        let error = |weights: &[f64]| Distribution::from_weights(weights).unwrap_err();
        assert_eq!(error(&[]), DistributionError::NoOptions);
        assert_eq!(error(&[0.0, 0.0]), DistributionError::NoMass { options: 2 });
        assert_eq!(
            error(&[0.5, -0.5]).to_string(),
            "weight of option 1 is -0.5, expected a finite number of at least 0"
        );
        assert!(Distribution::from_weights(&[f64::NAN]).is_err());
        assert!(Distribution::from_weights(&[f64::INFINITY]).is_err());
    }

    #[test]
    fn weights_near_the_ends_of_the_range_keep_their_ratios() {
        for scale in [1e-308, 1.0, 5e307] {
            let weighted = Distribution::from_weights(&[scale, 3.0 * scale]).unwrap();
            assert!((weighted.probs()[0] - 0.25).abs() < 1e-12, "{scale}");
        }
    }

    #[test]
    fn of_options_as_likely_the_first_is_the_mode() {
        let tied = Distribution::from_weights(&[0.1, 0.4, 0.4, 0.1]).unwrap();
        assert_eq!(tied.mode(), 1);
    }

    #[test]
    fn a_marginal_sums_the_options_of_each_class() {
        let options = Distribution::from_logprobs(&[0.1, 0.2, 0.3, 0.4].map(f64::ln)).unwrap();
        let marginal = options.marginal(&[0, 2, 0, 2], 3).unwrap();
        let expected = [0.4, 0.0, 0.6];
        for (prob, expected) in marginal.probs().iter().zip(expected) {
            assert!((prob - expected).abs() < 1e-15);
        }
        assert_eq!(marginal.log_mass(), options.log_mass());
        assert!((options.prob_where(|option| option % 2 == 0) - 0.4).abs() < 1e-15);
    }

    #[test]
    fn classes_that_do_not_fit_are_refused() {
        let options = Distribution::from_weights(&[1.0, 1.0]).unwrap();
        assert_eq!(
            options.marginal(&[0], 1).unwrap_err().to_string(),
            "found 1 classes for 2 options, expected one for each"
        );
        assert_eq!(
            options.marginal(&[0, 1], 1).unwrap_err().to_string(),
            "class of option 1 is 1, expected less than 1"
        );
    }
}
