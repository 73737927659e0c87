//! What kinds of JSON values a column holds.

use super::column::ColumnType;

/// A kind of value, as far as columns tell kinds apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number from 0 that an `i64` holds.
    Natural,
    /// A whole number below 0 that an `i64` holds.
    Negative,
    /// A whole number that a `u64` holds and an `i64` does not.
    Huge,
    /// A whole number written with a point, such as `2.0`.
    Pointed,
    /// Any other number.
    Number,
    /// A string.
    Text,
    /// An array or an object.
    Nested,
    /// A string of the lab's earlier scripts that tells of an error.
    ErrorText,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Null,
        Self::Bool,
        Self::Natural,
        Self::Negative,
        Self::Huge,
        Self::Pointed,
        Self::Number,
        Self::Text,
        Self::Nested,
        Self::ErrorText,
    ];

    /// The kind of a JSON number.
    pub(crate) fn of_number(token: &str) -> Self {
        const DIGITS_OF_ANY_I64: usize = 18;
        let digits = token.strip_prefix('-').unwrap_or(token);
        let is_negative = digits.len() < token.len();
        match digits.bytes().position(|byte| !byte.is_ascii_digit()) {
            None if digits.len() <= DIGITS_OF_ANY_I64 => Self::whole(is_negative),
            None if token.parse::<i64>().is_ok() => Self::whole(is_negative),
            None if token.parse::<u64>().is_ok() => Self::Huge,
            Some(point) if is_zero_fraction(digits, point) => Self::Pointed,
            None | Some(_) => Self::Number,
        }
    }

    fn whole(is_negative: bool) -> Self {
        if is_negative {
            Self::Negative
        } else {
            Self::Natural
        }
    }

    /// Whether a column of type `column` may hold it.
    pub(crate) fn fits(self, column: ColumnType) -> bool {
        match self {
            Self::Null | Self::ErrorText => true,
            Self::Bool => column == ColumnType::Bool,
            Self::Natural => matches!(
                column,
                ColumnType::Integer | ColumnType::Unsigned | ColumnType::Number
            ),
            Self::Negative | Self::Pointed => {
                matches!(column, ColumnType::Integer | ColumnType::Number)
            }
            Self::Huge => matches!(column, ColumnType::Unsigned | ColumnType::Number),
            Self::Number => column == ColumnType::Number,
            Self::Text => column == ColumnType::Text,
            Self::Nested => column == ColumnType::Json,
        }
    }

    /// The kind in words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Natural | Self::Huge => "a whole number",
            Self::Negative => "a negative number",
            Self::Pointed | Self::Number => "a number",
            Self::Text | Self::ErrorText => "text",
            Self::Nested => "an array or object",
        }
    }
}

/// Whether what follows at `point` is a point and zeros.
fn is_zero_fraction(digits: &str, point: usize) -> bool {
    let fraction = digits.get(point..).and_then(|rest| rest.strip_prefix('.'));
    fraction.is_some_and(|fraction| fraction.bytes().all(|digit| digit == b'0'))
}

/// The kinds of value in a column, and where each was met first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kinds {
    first: [Option<u32>; Kind::ALL.len()],
}

impl Kinds {
    /// Notes a value in record `record`.
    pub(crate) fn note(&mut self, kind: Kind, record: u32) {
        self.first[kind as usize].get_or_insert(record);
    }

    /// The kinds with the record in which each was met first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Kind, u32)> {
        let first = self.first.iter();
        Kind::ALL
            .into_iter()
            .zip(first)
            .filter_map(|(kind, record)| Some((kind, (*record)?)))
    }

    /// The first value that a column of this type may not hold.
    pub(crate) fn misfit(&self, column: ColumnType) -> Option<(Kind, u32)> {
        self.iter()
            .filter(|(kind, _)| !kind.fits(column))
            .min_by_key(|(_, record)| *record)
    }

    /// The first value that cannot be written as text.
    pub(crate) fn nested(&self) -> Option<(Kind, u32)> {
        self.iter().find(|(kind, _)| *kind == Kind::Nested)
    }

    /// The narrowest type that holds all values; `None` where there is none, or where all values are missing.
    pub(crate) fn narrowest(&self) -> Option<ColumnType> {
        let missing = |kind| matches!(kind, Kind::Null | Kind::ErrorText);
        if self.iter().all(|(kind, _)| missing(kind)) {
            return None;
        }
        ColumnType::ALL
            .into_iter()
            .find(|column| self.misfit(*column).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(kinds: &[Kind]) -> Kinds {
        let mut noted = Kinds::default();
        for (record, kind) in (0..).zip(kinds) {
            noted.note(*kind, record);
        }
        noted
    }

    #[test]
    fn numbers_are_told_apart_by_how_they_are_written() {
        for (token, kind) in [
            ("0", Kind::Natural),
            ("-3", Kind::Negative),
            ("18446744073709551615", Kind::Huge),
            ("18446744073709551616", Kind::Number),
            ("2.0", Kind::Pointed),
            ("2.5", Kind::Number),
            ("1e3", Kind::Number),
            ("2.0e1", Kind::Number),
            ("9223372036854775807", Kind::Natural),
            ("9223372036854775808", Kind::Huge),
            ("-9223372036854775808", Kind::Negative),
            ("-9223372036854775809", Kind::Number),
        ] {
            assert_eq!(Kind::of_number(token), kind, "{token}");
        }
    }

    #[test]
    fn the_narrowest_type_holds_all_values() {
        let narrowest = |list: &[Kind]| kinds(list).narrowest();
        assert_eq!(
            narrowest(&[Kind::Null, Kind::Natural]),
            Some(ColumnType::Integer)
        );
        assert_eq!(
            narrowest(&[Kind::Natural, Kind::Number]),
            Some(ColumnType::Number)
        );
        assert_eq!(
            narrowest(&[Kind::Huge, Kind::Natural]),
            Some(ColumnType::Unsigned)
        );
        assert_eq!(
            narrowest(&[Kind::Nested, Kind::Null]),
            Some(ColumnType::Json)
        );
        assert_eq!(narrowest(&[Kind::Text, Kind::Natural]), None);
        assert_eq!(narrowest(&[Kind::Null, Kind::ErrorText]), None);
    }

    #[test]
    fn a_misfit_is_found_where_it_stands_first() {
        let kinds = kinds(&[Kind::Natural, Kind::Null, Kind::Text, Kind::Bool]);
        assert_eq!(kinds.misfit(ColumnType::Integer), Some((Kind::Text, 2)));
        assert_eq!(kinds.misfit(ColumnType::Text), Some((Kind::Natural, 0)));
    }
}
