//! A whole number in a range.

use super::Unparsable;
use super::words::words;

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

/// Words after which "one" counts nothing: "no one", "this one".
const PRONOUN_BEFORE_ONE: [&str; 8] =
    ["no", "any", "this", "that", "the", "each", "every", "which"];

/// One thing in the text that speaks of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mention {
    Whole(i64),
    /// A number that is no whole one, such as `2.5`, or too large to hold.
    Other(String),
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

    /// The number that `text` gives.
    ///
    /// "2 of the 3" is 2: a total named after "of" is no answer. "None" is 0 and "all" is the
    /// largest number. Several different numbers contradict each other.
    pub(super) fn read(&self, text: &str) -> Result<i64, Unparsable> {
        let mut mentions = self.mentions(&words(text));
        mentions.dedup();
        let distinct: Vec<&Mention> = mentions
            .iter()
            .enumerate()
            .filter(|(position, mention)| !mentions[..*position].contains(mention))
            .map(|(_, mention)| mention)
            .collect();
        match distinct[..] {
            [] => Err(Unparsable::Missing {
                expected: self.expected(),
            }),
            [Mention::Whole(number)] if (self.min..=self.max).contains(number) => Ok(*number),
            [mention] => Err(Unparsable::OutOfRange {
                found: format!("`{mention}`"),
                expected: self.expected(),
            }),
            _ => Err(Unparsable::Contradicting {
                found: distinct
                    .iter()
                    .map(|mention| format!("`{mention}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }

    fn expected(&self) -> String {
        format!("a whole number from {} to {}", self.min, self.max)
    }

    fn mentions(&self, words: &[String]) -> Vec<Mention> {
        let mut mentions = Vec::new();
        let mut position = 0;
        while let Some(word) = words.get(position) {
            let before = position.checked_sub(1).map_or("", |before| &words[before]);
            let rest = &words[position + 1..];
            if let Some(mention) = self.mention(before, word, rest) {
                mentions.push(mention);
            }
            position += 1 + self.total_length(word, rest);
        }
        mentions
    }

    fn mention(&self, before: &str, word: &str, rest: &[String]) -> Option<Mention> {
        if rest.first().is_some_and(|next| next == "%") {
            return word
                .parse::<f64>()
                .ok()
                .map(|_| Mention::Other(format!("{word}%")));
        }
        match word {
            "none" => Some(Mention::Whole(0)),
            "all" => Some(Mention::Whole(self.max)),
            "one" if PRONOUN_BEFORE_ONE.contains(&before) => None,
            _ => numeral(word),
        }
    }

    /// How many words after `word` name the total that it is a part of: "of the 3", "out of 3", "/ 3",
    /// and "all 3".
    fn total_length(&self, word: &str, rest: &[String]) -> usize {
        let is_total = |word: Option<&String>| {
            word.and_then(|word| numeral(word)) == Some(Mention::Whole(self.max))
        };
        let counts = numeral(word).is_some() || matches!(word, "none" | "all" | "some");
        if !counts {
            return 0;
        }
        let joined = [
            "of", "out", "the", "all", "/", "these", "those", "his", "her", "their", "my",
        ];
        let link = rest
            .iter()
            .take_while(|word| joined.contains(&word.as_str()))
            .count();
        let linked = link > 0 || word == "all";
        if linked && is_total(rest.get(link)) {
            link + 1
        } else {
            0
        }
    }
}

impl std::fmt::Display for Mention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(number) => write!(f, "{number}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

fn numeral(word: &str) -> Option<Mention> {
    if let Some(number) = NAMES.iter().position(|name| *name == word) {
        return i64::try_from(number).ok().map(Mention::Whole);
    }
    if !word
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-'))
    {
        return None;
    }
    Some(
        word.parse()
            .map_or_else(|_| Mention::Other(word.to_owned()), Mention::Whole),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<i64, String> {
        WholeNumber::new(0, 3, "quantity")
            .read(text)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_are_read_from_digits_and_words() {
        for (text, number) in [
            ("2", 2),
            (" 2.", 2),
            ("Two", 2),
            ("THREE!", 3),
            ("none", 0),
            ("None of them.", 0),
            ("zero", 0),
            ("**1**", 1),
            ("(3)", 3),
            ("Answer: 2", 2),
            ("2, I think", 2),
            ("I think 2 of the 3 exams have passing grades.", 2),
            ("two out of three", 2),
            ("2/3", 2),
            ("All 3 of them", 3),
            ("all three", 3),
            ("all of them", 3),
            ("none of the 3", 0),
            ("3 of the 3", 3),
            ("2 of the exams, so 2", 2),
            ("Two (2)", 2),
            ("“1”", 1),
            ("2\n", 2),
            ("0", 0),
            ("1 of his 3 tickets", 1),
        ] {
            assert_eq!(read(text), Ok(number), "{text}");
        }
    }

    #[test]
    fn contradictions_are_not_settled_by_the_first() {
        for text in [
            "1 or 2",
            "2. No, 3.",
            "between one and two",
            "2 of the 3, or 1",
            "0-3",
            "1 2",
        ] {
            assert!(read(text).unwrap_err().contains("contradicting"), "{text}");
        }
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        for text in [
            "4",
            "-1",
            "2.5",
            "10",
            "60%",
            "twelve",
            "99999999999999999999",
        ] {
            assert!(read(text).unwrap_err().contains("out of range"), "{text}");
        }
    }

    #[test]
    fn text_without_a_number_has_none() {
        for text in ["I do not know", "some", "no one", "?", "most of them"] {
            assert!(
                read(text).unwrap_err().contains("no answer found"),
                "{text}"
            );
        }
    }
}
