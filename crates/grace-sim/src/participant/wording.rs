//! How participants put their answers: the same answer in many short forms.

use super::speaker::UTTERANCES;
use crate::draws::Draws;

const NUMERALS: [&str; 4] = ["0", "1", "2", "3"];
const NUMBER_WORDS: [&str; 4] = ["Zero", "One", "Two", "Three"];

/// A number from 0 to 3, as somebody would type it.
pub(crate) fn quantity(number: usize, draws: &mut Draws) -> String {
    let (numeral, word) = (NUMERALS[number], NUMBER_WORDS[number]);
    match draws.index(&[6.0, 2.0, 1.0, 0.5, 0.5, 0.5]) {
        0 => numeral.to_owned(),
        1 => format!("{numeral}."),
        2 => format!("{word}."),
        3 => word.to_lowercase(),
        4 => format!("I think {numeral} of the 3."),
        _ => format!("{numeral} of 3"),
    }
}

/// Yes or no, as somebody would type it.
pub(crate) fn knowledge(knows: bool, draws: &mut Draws) -> String {
    let word = if knows { "Yes" } else { "No" };
    match draws.index(&[5.0, 3.0, 2.0, 0.5]) {
        0 => word.to_owned(),
        1 => format!("{word}."),
        2 => word.to_lowercase(),
        _ if knows => "Yes, all of them were checked.".to_owned(),
        _ => "No, not all of them were checked.".to_owned(),
    }
}

/// One of the eight utterances, as somebody would type it.
pub(crate) fn utterance(index: usize, draws: &mut Draws) -> String {
    let plain = UTTERANCES[index].to_owned();
    match draws.index(&[5.0, 4.0, 1.0, 1.0, 0.5]) {
        0 => format!("{plain}."),
        1 => plain,
        2 => plain.replace('\'', "\u{2019}") + ".",
        3 => plain.to_lowercase(),
        _ => format!("\"{plain}.\""),
    }
}

/// A short line of thought before an answer.
pub(crate) fn thought(draws: &mut Draws) -> String {
    const OPENINGS: [&str; 4] = [
        "Okay, let me think.",
        "Let me see.",
        "Hmm.",
        "First, what is being asked here?",
    ];
    const MIDDLES: [&str; 4] = [
        "The text says what was seen and what was said about it.",
        "It depends on what the speaker could know.",
        "It depends on what the speaker wants.",
        "There is a little room for doubt, but not much.",
    ];
    const CLOSINGS: [&str; 3] = [
        "I will go with that.",
        "So the answer is clear enough.",
        "That should do.",
    ];
    let opening = draws.pick(OPENINGS);
    let middle = draws.pick(MIDDLES);
    format!("{opening} {middle} {}", draws.pick(CLOSINGS))
}
