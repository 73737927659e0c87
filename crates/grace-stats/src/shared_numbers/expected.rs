//! The ICC of answers that only share their random numbers.

/// The ratio `(E[MSB] − E[MSW]) / (E[MSB] + (n − 1) E[MSW])` of a condition in which equal prompts
/// of a replication always get equal answers, and nothing else goes on:
/// `(Σ m² − n) / (n (n − 1))` with `m` trials of each prompt, `n = Σ m`.
///
/// It does not depend on how answers are distributed. 1 if all trials have one prompt, 0 if no two
/// share one; `None` for fewer than two trials.
///
/// # Examples
///
/// ```
/// use grace_stats::shared_numbers::expected_icc;
///
/// let icc = expected_icc(&[9, 9, 8, 8, 8, 8]);
/// assert_eq!(icc.map(|icc| format!("{icc:.4}")).as_deref(), Some("0.1502"));
/// ```
///
/// # Source
///
/// For answers with variance `σ²` that are equal within prompts and independent between them, a
/// replication's mean has variance `σ² Σ m² / n²`, so `E[MSB] = σ² Σ m² / n` and
/// `E[MSW] = σ² (n − Σ m² / n) / (n − 1)`.
pub fn expected_icc(multiplicities: &[usize]) -> Option<f64> {
    let sizes = || multiplicities.iter().map(|size| *size as f64);
    let total: f64 = sizes().sum();
    if total < 2.0 {
        return None;
    }
    let squares: f64 = sizes().map(|size| size * size).sum();
    Some((squares - total) / (total * (total - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_prompt_is_1_and_different_prompts_are_0() {
        assert_eq!(expected_icc(&[50]), Some(1.0));
        assert_eq!(expected_icc(&[1; 50]), Some(0.0));
        assert_eq!(expected_icc(&[1, 0]), None);
        assert_eq!(expected_icc(&[]), None);
    }
}
