//! Tables as Parquet, compressed with zstd: rows are compressed wherever there is time, and written in order.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use polars::prelude::{
    BooleanChunked, Column, CompatLevel, DataFrame, DataType, Field, Float64Chunked, Int64Chunked,
    IntoColumn, NewChunkedArray, PolarsResult, Schema as FrameSchema, SchemaExt, StringChunked,
    UInt64Chunked,
};
use polars_parquet::write::{
    CompressedPage, CompressionOptions, DynIter, DynStreamingIterator, Encoding, FileWriter,
    ParquetType, StatisticsOptions, Version, WriteOptions, ZstdLevel, array_to_columns, compress,
    fallible_streaming_iterator, get_dtype_encoding,
};

use crate::read::{Batch, Values};
use crate::schema::{ColumnType, Schema};

/// Stories repeat within a file; a higher level makes little more of that and takes longer.
const ZSTD_LEVEL: i32 = 1;

/// Makes row groups of a file; may be shared by threads.
pub(super) struct ParquetFile<W: Write> {
    writer: Mutex<FileWriter<W>>,
    options: WriteOptions,
    columns: Vec<ColumnFormat>,
}

struct ColumnFormat {
    name: String,
    kind: ParquetType,
    encodings: Vec<Encoding>,
}

/// The compressed pages of some rows, column by column.
pub(super) struct RowGroup {
    rows: usize,
    columns: Vec<Vec<CompressedPage>>,
}

impl<W: Write> ParquetFile<W> {
    /// A file of this schema.
    pub(super) fn new(file: W, schema: &Schema) -> PolarsResult<Self> {
        let field = |column: &crate::schema::Column| {
            Field::new(column.name.as_str().into(), data_type(column.kind))
        };
        let frame: FrameSchema = schema.columns().iter().map(field).collect();
        let arrow = frame.to_arrow(CompatLevel::newest());
        let options = WriteOptions {
            statistics: StatisticsOptions::default(),
            version: Version::V1,
            compression: CompressionOptions::Zstd(Some(ZstdLevel::try_new(ZSTD_LEVEL)?)),
            data_page_size: None,
        };
        let encodings: Vec<Vec<Encoding>> = arrow
            .iter_values()
            .map(|field| get_dtype_encoding(&field.dtype))
            .collect();
        let writer = FileWriter::try_new(file, arrow, options)?;
        let kinds = writer.parquet_schema().fields().iter();
        let columns = schema.columns().iter().zip(kinds).zip(encodings);
        let columns = columns.map(|((column, kind), encodings)| ColumnFormat {
            name: column.name.clone(),
            kind: kind.clone(),
            encodings,
        });
        Ok(Self {
            options,
            columns: columns.collect(),
            writer: Mutex::new(writer),
        })
    }

    /// Encodes and compresses some rows.
    pub(super) fn compress(&self, batch: &Batch) -> PolarsResult<RowGroup> {
        let columns = self.columns.iter().zip(&batch.columns);
        let columns = columns.map(|(format, values)| self.pages(format, values));
        Ok(RowGroup {
            rows: batch.rows,
            columns: columns.collect::<PolarsResult<_>>()?,
        })
    }

    fn pages(&self, format: &ColumnFormat, values: &Values) -> PolarsResult<Vec<CompressedPage>> {
        let frame = DataFrame::new(values.len(), vec![column(&format.name, values)])?;
        let mut compressed = Vec::new();
        for chunk in frame.iter_chunks(CompatLevel::newest(), false) {
            for array in chunk.arrays() {
                for pages in
                    array_to_columns(array, format.kind.clone(), self.options, &format.encodings)?
                {
                    for page in pages {
                        compressed.push(compress(page?, Vec::new(), self.options.compression)?);
                    }
                }
            }
        }
        Ok(compressed)
    }

    /// Appends a row group to the file.
    pub(super) fn write(&self, group: &RowGroup) -> PolarsResult<()> {
        let columns = group.columns.iter().map(|pages| {
            let pages = pages.iter().map(PolarsResult::Ok);
            Ok(DynStreamingIterator::new(
                fallible_streaming_iterator::convert(pages),
            ))
        });
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write(group.rows as u64, DynIter::new(columns))
    }

    /// Writes what a reader begins with; the file.
    pub(super) fn finish(self) -> PolarsResult<W> {
        let mut writer = self
            .writer
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        writer.end(None)?;
        Ok(writer.into_inner())
    }
}

fn data_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Text | ColumnType::Json => DataType::String,
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Unsigned => DataType::UInt64,
        ColumnType::Number => DataType::Float64,
    }
}

fn column(name: &str, values: &Values) -> Column {
    let name = name.into();
    match values {
        Values::Text(values) => StringChunked::from_iter_options(name, values.iter()).into_column(),
        Values::Bool(values) => {
            BooleanChunked::from_iter_options(name, values.iter().copied()).into_column()
        }
        Values::Integer(values) => {
            Int64Chunked::from_iter_options(name, values.iter().copied()).into_column()
        }
        Values::Unsigned(values) => {
            UInt64Chunked::from_iter_options(name, values.iter().copied()).into_column()
        }
        Values::Number(values) => {
            Float64Chunked::from_iter_options(name, values.iter().copied()).into_column()
        }
    }
}
