//! Reading YAML with places: every value knows its line and key, and every
//! mistake is noted instead of ending the reading.
//!
//! A deserialiser stops at the first mistake and often cannot say where it is;
//! so files that people write are read through [`Document`] and [`Field`].
//!
//! ```
//! use grace_core::yaml::Document;
//!
//! let document = Document::parse("limits.yaml", "gpus: many\nnodes: 3\n")?;
//! let map = document.root().mapping(&["gpus", "nodes"]);
//! let gpus = map.and_then(|map| map.required("gpus")?.integer(0, 8));
//! let problems = document.finish(gpus).unwrap_err();
//! assert_eq!(
//!     problems.to_string(),
//!     "limits.yaml:1: `gpus` is `many`, expected a whole number from 0 to 8"
//! );
//! # Ok::<(), grace_core::Problems>(())
//! ```

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::fmt;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

use crate::problem::{Problem, Problems};

/// A parsed YAML file and the mistakes found in it so far.
pub struct Document<'t> {
    file: &'t str,
    text: &'t str,
    root: MarkedYaml<'t>,
    problems: RefCell<Problems>,
    /// The byte at which every 64th character begins.
    starts: OnceCell<Vec<usize>>,
}

/// The line of every key and item of a [`Document`], by path (`models.tiny.gpu.count`, `stop[0]`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    file: String,
    lines: BTreeMap<String, u64>,
}

impl Places {
    /// The file's name in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line of `path`, or of what is nearest above it in the file.
    pub fn line(&self, path: &str) -> Option<u64> {
        let ends = path.rmatch_indices(['.', '[']).map(|(end, _)| end);
        let paths = std::iter::once(path).chain(ends.filter_map(|end| path.get(..end)));
        paths
            .into_iter()
            .find_map(|path| self.lines.get(path))
            .copied()
    }

    /// A problem at `path`.
    pub fn problem(&self, path: &str, message: impl Into<String>) -> Problem {
        let problem = Problem::new(&self.file, message).at_key(path);
        match self.line(path) {
            Some(line) => problem.at_line(line),
            None => problem,
        }
    }
}

impl<'t> Document<'t> {
    /// Parses `text`, the content of `file`.
    ///
    /// # Errors
    ///
    /// Returns a problem if `text` is no YAML, or not exactly one document.
    pub fn parse(file: &'t str, text: &'t str) -> Result<Self, Problems> {
        let mut documents = MarkedYaml::load_from_str(text).map_err(|error| {
            let line = error.marker().line() as u64;
            Problem::new(file, format!("is not valid YAML: {}", error.info())).at_line(line)
        })?;
        if documents.len() != 1 {
            let found = documents.len();
            return Err(
                Problem::new(file, format!("holds {found} YAML documents, expected one")).into(),
            );
        }
        Ok(Self {
            file,
            text,
            root: documents.remove(0),
            problems: RefCell::default(),
            starts: OnceCell::new(),
        })
    }

    /// The text of a scalar, numbers and truth values as they are written, nothing for no value;
    /// `None` for lists and mappings.
    fn plain_text<'d>(&'d self, node: &'d MarkedYaml<'_>) -> Option<&'d str> {
        match &node.data {
            YamlData::Value(Scalar::Null) => Some(""),
            YamlData::Value(Scalar::String(text)) => Some(text),
            YamlData::Value(value) => self.written(node, value),
            _ => None,
        }
    }

    /// How the file writes `value`, the number or truth value of `node`.
    fn written(&self, node: &MarkedYaml<'_>, value: &Scalar<'_>) -> Option<&str> {
        let (start, end) = (node.span.start.index(), node.span.end.index());
        let before = self.text.get(..self.byte(start))?;
        let written = self.text.get(self.byte(start)..self.byte(end))?;
        let Some(anchor) = written.strip_prefix('*') else {
            return Some(written);
        };
        // An alias has its own place but the value of its anchor, so the text is there.
        let (_, anchored) = before.rsplit_once(&format!("&{anchor} "))?;
        let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}');
        let written = anchored.trim_start().split(ends).next()?;
        (Scalar::parse_from_cow(written.into()) == *value).then_some(written)
    }

    /// The byte at which the character at `index` begins.
    fn byte(&self, index: usize) -> usize {
        const STEP: usize = 64;
        let starts = self.starts.get_or_init(|| {
            let bytes = self.text.char_indices().map(|(byte, _)| byte);
            bytes.step_by(STEP).collect()
        });
        let Some(&near) = starts.get(index / STEP) else {
            return self.text.len();
        };
        let rest = self.text.get(near..).unwrap_or_default();
        let at = rest.char_indices().nth(index % STEP);
        at.map_or(self.text.len(), |(byte, _)| near + byte)
    }

    /// Where everything is.
    pub fn places(&self) -> Places {
        let mut lines = BTreeMap::new();
        note_lines(&self.root().children(), &mut lines);
        Places {
            file: self.file.to_owned(),
            lines,
        }
    }

    /// The whole file as a field.
    pub fn root(&self) -> Field<'_> {
        Field {
            document: self,
            node: &self.root,
            path: String::new(),
            line: line_of(&self.root),
        }
    }

    /// `value` if no mistake was noted.
    ///
    /// # Errors
    ///
    /// Returns all that was noted.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Problems> {
        let problems = self.problems.into_inner();
        match (value, problems.is_empty()) {
            (Some(value), true) => Ok(value),
            (_, false) => Err(problems.into_result(()).expect_err("there are problems")),
            (None, true) => Err(Problem::new(self.file, "could not be read").into()),
        }
    }
}

/// A value of a [`Document`], with its place.
#[derive(Clone)]
pub struct Field<'d> {
    document: &'d Document<'d>,
    node: &'d MarkedYaml<'d>,
    path: String,
    line: u64,
}

impl<'d> Field<'d> {
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
    fn children(&self) -> Vec<Self> {
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

fn note_lines(fields: &[Field<'_>], lines: &mut BTreeMap<String, u64>) {
    for field in fields {
        lines.insert(field.path.clone(), field.line);
        note_lines(&field.children(), lines);
    }
}

impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("file", &self.file)
            .finish_non_exhaustive()
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

fn line_of(node: &MarkedYaml<'_>) -> u64 {
    node.span.start.line() as u64
}

/// At most the first 60 characters, for messages.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    let mut short: String = text.chars().take(MOST).collect();
    if text.chars().count() > MOST {
        short.push('…');
    }
    short
}
