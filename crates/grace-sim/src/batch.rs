//! The planted batch effect: one shift for each server instance.

use crate::draws::Draws;

/// What a server instance adds to the log-odds of its answers: drawn once from N(0, SD²), seeded
/// by instance number and model name.
pub(crate) fn shift(sd: f64, instance: u64, model: &str) -> f64 {
    let parts: [&[u8]; 2] = [&instance.to_be_bytes(), model.as_bytes()];
    sd * Draws::named("grace-sim.batch-shift/v1", &parts).normal()
}

/// The share of latent variance that a shift of SD `sd` brings into yes/no answers sampled at
/// `temperature`: (sd/T)² / ((sd/T)² + π²/3).
pub(crate) fn latent_icc(sd: f64, temperature: f64) -> f64 {
    let between = (sd / temperature).powi(2);
    between / (between + std::f64::consts::PI.powi(2) / 3.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_of_many_instances_have_the_planted_sd() {
        let shifts: Vec<f64> = (0..5000).map(|i| shift(0.8, i, "sim")).collect();
        let mean_square = shifts.iter().map(|x| x * x).sum::<f64>() / 5000.0;
        assert!((mean_square.sqrt() - 0.8).abs() < 0.03);
    }

    #[test]
    fn latent_icc_of_a_shift_as_large_as_the_logistic_noise_is_a_half() {
        let sd = std::f64::consts::PI / 3.0_f64.sqrt();
        assert!((latent_icc(sd, 1.0) - 0.5).abs() < 1e-12);
    }
}
