//! Units in which squares neither overflow nor vanish.

/// The power of two at or below `largest`: dividing by it changes no digit.
pub(crate) fn power_of_two(largest: f64) -> f64 {
    largest.log2().floor().exp2().max(f64::MIN_POSITIVE)
}
