//! Likelihoods as functions of one ratio of variances.

use crate::law::ChiSquared;

/// The tail of the even mixture of 0 and χ² with one degree of freedom.
pub(crate) fn boundary_test(stat: f64) -> f64 {
    if stat > 0.0 {
        ChiSquared::of_count(1).upper_prob(stat) / 2.0
    } else {
        1.0
    }
}

/// A criterion as a function of the variance ratio `θ = σ²_b / σ²_w`, with the residual variance
/// and the fixed effects profiled out.
pub(crate) trait Profile {
    /// The criterion.
    fn value(&self, theta: f64) -> f64;

    /// Its derivative by `θ`.
    fn slope(&self, theta: f64) -> Slope;
}

/// A derivative as the difference of two positive parts, so that it is known how much of it may
/// be rounding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slope {
    pub(crate) rising: f64,
    pub(crate) falling: f64,
}

impl Slope {
    /// Whether the criterion falls, by more than rounding.
    fn is_falling(self) -> bool {
        const ROUNDING: f64 = 1e-12;
        self.falling > self.rising * (1.0 + ROUNDING)
    }
}

/// The ratio at which a profile is least; infinite or beyond 2⁴⁰ if it falls without end.
///
/// With unequal group sizes there can be a minimum at 0 and a lower one inside, so the slope's sign
/// is looked at over all magnitudes of the ratio; where it turns from falling to rising is a
/// minimum. One inside must be lower than one at 0 by more than rounding.
pub(crate) fn minimise(profile: &impl Profile) -> f64 {
    const ROUNDING: f64 = 1e-9;
    let mut falls_before = profile.slope(0.0).is_falling();
    let mut before = 0.0;
    let mut best = (!falls_before).then(|| (0.0, profile.value(0.0) - ROUNDING));
    let magnitudes = (-40..=40).map(|power| 2.0_f64.powi(power));
    for theta in magnitudes.chain([f64::INFINITY]) {
        let falls = theta.is_finite() && profile.slope(theta).is_falling();
        if falls_before && !falls {
            let minimum = turn(profile, before, theta);
            let value = profile.value(minimum);
            // At the end of a criterion that falls without end its value is NaN.
            if best.is_none_or(|(_, least)| value.is_nan() || value < least) {
                best = Some((minimum, value));
            }
        }
        (before, falls_before) = (theta, falls);
    }
    best.map_or(0.0, |(theta, _)| theta)
}

/// Where the slope turns from falling to rising, between two ratios.
fn turn(profile: &impl Profile, low: f64, high: f64) -> f64 {
    // On the scale of the ICC, which is bounded.
    let icc = |ratio: f64| {
        if ratio.is_finite() {
            ratio / (1.0 + ratio)
        } else {
            1.0
        }
    };
    let ratio = |icc: f64| icc / (1.0 - icc);
    let (mut low, mut high) = (icc(low), icc(high));
    loop {
        let middle = f64::midpoint(low, high);
        if middle == low || middle == high || high - low < f64::EPSILON * low {
            return ratio(low);
        }
        let slope = profile.slope(ratio(middle));
        if slope.falling > slope.rising {
            low = middle;
        } else {
            high = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(θ − a)² (θ − 8)² + tilt θ`, from 0 up.
    struct TwoMinima {
        a: f64,
        tilt: f64,
    }

    impl Profile for TwoMinima {
        fn value(&self, theta: f64) -> f64 {
            ((theta - self.a) * (theta - 8.0)).powi(2) + self.tilt * theta
        }

        fn slope(&self, theta: f64) -> Slope {
            let product = (theta - self.a) * (theta - 8.0);
            let slope = 2.0 * product * (2.0 * theta - self.a - 8.0) + self.tilt;
            Slope {
                rising: slope.max(0.0),
                falling: (-slope).max(0.0),
            }
        }
    }

    #[test]
    fn the_lower_of_two_minima_is_taken() {
        assert!((minimise(&TwoMinima { a: 1.0, tilt: 1.0 }) - 1.0).abs() < 0.1);
        assert!((minimise(&TwoMinima { a: 1.0, tilt: -1.0 }) - 8.0).abs() < 0.1);
    }

    #[test]
    fn a_minimum_inside_may_be_lower_than_one_at_0() {
        let rises_from_0 = TwoMinima { a: -2.0, tilt: 0.0 };
        assert!(rises_from_0.slope(0.0).rising > 0.0);
        assert!((minimise(&rises_from_0) - 8.0).abs() < 1e-9);
        let tilted = TwoMinima {
            a: -2.0,
            tilt: 40.0,
        };
        assert_eq!(minimise(&tilted), 0.0);
    }
}
