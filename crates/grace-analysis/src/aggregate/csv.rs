//! Tables as CSV: RFC 4180, a missing value is an empty field.

use crate::read::{Batch, Values};
use crate::schema::Schema;

/// The line of names.
pub(super) fn header(schema: &Schema) -> csv::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(schema.columns().iter().map(|column| &column.name))?;
    into_bytes(writer)
}

/// A line for each row.
pub(super) fn lines(batch: &Batch, bytes: usize) -> Vec<u8> {
    let mut lines = Vec::with_capacity(bytes);
    // Most columns hold nothing to quote, which is seen faster at once than field by field.
    let plain: Vec<bool> = batch.columns.iter().map(is_plain).collect();
    for row in 0..batch.rows {
        for (place, values) in batch.columns.iter().enumerate() {
            if place > 0 {
                lines.push(b',');
            }
            match values {
                Values::Text(values) => {
                    let text = values.value(row).unwrap_or_default();
                    if plain[place] {
                        lines.extend_from_slice(text.as_bytes());
                    } else {
                        field(&mut lines, text);
                    }
                }
                values => value(&mut lines, values, row),
            }
        }
        lines.push(b'\n');
    }
    lines
}

/// Whether no value of a column needs quotes.
fn is_plain(values: &Values) -> bool {
    match values {
        Values::Text(values) => !needs_quotes(values.text()),
        _ => true,
    }
}

/// Whether a text holds what the crate `csv` quotes; pieces are searched without a branch for each byte.
fn needs_quotes(text: &str) -> bool {
    const PIECE: usize = 64;
    let special = |byte: &u8| matches!(byte, b'"' | b',' | b'\n' | b'\r');
    let any = |piece: &[u8]| piece.iter().fold(false, |any, byte| any | special(byte));
    text.as_bytes().chunks(PIECE).any(any)
}

/// A text as the crate `csv` writes it.
fn field(line: &mut Vec<u8>, text: &str) {
    if !needs_quotes(text) {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    for (number, piece) in text.split('"').enumerate() {
        if number > 0 {
            line.extend_from_slice(b"\"\"");
        }
        line.extend_from_slice(piece.as_bytes());
    }
    line.push(b'"');
}

/// A value that is no text; doubles as the shortest digits that mean the same double.
fn value(line: &mut Vec<u8>, values: &Values, row: usize) {
    let written = match values {
        Values::Bool(values) => write(line, values[row]),
        Values::Integer(values) => write(line, values[row]),
        Values::Unsigned(values) => write(line, values[row]),
        Values::Number(values) => write(line, values[row]),
        Values::Text(_) => Ok(()),
    };
    written.expect("numbers can be written to memory");
}

/// Writes a value as JSON has it, which is as CSV has it; nothing for a missing one.
fn write(line: &mut Vec<u8>, value: Option<impl serde::Serialize>) -> serde_json::Result<()> {
    value.map_or(Ok(()), |value| serde_json::to_writer(line, &value))
}

fn into_bytes(mut writer: csv::Writer<Vec<u8>>) -> csv::Result<Vec<u8>> {
    writer.flush()?;
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::read::TextColumn;

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let mut texts = TextColumn::default();
        for value in [Some("a,b"), Some("say \"no\"\nnow"), None] {
            texts.push(value);
        }
        let batch = Batch {
            rows: 3,
            columns: vec![
                Values::Text(texts),
                Values::Number(vec![Some(0.1), Some(1e-9), None]),
                Values::Bool(vec![Some(true), None, Some(false)]),
            ],
        };
        let text = String::from_utf8(lines(&batch, 64)).unwrap();
        assert_eq!(
            text,
            "\"a,b\",0.1,true\n\"say \"\"no\"\"\nnow\",1e-9,\n,,false\n"
        );
    }

    proptest! {
        #[test]
        fn texts_are_written_as_the_csv_crate_does(
            texts in vec("[a,\"\r\n #é]{0,4}|[a-z ]{0,80}[\",\n]?[a-z]{0,70}", 2..5)
        ) {
            let mut expected = csv::Writer::from_writer(Vec::new());
            expected.write_record(&texts).unwrap();
            let columns = texts.iter().map(|text| {
                let mut column = TextColumn::default();
                column.push(Some(text));
                Values::Text(column)
            });
            let batch = Batch { rows: 1, columns: columns.collect() };
            prop_assert_eq!(lines(&batch, 0), into_bytes(expected).unwrap());
        }
    }
}
