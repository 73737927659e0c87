//! From the bytes of a records file to cells, one after the other.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::schema::depth;

/// One value of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it is written.
    Number(&'a str),
    /// A string.
    Text(RawText<'a>),
    /// The JSON text of an array or object.
    Nested(&'a str),
}

/// A JSON string as it is written, quotes included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawText<'a> {
    written: &'a str,
    has_escapes: bool,
}

impl<'a> RawText<'a> {
    fn new(written: &'a str) -> Self {
        Self {
            written,
            has_escapes: written.contains('\\'),
        }
    }

    /// The text; borrowed unless it holds escapes. `None` if it escapes half of a character.
    pub(crate) fn decode(self) -> Option<Cow<'a, str>> {
        if self.has_escapes {
            return serde_json::from_str(self.written).ok().map(Cow::Owned);
        }
        let without_quotes = self.written.strip_prefix('"')?.strip_suffix('"')?;
        Some(Cow::Borrowed(without_quotes))
    }

    /// Gives the text to `take` without keeping it. `None` if it escapes half of a character.
    pub(crate) fn decode_to(self, take: impl FnOnce(&str)) -> Option<()> {
        if !self.has_escapes {
            return self.decode().map(|text| take(&text));
        }
        let mut json = serde_json::Deserializer::from_str(self.written);
        json.deserialize_str(Take(take)).ok()
    }

    /// Whether it begins with `prefix`, which needs no escapes.
    pub(crate) fn starts_with(self, prefix: &str) -> bool {
        self.written
            .strip_prefix('"')
            .is_some_and(|text| text.starts_with(prefix))
    }

    /// Whether [`RawText::decode`] gives a text. Only escapes of the form `\u` can be halves of a character.
    pub(crate) fn is_whole(self) -> bool {
        !self.has_escapes || !self.written.contains("\\u") || self.decode().is_some()
    }
}

/// Takes the text where the parser unescaped it.
struct Take<F>(F);

impl<F: FnOnce(&str)> Visitor<'_> for Take<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        (self.0)(text);
        Ok(())
    }
}

impl<'a> Cell<'a> {
    fn of(raw: &'a RawValue) -> Self {
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'"') => Self::Text(RawText::new(text)),
            Some(b'{' | b'[') => Self::Nested(text),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') | None => Self::Null,
            _ => Self::Number(text),
        }
    }
}

/// What takes the cells of a file.
pub(crate) trait Sink {
    /// Takes the value of `column` in the current record.
    ///
    /// # Errors
    ///
    /// Returns why the file cannot be read on.
    fn cell(&mut self, column: &str, value: Cell<'_>) -> Result<(), String>;

    /// Takes note that a record is over.
    ///
    /// # Errors
    ///
    /// As [`Sink::cell`].
    fn end_record(&mut self) -> Result<(), String>;
}

/// Gives every value of a JSON array of objects to `sink`. The fields that grace nests become columns of their own,
/// named by their path; what else is nested stays JSON.
///
/// # Errors
///
/// Returns what is wrong, with line and column: no JSON, no array, no objects, or what `sink` says.
pub(crate) fn read(bytes: &[u8], sink: &mut impl Sink) -> Result<(), serde_json::Error> {
    // Checked once, and not for every string again.
    let text = std::str::from_utf8(bytes).map_err(serde_json::Error::custom)?;
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_seq(Records(sink))?;
    json.end()
}

struct Records<'s, S>(&'s mut S);

impl<'de, S: Sink> Visitor<'de> for Records<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<(), A::Error> {
        let mut path = String::new();
        while records
            .next_element_seed(Fields {
                sink: &mut *self.0,
                path: &mut path,
                depth: None,
            })?
            .is_some()
        {
            self.0.end_record().map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

/// The fields of a record, or of a field within it.
struct Fields<'s, S> {
    sink: &'s mut S,
    /// The path so far, with a dot behind it; as it was before in the end.
    path: &'s mut String,
    /// How many more levels become columns; `None` for the record itself, whose fields say so.
    depth: Option<usize>,
}

impl<'de, S: Sink> DeserializeSeed<'de> for Fields<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de, S: Sink> Visitor<'de> for Fields<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let before = self.path.len();
        while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
            let below = self.depth.unwrap_or_else(|| depth(&key));
            if below == 0 && before == 0 {
                let cell = Cell::of(map.next_value::<&'de RawValue>()?);
                self.sink.cell(&key, cell).map_err(A::Error::custom)?;
                continue;
            }
            self.path.push_str(&key);
            if below == 0 {
                let cell = Cell::of(map.next_value::<&'de RawValue>()?);
                let taken = self.sink.cell(self.path, cell);
                taken.map_err(A::Error::custom)?;
            } else {
                map.next_value_seed(Nested(Fields {
                    sink: &mut *self.sink,
                    path: &mut *self.path,
                    depth: Some(below - 1),
                }))?;
            }
            self.path.truncate(before);
        }
        Ok(())
    }
}

/// The value of a field that usually holds fields; anything else is one cell.
struct Nested<'s, S>(Fields<'s, S>);

impl<S: Sink> Nested<'_, S> {
    fn cell<E: Error>(self, value: Cell<'_>) -> Result<(), E> {
        self.0.sink.cell(self.0.path, value).map_err(E::custom)
    }

    /// A value that was read already, as it is written.
    fn written<E: Error>(self, value: &impl serde::Serialize) -> Result<(), E> {
        let text = serde_json::to_string(value).map_err(E::custom)?;
        let raw = RawValue::from_string(text).map_err(E::custom)?;
        self.cell(Cell::of(&raw))
    }
}

impl<'de, S: Sink> DeserializeSeed<'de> for Nested<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Nested<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.path.push('.');
        self.0.visit_map(map)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.cell(Cell::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.cell(Cell::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.written(&value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.written(&value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.written(&value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.written(&value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        let values = SeqAccessDeserializer::new(seq);
        let values = Vec::<serde_json::Value>::deserialize(values)?;
        self.written(&values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Lines(Vec<String>);

    impl Sink for Lines {
        fn cell(&mut self, column: &str, value: Cell<'_>) -> Result<(), String> {
            let value = match value {
                Cell::Null => String::from("null"),
                Cell::Bool(value) => value.to_string(),
                Cell::Number(text) => format!("number {text}"),
                Cell::Text(text) => format!("text {}", text.decode().unwrap()),
                Cell::Nested(text) => format!("json {text}"),
            };
            self.0.push(format!("{column}: {value}"));
            Ok(())
        }

        fn end_record(&mut self) -> Result<(), String> {
            self.0.push(String::from("--"));
            Ok(())
        }
    }

    fn lines(json: &str) -> Vec<String> {
        let mut lines = Lines::default();
        read(json.as_bytes(), &mut lines).unwrap();
        lines.0
    }

    #[test]
    fn nested_fields_of_grace_become_columns() {
        let json = r#"[{"story": "a \"b\"", "conditions": {"goal": "both"},
            "outcomes": {"q": {"outcome": "answered", "reason": null}}, "trial_id": 3}]"#;
        assert_eq!(
            lines(json),
            [
                "story: text a \"b\"",
                "conditions.goal: text both",
                "outcomes.q.outcome: text answered",
                "outcomes.q.reason: null",
                "trial_id: number 3",
                "--"
            ]
        );
    }

    #[test]
    fn what_else_is_nested_stays_json() {
        assert_eq!(
            lines(r#"[{"mine": {"a": [1]}, "outcomes": {"q": {"x": {"y": 1}}}, "ok": true}]"#),
            [
                r#"mine: json {"a": [1]}"#,
                r#"outcomes.q.x: json {"y": 1}"#,
                "ok: true",
                "--"
            ]
        );
    }

    #[test]
    fn values_in_the_place_of_fields_are_cells() {
        let json = r#"[{"tokens": 12, "conditions": "a\"b", "timings": null, "scores": {"q": [1, "x"], "r": -0.5, "s": true}}]"#;
        assert_eq!(
            lines(json),
            [
                "tokens: number 12",
                "conditions: text a\"b",
                "timings: null",
                r#"scores.q: json [1,"x"]"#,
                "scores.r: number -0.5",
                "scores.s: true",
                "--"
            ]
        );
    }

    #[test]
    fn escaped_names_are_read() {
        assert_eq!(
            lines(r#"[{"caf\u00e9": -1.5e3}]"#),
            ["café: number -1.5e3", "--"]
        );
    }

    #[test]
    fn half_a_character_is_noticed() {
        assert!(!RawText::new(r#""\ud83d""#).is_whole());
        assert!(RawText::new(r#""\ud83d\ude00 \\u""#).is_whole());
    }

    #[test]
    fn what_is_no_array_of_objects_is_refused() {
        for (json, reason) in [
            ("{}", "expected an array of records"),
            ("[1]", "expected an object"),
            ("[{\"a\": 1}", "EOF"),
            ("[{\"a\": 1}] x", "trailing"),
            ("[{\"a\": \"b", "EOF"),
        ] {
            let error = read(json.as_bytes(), &mut Lines::default()).unwrap_err();
            assert!(error.to_string().contains(reason), "{json}: {error}");
        }
    }
}
