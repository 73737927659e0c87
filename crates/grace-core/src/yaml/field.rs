//! Values of a document, with their places.

use std::fmt;

use saphyr::{MarkedYaml, Scalar, YamlData};

use super::{Document, line_of, shortened};
use crate::problem::Problem;

/// A value of a [`Document`], with its place.
#[derive(Clone)]
pub struct Field<'d> {
    document: &'d Document<'d>,
    node: &'d MarkedYaml<'d>,
    path: String,
    line: u64,
}

impl<'d> Field<'d> {
    pub(super) fn new(
        document: &'d Document<'d>,
        node: &'d MarkedYaml<'d>,
        path: String,
        line: u64,
    ) -> Self {
        Self {
            document,
            node,
            path,
            line,
        }
    }

    /// Its line, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Its path in the file (`models.tiny.gpu`); empty for the file as a whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Notes a mistake at this value.
    pub fn problem(&self, message: impl Into<String>) {
        let problem = Problem::new(self.document.file, message)
            .at_line(self.line)
            .at_key(&self.path);
        self.document.problems.borrow_mut().push(problem);
    }

    /// A mapping whose keys are all among `known`.
    pub fn mapping(&self, known: &[&str]) -> Option<Mapping<'d>> {
        let mapping = self.any_mapping()?;
        for field in mapping.fields() {
            let name = field.name();
            if !known.contains(&name) {
                let listed = known.join("`, `");
                field.problem(format!("is not a known key, expected one of `{listed}`"));
            }
        }
        Some(mapping)
    }

    /// A mapping with keys of the user's choice.
    pub fn any_mapping(&self) -> Option<Mapping<'d>> {
        let YamlData::Mapping(entries) = &self.node.data else {
            self.expected("a mapping (`key: value` lines)");
            return None;
        };
        let mut fields: Vec<(String, Self)> = Vec::with_capacity(entries.len());
        for (key, node) in entries {
            let name = self.document.plain_text(key).unwrap_or_default();
            if name.is_empty() {
                self.problem("has a key that is no plain text");
                continue;
            }
            let path = if self.path.is_empty() {
                name.to_owned()
            } else {
                format!("{}.{name}", self.path)
            };
            let field = Field {
                document: self.document,
                node,
                path,
                line: line_of(key),
            };
            // The parser knows `1` and `"1"` for two keys.
            if fields.iter().any(|(earlier, _)| earlier == name) {
                field.problem("is there twice, expected each key once");
            }
            fields.push((name.to_owned(), field));
        }
        Some(Mapping {
            owner: self.clone(),
            fields,
        })
    }

    /// What is below this value, without a word about what is expected.
    pub(super) fn children(&self) -> Vec<Self> {
        let child = |node, name: &str, line| Field {
            document: self.document,
            node,
            path: match name.chars().next() {
                Some('[') | None => format!("{}{name}", self.path),
                _ if self.path.is_empty() => name.to_owned(),
                _ => format!("{}.{name}", self.path),
            },
            line,
        };
        match &self.node.data {
            YamlData::Mapping(entries) => entries
                .iter()
                .map(|(key, node)| {
                    let name = self.document.plain_text(key).unwrap_or_default();
                    child(node, name, line_of(key))
                })
                .collect(),
            YamlData::Sequence(items) => items
                .iter()
                .enumerate()
                .map(|(position, node)| child(node, &format!("[{position}]"), line_of(node)))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.node.data, YamlData::Sequence(_))
    }

    /// The items of a list.
    pub fn list(&self) -> Option<Vec<Self>> {
        let YamlData::Sequence(items) = &self.node.data else {
            self.expected("a list");
            return None;
        };
        let field = |(position, node): (usize, &'d MarkedYaml<'d>)| Field {
            document: self.document,
            node,
            path: format!("{}[{position}]", self.path),
            line: line_of(node),
        };
        Some(items.iter().enumerate().map(field).collect())
    }

    /// Non-empty text; a number or truth value is taken as it is written in the file.
    pub fn text(&self) -> Option<String> {
        match self.document.plain_text(self.node) {
            Some(text) if !text.is_empty() => Some(text.to_owned()),
            _ => {
                self.expected("text");
                None
            }
        }
    }

    /// A list of texts.
    pub fn texts(&self) -> Option<Vec<String>> {
        self.list()?.iter().map(Self::text).collect()
    }

    /// A whole number from `min` to `max`.
    pub fn integer(&self, min: i64, max: i64) -> Option<i64> {
        match self.node.data {
            YamlData::Value(Scalar::Integer(value)) if (min..=max).contains(&value) => Some(value),
            _ => {
                let to = if max == i64::MAX {
                    String::from("up")
                } else {
                    format!("to {max}")
                };
                self.expected(&format!("a whole number from {min} {to}"));
                None
            }
        }
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        let YamlData::Value(Scalar::Boolean(value)) = self.node.data else {
            self.expected("`true` or `false`");
            return None;
        };
        Some(value)
    }

    /// A number from `min` to `max`.
    pub fn number(&self, min: f64, max: f64) -> Option<f64> {
        let value = match &self.node.data {
            #[expect(clippy::cast_precision_loss, reason = "settings are small numbers")]
            YamlData::Value(Scalar::Integer(value)) => Some(*value as f64),
            YamlData::Value(Scalar::FloatingPoint(value)) => Some(value.into_inner()),
            _ => None,
        };
        match value {
            Some(value) if value >= min && value <= max => Some(value),
            _ => {
                self.expected(&format!("a number from {min} to {max}"));
                None
            }
        }
    }

    /// Text that `parse` understands; `expected` says what that is.
    pub fn parsed<T>(&self, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let text = self.text()?;
        let value = parse(&text);
        if value.is_none() {
            self.expected(expected);
        }
        value
    }

    /// Notes that something else was expected here.
    pub fn expected(&self, what: &str) {
        self.problem(format!("is {}, expected {what}", self.describe()));
    }

    fn describe(&self) -> String {
        match &self.node.data {
            YamlData::Mapping(_) => String::from("a mapping"),
            YamlData::Sequence(_) => String::from("a list"),
            _ => match self.document.plain_text(self.node) {
                Some("") => String::from("empty"),
                Some(text) => format!("`{}`", shortened(text)),
                None => String::from("no plain value"),
            },
        }
    }

    fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }
}

/// The keys of a mapping, in the order of the file.
pub struct Mapping<'d> {
    owner: Field<'d>,
    fields: Vec<(String, Field<'d>)>,
}

impl<'d> Mapping<'d> {
    /// All fields.
    pub fn fields(&self) -> impl Iterator<Item = &Field<'d>> {
        self.fields.iter().map(|(_, field)| field)
    }

    /// Keys and fields.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Field<'d>)> {
        self.fields
            .iter()
            .map(|(name, field)| (name.as_str(), field))
    }

    /// The field `key`, if it is there and not empty.
    pub fn optional(&self, key: &str) -> Option<&Field<'d>> {
        self.fields
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, field)| field)
            .filter(|field| !matches!(field.node.data, YamlData::Value(Scalar::Null)))
    }

    /// The field `key`; its absence is a mistake.
    pub fn required(&self, key: &str) -> Option<&Field<'d>> {
        let field = self.optional(key);
        if field.is_none() {
            self.owner
                .problem(format!("has no `{key}`, which is required"));
        }
        field
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Field({}:{}: {})",
            self.document.file, self.line, self.path
        )
    }
}

impl fmt::Debug for Mapping<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields()).finish()
    }
}
