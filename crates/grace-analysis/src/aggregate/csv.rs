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
    let mut number = Vec::new();
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
fn text<'b>(values: &Values, row: usize, buffer: &'b mut Vec<u8>) -> &'b [u8] {
    buffer.clear();
    let written = match values {
        Values::Bool(values) => write(buffer, values[row]),
        Values::Integer(values) => write(buffer, values[row]),
        Values::Unsigned(values) => write(buffer, values[row]),
        Values::Number(values) => write(buffer, values[row]),
        Values::Text(_) => Ok(()),
    };
    written.expect("numbers can be written to memory");
    buffer
}

/// Writes a value as JSON has it, which is as CSV has it; nothing for a missing one.
fn write(buffer: &mut Vec<u8>, value: Option<impl serde::Serialize>) -> serde_json::Result<()> {
    value.map_or(Ok(()), |value| serde_json::to_writer(buffer, &value))
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
