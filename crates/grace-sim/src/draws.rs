//! Streams of random numbers that a seed fixes for good.

use rand_core::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;
use sha2::{Digest as _, Sha256};

/// A stream of random numbers: PCG-64, seeded by SHA-256 over named parts.
///
/// # Stability
///
/// The stream for given parts never changes: recorded demo results depend on it.
#[derive(Clone, Debug)]
pub(crate) struct Draws(Pcg64);

impl Draws {
    /// The stream named by `domain` and `parts`; each part is length-prefixed, so no two lists of
    /// parts meet.
    pub(crate) fn named(domain: &str, parts: &[&[u8]]) -> Self {
        let digest = digest(domain, parts);
        let mut seed = [0; 32];
        seed.copy_from_slice(&digest);
        Self(Pcg64::from_seed(seed))
    }

    /// The stream of one request's seed, as an inference server has it: the seed alone decides it,
    /// not the prompt.
    pub(crate) fn of_request(seed: u64) -> Self {
        Self::named("grace-sim.request/v1", &[&seed.to_be_bytes()])
    }

    /// A number in [0, 1), with 53 random bits.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A standard normal number (Box and Muller's transform, its cosine half).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// An index below `weights.len()`, drawn in proportion to the weights (inverse CDF).
    ///
    /// The last index of positive weight is the answer where rounding leaves a gap.
    pub(crate) fn index(&mut self, weights: &[f64]) -> usize {
        let mut left = self.uniform() * weights.iter().sum::<f64>();
        let mut last = 0;
        for (index, &weight) in weights.iter().enumerate() {
            if weight <= 0.0 {
                continue;
            }
            last = index;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        last
    }

    /// One of `items`, each equally likely.
    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, items: [T; N]) -> T {
        items[self.index(&[1.0; N])]
    }
}

/// A 64-bit number that names `parts` in `domain`.
pub(crate) fn fingerprint(domain: &str, parts: &[&[u8]]) -> u64 {
    let digest = digest(domain, parts);
    let mut head = [0; 8];
    head.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(head)
}

fn digest(domain: &str, parts: &[&[u8]]) -> sha2::digest::Output<Sha256> {
    let mut hash = Sha256::new();
    for part in std::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_stability_of_the_request_stream() {
        let mut draws = Draws::of_request(42);
        let first: Vec<u64> = (0..3).map(|_| draws.0.next_u64()).collect();
        assert_eq!(first, VALUES_OF_SEED_42);
    }

    /// From Python: `hashlib`, and PCG-64 (XSL-RR 128/64) written out by hand.
    const VALUES_OF_SEED_42: [u64; 3] = [
        2_248_508_148_455_586_280,
        4_954_036_181_787_967_379,
        8_063_398_993_063_757_771,
    ];

    #[test]
    fn normal_draws_have_mean_zero_and_variance_one() {
        let mut draws = Draws::named("test", &[]);
        let sample: Vec<f64> = (0..20_000).map(|_| draws.normal()).collect();
        let mean = sample.iter().sum::<f64>() / 20_000.0;
        let variance = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 19_999.0;
        assert!(mean.abs() < 0.03, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.04, "variance {variance}");
    }

    #[test]
    fn an_index_of_no_weight_is_never_drawn() {
        let mut draws = Draws::named("test", &[]);
        for _ in 0..1000 {
            assert_eq!(draws.index(&[0.0, 1.0, 0.0]), 1);
        }
    }
}
