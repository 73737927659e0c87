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
    /// The derivative of the criterion by `θ`.
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

/// The ratio at which a profile is least: 0 if it rises from there, else where its slope changes
/// its sign.
pub(crate) fn minimise(profile: &impl Profile) -> f64 {
    if !profile.slope(0.0).is_falling() {
        return 0.0;
    }
    // On the scale of the ICC, which is bounded.
    let ratio = |icc: f64| icc / (1.0 - icc);
    let (mut low, mut high) = (0.0, 1.0);
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
