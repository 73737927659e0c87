//! Options that stand for numbers.

use super::{Distribution, DistributionError};

/// How far below one half a cumulative probability may be by rounding alone.
const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// A distribution whose options stand for numbers, such as `0%` to `100%`.
#[derive(Clone, Debug, PartialEq)]
pub struct ValuedDistribution {
    distribution: Distribution,
    values: Vec<f64>,
}

impl ValuedDistribution {
    /// `values` are as many as the options.
    pub(super) fn new(
        distribution: Distribution,
        values: Vec<f64>,
    ) -> Result<Self, DistributionError> {
        if let Some(option) = values.iter().position(|value| !value.is_finite()) {
            let value = values[option];
            return Err(DistributionError::BadValue { option, value });
        }
        Ok(Self {
            distribution,
            values,
        })
    }

    /// The probabilities.
    pub fn distribution(&self) -> &Distribution {
        &self.distribution
    }

    /// The number that each option stands for, in the order of the options.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The mean, `Σ p v`, in the unit of the values.
    pub fn mean(&self) -> f64 {
        // About the first value, so that a large offset costs no digits.
        let first = self.values[0];
        first + self.expect(|value| value - first)
    }

    /// The population standard deviation, `√Σ p (v − mean)²`, in the unit of the values.
    ///
    /// The probabilities are the whole population, so nothing is lost to estimating the mean.
    pub fn std(&self) -> f64 {
        let mean = self.mean();
        self.expect(|value| (value - mean).powi(2)).sqrt()
    }

    /// The smallest value at which the cumulative probability, from the smallest value up, reaches
    /// one half.
    pub fn median(&self) -> f64 {
        let mut pairs: Vec<(f64, f64)> = self.pairs().collect();
        pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut cumulative = 0.0;
        let mut median = pairs[0].0;
        for (value, prob) in pairs {
            cumulative += prob;
            median = value;
            if cumulative >= 0.5 - ROUNDING {
                break;
            }
        }
        median
    }

    /// The value of the most likely option; of several, that of the first option.
    pub fn mode(&self) -> f64 {
        self.values[self.distribution.mode()]
    }

    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        let values = self.values.iter().copied();
        values.zip(self.distribution.probs().iter().copied())
    }

    fn expect(&self, of: impl Fn(f64) -> f64) -> f64 {
        self.pairs().map(|(value, prob)| prob * of(value)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valued(weights: &[f64], values: &[f64]) -> ValuedDistribution {
        let distribution = Distribution::from_weights(weights).unwrap();
        distribution.with_values(values).unwrap()
    }

    #[test]
    fn a_large_offset_costs_no_digits() {
        let far = valued(&[0.5, 0.5], &[1e9, 1e9 + 1.0]);
        assert_eq!(far.mean(), 1e9 + 0.5);
        assert_eq!(far.std(), 0.5);
    }

    #[test]
    fn the_median_does_not_hang_on_the_order_of_options() {
        assert_eq!(valued(&[0.1, 0.2, 0.7], &[30.0, 20.0, 10.0]).median(), 10.0);
        assert_eq!(valued(&[0.7, 0.2, 0.1], &[10.0, 20.0, 30.0]).median(), 10.0);
    }

    #[test]
    fn a_half_that_rounding_took_away_is_a_half() {
        let weights = [0.1; 10];
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(valued(&weights, &values).median(), 5.0);
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        let two = Distribution::from_weights(&[1.0, 1.0]).unwrap();
        assert_eq!(
            two.clone().with_values(&[1.0]).unwrap_err().to_string(),
            "found 1 values for 2 options, expected one for each"
        );
        assert_eq!(
            two.with_values(&[1.0, f64::NAN]).unwrap_err().to_string(),
            "value of option 1 is NaN, expected a finite number"
        );
    }
}
