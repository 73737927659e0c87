//! The part of the model that talks nonsense: a distribution over all tokens for every context, in closed
//! form.

use std::sync::LazyLock;

use crate::tokenizer::Tokenizer;

/// Two groups of tokens, both of prime size so that a permutation of either is one multiplication:
/// special tokens and bytes, then pieces.
const LETTERS: u32 = 263;
const PIECES: u32 = 307;
/// The share of all pieces together.
const PIECES_SHARE: f64 = 0.95;

/// All of the context, as a number: what the distribution hangs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace(u64);

impl Trace {
    pub(crate) fn begin(seed: u64) -> Self {
        Self(mixed(seed))
    }

    pub(crate) fn push(&mut self, id: u32) {
        self.0 = mixed(self.0 ^ (u64::from(id) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
}

/// Steele, Lea & Flood's `SplitMix64` finaliser (OOPSLA 2014, variant 13 of Stafford's).
fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The distribution of the next token after one context.
///
/// Each group has fixed probabilities by place (Zipf and Mandelbrot's law, (place + 1.5)^−1.5), and the
/// context decides which token has which place: place = (a · token + b) mod size. So a log-probability, a
/// rank and the likeliest tokens are each had without a sum over the vocabulary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Babble {
    letters: Affine,
    pieces: Affine,
}

impl Babble {
    pub(crate) fn after(trace: Trace) -> Self {
        Self {
            letters: Affine::drawn(mixed(trace.0 ^ 1), LETTERS),
            pieces: Affine::drawn(mixed(trace.0 ^ 2), PIECES),
        }
    }

    /// ln P of a token; −∞ for what is none.
    pub(crate) fn logprob(self, id: u32) -> f64 {
        self.slot(id)
            .map_or(f64::NEG_INFINITY, |slot| TABLE.slots[slot].logprob)
    }

    /// The token's place among all, from 1; the size of the vocabulary plus 1 for what is none.
    pub(crate) fn rank(self, id: u32) -> usize {
        1 + self.slot(id).unwrap_or(Tokenizer::VOCABULARY)
    }

    /// The `count` likeliest tokens, likeliest first.
    pub(crate) fn top(self, count: usize) -> Vec<u32> {
        let slots = TABLE.slots.iter().take(count);
        slots
            .map(|slot| match slot.group {
                Group::Letters => self.letters.token_at(slot.place),
                Group::Pieces => LETTERS + self.pieces.token_at(slot.place),
            })
            .collect()
    }

    fn slot(self, id: u32) -> Option<usize> {
        let places = match id {
            0..LETTERS => TABLE.letters.get(self.letters.place_of(id) as usize),
            _ if (id as usize) < Tokenizer::VOCABULARY => TABLE
                .pieces
                .get(self.pieces.place_of(id - LETTERS) as usize),
            _ => None,
        };
        places.copied()
    }
}

/// A permutation of 0..size, for a prime size.
#[derive(Clone, Copy, Debug)]
struct Affine {
    factor: u32,
    offset: u32,
    size: u32,
}

impl Affine {
    fn drawn(bits: u64, size: u32) -> Self {
        let (high, low) = ((bits >> 32) as u32, (bits & 0xffff_ffff) as u32);
        Self {
            factor: 1 + high % (size - 1),
            offset: low % size,
            size,
        }
    }

    fn place_of(self, token: u32) -> u32 {
        (self.factor * token + self.offset) % self.size
    }

    fn token_at(self, place: u32) -> u32 {
        let shifted = (place + self.size - self.offset) % self.size;
        self.inverse() * shifted % self.size
    }

    /// The factor's inverse: its power to size − 2, after Fermat.
    fn inverse(self) -> u32 {
        let (mut power, mut square, mut left) = (1, self.factor, self.size - 2);
        while left > 0 {
            if left & 1 == 1 {
                power = power * square % self.size;
            }
            square = square * square % self.size;
            left >>= 1;
        }
        power
    }
}

#[derive(Clone, Copy)]
enum Group {
    Letters,
    Pieces,
}

struct Slot {
    group: Group,
    place: u32,
    logprob: f64,
}

/// Places of both groups in one order, likeliest first.
struct Table {
    slots: Vec<Slot>,
    /// By place, the slot.
    letters: Vec<usize>,
    pieces: Vec<usize>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut slots = group(Group::Letters, LETTERS, 1.0 - PIECES_SHARE);
    slots.extend(group(Group::Pieces, PIECES, PIECES_SHARE));
    slots.sort_by(|a, b| b.logprob.total_cmp(&a.logprob));
    let mut table = Table {
        letters: vec![0; LETTERS as usize],
        pieces: vec![0; PIECES as usize],
        slots,
    };
    for (index, slot) in table.slots.iter().enumerate() {
        match slot.group {
            Group::Letters => table.letters[slot.place as usize] = index,
            Group::Pieces => table.pieces[slot.place as usize] = index,
        }
    }
    table
});

fn group(group: Group, size: u32, share: f64) -> Vec<Slot> {
    let weight = |place: u32| (f64::from(place) + 1.5).powf(-1.5);
    let total: f64 = (0..size).map(weight).sum();
    let slot = |place| Slot {
        group,
        place,
        logprob: (share * weight(place) / total).ln(),
    };
    (0..size).map(slot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(ids: &[u32]) -> Babble {
        let mut trace = Trace::begin(7);
        for &id in ids {
            trace.push(id);
        }
        Babble::after(trace)
    }

    fn all() -> std::ops::Range<u32> {
        0..u32::try_from(Tokenizer::VOCABULARY).unwrap()
    }

    #[test]
    fn the_groups_are_the_vocabulary() {
        assert_eq!((LETTERS + PIECES) as usize, Tokenizer::VOCABULARY);
    }

    #[test]
    fn probabilities_sum_to_one_after_any_context() {
        for context in 0..200 {
            let babble = after(&[context, 3]);
            let sum: f64 = all().map(|id| babble.logprob(id).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        }
    }

    #[test]
    fn ranks_and_likeliest_tokens_agree_with_the_probabilities() {
        for context in 0..50 {
            let babble = after(&[context]);
            let mut ids: Vec<u32> = all().collect();
            ids.sort_by(|&a, &b| babble.logprob(b).total_cmp(&babble.logprob(a)));
            assert_eq!(babble.top(Tokenizer::VOCABULARY), ids);
            let ranks: Vec<usize> = ids.iter().map(|&id| babble.rank(id)).collect();
            assert!(ranks.iter().copied().eq(1..=Tokenizer::VOCABULARY));
        }
    }

    #[test]
    fn every_token_of_the_context_counts() {
        let long: Vec<u32> = (0..300).collect();
        let mut other = long.clone();
        other[0] = 9;
        let likeliest = |ids: &[u32]| after(ids).top(5);
        assert_ne!(likeliest(&long), likeliest(&other));
        assert_ne!(likeliest(&[0, 0, 5]), likeliest(&[0, 5]));
    }

    #[test]
    fn what_is_no_token_has_no_probability() {
        assert_eq!(
            after(&[]).logprob(99_999).to_bits(),
            f64::NEG_INFINITY.to_bits()
        );
    }
}
