//! Both tails of a law, and the point where a tail has a wanted size.

/// The probabilities below and above a point, and the density there per unit of the scale that
/// quantiles are looked for on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tails {
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) slope: f64,
}

/// Which tail, and how much is in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tail {
    Lower(f64),
    Upper(f64),
}

impl Tail {
    /// The same point by the smaller of the two tails, which has the more digits.
    fn smaller(self) -> Self {
        match self {
            Self::Lower(prob) if prob > 0.5 => Self::Upper(1.0 - prob),
            Self::Upper(prob) if prob > 0.5 => Self::Lower(1.0 - prob),
            tail => tail,
        }
    }
}

/// The point at which `tails` has the wanted tail, found by Newton's method on its logarithm.
///
/// On a scale where the law is log-concave (the logit for beta, the logarithm for gamma) that
/// logarithm is concave, so Newton's method comes nearer with every step but the first, which may
/// go too far; what has been seen to be too low or too high bounds the steps. The tail's size is
/// over 0 and under 1.
pub(super) fn point(start: f64, wanted: Tail, tails: impl Fn(f64) -> Tails) -> f64 {
    const STEPS: usize = 500;
    let wanted = wanted.smaller();
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    let mut at = start;
    for _ in 0..STEPS {
        let found = tails(at);
        let (step, too_high) = match wanted {
            Tail::Lower(prob) => {
                let step = -(found.lower / prob).ln() * found.lower / found.slope;
                (step, found.lower > prob)
            }
            Tail::Upper(prob) => {
                let step = (found.upper / prob).ln() * found.upper / found.slope;
                (step, found.upper < prob)
            }
        };
        if step.abs() <= 4.0 * f64::EPSILON * at.abs().max(1.0) {
            return at + step;
        }
        if too_high {
            high = at;
        } else {
            low = at;
        }
        at = between(at + step, low, high);
    }
    at
}

/// `next` if it is between the bounds, else a point that is.
fn between(next: f64, low: f64, high: f64) -> f64 {
    if next > low && next < high {
        next
    } else if low == f64::NEG_INFINITY {
        high - 1.0
    } else if high == f64::INFINITY {
        low + 1.0
    } else {
        low.midpoint(high)
    }
}
