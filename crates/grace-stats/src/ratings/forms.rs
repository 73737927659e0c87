//! The six forms.

use super::Ratings;
use super::squares::MeanSquares;
use crate::Interval;
use crate::law::{Confidence, FisherF};
use crate::one_way::{NotEstimable, Status};

/// What is known about a table: status first, numbers second.
#[derive(Clone, Debug, PartialEq)]
pub enum ShroutFleiss {
    /// There are fewer than two targets (`OneGroup`) or raters (`NoWithinDf`).
    NotEstimable(NotEstimable),
    /// All ratings are equal.
    NoVariance,
    /// All raters agree on each target, and targets differ: every form is 1.
    NoWithinVariance,
    /// There are estimates.
    Estimated(Box<Forms>),
}

/// An intraclass correlation of a single rating and of the mean of all raters' ratings.
///
/// They are not clipped, and at most 1, except the average of the second form, which is no ratio of
/// variances where neither targets nor raters differ.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Form {
    /// Of one rating, such as ICC(1,1).
    pub single: f64,
    /// Its interval.
    pub single_interval: Interval,
    /// Of the mean over raters, such as ICC(1,k); negative infinity if targets do not differ.
    pub average: f64,
    /// Its interval.
    pub average_interval: Interval,
}

/// An F test of whether targets differ.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FTest {
    /// The ratio of mean squares; infinite if nothing is left to compare with.
    pub f: f64,
    /// Degrees of freedom of its numerator.
    pub df_numerator: f64,
    /// Degrees of freedom of its denominator.
    pub df_denominator: f64,
    /// The probability of such a ratio or a larger one if targets do not differ.
    pub p: f64,
}

/// The six forms of Shrout and Fleiss.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Forms {
    /// ICC(1,1) and ICC(1,k): each target has raters of its own, drawn at random.
    pub one_way: Form,
    /// ICC(2,1) and ICC(2,k): the same raters for all, drawn at random; their levels count.
    pub random_raters: Form,
    /// ICC(3,1) and ICC(3,k): the same raters for all, and only these; their levels do not count.
    pub fixed_raters: Form,
    /// The test that goes with the first form, BMS / WMS.
    pub one_way_test: FTest,
    /// The test that goes with the other two, BMS / EMS.
    pub two_way_test: FTest,
}

impl ShroutFleiss {
    /// The status.
    pub fn status(&self) -> Status {
        match self {
            Self::NotEstimable(reason) => Status::NotEstimable(*reason),
            Self::NoVariance => Status::NoVariance,
            Self::NoWithinVariance => Status::NoWithinVariance,
            Self::Estimated(_) => Status::Ok,
        }
    }
}

/// Computes the six forms with their intervals.
///
/// # Examples
///
/// ```
/// use grace_stats::law::Confidence;
/// use grace_stats::ratings::{Ratings, ShroutFleiss, shrout_fleiss};
///
/// let table = [9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7];
/// let ratings = Ratings::from_rows(table.map(f64::from).to_vec(), 4)?;
/// let ShroutFleiss::Estimated(forms) = shrout_fleiss(&ratings, Confidence::P95) else {
///     unreachable!("ratings differ within and between targets");
/// };
/// let singles = [forms.one_way, forms.random_raters, forms.fixed_raters].map(|form| form.single);
/// assert_eq!(singles.map(|icc| format!("{icc:.2}")), ["0.17", "0.29", "0.71"]);
/// # Ok::<(), grace_stats::ratings::RatingsError>(())
/// ```
///
/// # Source
///
/// Shrout & Fleiss (1979), *Psychological Bulletin* 86(2), 420–428; the interval of the second form
/// with Satterthwaite's degrees of freedom.
pub fn shrout_fleiss(ratings: &Ratings, confidence: Confidence) -> ShroutFleiss {
    let constant = |row: &[f64]| row.iter().all(|value| *value == row[0]);
    let firsts: Vec<f64> = ratings.rows().map(|row| row[0]).collect();
    if ratings.targets() < 2 {
        ShroutFleiss::NotEstimable(NotEstimable::OneGroup)
    } else if ratings.raters() < 2 {
        ShroutFleiss::NotEstimable(NotEstimable::NoWithinDf)
    } else if !ratings.rows().all(constant) {
        let squares = MeanSquares::new(ratings);
        ShroutFleiss::Estimated(Box::new(forms(&squares, confidence.tail_prob())))
    } else if constant(&firsts) {
        ShroutFleiss::NoVariance
    } else {
        ShroutFleiss::NoWithinVariance
    }
}

fn forms(squares: &MeanSquares, tail: f64) -> Forms {
    let MeanSquares {
        targets: n,
        raters: k,
        between,
        within,
        error,
        ..
    } = *squares;
    let one_way_test = test(between, within, n - 1.0, n * (k - 1.0));
    let two_way_test = test(between, error, n - 1.0, (n - 1.0) * (k - 1.0));
    Forms {
        one_way: ratio_form(between, within, &one_way_test, k, tail),
        random_raters: random_raters(squares, tail),
        fixed_raters: ratio_form(between, error, &two_way_test, k, tail),
        one_way_test,
        two_way_test,
    }
}

fn test(numerator: f64, denominator: f64, df_numerator: f64, df_denominator: f64) -> FTest {
    let f = numerator / denominator;
    FTest {
        f,
        df_numerator,
        df_denominator,
        p: law(df_numerator, df_denominator).map_or(f64::NAN, |law| law.upper_prob(f)),
    }
}

fn law(numerator: f64, denominator: f64) -> Option<FisherF> {
    FisherF::new(numerator, denominator).ok()
}

/// The first and the third form: `(B − E) / (B + (k − 1) E)` and `(B − E) / B`.
fn ratio_form(between: f64, error: f64, test: &FTest, k: f64, tail: f64) -> Form {
    let limit = |quantile: f64| {
        // Of an infinite ratio the limits are those of ever larger ones.
        let ratio = (test.f / quantile).min(f64::MAX);
        ((ratio - 1.0) / (ratio + k - 1.0), 1.0 - ratio.recip())
    };
    let law = law(test.df_numerator, test.df_denominator);
    let quantile = |of: fn(FisherF, f64) -> f64| law.map_or(f64::NAN, |law| of(law, tail));
    let (lower, average_lower) = limit(quantile(FisherF::upper_quantile));
    let (upper, average_upper) = limit(quantile(FisherF::lower_quantile));
    Form {
        single: (between - error) / (between + (k - 1.0) * error),
        single_interval: Interval { lower, upper },
        average: (between - error) / between,
        average_interval: Interval {
            lower: average_lower,
            upper: average_upper,
        },
    }
}

/// The second form.
fn random_raters(squares: &MeanSquares, tail: f64) -> Form {
    let MeanSquares {
        targets: n,
        raters: k,
        between,
        judges,
        error,
        ..
    } = *squares;
    let single = (between - error) / (between + (k - 1.0) * error + k * (judges - error) / n);
    let df = satterthwaite(squares, single);
    // Without degrees of freedom (no error, or an ICC without a bound) nothing is excluded.
    let quantiles = law(n - 1.0, df).map(|law| {
        let f_upper = law.upper_quantile(tail);
        (f_upper, law.lower_quantile(tail).recip())
    });
    let others = k * judges + (k * n - k - n) * error;
    let interval = quantiles.map_or(
        Interval {
            lower: f64::NEG_INFINITY,
            upper: 1.0,
        },
        |(f_lower, f_upper)| Interval {
            lower: n * (between - f_lower * error) / (f_lower * others + n * between),
            upper: n * (f_upper * between - error) / (others + n * f_upper * between),
        },
    );
    let averaged = |icc: f64| icc * k / (1.0 + icc * (k - 1.0));
    Form {
        single,
        single_interval: interval,
        average: (between - error) / (between + (judges - error) / n),
        average_interval: Interval {
            lower: averaged(interval.lower),
            upper: averaged(interval.upper),
        },
    }
}

/// The degrees of freedom of the mix of mean squares in the second form's interval.
fn satterthwaite(squares: &MeanSquares, icc: f64) -> f64 {
    let MeanSquares {
        targets: n,
        raters: k,
        judges,
        error,
        ..
    } = *squares;
    let ratio = k * icc * (judges / error);
    let rest = n * (1.0 + (k - 1.0) * icc) - k * icc;
    (k - 1.0) * (n - 1.0) * (ratio + rest).powi(2) / ((n - 1.0) * ratio.powi(2) + rest.powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(table: &[f64], raters: usize) -> ShroutFleiss {
        let ratings = Ratings::from_rows(table.to_vec(), raters).unwrap();
        shrout_fleiss(&ratings, Confidence::P95)
    }

    #[test]
    fn the_first_status_that_applies_is_given() {
        let status = |table: &[f64], raters| of(table, raters).status().as_str();
        assert_eq!(status(&[1.0, 2.0], 2), "not_estimable_one_group");
        assert_eq!(status(&[1.0, 2.0], 1), "not_estimable_no_within_df");
        assert_eq!(status(&[0.1; 6], 3), "undefined_no_variance");
        assert_eq!(
            status(&[0.1, 0.1, 0.2, 0.2], 2),
            "perfect_no_within_variance"
        );
        assert_eq!(status(&[1.0, 2.0, 2.0, 1.0], 2), "ok");
    }

    #[test]
    fn raters_that_only_differ_in_level_agree_when_fixed() {
        let ShroutFleiss::Estimated(forms) = of(&[1.0, 3.0, 2.0, 4.0, 5.0, 7.0, 4.0, 6.0], 2)
        else {
            panic!("ratings differ");
        };
        assert_eq!(forms.fixed_raters.single, 1.0);
        assert_eq!(forms.two_way_test.f, f64::INFINITY);
        assert_eq!(forms.fixed_raters.single_interval, Interval::point(1.0));
        assert!(forms.random_raters.single < 0.9);
        let limits = forms.random_raters.single_interval;
        assert!(!limits.lower.is_nan() && !limits.upper.is_nan());
    }
}
