//! Answers as scores know them: fixed texts, each with its exact probability.

use super::recognise::{Question, asked_state, recognise};
use super::{Participant, knowledge_chances, percent, politeness_chances, quantity_chances};

const NUMBERS: [&str; 4] = [" 0", " 1", " 2", " 3"];
const NO_YES: [&str; 2] = [" no", " yes"];
const PERCENTS: [&str; percent::STEPS] = [
    " 0%", " 10%", " 20%", " 30%", " 40%", " 50%", " 60%", " 70%", " 80%", " 90%", " 100%",
];
/// [`super::UTTERANCES`] as sentences.
const SENTENCES: [&str; 8] = [
    " It was terrible.",
    " It was bad.",
    " It was good.",
    " It was amazing.",
    " It wasn't terrible.",
    " It wasn't bad.",
    " It wasn't good.",
    " It wasn't amazing.",
];

/// All texts that [`Participant::answers`] may give.
pub(crate) fn every_answer() -> impl Iterator<Item = &'static str> {
    let numbers = NUMBERS.into_iter().chain(NO_YES);
    numbers.chain(PERCENTS).chain(SENTENCES)
}

impl Participant {
    /// What is answered to `prompt`, with the probability of each answer at temperature 1, batch shift
    /// included; nothing where nobody is asked.
    pub(crate) fn answers(&self, prompt: &str) -> Option<Vec<(&'static str, f64)>> {
        Some(match recognise(prompt)? {
            Question::Quantity { access, observe } => {
                let p = quantity_chances(self, access, observe);
                match asked_state(prompt) {
                    Some(state) => paired(PERCENTS, percent::distribution(p[state])),
                    None => paired(NUMBERS, p),
                }
            }
            Question::Knowledge { access } => paired(NO_YES, knowledge_chances(self, access)),
            Question::Politeness { state, goal } => {
                paired(SENTENCES, politeness_chances(self, state, goal))
            }
        })
    }
}

fn paired<const N: usize>(texts: [&'static str; N], p: [f64; N]) -> Vec<(&'static str, f64)> {
    texts.into_iter().zip(p).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::participant::UTTERANCES;

    #[test]
    fn sentences_are_the_utterances() {
        let made = UTTERANCES.map(|utterance| format!(" {utterance}."));
        assert_eq!(made, SENTENCES);
    }
}
