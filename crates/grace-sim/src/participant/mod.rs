//! Simulated participants: what is asked, the distribution of answers, one answer drawn from it.

mod babble;
mod listener;
mod percent;
mod recognise;
mod speaker;
mod spoken;
mod wording;

pub use listener::Listener;
pub use percent::distribution as percent_distribution;
pub use speaker::{Goal, Speaker, UTTERANCES};
pub(crate) use spoken::every_answer;
pub(crate) use wording::thought;

use crate::chances::{at_temperature, tilted};
use crate::draws::Draws;
use recognise::{Question, recognise};

/// Number of hearts or objects, centred: a shift turns answers up or down without preferring any.
const CENTRED: [f64; 4] = [-1.5, -0.5, 0.5, 1.5];

/// One participant: who it is, and the shift its server instance has drawn.
#[derive(Clone, Debug)]
pub(crate) struct Participant {
    pub(crate) model: String,
    pub(crate) listener: Listener,
    pub(crate) speaker: Speaker,
    pub(crate) shift: f64,
}

impl Participant {
    /// The answer to `prompt`: the same for the same prompt, temperature and state of `draws`.
    ///
    /// The answer carries no leading space. Only nonsense is bounded by `max_words`; answers of
    /// the studies are short, and cutting them is the caller's affair.
    pub(crate) fn answer(
        &self,
        prompt: &str,
        temperature: f64,
        max_words: usize,
        draws: &mut Draws,
    ) -> String {
        let Some(question) = recognise(prompt) else {
            let text = babble::text(prompt, &self.model, temperature, max_words, draws);
            return text.trim_start().to_owned();
        };
        match question {
            Question::Quantity { access, observe } => {
                let p = quantity_chances(self, access, observe);
                let number = draws.index(&at_temperature(p, temperature));
                wording::quantity(number, draws)
            }
            Question::Knowledge { access } => {
                let p = at_temperature(knowledge_chances(self, access), temperature);
                wording::knowledge(draws.index(&p) == 1, draws)
            }
            Question::Politeness { state, goal } => {
                let p = at_temperature(politeness_chances(self, state, goal), temperature);
                wording::utterance(draws.index(&p), draws)
            }
        }
    }
}

/// The probabilities of 0, 1, 2, 3 objects, batch shift included.
fn quantity_chances(who: &Participant, access: usize, observe: usize) -> [f64; 4] {
    let p = who.listener.distribution(access, observe);
    tilted(p, CENTRED, who.shift)
}

/// The probabilities of no, yes, batch shift included.
fn knowledge_chances(who: &Participant, access: usize) -> [f64; 2] {
    let p = who.listener.knowledge_distribution(access);
    tilted(p, [0.0, 1.0], who.shift)
}

/// The probabilities of the [`UTTERANCES`], batch shift included.
fn politeness_chances(who: &Participant, state: usize, goal: Goal) -> [f64; 8] {
    let p = who.speaker.distribution(state, goal);
    tilted(p, speaker::POSITIVITY, who.shift)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn participant(shift: f64) -> Participant {
        let (listener, speaker) = (Listener::new(), Speaker::new());
        Participant {
            model: "sim".to_owned(),
            listener,
            speaker,
            shift,
        }
    }

    const KNOWLEDGE: &str = "'I have looked at 2 of the 3 exams. 1 of the exams has a passing grade.' \
                             Does Mark know exactly how many? Answer yes or no.";

    /// Recorded demo results depend on these. Add to them, never change them.
    #[test]
    fn value_stability_of_answers() {
        let quantity = "I have looked at 3 of the 3 jars. 2 of the jars are full. How many are?";
        let polite =
            "It deserves 1 heart. If Emma wanted to make Kyle feel good, what would she say?";
        let answers = [quantity, KNOWLEDGE, polite, "Hello there"].map(|prompt| {
            let answer =
                |seed| participant(0.3).answer(prompt, 1.0, 6, &mut Draws::of_request(seed));
            [answer(1), answer(2), answer(3)]
        });
        assert_eq!(answers, ANSWERS);
    }

    const ANSWERS: [[&str; 3]; 4] = [
        ["two", "2", "two"],
        ["no", "No.", "no"],
        ["it was amazing", "It wasn't bad", "it wasn't bad"],
        [
            "One river a alone.",
            "Alone letter river follows under never",
            "Alone holds leaves.",
        ],
    ];

    #[test]
    fn seeds_sample_the_distribution() {
        let yes = |shift: f64| {
            let answers = (0..4000_u64).map(|seed| {
                participant(shift).answer(KNOWLEDGE, 1.0, 16, &mut Draws::of_request(seed))
            });
            answers
                .filter(|answer| answer.to_lowercase().starts_with("yes"))
                .count() as f64
                / 4000.0
        };
        assert!((yes(0.0) - 0.025).abs() < 0.01);
        // A shift by the log-odds of the answer makes it even.
        assert!((yes((0.975_f64 / 0.025).ln()) - 0.5).abs() < 0.03);
    }

    proptest! {
        #[test]
        fn an_answer_hangs_on_prompt_seed_and_temperature_alone(
            prompt in ".{0,80}",
            seed: u64,
            temperature in 0.0..2.0,
        ) {
            let mut first = Draws::of_request(seed);
            let mut second = Draws::of_request(seed);
            let other = participant(0.0).answer(KNOWLEDGE, 1.0, 16, &mut Draws::of_request(seed ^ 1));
            prop_assert!(!other.is_empty());
            prop_assert_eq!(
                participant(0.0).answer(&prompt, temperature, 16, &mut first),
                participant(0.0).answer(&prompt, temperature, 16, &mut second)
            );
        }

        #[test]
        fn distributions_are_distributions(shift in -20.0..20.0, temperature in 0.0..2.0) {
            for access in 1..=3 {
                for word in 0..=3 {
                    let p = Listener::new().distribution(access, word);
                    let p = at_temperature(tilted(p, CENTRED, shift), temperature);
                    prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
                    prop_assert!(p.iter().all(|x| (0.0..=1.0).contains(x)));
                }
            }
        }
    }
}
