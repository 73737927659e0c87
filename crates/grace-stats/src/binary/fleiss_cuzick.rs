//! The kappa of Fleiss and Cuzick.

use super::counts::sum;
use super::{Counts, NotBinaryError};
use crate::one_way::Groups;

/// The intraclass kappa of Fleiss and Cuzick for one condition, on the observed scale:
/// `1 − Σ s_i (n_i − s_i) / n_i / ((N − k) p̄ (1 − p̄))` with `s_i` answers of 1 among `n_i`.
///
/// `None` if no replication has more than one value, or all values are equal.
///
/// # Errors
///
/// [`NotBinaryError`] for a value other than 0 and 1.
///
/// # Source
///
/// Fleiss & Cuzick (1979), *Applied Psychological Measurement* 3(4), 537–542.
pub fn fleiss_cuzick(groups: &Groups) -> Result<Option<f64>, NotBinaryError> {
    let counts = Counts::from_groups(groups)?;
    let cells = || counts.replications().map(|cells| cells[0]);
    let all = sum(cells());
    let within = all.total - groups.count();
    if within == 0 || all.is_constant() {
        return Ok(None);
    }
    let disagreement: f64 = cells()
        .map(|cell| cell.yes as f64 * (cell.total - cell.yes) as f64 / cell.total as f64)
        .sum();
    let share = all.yes as f64 / all.total as f64;
    Ok(Some(
        1.0 - disagreement / (within as f64 * share * (1.0 - share)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_vary_has_no_kappa() {
        let of = |rows: &[(u32, f64)]| {
            let rows = rows.iter().map(|(label, value)| (*label, Some(*value)));
            fleiss_cuzick(&Groups::from_rows(rows).unwrap()).unwrap()
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(0, 1.0), (1, 0.0)]), None);
        assert_eq!(of(&[(0, 1.0), (0, 1.0), (1, 1.0)]), None);
        assert_eq!(of(&[(0, 1.0), (0, 1.0), (1, 0.0), (1, 0.0)]), Some(1.0));
    }
}
