//! Yes or no.

use super::Unparsable;
use super::words::{after_phrase, is_asked, is_lead_in, may_end_before, sentence_before, words};

/// Reads "yes" or "no".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YesNo {
    column: String,
}

/// Words after which "no" says neither yes nor no: "there is no doubt".
const NO_ANSWER_BEFORE: [&str; 8] = [
    "doubt", "question", "way", "one", "idea", "reason", "problem", "matter",
];

/// Words that may follow "no" without a mark between: "no he does not", unlike "no evidence".
const AFTER_NO: [&str; 11] = [
    "no", "he", "she", "they", "it", "i", "we", "you", "because", "since", "sir",
];

/// What may not follow "yes" without a mark between.
const NOT_AFTER_YES: [&str; 15] = [
    "is", "isn't", "was", "would", "wouldn't", "could", "can", "can't", "cannot", "may", "might",
    "seems", "to", "man", "men",
];

/// What makes an answer conditional or half of one, with or without marks before.
const CONDITIONS: [&str; 11] = [
    "or", "and", "if", "only if", "unless", "but", "maybe", "perhaps", "possibly", "though",
    "except",
];

/// Sentences that leave the answer open, wherever they stand.
const DOUBTS: [&str; 6] = [
    "i don't know",
    "i do not know",
    "i'm not sure",
    "i am not sure",
    "i'm unsure",
    "i am unsure",
];

impl YesNo {
    /// A reader into `column`.
    pub fn new(column: impl Into<String>) -> Self {
        let column = column.into();
        Self { column }
    }

    /// The column of the answer.
    pub fn column(&self) -> &str {
        &self.column
    }

    /// `yes` or `no`, if a sentence opens with it and the text does not hold the other.
    pub(super) fn read(text: &str) -> Result<&'static str, Unparsable> {
        let words = words(text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let doubted =
            (0..words.len()).any(|position| after_phrase(&words[position..], &DOUBTS).is_some());
        let (mut yes, mut no, mut answered) = (false, false, false);
        for (position, word) in words.iter().enumerate() {
            let rest = &words[position + 1..];
            match *word {
                "yes" => yes = true,
                "no" if rest
                    .first()
                    .is_some_and(|next| NO_ANSWER_BEFORE.contains(next)) =>
                {
                    continue;
                }
                "no" => no = true,
                _ => continue,
            }
            answered |= is_lead_in(sentence_before(&words, position)) && may_precede(word, rest);
        }
        match (yes, no) {
            (true, true) => Err(Unparsable::Contradicting {
                found: String::from("`yes`, `no`"),
            }),
            (true, false) if answered && !doubted => Ok("yes"),
            (false, true) if answered && !doubted => Ok("no"),
            _ => Err(Unparsable::Missing {
                expected: String::from("yes or no"),
            }),
        }
    }
}

/// Whether `answer`, `yes` or `no`, is an answer if `rest` follows it.
fn may_precede(answer: &str, rest: &[&str]) -> bool {
    let said = rest
        .iter()
        .position(|word| word.contains(char::is_alphanumeric));
    let words = &rest[said.unwrap_or(rest.len())..];
    let follows = rest.first().is_some_and(|next| match answer {
        "no" => AFTER_NO.contains(next),
        _ => {
            next.contains(char::is_alphanumeric)
                && !next.ends_with("n't")
                && !NOT_AFTER_YES.contains(next)
        }
    });
    after_phrase(words, &CONDITIONS).is_none()
        && (may_end_before(rest) || follows && !is_asked(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<&'static str, String> {
        YesNo::read(text).map_err(|error| error.to_string())
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

    #[test]
    fn an_answer_may_stand_in_a_sentence() {
        for (text, answer) in [
            ("yes", "yes"),
            (" Yes.", "yes"),
            ("YES!", "yes"),
            ("**No**", "no"),
            ("“No”, he said", "no"),
            ("No, Mark doesn’t know exactly.", "no"),
            ("Yes, there is no doubt.", "yes"),
            ("Yes, no doubt.", "yes"),
            ("The answer is: yes", "yes"),
            ("The answer is no.", "no"),
            ("Answer: no", "no"),
            ("no\n", "no"),
            ("Yes, yes", "yes"),
            ("Yes Mark knows", "yes"),
            ("No he does not", "no"),
            ("No, he does not know if the third one passed.", "no"),
            ("No, only 2 were checked.", "no"),
            ("No, not all of them were checked.", "no"),
            ("Yes, all of them were checked.", "yes"),
            ("'yes'", "yes"),
            ("\"Yes.\"", "yes"),
            ("I would say yes", "yes"),
            ("I think no.", "no"),
            ("No – he saw only two.", "no"),
            ("Would Mark know? No.", "no"),
            ("Yes\n\nMark saw all.", "yes"),
        ] {
            assert_eq!(read(text), Ok(answer), "{text}");
        }
    }

    #[test]
    fn both_are_a_contradiction() {
        all_fail_with(
            "contradicting",
            &[
                "Yes and no",
                "no... yes",
                "Yes or no?",
                "Yes and no.",
                "Yes/no.",
                "Yes, no",
                "Yes (no)",
                "No. Yes.",
            ],
        );
    }

    #[test]
    fn other_words_are_no_answer() {
        all_fail_with(
            "expected yes or no",
            &[
                "I don't know",
                "Nobody knows",
                "maybe",
                "yesterday",
                "no idea",
                "yes-man",
                "There is no exact number given",
                "There is no information about it",
                "no evidence either way",
                "It is no secret that he knows",
                "No wonder he knows",
                "no one",
                "no doubt",
                "knows",
            ],
        );
    }

    #[test]
    fn an_answer_that_is_not_given_is_none() {
        all_fail_with(
            "expected yes or no",
            &[
                "The answer is not no",
                "I would not say yes",
                "not yes",
                "can't say yes",
                "if yes then",
                "Yes? I am not sure",
                "It's a yes or",
                "Yes?",
                "Yes or",
                "Yes, or",
                "Yes if he checked",
                "Yes, but only partly",
                "Yes would be wrong",
                "Yes isn't right",
                "He said yes",
                "No, I don't know.",
                "Is it yes?",
                "yes/",
                "No/",
                "Yes... or",
                "Yes he knows?",
                "No. I'm not sure.",
            ],
        );
    }
}
