//! Study 2: a polite speaker who weighs information, kindness and how both look.

use crate::chances::{normalised, softmax, with_lapse};

/// States, 0 to 3 hearts.
const STATES: usize = 4;
/// Utterances, in the order of [`UTTERANCES`].
const WORDS: usize = 8;
/// Goal weights φ a listener considers: 0, 0.05, …, 0.95.
const PHIS: usize = 20;

/// The eight utterances, worst adjective first, plain before negated.
pub const UTTERANCES: [&str; WORDS] = [
    "It was terrible",
    "It was bad",
    "It was good",
    "It was amazing",
    "It wasn't terrible",
    "It wasn't bad",
    "It wasn't good",
    "It wasn't amazing",
];

/// The probability that a state counts as described by each utterance: rows as [`UTTERANCES`],
/// columns 0 to 3 hearts.
const MEANING: [[f64; STATES]; WORDS] = [
    [0.9999, 0.3142, 0.0708, 0.0198],
    [0.9999, 0.8777, 0.1759, 0.005],
    [0.0145, 0.1126, 0.9893, 0.9999],
    [0.0004, 0.0002, 0.1048, 0.9788],
    [0.2749, 0.5285, 0.728, 0.9203],
    [0.0967, 0.365, 0.7597, 0.9174],
    [0.9909, 0.736, 0.2552, 0.2228],
    [0.9652, 0.9857, 0.7873, 0.0018],
];

/// How positive each utterance is, on the scale on which a batch shift tilts: the mean number of
/// hearts that a literal listener takes from it, rounded to halves.
pub(crate) const POSITIVITY: [f64; WORDS] = [0.5, 0.5, 2.5, 3.0, 2.0, 2.0, 1.0, 1.0];

/// Cost of a plain and of a negated utterance.
const COST: [f64; 2] = [1.0, 2.5];
/// The speaker's rationality, at both levels.
const RATIONALITY: f64 = 4.5;

/// What the speaker is told to aim for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// To be accurate and informative.
    Informational,
    /// To make the listener feel good.
    Social,
    /// Both at once.
    Both,
}

impl Goal {
    /// Weights of informational, social and presentational utility, and the φ to be seen with,
    /// as an index of the grid.
    fn weights(self) -> (f64, f64, f64, usize) {
        match self {
            Self::Informational => (0.35, 0.05, 0.60, 10),
            Self::Social => (0.25, 0.30, 0.45, 7),
            Self::Both => (0.35, 0.10, 0.55, 7),
        }
    }
}

/// A polite speaker in the sense of the rational speech act theory, with lapses.
///
/// * literal listener: L0(s | w) ∝ meaning of w in s;
/// * speaker: S1(w | s, φ) ∝ exp(α (φ ln L0(s | w) + (1 − φ) E[s | w]) − cost(w));
/// * listener: L1(s, φ | w) ∝ S1(w | s, φ), all s and φ alike beforehand;
/// * polite speaker: S2(w | s, goal) ∝ exp(α (ω₁ ln L1(s | w) + ω₂ E[s | w] + ω₃ ln L1(φ | w)) −
///   cost(w)), with the goal's weights ω and φ.
///
/// # Source
///
/// Yoon, Tessler, Goodman & Frank (2020), Polite speech emerges from competing social goals,
/// *Open Mind* 4, 71–87. All numbers (meanings, α 4.5, costs 1 and 2.5, goal weights, the grid of
/// φ) are those of the model "Polite RSA" on forestdb.org (`models/politeness.md`), which calls
/// them maximum a-posteriori values; its goal weights are rounded to 0.05. The lapse rate is ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Speaker {
    /// Rows by goal, then by state.
    polite: [[[f64; WORDS]; STATES]; 3],
    lapse: f64,
}

impl Speaker {
    /// A speaker with a lapse rate of 0.05; the other numbers are fixed.
    pub fn new() -> Self {
        let listener = PragmaticListener::new();
        let goals = [Goal::Informational, Goal::Social, Goal::Both];
        let polite = goals.map(|goal| std::array::from_fn(|state| listener.reply(state, goal)));
        Self {
            polite,
            lapse: 0.05,
        }
    }

    /// Sets the probability of an utterance at random, in [0, 1]. 0.05 unless set.
    #[must_use]
    pub fn with_lapse(mut self, lapse: f64) -> Self {
        self.lapse = lapse.clamp(0.0, 1.0);
        self
    }

    /// The probabilities of the [`UTTERANCES`] about something that deserves `state` hearts (at
    /// most 3), for a speaker with this goal.
    pub fn distribution(&self, state: usize, goal: Goal) -> [f64; WORDS] {
        with_lapse(
            self.polite[goal as usize][state.min(STATES - 1)],
            self.lapse,
        )
    }
}

impl Default for Speaker {
    fn default() -> Self {
        Self::new()
    }
}

/// L1, with what the polite speaker needs of it for each utterance.
struct PragmaticListener {
    /// P(state | utterance).
    states: [[f64; STATES]; WORDS],
    /// P(φ | utterance).
    phis: [[f64; PHIS]; WORDS],
}

impl PragmaticListener {
    fn new() -> Self {
        let literal = MEANING.map(normalised);
        let mut states = [[0.0; STATES]; WORDS];
        let mut phis = [[0.0; PHIS]; WORDS];
        for state in 0..STATES {
            for (step, phi) in grid().enumerate() {
                let said = chosen(|word| {
                    let belief = &literal[word];
                    phi * belief[state].ln() + (1.0 - phi) * mean(belief)
                });
                for (word, probability) in said.into_iter().enumerate() {
                    states[word][state] += probability;
                    phis[word][step] += probability;
                }
            }
        }
        Self {
            states: states.map(normalised),
            phis: phis.map(normalised),
        }
    }

    /// S2: what a polite speaker says about `state`.
    fn reply(&self, state: usize, goal: Goal) -> [f64; WORDS] {
        let (informational, social, presentational, phi) = goal.weights();
        chosen(|word| {
            informational * self.states[word][state].ln()
                + social * mean(&self.states[word])
                + presentational * self.phis[word][phi].ln()
        })
    }
}

/// A rational choice among the utterances by utility and cost.
fn chosen(utility: impl Fn(usize) -> f64) -> [f64; WORDS] {
    softmax(std::array::from_fn(|word| {
        RATIONALITY * utility(word) - COST[word / (WORDS / 2)]
    }))
}

/// The goal weights φ a listener considers.
fn grid() -> impl Iterator<Item = f64> {
    (0..PHIS).map(|step| step as f64 / PHIS as f64)
}

/// The expected number of hearts.
fn mean(belief: &[f64; STATES]) -> f64 {
    belief
        .iter()
        .enumerate()
        .map(|(hearts, p)| hearts as f64 * p)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOALS: [Goal; 3] = [Goal::Informational, Goal::Social, Goal::Both];

    fn negated(state: usize, goal: Goal) -> f64 {
        Speaker::new().with_lapse(0.0).distribution(state, goal)[4..]
            .iter()
            .sum()
    }

    #[test]
    fn probabilities_sum_to_one() {
        for goal in GOALS {
            for state in 0..STATES {
                let p = Speaker::new().distribution(state, goal);
                assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                assert!(p.iter().all(|&x| x >= 0.05 / 8.0));
            }
        }
    }

    /// The paper's main finding: with both goals, bad states are spoken of indirectly.
    #[test]
    fn both_goals_negate_bad_states_most() {
        for state in 0..2 {
            assert!(negated(state, Goal::Both) > negated(state, Goal::Informational));
            assert!(negated(state, Goal::Both) > negated(state, Goal::Social));
        }
        assert!(negated(0, Goal::Both) > 0.5);
        assert!(negated(3, Goal::Both) < 0.1);
    }

    #[test]
    fn the_best_is_called_amazing_whatever_the_goal() {
        for goal in GOALS {
            let p = Speaker::new().distribution(3, goal);
            assert!(p.iter().all(|&other| p[3] >= other), "{goal:?}: {p:?}");
        }
    }

    #[test]
    fn a_kind_speaker_sounds_better_than_an_informative_one() {
        for state in 0..3 {
            let positivity = |goal| -> f64 {
                let p = Speaker::new().distribution(state, goal);
                p.iter().zip(POSITIVITY).map(|(p, score)| p * score).sum()
            };
            assert!(
                positivity(Goal::Social) > positivity(Goal::Informational),
                "{state} hearts"
            );
        }
    }

    #[test]
    fn positivity_is_the_literal_mean_rounded_to_halves() {
        for (meaning, score) in MEANING.into_iter().zip(POSITIVITY) {
            let rounded = (2.0 * mean(&normalised(meaning))).round() / 2.0;
            assert!(
                (rounded - score).abs() < 1e-12,
                "{meaning:?} {rounded} {score}"
            );
        }
    }

    #[test]
    fn a_speaker_who_always_lapses_says_anything() {
        let p = Speaker::new().with_lapse(1.0).distribution(0, Goal::Both);
        assert!(p.iter().all(|&x| (x - 0.125).abs() < 1e-12));
    }
}
