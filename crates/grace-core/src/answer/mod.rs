//! Reading answers: from the text of a model to measures, or to the reason why not.
//!
//! Readers are tolerant of how an answer is put (case, punctuation, typographic
//! apostrophes, a sentence around it) and strict about what it says: two
//! answers that contradict each other are no answer. A wrong result is worse than a missing one.

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
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// A number.
    Number(i64),
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
}

fn category(name: &str) -> Value {
    Value::Category(name.to_owned())
}
