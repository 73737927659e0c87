//! Typed columns of some rows.

use super::records::Cell;
use crate::schema::ColumnType;

/// Rows of a table, column by column in the order of its schema.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Batch {
    /// The number of rows.
    pub(crate) rows: usize,
    /// The values of each column.
    pub(crate) columns: Vec<Values>,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    /// Text, and JSON that is kept as text.
    Text(TextColumn),
    /// True or false.
    Bool(Vec<Option<bool>>),
    /// Whole numbers.
    Integer(Vec<Option<i64>>),
    /// Whole numbers from 0.
    Unsigned(Vec<Option<u64>>),
    /// Numbers.
    Number(Vec<Option<f64>>),
}

/// Texts, one behind the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TextColumn {
    text: String,
    /// Where each text ends, and whether it is there.
    ends: Vec<(usize, bool)>,
}

impl TextColumn {
    pub(crate) fn push(&mut self, value: Option<&str>) {
        self.text.push_str(value.unwrap_or_default());
        self.ends.push((self.text.len(), value.is_some()));
    }

    /// Makes the last value a missing one.
    pub(crate) fn forget_last(&mut self) {
        self.ends.pop();
        self.text
            .truncate(self.ends.last().map_or(0, |(end, _)| *end));
        self.push(None);
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All texts, one behind the other.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The value of a row.
    pub(crate) fn value(&self, row: usize) -> Option<&str> {
        let (end, there) = *self.ends.get(row)?;
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before].0);
        there.then(|| self.text.get(start..end)).flatten()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        (0..self.len()).map(|row| self.value(row))
    }
}

impl Values {
    /// No values of a column of this type yet.
    pub(crate) fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Text | ColumnType::Json => Self::Text(TextColumn::default()),
            ColumnType::Bool => Self::Bool(Vec::new()),
            ColumnType::Integer => Self::Integer(Vec::new()),
            ColumnType::Unsigned => Self::Unsigned(Vec::new()),
            ColumnType::Number => Self::Number(Vec::new()),
        }
    }

    /// Adds a value as grace writes it; the bytes of its text. `None` if the column cannot hold it.
    pub(crate) fn push(&mut self, value: Cell<'_>) -> Option<usize> {
        match (value, self) {
            (Cell::Null, values) => values.push_missing(),
            (Cell::Text(text), Self::Text(values)) => {
                let before = values.text.len();
                text.decode_to(|text| values.push(Some(text)))?;
                return Some(values.text.len() - before);
            }
            (Cell::Nested(json), Self::Text(values)) => {
                values.push(Some(json));
                return Some(json.len());
            }
            (Cell::Bool(value), Self::Bool(values)) => values.push(Some(value)),
            (Cell::Number(token), Self::Integer(values)) => {
                let whole = token.split_once('.').map_or(token, |(whole, _)| whole);
                values.push(Some(whole.parse().ok()?));
            }
            (Cell::Number(token), Self::Unsigned(values)) => {
                values.push(Some(token.parse().ok()?));
            }
            (Cell::Number(token), Self::Number(values)) => values.push(Some(token.parse().ok()?)),
            _ => return None,
        }
        Some(0)
    }

    /// A value in words; `None` if it is missing.
    pub(crate) fn word(&self, row: usize) -> Option<String> {
        match self {
            Self::Text(values) => values.value(row).map(str::to_owned),
            Self::Bool(values) => values.get(row)?.map(|value| value.to_string()),
            Self::Integer(values) => values.get(row)?.map(|value| value.to_string()),
            Self::Unsigned(values) => values.get(row)?.map(|value| value.to_string()),
            Self::Number(values) => values.get(row)?.map(|value| value.to_string()),
        }
    }

    /// How many values there are, missing ones included.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Unsigned(values) => values.len(),
            Self::Number(values) => values.len(),
        }
    }

    /// Adds a missing value.
    pub(crate) fn push_missing(&mut self) {
        match self {
            Self::Text(values) => values.push(None),
            Self::Bool(values) => values.push(None),
            Self::Integer(values) => values.push(None),
            Self::Unsigned(values) => values.push(None),
            Self::Number(values) => values.push(None),
        }
    }

    /// Makes the last value a missing one.
    pub(crate) fn forget_last(&mut self) {
        match self {
            Self::Text(values) => values.forget_last(),
            Self::Bool(values) => forget(values),
            Self::Integer(values) => forget(values),
            Self::Unsigned(values) => forget(values),
            Self::Number(values) => forget(values),
        }
    }
}

fn forget<T>(values: &mut [Option<T>]) {
    if let Some(last) = values.last_mut() {
        *last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_texts_are_not_empty_ones() {
        let mut column = TextColumn::default();
        for value in [Some("ä"), None, Some(""), Some("b")] {
            column.push(value);
        }
        let values: Vec<_> = column.iter().collect();
        assert_eq!(values, [Some("ä"), None, Some(""), Some("b")]);
        column.forget_last();
        assert_eq!(column.value(3), None);
        column.push(Some("c"));
        assert_eq!((column.value(2), column.value(4)), (Some(""), Some("c")));
    }
}
