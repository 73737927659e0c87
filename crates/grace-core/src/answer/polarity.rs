//! "It was/wasn't terrible/bad/good/amazing."

use super::Unparsable;
use super::words::words;

/// Reads a polarity (`was`, `wasn't`) and a quality out of a given list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolarityQuality {
    qualities: Vec<String>,
    columns: [String; 2],
}

/// Words that may stand between the polarity and the quality and change neither.
const BETWEEN: [&str; 14] = [
    "a",
    "an",
    "all",
    "that",
    "so",
    "very",
    "really",
    "quite",
    "pretty",
    "just",
    "absolutely",
    "truly",
    "too",
    "actually",
];

impl PolarityQuality {
    /// A reader of `qualities` (lower case) into two columns.
    pub fn new(
        qualities: Vec<String>,
        polarity_column: impl Into<String>,
        quality_column: impl Into<String>,
    ) -> Self {
        Self {
            qualities: qualities
                .into_iter()
                .map(|quality| quality.to_lowercase())
                .collect(),
            columns: [polarity_column.into(), quality_column.into()],
        }
    }

    /// The columns of polarity and quality.
    pub fn columns(&self) -> [&str; 2] {
        [&self.columns[0], &self.columns[1]]
    }

    /// Polarity and quality, if the text gives just one pair and names no other quality.
    pub(super) fn read(&self, text: &str) -> Result<(&'static str, &str), Unparsable> {
        let words = words(text);
        let mut found: Vec<(Option<&'static str>, &str)> = Vec::new();
        for (position, word) in words.iter().enumerate() {
            let Some(quality) = self.qualities.iter().find(|quality| *quality == word) else {
                continue;
            };
            let mention = (polarity(&words[..position]), quality.as_str());
            if !found.contains(&mention) {
                found.push(mention);
            }
        }
        match found[..] {
            [(Some(polarity), quality)] => Ok((polarity, quality)),
            [] | [(None, _)] => Err(Unparsable::Missing {
                expected: format!(
                    "`It was` or `It wasn't` and one of {}",
                    self.qualities.join(", ")
                ),
            }),
            _ => Err(Unparsable::Contradicting {
                found: found
                    .iter()
                    .map(|(polarity, quality)| format!("`{} {quality}`", polarity.unwrap_or("…")))
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }
}

/// The polarity that the words before a quality give it.
fn polarity(before: &[String]) -> Option<&'static str> {
    let mut before = before
        .iter()
        .rev()
        .skip_while(|word| BETWEEN.contains(&word.as_str()))
        .map(String::as_str);
    let polarity = match before.next()? {
        "was" | "is" | "it's" => "was",
        "wasn't" | "wasnt" | "isn't" | "isnt" => "wasn't",
        "not" if matches!(before.next()?, "was" | "is" | "it's") => "wasn't",
        _ => return None,
    };
    // "was/wasn't" repeats the question and chooses nothing.
    (before.next() != Some("/")).then_some(polarity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String), String> {
        let qualities = ["terrible", "bad", "good", "amazing"]
            .map(String::from)
            .to_vec();
        let reader = PolarityQuality::new(qualities, "polarity", "quality");
        let read = reader.read(text).map(|(p, q)| (p.to_owned(), q.to_owned()));
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn the_pair_is_found_in_many_forms() {
        for (text, polarity, quality) in [
            ("It was good.", "was", "good"),
            ("it wasn't terrible", "wasn't", "terrible"),
            ("It wasn’t bad!", "wasn't", "bad"),
            ("It was not amazing.", "wasn't", "amazing"),
            ("\"It was amazing.\"", "was", "amazing"),
            ("IT WASNT GOOD", "wasn't", "good"),
            ("Emma would say: It was really good.", "was", "good"),
            ("It was good. Yes, it was good.", "was", "good"),
            ("It wasn't that bad", "wasn't", "bad"),
            ("It was not very good, I'd say", "wasn't", "good"),
            ("**It was terrible**", "was", "terrible"),
        ] {
            assert_eq!(read(text), Ok((polarity.into(), quality.into())), "{text}");
        }
    }

    #[test]
    fn two_judgements_contradict_each_other() {
        for text in [
            "It was good. It wasn't terrible.",
            "It was good and bad.",
            "It was good, not amazing",
            "It was terrible/bad/good/amazing",
        ] {
            assert!(read(text).unwrap_err().contains("contradicting"), "{text}");
        }
    }

    #[test]
    fn half_an_answer_is_none() {
        for text in [
            "good",
            "It was okay.",
            "It was",
            "I liked it",
            "a good poem",
            "It was/wasn't good",
        ] {
            assert!(
                read(text).unwrap_err().contains("no answer found"),
                "{text}"
            );
        }
    }
}
