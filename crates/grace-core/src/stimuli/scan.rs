//! Scanning a CSV file: its columns, where its rows are, and all that is wrong with it.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use csv::{ByteRecord, Position, ReaderBuilder};
use csv_core::ReadRecordResult;

use crate::digest::{Digest, Hasher};
use crate::experiment::{Experiment, RESERVED_COLUMNS};
use crate::problem::{Problem, Problems};
use crate::stimuli::Stimulus;
use crate::yaml::shortened;

/// The largest field that is taken, in bytes: more is an unclosed quote, not a stimulus.
pub const MAX_FIELD_BYTES: usize = 1 << 20;

/// The checked layout of a stimuli file: columns, digest, and where each row lies.
#[derive(Debug)]
pub struct StimuliIndex {
    columns: Arc<[String]>,
    /// Byte offsets of the rows, then the length of the file.
    offsets: Vec<u64>,
    digest: Digest,
    parser: RowParser,
}

/// A parser that is used again for each row: building one costs more than parsing a row. (A clone
/// would not do: csv-core's loses its tables.)
struct RowParser(Mutex<csv_core::Reader>);

impl std::fmt::Debug for RowParser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowParser")
    }
}

impl StimuliIndex {
    /// The number of rows.
    pub fn len(&self) -> u32 {
        // `scan` refuses files with more rows than a `u32` counts.
        u32::try_from(self.offsets.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// Whether there is no row; never true for a scanned file.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// SHA-256 of the whole file.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The first and the one-past-last byte of row `trial_id`.
    pub fn span(&self, trial_id: u32) -> Option<(u64, u64)> {
        let position = usize::try_from(trial_id).ok()?;
        Some((
            *self.offsets.get(position)?,
            *self.offsets.get(position + 1)?,
        ))
    }

    /// The same file cut to its first `limit` rows.
    #[must_use]
    pub fn limited(mut self, limit: u32) -> Self {
        if limit < self.len() {
            self.offsets.truncate(limit as usize + 1);
        }
        self
    }

    /// The stimulus whose row is `bytes`, as read from its [`span`](Self::span).
    ///
    /// Returns `None` if the bytes are not the row that was scanned, which means that the file
    /// changed in between.
    pub fn parse_row(&self, bytes: &[u8]) -> Option<Stimulus> {
        // A panic cannot leave the parser in a state that the reset does not mend.
        let mut parser = self.parser.0.lock().unwrap_or_else(PoisonError::into_inner);
        parser.reset();
        // One more than is needed: the parser takes full buffers for ones that overflow.
        let mut values = vec![0; bytes.len() + 1];
        let mut ends = vec![0; self.columns.len() + 1];
        let (mut result, _, mut written, mut fields) =
            parser.read_record(bytes, &mut values, &mut ends);
        if matches!(result, ReadRecordResult::InputEmpty) {
            // The last row of a file may end without a line break; the parser wants to be told.
            let rest = parser.read_record(&[], values.get_mut(written..)?, ends.get_mut(fields..)?);
            result = rest.0;
            written += rest.2;
            fields += rest.3;
        }
        if !matches!(result, ReadRecordResult::Record) || fields != self.columns.len() {
            return None;
        }
        values.truncate(written);
        ends.truncate(fields);
        Some(Stimulus {
            columns: Arc::clone(&self.columns),
            values: String::from_utf8(values).ok()?,
            ends,
        })
    }
}

/// Scans `source`, the content of `file`, and checks it against `experiment`.
///
/// Quotes, line breaks within quotes, CRLF, a byte-order mark and any Unicode are read as RFC 4180
/// and spreadsheet programs write them. Columns that the experiment does not name are kept.
///
/// # Errors
///
/// Returns every problem: unreadable source, text that is not UTF-8, missing or repeated columns, rows
/// with another number of fields, a quote that is never closed, fields over [`MAX_FIELD_BYTES`],
/// stimuli to which no rule of a condition applies, no rows at all. The first 20 are listed and the rest counted.
pub fn scan(
    file: &str,
    source: impl Read,
    experiment: &Experiment,
) -> Result<StimuliIndex, Problems> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(Hashing::new(source));
    let mut record = ByteRecord::new();
    let columns = match read_record(&mut reader, &mut record) {
        Next::Record => header(file, &record, experiment)?,
        Next::End => {
            let message = "is empty, expected a header line and one row a stimulus";
            return Err(Problem::new(file, message).into());
        }
        Next::OpenQuote { line } => return Err(open_quote(file, line, "").into()),
        Next::Unreadable(error) => return Err(unreadable(file, &error).into()),
    };
    let mut scan = Scan {
        file,
        experiment,
        columns,
        offsets: Vec::new(),
        problems: Problems::new(),
    };
    loop {
        match read_record(&mut reader, &mut record) {
            Next::Record => scan.row(&record),
            Next::End => break,
            Next::OpenQuote { line } => {
                scan.open_quote(line, &record);
                break;
            }
            Next::Unreadable(error) => {
                scan.problems.push(unreadable(file, &error));
                break;
            }
        }
    }
    let source = reader.into_inner();
    scan.finish(source.hasher.finish(), source.length)
}

/// Put behind the source, to see whether it ends within quotes: there these bytes become part of the
/// last field, elsewhere a record of their own, [`ENDING_RECORD`].
const ENDING: &[u8] = b"\n.\n";
const ENDING_RECORD: [&[u8]; 1] = [b"."];

/// Passes bytes on, hashing and counting them, and then the [`ENDING`].
struct Hashing<R> {
    source: R,
    hasher: Hasher,
    length: u64,
    /// What is left of the ending, once the source has ended.
    ending: Option<&'static [u8]>,
}

impl<R> Hashing<R> {
    fn new(source: R) -> Self {
        Self {
            source,
            hasher: Hasher::new(),
            length: 0,
            ending: None,
        }
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(ending) = &mut self.ending {
            return ending.read(buffer);
        }
        let count = self.source.read(buffer)?;
        if count == 0 {
            return self.ending.insert(ENDING).read(buffer);
        }
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        self.length += count as u64;
        Ok(count)
    }
}

/// What the reader came to.
enum Next {
    Record,
    End,
    /// The end of the file within a field whose quote opened at `line`.
    OpenQuote {
        line: u64,
    },
    Unreadable(csv::Error),
}

fn read_record<R: Read>(reader: &mut csv::Reader<Hashing<R>>, record: &mut ByteRecord) -> Next {
    match reader.read_byte_record(record) {
        Ok(true) => {}
        Ok(false) => return Next::End,
        Err(error) => return Next::Unreadable(error),
    }
    // The first byte of the ending, a line break, may belong to a last row that has none.
    if reader.position().byte() <= reader.get_ref().length + 1 {
        return Next::Record;
    }
    if record.iter().eq(ENDING_RECORD) {
        return Next::End;
    }
    // All line breaks since the quote are in the last field.
    let field = record.iter().next_back().unwrap_or_default();
    let breaks = field.split(|&byte| byte == b'\n').skip(1).count() as u64;
    Next::OpenQuote {
        line: reader.position().line().saturating_sub(breaks),
    }
}

fn unreadable(file: &str, error: &csv::Error) -> Problem {
    Problem::new(file, format!("cannot be read: {error}"))
}

fn open_quote(file: &str, line: u64, column: &str) -> Problem {
    let message = "opens a quote that is never closed, so that all behind it is one value; \
                   close it, or double it (`\"\"`) within quotes if it belongs to the text";
    Problem::new(file, message).at_line(line).at_key(column)
}

fn header(
    file: &str,
    record: &ByteRecord,
    experiment: &Experiment,
) -> Result<Arc<[String]>, Problems> {
    let mut problems = Problems::new();
    let mut columns: Vec<String> = Vec::with_capacity(record.len());
    let mut note = |message: String| problems.push(Problem::new(file, message).at_line(1));
    for (position, name) in record.iter().enumerate() {
        let Ok(name) = std::str::from_utf8(name) else {
            note(format!(
                "has a header that is not UTF-8 (column {}); save the file as UTF-8",
                position + 1
            ));
            continue;
        };
        if columns.iter().any(|column| column == name) {
            note(format!(
                "names the column `{name}` twice, expected each once"
            ));
        }
        if RESERVED_COLUMNS.contains(&name) || experiment.added_columns().contains(&name) {
            note(format!(
                "has a column `{name}`, which grace itself writes; rename it"
            ));
        }
        columns.push(name.to_owned());
    }
    for wanted in &experiment.columns {
        if !columns.contains(wanted) {
            note(format!(
                "has no column `{wanted}`, which `{}` needs; found `{}`",
                experiment.id,
                shortened(&columns.join("`, `")),
            ));
        }
    }
    problems.into_result(columns.into())
}

struct Scan<'a> {
    file: &'a str,
    experiment: &'a Experiment,
    columns: Arc<[String]>,
    offsets: Vec<u64>,
    problems: Problems,
}

impl Scan<'_> {
    fn row(&mut self, record: &ByteRecord) {
        let start = record.position().cloned().unwrap_or_else(Position::new);
        let line = start.line();
        self.offsets.push(start.byte());
        if record.len() != self.columns.len() {
            let (found, expected) = (record.len(), self.columns.len());
            self.problem(
                line,
                "",
                format!("has {found} fields, expected {expected} as in the header"),
            );
            return;
        }
        for (position, field) in record.iter().enumerate() {
            self.field(line, position, field);
        }
        self.conditions(line, record);
    }

    fn open_quote(&mut self, line: u64, record: &ByteRecord) {
        let position = record.len().saturating_sub(1);
        let column = self.columns.get(position).map_or("", String::as_str);
        self.problems.push(open_quote(self.file, line, column));
    }

    fn field(&mut self, line: u64, position: usize, field: &[u8]) {
        let column = self.columns[position].clone();
        if field.len() > MAX_FIELD_BYTES {
            self.problem(
                line,
                &column,
                format!(
                    "holds {} bytes, expected at most {MAX_FIELD_BYTES}; is a quote not closed?",
                    field.len(),
                ),
            );
        } else if let Err(error) = std::str::from_utf8(field) {
            self.problem(
                line,
                &column,
                format!(
                    "is not UTF-8 from its byte {} on; save the file as UTF-8",
                    error.valid_up_to() + 1,
                ),
            );
        }
    }

    fn conditions(&mut self, line: u64, record: &ByteRecord) {
        let experiment = self.experiment;
        for condition in &experiment.conditions {
            let position = self
                .columns
                .iter()
                .position(|column| *column == condition.column);
            let value = position.and_then(|position| record.get(position));
            let Some(Ok(value)) = value.map(std::str::from_utf8) else {
                continue;
            };
            if condition.level(value).is_none() {
                let message = format!(
                    "is `{}`, to which no rule of the condition `{}` applies",
                    shortened(value),
                    condition.name,
                );
                self.problem(line, &condition.column, message);
            }
        }
    }

    fn problem(&mut self, line: u64, column: &str, message: String) {
        let problem = Problem::new(self.file, message)
            .at_line(line)
            .at_key(column);
        self.problems.push(problem);
    }

    fn finish(mut self, digest: Digest, length: u64) -> Result<StimuliIndex, Problems> {
        if self.offsets.is_empty() && self.problems.is_empty() {
            self.problems.push(Problem::new(
                self.file,
                "has a header but no rows, expected one row a stimulus",
            ));
        }
        if u32::try_from(self.offsets.len()).is_err() {
            self.problems
                .push(Problem::new(self.file, "has more than 4,294,967,295 rows"));
        }
        self.offsets.push(length);
        let index = StimuliIndex {
            columns: self.columns,
            offsets: self.offsets,
            digest,
            parser: RowParser(Mutex::new(csv_core::ReaderBuilder::new().build())),
        };
        self.problems.into_result(index)
    }
}
