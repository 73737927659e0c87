//! Yes or no.

use super::Unparsable;
use super::words::words;

/// Reads "yes" or "no".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YesNo {
    column: String,
}

/// Words after which "no" is no answer: "there is no doubt".
const NOT_AN_ANSWER: [&str; 8] = [
    "doubt", "question", "way", "one", "idea", "reason", "problem", "matter",
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

    /// `yes` or `no`, if the text says just one of them.
    pub(super) fn read(text: &str) -> Result<&'static str, Unparsable> {
        let words = words(text);
        let yes = words.iter().any(|word| word == "yes");
        let no = words.iter().enumerate().any(|(position, word)| {
            let next = words.get(position + 1).map_or("", String::as_str);
            word == "no" && !NOT_AN_ANSWER.contains(&next)
        });
        match (yes, no) {
            (true, false) => Ok("yes"),
            (false, true) => Ok("no"),
            (true, true) => Err(Unparsable::Contradicting {
                found: String::from("`yes`, `no`"),
            }),
            (false, false) => Err(Unparsable::Missing {
                expected: String::from("yes or no"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<&'static str, String> {
        YesNo::read(text).map_err(|error| error.to_string())
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
            ("The answer is: yes", "yes"),
            ("no\n", "no"),
            ("Yes, yes", "yes"),
        ] {
            assert_eq!(read(text), Ok(answer), "{text}");
        }
    }

    #[test]
    fn both_are_a_contradiction() {
        for text in ["Yes and no", "no... yes", "Yes or no?"] {
            assert!(read(text).unwrap_err().contains("contradicting"), "{text}");
        }
    }

    #[test]
    fn other_words_are_no_answer() {
        for text in [
            "I don't know",
            "Nobody knows",
            "maybe",
            "yesterday",
            "no idea",
        ] {
            assert!(
                read(text).unwrap_err().contains("expected yes or no"),
                "{text}"
            );
        }
    }
}
