//! Reading answers: from the text of a model to measures, or to the reason why not.
//!
//! Readers are tolerant of how an answer is put (case, punctuation, typographic
//! apostrophes, a sentence around it) and strict about what it says: two
//! answers that contradict each other are no answer, and neither is one that is negated, doubted,
//! asked or only spoken about. What may stand around an answer is therefore a list of known
//! phrases, not everything but some. A wrong result is worse than a missing one.

mod number;
mod polarity;
mod words;
mod yes_no;

pub use number::WholeNumber;
pub use polarity::PolarityQuality;
pub use yes_no::YesNo;

/// How the text of an answer becomes measures.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// A whole number in a range.
    WholeNumber(WholeNumber),
    /// Yes or no.
    YesNo(YesNo),
    /// "It was/wasn't terrible/bad/good/amazing."
    PolarityQuality(PolarityQuality),
}

/// A value read from an answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A whole number.
    Number(i64),
    /// A probability, or a measure of a distribution.
    Real(f64),
    /// A category.
    Category(String),
}

/// Why an answer could not be read; a sentence fragment for the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unparsable {
    /// Nothing but white space.
    #[error("the answer is empty")]
    Empty,
    /// No part of the text is an answer.
    #[error("no answer found, expected {expected}")]
    Missing {
        /// What would have been understood.
        expected: String,
    },
    /// Several answers that cannot all hold.
    #[error("contradicting answers: {found}")]
    Contradicting {
        /// The answers, in order.
        found: String,
    },
    /// An answer of the right kind that cannot be.
    #[error("{found} is out of range, expected {expected}")]
    OutOfRange {
        /// What the text says.
        found: String,
        /// What would have been understood.
        expected: String,
    },
}

impl Reading {
    /// The columns that the measures go to.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::WholeNumber(reader) => vec![reader.column()],
            Self::YesNo(reader) => vec![reader.column()],
            Self::PolarityQuality(reader) => reader.columns().to_vec(),
        }
    }

    /// Reads `text`: one value for each of [`Reading::columns`].
    ///
    /// # Errors
    ///
    /// Returns [`Unparsable`] with the reason; no value is guessed.
    ///
    /// # Examples
    ///
    /// ```
    /// use grace_core::answer::{Reading, Value, YesNo};
    ///
    /// let reading = Reading::YesNo(YesNo::new("knowledge"));
    /// assert_eq!(reading.read("**Yes**, she does.")?, [Value::Category("yes".into())]);
    /// assert!(reading.read("Yes and no.").is_err());
    /// # Ok::<(), grace_core::answer::Unparsable>(())
    /// ```
    pub fn read(&self, text: &str) -> Result<Vec<Value>, Unparsable> {
        if text.trim().is_empty() {
            return Err(Unparsable::Empty);
        }
        match self {
            Self::WholeNumber(reader) => {
                reader.read(text).map(|number| vec![Value::Number(number)])
            }
            Self::YesNo(_) => YesNo::read(text).map(|answer| vec![category(answer)]),
            Self::PolarityQuality(reader) => reader
                .read(text)
                .map(|(polarity, quality)| vec![category(polarity), category(quality)]),
        }
    }

    /// The value of one of [`Reading::columns`] that another program wrote down as `written`; `None` if it is no value
    /// of that column. White space around it, case and the shape of apostrophes do not matter.
    ///
    /// # Examples
    ///
    /// ```
    /// use grace_core::answer::{Reading, Value, WholeNumber};
    ///
    /// let reading = Reading::WholeNumber(WholeNumber::new(0, 3, "quantity"));
    /// assert_eq!(reading.value("quantity", "2"), Some(Value::Number(2)));
    /// assert_eq!(reading.value("quantity", "-1"), None);
    /// ```
    pub fn value(&self, column: &str, written: &str) -> Option<Value> {
        let written = written.trim().to_lowercase().replace('\u{2019}', "'");
        match self {
            Self::WholeNumber(reader) => {
                let number = written.parse().ok()?;
                (reader.column() == column && reader.range().contains(&number))
                    .then_some(Value::Number(number))
            }
            Self::YesNo(reader) => {
                let known = reader.column() == column && matches!(written.as_str(), "yes" | "no");
                known.then_some(Value::Category(written))
            }
            Self::PolarityQuality(reader) => {
                let [polarity, quality] = reader.columns();
                let known = (column == polarity && matches!(written.as_str(), "was" | "wasn't"))
                    || (column == quality && reader.qualities().contains(&written));
                known.then_some(Value::Category(written))
            }
        }
    }
}

fn category(name: &str) -> Value {
    Value::Category(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn readings() -> [Reading; 3] {
        let qualities = ["terrible", "bad", "good", "amazing"].map(String::from);
        [
            Reading::WholeNumber(WholeNumber::new(0, 3, "quantity")),
            Reading::YesNo(YesNo::new("knowledge")),
            Reading::PolarityQuality(PolarityQuality::new(
                qualities.into(),
                "polarity",
                "quality",
            )),
        ]
    }

    #[test]
    fn values_that_others_wrote_down_are_those_of_the_column() {
        let [number, yes_no, polarity] = readings();
        let category = |name: &str| Some(Value::Category(name.to_owned()));
        assert_eq!(number.value("quantity", " 3"), Some(Value::Number(3)));
        assert_eq!(number.value("quantity", "4"), None);
        assert_eq!(number.value("number", "3"), None);
        assert_eq!(yes_no.value("knowledge", "Yes"), category("yes"));
        assert_eq!(yes_no.value("knowledge", "unclear"), None);
        assert_eq!(
            polarity.value("polarity", "wasn\u{2019}t"),
            category("wasn't")
        );
        assert_eq!(polarity.value("quality", "Good"), category("good"));
        assert_eq!(polarity.value("quality", "was"), None);
        assert_eq!(polarity.value("polarity", ""), None);
    }

    /// Rows of the words and marks that readers look for.
    fn scraps() -> impl Strategy<Value = String> {
        let scrap = prop::sample::select(vec![
            "yes",
            "no",
            "not",
            "n't",
            "it",
            "was",
            "wasn't",
            "it's",
            "good",
            "bad",
            "very",
            "of",
            "out",
            "the",
            "all",
            "none",
            "one",
            "2",
            "3",
            "99999999999999999999",
            "-",
            ".",
            ",",
            "(",
            ")",
            "/",
            "%",
            "?",
            "\n",
            "'",
            "\u{2019}",
            "i think",
            "would say",
            "Emma",
            ":",
        ]);
        let scraps = prop::collection::vec((scrap, prop::sample::select(vec!["", " "])), 0..12);
        scraps.prop_map(|scraps| {
            scraps
                .iter()
                .flat_map(|(scrap, gap)| [*scrap, *gap])
                .collect()
        })
    }

    proptest! {
        #[test]
        fn readers_never_panic_and_fill_all_columns(text in prop_oneof!["(?s).*", scraps()]) {
            for reading in readings() {
                if let Ok(values) = reading.read(&text) {
                    prop_assert_eq!(values.len(), reading.columns().len());
                }
            }
        }

        #[test]
        fn numbers_are_in_range(text in scraps()) {
            if let Ok(values) = readings()[0].read(&text) {
                prop_assert!(matches!(values[..], [Value::Number(0..=3)]), "{:?}", values);
            }
        }
    }
}
