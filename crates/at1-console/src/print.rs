//! Record batches to stdout, in the formats that `scan` and `sql` share.
//!
//! * Every printer gets batches of one schema, in order, and prints what it has at once, so that memory does not grow with the result.
//! * A result without rows still prints its columns (`csv`, `arrow`, `parquet`) or says that it is empty (`table`).

mod csv;
mod jsonl;
mod table;

use std::io::{self, Write};

use arrow::{
    array::RecordBatch,
    datatypes::SchemaRef,
    error::ArrowError,
    ipc::writer::{FileWriter, StreamWriter},
};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

use clap::ValueEnum;

use crate::failure::Failure;

pub use table::{Align, Grid};

/// How batches are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns in line, for people.
    Table,
    /// Comma-separated values, with a header.
    Csv,
    /// A JSON object a row.
    Jsonl,
    /// An Arrow IPC stream.
    Arrow,
    /// An Arrow IPC file, which is not for pipes.
    #[value(skip)]
    ArrowFile,
    /// A Parquet file.
    Parquet,
}

impl Format {
    /// Whether it is nothing for a terminal.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Arrow | Self::ArrowFile | Self::Parquet)
    }
}

/// Takes batches and prints them.
pub trait Printer {
    /// Prints the next batch.
    ///
    /// # Errors
    /// If the output does not take it, or a value cannot be printed.
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure>;
    /// Prints what is left.
    ///
    /// # Errors
    /// If the output does not take it.
    fn finish(self: Box<Self>) -> Result<(), Failure>;
}

/// The printer for `format`.
///
/// # Errors
/// If the output does not take the beginning, or the schema has a type that the format cannot hold.
pub fn printer<'a>(
    format: Format,
    schema: &SchemaRef,
    out: impl Write + Send + 'a,
) -> Result<Box<dyn Printer + 'a>, Failure> {
    Ok(match format {
        Format::Csv => Box::new(csv::Csv::new(schema, out).map_err(|e| Failure::output(&e))?),
        Format::Jsonl => Box::new(jsonl::Jsonl::new(out)),
        Format::Arrow => Box::new(StreamWriter::try_new(out, schema).map_err(failed)?),
        Format::ArrowFile => Box::new(FileWriter::try_new(out, schema).map_err(failed)?),
        Format::Parquet => {
            let zstd = Compression::ZSTD(ZstdLevel::try_new(3).map_err(|e| failed(e.into()))?);
            let properties = WriterProperties::builder().set_compression(zstd).build();
            Box::new(ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(|e| failed(e.into()))?)
        }
        Format::Table => Box::new(table::Table::new(schema, out)),
    })
}

/// A failure of Arrow while printing; most are the output's.
fn failed(error: ArrowError) -> Failure {
    match error {
        ArrowError::IoError(_, io) => Failure::output(&io),
        ArrowError::ExternalError(inner) => match inner.downcast::<io::Error>() {
            Ok(io) => Failure::output(&io),
            Err(inner) => Failure::from_chain(crate::failure::Exit::CouldNot, "output", &*inner),
        },
        other => Failure::from_chain(crate::failure::Exit::CouldNot, "output", &other),
    }
}

impl<W: Write> Printer for StreamWriter<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.write(batch).map_err(failed)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        StreamWriter::finish(&mut self).map_err(failed)
    }
}

impl<W: Write> Printer for FileWriter<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.write(batch).map_err(failed)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        FileWriter::finish(&mut self).map_err(failed)
    }
}

impl<W: Write + Send> Printer for ArrowWriter<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.write(batch).map_err(|e| failed(e.into()))
    }

    fn finish(self: Box<Self>) -> Result<(), Failure> {
        self.close().map(drop).map_err(|e| failed(e.into()))
    }
}
