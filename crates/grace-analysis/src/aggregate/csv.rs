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
pub(super) fn lines(batch: &Batch, bytes: usize) -> csv::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::with_capacity(bytes));
    let mut number = String::new();
    for row in 0..batch.rows {
        for values in &batch.columns {
            match values {
                Values::Text(values) => writer.write_field(values.value(row).unwrap_or_default()),
                values => writer.write_field(text(values, row, &mut number)),
            }?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    into_bytes(writer)
}

/// A value that is no text; doubles as the shortest digits that mean the same double.
fn text<'b>(values: &Values, row: usize, buffer: &'b mut String) -> &'b str {
    use std::fmt::Write as _;

    buffer.clear();
    let written = match values {
        Values::Bool(values) => values[row].map(|value| write!(buffer, "{value}")),
        Values::Integer(values) => values[row].map(|value| write!(buffer, "{value}")),
        Values::Unsigned(values) => values[row].map(|value| write!(buffer, "{value}")),
        Values::Number(values) => values[row].map(|value| write!(buffer, "{value:?}")),
        Values::Text(_) => None,
    };
    written.map_or("", |written| {
        written.expect("writing to memory does not fail");
        buffer.as_str()
    })
}

fn into_bytes(mut writer: csv::Writer<Vec<u8>>) -> csv::Result<Vec<u8>> {
    writer.flush()?;
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
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
        let text = String::from_utf8(lines(&batch, 64).unwrap()).unwrap();
        assert_eq!(
            text,
            "\"a,b\",0.1,true\n\"say \"\"no\"\"\nnow\",1e-9,\n,,false\n"
        );
    }
}
