//! Study 1: a Bayesian listener who reasons about what the speaker knows.

use crate::chances::{normalised, softmax, with_lapse};

/// Number of objects in each story.
const OBJECTS: usize = 3;
/// One state for each number of objects that have the property, 0 to 3.
const STATES: usize = OBJECTS + 1;

/// A listener in the sense of the rational speech act theory, with lapses.
///
/// *s* of 3 objects have a property; the speaker has looked at `access` of them and says that at
/// least `word` have it. The listener infers *s*:
///
/// * prior: P(s) binomial (3, `base_rate`);
/// * observation: P(o | s, access) hypergeometric;
/// * literal listener: L0(s | w) ∝ P(s) for s ≥ w (number words have lower bounds only);
/// * speaker: S(w | o, access) ∝ exp(`rationality` · E[ln L0(s | w)]), where the expectation is
///   over P(s | o, access), and `w` runs over 0 to 3;
/// * pragmatic listener: L1(s | w, access) ∝ P(s) Σₒ P(o | s, access) S(w | o, access).
///
/// # Source
///
/// Goodman & Stuhlmüller (2013), Knowledge and implicature, *Topics in Cognitive Science* 5(1),
/// 173–184. The default numbers (base rate 0.62, rationality 8, lapse 0.05) are chosen to give
/// the orderings found in their second experiment; no claim is made that they are the fitted ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Listener {
    base_rate: f64,
    rationality: f64,
    lapse: f64,
}

impl Listener {
    /// A listener with the default numbers.
    pub fn new() -> Self {
        Self {
            base_rate: 0.62,
            rationality: 8.0,
            lapse: 0.05,
        }
    }

    /// Sets the probability, in (0, 1), that an object has the property. 0.62 unless set.
    #[must_use]
    pub fn with_base_rate(mut self, base_rate: f64) -> Self {
        self.base_rate = base_rate.clamp(1e-6, 1.0 - 1e-6);
        self
    }

    /// Sets how strongly the speaker prefers better words, 0 or more. 8 unless set.
    #[must_use]
    pub fn with_rationality(mut self, rationality: f64) -> Self {
        self.rationality = rationality.max(0.0);
        self
    }

    /// Sets the probability of an answer at random, in [0, 1]. 0.05 unless set.
    #[must_use]
    pub fn with_lapse(mut self, lapse: f64) -> Self {
        self.lapse = lapse.clamp(0.0, 1.0);
        self
    }

    /// The probabilities of answering 0, 1, 2, 3 when a speaker who has looked at `access`
    /// objects (at most 3) says that `word` (at most 3) have the property.
    ///
    /// What nobody who saw so little could know (a word over `access`) is taken at its word.
    pub fn distribution(&self, access: usize, word: usize) -> [f64; STATES] {
        let (access, word) = (access.min(OBJECTS), word.min(OBJECTS));
        let prior = self.prior();
        let mut posterior = [0.0; STATES];
        for (state, weight) in posterior.iter_mut().enumerate() {
            let said: f64 = (0..=access)
                .map(|seen| hypergeometric(seen, state, access) * self.speaker(seen, access)[word])
                .sum();
            *weight = prior[state] * said;
        }
        if posterior.iter().sum::<f64>() <= 0.0 {
            posterior = self.literal(word);
        }
        with_lapse(normalised(posterior), self.lapse)
    }

    /// The probabilities of answering no, yes to "does the speaker know exactly how many?": yes if
    /// all objects were looked at, up to lapses.
    pub fn knowledge_distribution(&self, access: usize) -> [f64; 2] {
        let knows = access >= OBJECTS;
        with_lapse(if knows { [0.0, 1.0] } else { [1.0, 0.0] }, self.lapse)
    }

    fn prior(&self) -> [f64; STATES] {
        let (yes, no) = (self.base_rate, 1.0 - self.base_rate);
        [
            no * no * no,
            3.0 * yes * no * no,
            3.0 * yes * yes * no,
            yes * yes * yes,
        ]
    }

    fn literal(&self, word: usize) -> [f64; STATES] {
        let mut posterior = self.prior();
        posterior[..word].fill(0.0);
        normalised(posterior)
    }

    /// The speaker's probabilities of saying 0, 1, 2, 3 after seeing that `seen` of the `access`
    /// objects have the property.
    fn speaker(&self, seen: usize, access: usize) -> [f64; STATES] {
        let prior = self.prior();
        let mut belief = [0.0; STATES];
        for (state, weight) in belief.iter_mut().enumerate() {
            *weight = prior[state] * hypergeometric(seen, state, access);
        }
        let belief = normalised(belief);
        // A word above what was seen may be false: its utility is −∞.
        let mut utilities = [f64::NEG_INFINITY; STATES];
        for (word, utility) in utilities.iter_mut().enumerate().take(seen + 1) {
            let literal = self.literal(word);
            let expected: f64 = belief
                .iter()
                .zip(literal)
                .filter(|(belief, _)| **belief > 0.0)
                .map(|(belief, literal)| belief * literal.ln())
                .sum();
            *utility = self.rationality * expected;
        }
        softmax(utilities)
    }
}

impl Default for Listener {
    fn default() -> Self {
        Self::new()
    }
}

/// P(`seen` of `access` objects have the property | `state` of 3 have it).
fn hypergeometric(seen: usize, state: usize, access: usize) -> f64 {
    choose(state, seen) * choose(OBJECTS - state, access - seen) / choose(OBJECTS, access)
}

/// The binomial coefficient, for `from` up to 3.
fn choose(from: usize, taken: usize) -> f64 {
    const PASCAL: [[f64; 4]; 4] = [
        [1.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 0.0, 0.0],
        [1.0, 2.0, 1.0, 0.0],
        [1.0, 3.0, 3.0, 1.0],
    ];
    PASCAL[from][taken]
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: [(usize, usize); 6] = [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3)];

    fn exact() -> Listener {
        Listener::new().with_lapse(0.0)
    }

    #[track_caller]
    fn check(actual: [f64; 4], expected: [f64; 4]) {
        for (a, e) in actual.into_iter().zip(expected) {
            assert!((a - e).abs() < 1e-9, "{actual:?} is not {expected:?}");
        }
    }

    #[test]
    fn probabilities_sum_to_one_and_number_words_are_true() {
        for (access, word) in CELLS {
            let p = exact().distribution(access, word);
            assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(
                p[..word].iter().all(|&x| x == 0.0),
                "{access} {word}: {p:?}"
            );
        }
    }

    #[test]
    fn three_of_three_leaves_no_doubt() {
        check(exact().distribution(3, 3), [0.0, 0.0, 0.0, 1.0]);
        check(
            Listener::new().with_lapse(0.2).distribution(3, 3),
            [0.05, 0.05, 0.05, 0.85],
        );
    }

    #[test]
    fn a_speaker_who_saw_all_and_is_fully_rational_is_taken_exactly() {
        let listener = exact().with_rationality(500.0);
        check(listener.distribution(3, 1), [0.0, 1.0, 0.0, 0.0]);
        check(listener.distribution(3, 2), [0.0, 0.0, 1.0, 0.0]);
    }

    /// With rationality 0 the speaker says any true word; by hand for access 3, word 2, and a fair
    /// prior 1:3:3:1, weights 3 · 1/3 for two and 1 · 1/4 for three.
    #[test]
    fn a_speaker_of_no_rationality_says_any_true_word() {
        let listener = exact().with_base_rate(0.5).with_rationality(0.0);
        check(listener.distribution(3, 2), [0.0, 0.0, 0.8, 0.2]);
    }

    /// By hand: access 1, word 1 can only come from seeing one, so the posterior is
    /// P(s) · s/3 normalised: binomial (2, rate) shifted by one.
    #[test]
    fn one_of_one_tells_of_that_one_only() {
        check(exact().distribution(1, 1), [0.0, 0.1444, 0.4712, 0.3844]);
    }

    #[test]
    fn a_speaker_who_saw_all_is_mostly_taken_exactly() {
        for word in 1..=3 {
            assert!(exact().distribution(3, word)[word] > 0.8);
        }
    }

    /// The orderings of experiment 2 of Goodman & Stuhlmüller (2013).
    #[test]
    fn implicatures_appear_only_where_the_speaker_knows() {
        let bets = |access, word| exact().distribution(access, word);
        assert!(bets(3, 2)[2] > bets(3, 2)[3]);
        assert!(bets(3, 1)[1] > bets(3, 1)[2] && bets(3, 1)[1] > bets(3, 1)[3]);
        assert!(bets(2, 2)[2] < bets(2, 2)[3]);
        assert!(bets(1, 1)[1] < bets(1, 1)[2] && bets(1, 1)[1] < bets(1, 1)[3]);
        assert!(bets(2, 1)[1] > bets(2, 1)[3] && bets(2, 1)[1] < bets(2, 1)[2]);
    }

    #[test]
    fn only_full_access_is_knowledge() {
        for access in 1..3 {
            let [no, yes] = Listener::new().knowledge_distribution(access);
            assert!((no - 0.975).abs() < 1e-12 && (yes - 0.025).abs() < 1e-12);
        }
        assert!(Listener::new().knowledge_distribution(3)[1] > 0.97);
    }
}
