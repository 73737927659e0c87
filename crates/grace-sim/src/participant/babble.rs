//! Anything else: a toy language model that talks nonsense, word by word.

use crate::chances::at_temperature;
use crate::draws::{Draws, fingerprint};

const WORDS: [&str; 48] = [
    "the", "a", "one", "every", "old", "small", "grey", "quiet", "early", "bright", "river",
    "house", "letter", "garden", "winter", "number", "bird", "story", "road", "window", "table",
    "answer", "turns", "waits", "keeps", "finds", "leaves", "opens", "follows", "carries", "holds",
    "under", "behind", "before", "without", "near", "over", "and", "but", "then", "slowly",
    "again", "almost", "here", "never", "twice", "alone", "today",
];

/// The weights of a word's likely successors.
const RANKED: [f64; 8] = [128.0, 64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0];
/// The chance, after each word, that the sentence ends there.
const STOP_RATE: f64 = 0.12;
/// The chance, after a sentence, that the text ends there.
const END_RATE: f64 = 0.4;

/// A text of at most `max_words` words after `prompt`.
///
/// The words that may follow hang on prompt, model and the word before, so different prompts give
/// different texts even under one seed.
pub(crate) fn text(
    prompt: &str,
    model: &str,
    temperature: f64,
    max_words: usize,
    draws: &mut Draws,
) -> String {
    let language = fingerprint(
        "grace-sim.language/v1",
        &[prompt.as_bytes(), model.as_bytes()],
    );
    let mut text = String::new();
    let mut last = 0;
    let mut begins = true;
    for _ in 0..max_words {
        last = successor(language, last, temperature, draws);
        text.push(' ');
        push_word(&mut text, WORDS[last], begins);
        begins = draws.uniform() < STOP_RATE;
        if begins {
            text.push('.');
            if draws.uniform() < END_RATE {
                break;
            }
        }
    }
    text
}

/// Draws the word after `last`. Its likely successors are ranked, each half as likely as the one
/// before.
fn successor(language: u64, last: usize, temperature: f64, draws: &mut Draws) -> usize {
    let place: [&[u8]; 2] = [&language.to_be_bytes(), &(last as u64).to_be_bytes()];
    let mut ranked = Draws::named("grace-sim.babble/v1", &place);
    let words: [usize; RANKED.len()] = std::array::from_fn(|_| ranked.index(&[1.0; WORDS.len()]));
    words[draws.index(&at_temperature(RANKED, temperature))]
}

fn push_word(text: &mut String, word: &str, capital: bool) {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) if capital => {
            text.push(first.to_ascii_uppercase());
            text.push_str(letters.as_str());
        }
        _ => text.push_str(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(prompt: &str, seed: u64, temperature: f64) -> String {
        text(prompt, "sim", temperature, 12, &mut Draws::of_request(seed))
    }

    #[test]
    fn a_text_has_at_most_the_words_asked_for() {
        for seed in 0..50 {
            let words = say("Hello", seed, 1.0).split_whitespace().count();
            assert!((1..=12).contains(&words));
        }
    }

    #[test]
    fn prompts_differ_under_one_seed() {
        assert_ne!(say("Hello", 1, 1.0), say("Goodbye", 1, 1.0));
    }
}
