//! What is not a distribution.

use thiserror::Error;

/// Why numbers do not make a distribution. Options are counted from 0.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum DistributionError {
    /// There is no option.
    #[error("a distribution needs at least one option, found none")]
    NoOptions,
    /// A log-probability is NaN or positive infinity.
    #[error(
        "log-probability of option {option} is {logprob}, expected a finite number or negative infinity"
    )]
    BadLogprob {
        /// The option, from 0.
        option: usize,
        /// What was found.
        logprob: f64,
    },
    /// A weight is negative, NaN or infinite.
    #[error("weight of option {option} is {weight}, expected a finite number of at least 0")]
    BadWeight {
        /// The option, from 0.
        option: usize,
        /// What was found.
        weight: f64,
    },
    /// No option has any mass: all log-probabilities are negative infinity, or all weights are 0.
    #[error("none of {options} options has any probability, so their distribution is undefined")]
    NoMass {
        /// How many options there are.
        options: usize,
    },
    /// There are more or fewer values, or classes, than options.
    #[error("found {found} {what} for {options} options, expected one for each")]
    LengthMismatch {
        /// `values` or `classes`.
        what: &'static str,
        /// How many were given.
        found: usize,
        /// How many options there are.
        options: usize,
    },
    /// The value of an option is NaN or infinite.
    #[error("value of option {option} is {value}, expected a finite number")]
    BadValue {
        /// The option, from 0.
        option: usize,
        /// What was found.
        value: f64,
    },
    /// A class is not below the number of classes.
    #[error("class of option {option} is {class}, expected less than {classes}")]
    NoSuchClass {
        /// The option, from 0.
        option: usize,
        /// What was found.
        class: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// A number is no probability.
    #[error("probability is {prob}, expected 0 to 1")]
    NotAProbability {
        /// What was found.
        prob: f64,
    },
}
