//! "It was/wasn't terrible/bad/good/amazing."

use super::Unparsable;
use super::words::{is_lead_in, may_end_before, negates, sentence_before, words};

/// Reads a polarity (`was`, `wasn't`) and a quality out of a given list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolarityQuality {
    qualities: Vec<String>,
    columns: [String; 2],
}

/// Words that may stand between the polarity and the quality and change neither.
const BETWEEN: [&str; 10] = [
    "that",
    "so",
    "very",
    "really",
    "quite",
    "pretty",
    "absolutely",
    "truly",
    "too",
    "actually",
];

/// Words with which a text takes its judgement back or leaves it open, wherever they stand, beside
/// negations.
const DOUBTS: [&str; 10] = [
    "if", "or", "either", "unless", "wish", "maybe", "perhaps", "possibly", "might", "could",
];

/// Words before "would say" or a colon that are no speaker whose words follow.
const NO_SPEAKERS: [&str; 18] = [
    "nobody", "noone", "none", "nothing", "neither", "few", "who", "others", "some", "false",
    "wrong", "untrue", "lie", "example", "options", "choices", "question", "one",
];

/// A polarity if the text gives one, and a quality.
type Judgement<'a> = (Option<&'static str>, &'a str);

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

    /// The qualities that are answers, in lower case.
    pub fn qualities(&self) -> &[String] {
        &self.qualities
    }

    /// Polarity and quality, if the text says just one "it was" or "it wasn't", names no other
    /// quality, and takes nothing back.
    pub(super) fn read(&self, text: &str) -> Result<(&'static str, &str), Unparsable> {
        let words = words(text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let judgements = self.judgements(&words);
        let mut found: Vec<Judgement<'_>> = Vec::new();
        for judgement in &judgements {
            if !found.contains(judgement) {
                found.push(*judgement);
            }
        }
        // Every "wasn't" holds one negation; whatever negates beyond that is about something else.
        let negated = judgements
            .iter()
            .filter(|(polarity, _)| *polarity == Some("wasn't"));
        let doubted = words.iter().any(|word| DOUBTS.contains(word))
            || words.iter().filter(|word| negates(word)).count() != negated.count();
        match found[..] {
            [_, _, ..] => Err(Unparsable::Contradicting {
                found: found
                    .iter()
                    .map(|(polarity, quality)| format!("`{} {quality}`", polarity.unwrap_or("…")))
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
            [(Some(polarity), quality)] if !doubted => Ok((polarity, quality)),
            _ => Err(Unparsable::Missing {
                expected: format!(
                    "`It was` or `It wasn't` and one of {}",
                    self.qualities.join(", ")
                ),
            }),
        }
    }

    /// All qualities in the text, with their polarities.
    fn judgements(&self, words: &[&str]) -> Vec<Judgement<'_>> {
        let judgement = |(position, word): (usize, &&str)| {
            let quality = self.qualities.iter().find(|quality| quality == word)?;
            let polarity = may_end_before(&words[position + 1..])
                .then(|| polarity(sentence_before(words, position)))
                .flatten();
            Some((polarity, quality.as_str()))
        };
        words.iter().enumerate().filter_map(judgement).collect()
    }
}

/// The polarity that `before`, the words of its sentence before a quality, give it.
fn polarity(before: &[&str]) -> Option<&'static str> {
    let end = before
        .iter()
        .rposition(|word| !BETWEEN.contains(word))
        .map_or(0, |last| last + 1);
    let (lead, polarity) = match &before[..end] {
        [lead @ .., "it", "was" | "is"] | [lead @ .., "it's"] => (lead, "was"),
        [lead @ .., "it", "wasn't" | "wasnt" | "isn't" | "isnt"]
        | [lead @ .., "it", "was" | "is", "not" | "n't"]
        | [lead @ .., "it's", "not"] => (lead, "wasn't"),
        _ => return None,
    };
    is_lead_in(without_speaker(lead)).then_some(polarity)
}

/// `lead` without "Emma would say", "Emma says:" or "Emma:".
fn without_speaker<'a, 'w>(lead: &'a [&'w str]) -> &'a [&'w str] {
    match lead {
        [speaker, ..] if NO_SPEAKERS.contains(speaker) || negates(speaker) => lead,
        [_, "would", "say", "that", rest @ ..]
        | [_, "would", "say", rest @ ..]
        | [
            _,
            "says" | "said" | "replies" | "replied",
            ":" | ",",
            rest @ ..,
        ]
        | [_, ":", rest @ ..] => rest,
        _ => lead,
    }
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
    fn the_pair_is_found_in_many_forms() {
        for (text, polarity, quality) in [
            ("It was good.", "was", "good"),
            ("it wasn't terrible", "wasn't", "terrible"),
            ("It wasn’t bad!", "wasn't", "bad"),
            ("It wasn′t good", "wasn't", "good"),
            ("It was n't good", "wasn't", "good"),
            ("It was not amazing.", "wasn't", "amazing"),
            ("\"It was amazing.\"", "was", "amazing"),
            ("IT WASNT GOOD", "wasn't", "good"),
            ("Emma would say: It was really good.", "was", "good"),
            ("Emma would say that it wasn't good.", "wasn't", "good"),
            ("Emma says, “It wasn’t bad.”", "wasn't", "bad"),
            ("Emma: It was bad.", "was", "bad"),
            ("It was good. Yes, it was good.", "was", "good"),
            ("It wasn't that bad", "wasn't", "bad"),
            ("It was not very good, I'd say", "wasn't", "good"),
            ("**It was terrible**", "was", "terrible"),
            ("I thought it was amazing!", "was", "amazing"),
            ("It was good because it made me laugh.", "was", "good"),
            ("It's not bad at all.", "wasn't", "bad"),
            ("Well, it was bad, but it will improve.", "was", "bad"),
            ("It was good\n\nThat is what Emma would say.", "was", "good"),
        ] {
            assert_eq!(read(text), Ok((polarity.into(), quality.into())), "{text}");
        }
    }

    #[test]
    fn two_judgements_contradict_each_other() {
        all_fail_with(
            "contradicting",
            &[
                "It was good. It wasn't terrible.",
                "It was good and bad.",
                "It was good, not amazing",
                "It was good, but not amazing",
                "It was terrible/bad/good/amazing",
                "It was good. It wasn't good.",
                "It was good. A good poem.",
            ],
        );
    }

    #[test]
    fn half_an_answer_is_none() {
        all_fail_with(
            "no answer found",
            &[
                "good",
                "It was okay.",
                "It was",
                "I liked it",
                "a good poem",
                "It was/wasn't good",
                "It was or wasn't good",
                "It was (wasn't) good",
                "It was good or",
                "It was good/",
                "It was good-ish",
                "It was ... good",
            ],
        );
    }

    #[test]
    fn what_is_negated_wished_or_asked_is_no_judgement() {
        all_fail_with(
            "no answer found",
            &[
                "I don't think it was good",
                "I wish it was good",
                "If it was good I would say so",
                "I can't say that it was good",
                "I wouldn't say it was terrible.",
                "Nobody would say it was amazing",
                "It isn't true that it was bad",
                "It was good?",
                "It was good, wasn't it?",
                "It was good. Not!",
                "It was not ... it was good",
                "It wasn't not good",
                "It wasn't just good",
                "It was good if you like that",
                "No one would say it was bad",
                "The weather was bad",
            ],
        );
    }
}
