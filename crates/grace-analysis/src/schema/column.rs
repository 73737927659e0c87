//! Columns of a table: names and types.

use serde::Serialize;

/// The type of a column; every column may hold missing values besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ColumnType {
    /// Text as it is.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits with sign.
    Integer,
    /// A whole number of 64 bits without sign: seeds.
    Unsigned,
    /// A number in double precision.
    Number,
    /// Arrays and objects, kept as the JSON text of the record.
    Json,
}

impl ColumnType {
    /// From narrow to wide, as far as numbers are concerned.
    pub(crate) const ALL: [Self; 6] = [
        Self::Text,
        Self::Bool,
        Self::Integer,
        Self::Unsigned,
        Self::Number,
        Self::Json,
    ];

    /// The type in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bool => "true or false",
            Self::Integer => "a whole number",
            Self::Unsigned => "a whole number from 0",
            Self::Number => "a number",
            Self::Json => "an array or object",
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Column {
    /// The name: that of the record's field, and for fields within fields the names joined by dots
    /// (`outcomes.quantity.reason`), as `pandas.json_normalize` does.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnType,
}

/// The columns of a table, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Schema {
    columns: Vec<Column>,
}

impl Schema {
    /// A schema of these columns, whose names differ.
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self { columns }
    }

    /// The columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The place of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}
