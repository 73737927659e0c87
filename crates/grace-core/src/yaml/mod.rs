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

mod field;
mod places;

use std::cell::{OnceCell, RefCell};
use std::fmt;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

pub use field::{Field, Mapping};
pub use places::Places;

use crate::problem::{Problem, Problems};

/// A parsed YAML file and the mistakes found in it so far.
pub struct Document<'t> {
    pub(super) file: &'t str,
    text: &'t str,
    root: MarkedYaml<'t>,
    pub(super) problems: RefCell<Problems>,
    /// The byte at which every 64th character begins.
    starts: OnceCell<Vec<usize>>,
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
    pub(super) fn plain_text<'d>(&'d self, node: &'d MarkedYaml<'_>) -> Option<&'d str> {
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
        Places::of(self.file, &self.root())
    }

    /// The whole file as a field.
    pub fn root(&self) -> Field<'_> {
        Field::new(self, &self.root, String::new(), line_of(&self.root))
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

impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

pub(super) fn line_of(node: &MarkedYaml<'_>) -> u64 {
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
