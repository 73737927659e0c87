//! What is on the page, before it is HTML. Texts are plain; the page escapes them.

use serde::Serialize;

/// The whole page.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    title: String,
    version: String,
    summary: Vec<String>,
    sections: Vec<Section>,
}

impl Page {
    pub(super) fn new(
        title: &str,
        version: &str,
        summary: Vec<String>,
        sections: Vec<Section>,
    ) -> Self {
        Self {
            title: title.to_owned(),
            version: version.to_owned(),
            summary,
            sections,
        }
    }
}

/// A part of the page with a heading.
#[derive(Debug, Default, Serialize)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What one must know to read the pictures.
    pub(super) words: Vec<String>,
    pub(super) parts: Vec<Part>,
}

/// Pictures that belong together, and tables.
#[derive(Debug, Default, Serialize)]
pub(super) struct Part {
    pub(super) title: Option<String>,
    pub(super) words: Vec<String>,
    pub(super) legend: Vec<Key>,
    pub(super) pictures: Vec<Picture>,
    pub(super) tables: Vec<Table>,
    pub(super) code: Option<String>,
}

/// A series in the legend.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) mark: char,
    /// The number of the colour, from 1.
    pub(super) colour: usize,
}

/// A picture with the numbers behind it.
#[derive(Debug, Serialize)]
pub(super) struct Picture {
    pub(super) id: String,
    pub(super) title: String,
    /// What its rows are.
    pub(super) rows_are: String,
    pub(super) svg: String,
    pub(super) table: Table,
}

/// A table.
#[derive(Debug, Default, Serialize)]
pub(super) struct Table {
    pub(super) caption: Option<String>,
    pub(super) head: Vec<Field>,
    pub(super) rows: Vec<Vec<Field>>,
    /// How many rows are there, where a table is folded away.
    pub(super) folded: Option<usize>,
}

/// A field of a table.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Field {
    text: String,
    /// `number` stands to the right, `long` text may be broken.
    class: &'static str,
}

const NUMBER: &str = "number";
/// Longer texts may be broken into lines.
const LONG: usize = 48;

impl Field {
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        let class = if text.chars().count() > LONG {
            "long"
        } else {
            ""
        };
        Self { text, class }
    }

    fn to_the_right(text: String) -> Self {
        Self {
            text,
            class: NUMBER,
        }
    }

    /// A number, or a dash where there is none.
    pub(super) fn number(number: Option<f64>, digits: usize) -> Self {
        let text = number.map_or_else(|| String::from("–"), |number| decimal(number, digits));
        Self::to_the_right(text)
    }

    pub(super) fn count(count: Option<u64>) -> Self {
        let text = count.map_or_else(|| String::from("–"), thousands);
        Self::to_the_right(text)
    }

    pub(super) fn interval(low: Option<f64>, high: Option<f64>, digits: usize) -> Self {
        let text = match (low, high) {
            (Some(low), Some(high)) => {
                format!("{} to {}", decimal(low, digits), decimal(high, digits))
            }
            _ => String::from("–"),
        };
        Self::to_the_right(text)
    }

    pub(super) fn p(p: Option<f64>) -> Self {
        let text = match p {
            None => String::from("–"),
            Some(p) if p < 0.0001 => String::from("< 0.0001"),
            Some(p) => format!("{p:.4}"),
        };
        Self::to_the_right(text)
    }
}

impl Table {
    /// A table with these columns; `#` in front of a name puts it to the right.
    pub(super) fn new(head: &[&str], rows: Vec<Vec<Field>>) -> Self {
        let field = |name: &&str| match name.strip_prefix('#') {
            Some(name) => Field::to_the_right(name.to_owned()),
            None => Field::text(*name),
        };
        Self {
            caption: None,
            head: head.iter().map(field).collect(),
            rows,
            folded: None,
        }
    }

    pub(super) fn captioned(self, caption: impl Into<String>) -> Self {
        Self {
            caption: Some(caption.into()),
            ..self
        }
    }

    /// Folds the table away, as those behind pictures are.
    pub(super) fn folded(self) -> Self {
        Self {
            folded: Some(self.rows.len()),
            ..self
        }
    }
}

/// A number with a real minus sign and no negative zero.
pub(super) fn decimal(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    let is_zero = text
        .trim_start_matches('-')
        .bytes()
        .all(|byte| byte == b'0' || byte == b'.');
    if is_zero {
        return text.trim_start_matches('-').to_owned();
    }
    text.replace('-', "−")
}

/// A count with its thousands set apart by commas.
pub(super) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    let noun = if count == 1 { one } else { many };
    format!("{} {noun}", thousands(count))
}

/// A share in per cent.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return String::from("–");
    }
    // Never 100.0 % unless it is all of them.
    let tenths = u128::from(part) * 1000 / u128::from(whole);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_commas() {
        let shown = [0, 999, 1000, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn nothing_is_no_negative_zero() {
        assert_eq!(
            (decimal(-0.0001, 2).as_str(), decimal(-1.25, 1).as_str()),
            ("0.00", "−1.2")
        );
    }

    #[test]
    fn nearly_all_is_not_all() {
        assert_eq!(
            (percent(9999, 10_000).as_str(), percent(5, 5).as_str()),
            ("99.9 %", "100.0 %")
        );
        assert_eq!(percent(0, 0), "–");
    }
}
