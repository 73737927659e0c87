//! Small symmetric systems.

/// The lower triangle `L` of `A = L Lᵀ`, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Cholesky {
    rows: Vec<Vec<f64>>,
}

impl Cholesky {
    /// Factors a positive definite matrix, of which the lower triangle is read.
    pub(crate) fn new(matrix: &[Vec<f64>]) -> Self {
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
        for (i, given) in matrix.iter().enumerate() {
            let mut row = Vec::with_capacity(i + 1);
            for j in 0..i {
                let known: f64 = dot(&row[..j], &rows[j][..j]);
                row.push((given[j] - known) / rows[j][j]);
            }
            row.push((given[i] - dot(&row, &row)).sqrt());
            rows.push(row);
        }
        Self { rows }
    }

    /// `ln |A|`.
    pub(crate) fn log_determinant(&self) -> f64 {
        let diagonal = self.rows.iter().filter_map(|row| row.last());
        2.0 * diagonal.map(|entry| entry.ln()).sum::<f64>()
    }

    /// `A⁻¹ b`.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = self.half_solve(b);
        for i in (0..x.len()).rev() {
            let below = self.rows[i + 1..].iter().zip(&x[i + 1..]);
            let known: f64 = below.map(|(row, x)| row[i] * x).sum();
            x[i] = (x[i] - known) / self.rows[i][i];
        }
        x
    }

    /// `bᵀ A⁻¹ b`.
    pub(crate) fn inverse_form(&self, b: &[f64]) -> f64 {
        let half = self.half_solve(b);
        dot(&half, &half)
    }

    /// `L⁻¹ b`.
    fn half_solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = Vec::with_capacity(b.len());
        for (row, b) in self.rows.iter().zip(b) {
            let known = dot(&row[..x.len()], &x);
            x.push((b - known) / row[x.len()]);
        }
        x
    }
}

pub(crate) fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_system_is_solved() {
        // A = [[4, 2], [2, 3]], |A| = 8, A⁻¹ = [[3, −2], [−2, 4]] / 8.
        let factor = Cholesky::new(&[vec![4.0], vec![2.0, 3.0]]);
        assert!((factor.log_determinant() - 8.0_f64.ln()).abs() < 1e-15);
        let x = factor.solve(&[8.0, 16.0]);
        assert!((x[0] + 1.0).abs() < 1e-14 && (x[1] - 6.0).abs() < 1e-14);
        assert!((factor.inverse_form(&[0.0, 1.0]) - 0.5).abs() < 1e-15);
    }
}
