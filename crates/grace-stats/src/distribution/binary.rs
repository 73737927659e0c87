//! Two options.

use std::f64::consts::LN_2;

use super::DistributionError;

/// The entropy of a yes-or-no answer in bits, from 0 (certain) to 1 (even): `-p log2 p − (1 − p)
/// log2 (1 − p)` with `0 log 0 = 0`.
///
/// # Errors
///
/// [`DistributionError::NotAProbability`] for a number outside 0 to 1, or NaN.
///
/// # Examples
///
/// ```
/// use grace_stats::distribution::binary_entropy_bits;
///
/// assert_eq!(binary_entropy_bits(0.5)?, 1.0);
/// assert_eq!(binary_entropy_bits(1.0)?, 0.0);
/// # Ok::<(), grace_stats::distribution::DistributionError>(())
/// ```
pub fn binary_entropy_bits(prob: f64) -> Result<f64, DistributionError> {
    if !(0.0..=1.0).contains(&prob) {
        return Err(DistributionError::NotAProbability { prob });
    }
    if prob == 0.0 || prob == 1.0 {
        return Ok(0.0);
    }
    let nats = -prob * prob.ln() - (1.0 - prob) * (-prob).ln_1p();
    Ok((nats / LN_2).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_probability_is_refused() {
        for prob in [-1e-9, 1.0 + 1e-9, f64::NAN, f64::INFINITY] {
            assert!(binary_entropy_bits(prob).is_err(), "{prob}");
        }
    }

    #[test]
    fn certainty_has_no_entropy() {
        assert_eq!(
            binary_entropy_bits(0.0).unwrap().to_bits(),
            0.0_f64.to_bits()
        );
        assert_eq!(
            binary_entropy_bits(1.0).unwrap().to_bits(),
            0.0_f64.to_bits()
        );
    }
}
