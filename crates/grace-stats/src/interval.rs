//! Where a true value is thought to be.

/// A confidence interval, `lower` at most `upper`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower limit.
    pub lower: f64,
    /// The upper limit.
    pub upper: f64,
}

impl Interval {
    /// The interval of one point.
    pub const fn point(at: f64) -> Self {
        Self {
            lower: at,
            upper: at,
        }
    }

    /// Whether `value` is in it, limits included.
    pub fn contains(&self, value: f64) -> bool {
        self.lower <= value && value <= self.upper
    }

    /// `upper − lower`.
    pub fn width(&self) -> f64 {
        self.upper - self.lower
    }

    /// Both limits brought to `least` to `most`, such as 0 to 1 for display; an interval that lies
    /// outside becomes a point at the nearer end.
    #[must_use]
    pub fn clipped(&self, least: f64, most: f64) -> Self {
        Self {
            lower: self.lower.clamp(least, most),
            upper: self.upper.clamp(least, most),
        }
    }
}
