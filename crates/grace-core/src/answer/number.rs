//! A whole number in a range.

use std::ops::RangeInclusive;

use super::Unparsable;
use super::words::{is_asked, is_lead_in, may_end_before, negates, sentence_before, words};

/// Reads a whole number from `min` to `max`, as digits or as an English word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeNumber {
    min: i64,
    max: i64,
    column: String,
}

const NAMES: [&str; 13] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
];

/// Words between "of" and what is counted.
const DETERMINERS: [&str; 9] = [
    "the", "these", "those", "his", "her", "their", "my", "our", "its",
];

/// Words with which a text takes its number back or leaves it open, wherever they stand, beside
/// negations.
const DOUBTS: [&str; 49] = [
    "no",
    "if",
    "or",
    "either",
    "unless",
    "but",
    "except",
    "without",
    "more",
    "fewer",
    "less",
    "least",
    "most",
    "than",
    "maybe",
    "perhaps",
    "possibly",
    "could",
    "might",
    "may",
    "impossible",
    "unknown",
    "unclear",
    "unsure",
    "uncertain",
    "about",
    "around",
    "approximately",
    "approx",
    "ca",
    "circa",
    "roughly",
    "max",
    "min",
    "minus",
    "plus",
    "half",
    "above",
    "below",
    "options",
    "choices",
    "wrong",
    "false",
    "incorrect",
    "other",
    "others",
    "rest",
    "remaining",
    "another",
];

/// One thing in the text that speaks of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Number {
    Whole(i64),
    /// No whole number, such as `2.5`, one too large to hold, or a total other than `max`.
    Other(String),
}

/// A number and whether the text gives it as its answer: "I think 2.", not "There are 2 exams."
#[derive(Debug)]
struct Mention {
    number: Number,
    answers: bool,
}

impl WholeNumber {
    /// A reader of numbers from `min` to `max` into `column`.
    pub fn new(min: i64, max: i64, column: impl Into<String>) -> Self {
        let column = column.into();
        Self { min, max, column }
    }

    /// The column of the number.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// The numbers that are answers.
    pub fn range(&self) -> RangeInclusive<i64> {
        self.min..=self.max
    }

    /// The number that `text` gives.
    ///
    /// "2 of the 3" is 2: a total named after "of" is no answer. "None" is 0 and "all" is the
    /// largest number. Several different numbers contradict each other, wherever they stand. One
    /// number is the answer if a sentence gives it as such and nothing in the text casts doubt on
    /// it.
    pub(super) fn read(&self, text: &str) -> Result<i64, Unparsable> {
        let words = words(text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mentions = self.mentions(&words);
        let mut distinct: Vec<&Number> = Vec::new();
        for mention in &mentions {
            if !distinct.contains(&&mention.number) {
                distinct.push(&mention.number);
            }
        }
        let doubted = words
            .iter()
            .any(|word| negates(word) || DOUBTS.contains(word));
        let answered = !doubted && mentions.iter().any(|mention| mention.answers);
        match distinct[..] {
            [_, _, ..] => Err(Unparsable::Contradicting {
                found: distinct
                    .iter()
                    .map(|number| format!("`{number}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
            [Number::Whole(number)] if answered && (self.min..=self.max).contains(number) => {
                Ok(*number)
            }
            [number] if answered => Err(Unparsable::OutOfRange {
                found: format!("`{number}`"),
                expected: self.expected(),
            }),
            _ => Err(Unparsable::Missing {
                expected: self.expected(),
            }),
        }
    }

    fn expected(&self) -> String {
        format!("a whole number from {} to {}", self.min, self.max)
    }

    fn mentions(&self, words: &[&str]) -> Vec<Mention> {
        let mut mentions = Vec::new();
        let mut position = 0;
        while position < words.len() {
            let here = &words[position..];
            if let Some((length, total)) = total(here) {
                if total != Number::Whole(self.max) {
                    let number = Number::Other(format!("of {total}"));
                    let answers = false;
                    mentions.push(Mention { number, answers });
                }
                position += length;
            } else if let Some((length, number)) = self.number(here) {
                let answers = self.answers(words, position, length);
                mentions.push(Mention { number, answers });
                position += length;
            } else {
                position += 1;
            }
        }
        mentions
    }

    /// The number that `words` starts with and how many words it takes.
    fn number(&self, words: &[&str]) -> Option<(usize, Number)> {
        let max = Number::Whole(self.max);
        match words {
            [number, "%", ..] if numeral(number).is_some() => {
                Some((2, Number::Other(format!("{number}%"))))
            }
            ["none", ..] => Some((1, Number::Whole(0))),
            ["all", total, ..] if numeral(total).as_ref() == Some(&max) => Some((2, max)),
            ["all", ..] => Some((1, max)),
            [number, ..] => numeral(number).map(|number| (1, number)),
            [] => None,
        }
    }

    /// Whether the text gives the number of `length` words at `position` as its answer.
    fn answers(&self, words: &[&str], position: usize, length: usize) -> bool {
        let before = self.without_opening(sentence_before(words, position));
        let rest = &words[position + length..];
        // "It is one of those" counts nothing.
        let vague = words[position] == "one"
            && (matches!(before, [.., "is" | "be" | "it's"]) && rest.first() == Some(&"of")
                || rest.starts_with(&["of", "those"]));
        let ends = match rest {
            // "2) …" numbers a list.
            [")", ..] => before.last() == Some(&"("),
            ["—", next, ..] => numeral(next).is_none(),
            _ => may_end_before(rest),
        };
        is_lead_in(before) && !vague && (ends || is_share(rest) && !is_asked(rest))
    }

    /// `before` without "Out of the 3 exams,".
    fn without_opening<'a, 'w>(&self, before: &'a [&'w str]) -> &'a [&'w str] {
        match total(before) {
            Some((length, total)) if total == Number::Whole(self.max) => match before[length..] {
                [",", ..] => &before[length + 1..],
                [_, ",", ..] => &before[length + 2..],
                [_, _, ",", ..] => &before[length + 3..],
                _ => before,
            },
            _ => before,
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// The total that `words` starts with, and how many words name it: "of the 3", "out of 3", "/ 3".
fn total(words: &[&str]) -> Option<(usize, Number)> {
    let link = match words {
        ["out", "of", "all", determiner, ..] if DETERMINERS.contains(determiner) => 4,
        ["of", "all", determiner, ..] if DETERMINERS.contains(determiner) => 3,
        ["out", "of", determiner, ..] if *determiner == "all" || is_determiner(determiner) => 3,
        ["of", determiner, ..] if *determiner == "all" || is_determiner(determiner) => 2,
        ["out", "of", ..] => 2,
        ["of" | "/", ..] => 1,
        _ => return None,
    };
    numeral(words.get(link)?).map(|total| (link + 1, total))
}

/// Whether `words` says what the number before it is a share of: a total, "of them", "of his exams".
fn is_share(words: &[&str]) -> bool {
    match words {
        ["out", "of", whole, ..] | ["of", whole, ..]
            if *whole == "them" || is_determiner(whole) =>
        {
            true
        }
        _ => total(words).is_some(),
    }
}

fn is_determiner(word: &str) -> bool {
    DETERMINERS.contains(&word) || word.ends_with("'s")
}

fn numeral(word: &str) -> Option<Number> {
    if let Some(number) = NAMES.iter().position(|name| *name == word) {
        return i64::try_from(number).ok().map(Number::Whole);
    }
    let is_numeral = word.contains(|c: char| c.is_ascii_digit())
        && word
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-'));
    let whole = match word.split_once('.') {
        Some((whole, zeros)) if zeros.chars().all(|c| c == '0') => whole,
        _ => word,
    };
    is_numeral.then(|| {
        whole
            .parse()
            .map_or_else(|_| Number::Other(word.to_owned()), Number::Whole)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<i64, String> {
        WholeNumber::new(0, 3, "quantity")
            .read(text)
            .map_err(|error| error.to_string())
    }

    fn all_fail_with(reason: &str, texts: &[&str]) {
        for text in texts {
            let read = read(text);
            assert!(
                read.as_ref().is_err_and(|error| error.contains(reason)),
                "{text}: {read:?}"
            );
        }
    }

    fn all_are(number: i64, texts: &[&str]) {
        for text in texts {
            assert_eq!(read(text), Ok(number), "{text}");
        }
    }

    #[test]
    fn numbers_are_read_from_digits_and_words() {
        all_are(
            2,
            &[
                "2",
                " 2.",
                "Two",
                "Answer: 2",
                "The answer is 2",
                "2, I think",
                "I think 2 of the 3 exams have passing grades.",
                "two out of three",
                "2/3",
                "2 of the exams, so 2",
                "Two (2)",
                "2.0",
                "Out of the 3 exams, 2",
                "I would guess 2.",
                "I think 2 of the 3.",
                "It is 2",
                "Exactly two.",
                "2 of the letters have checks inside.",
            ],
        );
    }

    #[test]
    fn a_sentence_may_stand_around_a_number() {
        all_are(
            2,
            &[
                "2\n",
                "2 I think.",
                "2 of 3",
                "Of the three, I'd say two.",
                "How many of the 3? 2",
                "\\boxed{2}",
                "Answer:\n2",
                "2\n\nThe message says so.",
                "(2)",
                "2 — I'd guess",
                "2 in total",
                "2 because Mark said so",
                "2 of all three",
                "two of his three letters",
                "2.00",
                "2…",
            ],
        );
    }

    #[test]
    fn none_and_all_are_numbers() {
        all_are(
            0,
            &[
                "0",
                "none",
                "None of them.",
                "zero",
                "none of the 3",
                "None.",
                "Zero of 3",
            ],
        );
        all_are(
            1,
            &[
                "**1**",
                "“1”",
                "1 of his 3 tickets",
                "1/3",
                "One of the lamps has a scratch.",
                "1 of Orrin's bells has cracked",
                "\u{feff}1",
            ],
        );
        all_are(
            3,
            &[
                "THREE!",
                "(3)",
                "All 3 of them",
                "all three",
                "all of them",
                "3 of the 3",
                "All of the lamps have a scratch.",
                "3 of the 3.",
                "All.",
                "I think all of them",
                "all",
            ],
        );
    }

    #[test]
    fn contradictions_are_not_settled_by_the_first() {
        all_fail_with(
            "contradicting",
            &[
                "1 or 2",
                "2. No, 3.",
                "between one and two",
                "2 of the 3, or 1",
                "0-3",
                "0–3",
                "1 2",
                " 1 (1, 2, 3).",
                "2 of 2",
                "2/4",
                "All but one of them",
                "I've checked 3 of the 3 lamps. 2 of the lamps have a scratch.",
            ],
        );
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        all_fail_with(
            "out of range",
            &[
                "4",
                "-1",
                "2.5",
                "10",
                "60%",
                "twelve",
                "99999999999999999999",
                ".2",
                "1,2",
            ],
        );
    }

    #[test]
    fn text_without_a_number_has_none() {
        all_fail_with(
            "no answer found",
            &[
                "I do not know",
                "some",
                "no one",
                "?",
                "most of them",
                "All right.",
                "twenty-two",
                "I don't know how many of the 3 exams",
                "Most of the three",
                "Half of the 3",
                "It is impossible to know how many of the three passed.",
                "two-ish",
                "2nd",
                "2½",
                "it could be any of the three",
                "I have no idea at all.",
                "One cannot know",
                "None of the above",
                "one hundred",
                "one half",
                "twenty two",
                "Two thirds",
            ],
        );
    }

    #[test]
    fn a_number_that_does_not_answer_is_no_answer() {
        all_fail_with(
            "no answer found",
            &[
                "There are 3 exams",
                "Not all of them",
                "Some, but not all",
                "nearly all",
                "fewer than 3",
                "More than one",
                "not one",
                "It is not 2.",
                "2 or more",
                "at least 2",
                "at least\n2",
                "not none",
                "about 2",
                "approx. 2",
                "~2",
                "<2",
                ">= 2",
                "≥2",
                "2+",
                "Either 1 or",
                "between 1 and",
                "2?",
                "Is it 2?",
                "2 of the 3?",
                "Mark said 2",
                "Agnieszka checked 2 of the 3 lamps.",
                "The two of them know",
                "It is one of the three",
                "One of those things",
                "2-2",
                "- 2",
                "− 2",
                "–2",
                "2) Next",
                "Exam 2",
                "#2",
                "$2",
                "2. No.",
                "Up to 2",
                "2 and",
                "all the same",
                "2, maybe",
                "2, but I do not know",
                "All of the above",
                "1+1",
            ],
        );
    }
}
