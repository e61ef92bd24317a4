//! CSV: a header line, then one line a row; commas, quotes where needed, LF.
//!
//! * Null prints as nothing and empty text as `""`, so that the two stay apart.
//! * Bytes that are not UTF-8 are written as they are.

use std::io::{self, Write};

use arrow::{array::RecordBatch, datatypes::SchemaRef};

use super::{Printer, failed};
use crate::{
    failure::Failure,
    values::{Kind, Rows},
};

pub(super) struct Csv<W> {
    out: W,
    line: Vec<u8>,
    value: Vec<u8>,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(schema: &SchemaRef, mut out: W) -> io::Result<Self> {
        let mut line = Vec::new();
        for (i, field) in schema.fields().iter().enumerate() {
            if i > 0 {
                line.push(b',');
            }
            quote(field.name().as_bytes(), &mut line);
        }
        line.push(b'\n');
        out.write_all(&line)?;
        Ok(Self { out, line, value: Vec::new() })
    }
}

impl<W: Write> Printer for Csv<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let rows = Rows::new(batch).map_err(failed)?;
        let columns = rows.columns().map_err(failed)?;
        for row in 0..rows.len() {
            self.line.clear();
            for (i, column) in columns.iter().enumerate() {
                if i > 0 {
                    self.line.push(b',');
                }
                if column.is_null(row) {
                    continue;
                }
                if matches!(column.kind(), Kind::Text | Kind::Bytes) {
                    self.value.clear();
                    column.print(row, &mut self.value).map_err(failed)?;
                    quote(&self.value, &mut self.line);
                } else {
                    column.print(row, &mut self.line).map_err(failed)?;
                }
            }
            self.line.push(b'\n');
            self.out.write_all(&self.line).map_err(|e| Failure::output(&e))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        self.out.flush().map_err(|e| Failure::output(&e))
    }
}

/// Appends `text`, in quotes if it is empty or a reader would take it apart.
fn quote(text: &[u8], out: &mut Vec<u8>) {
    if !text.is_empty() && !text.iter().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        return out.extend_from_slice(text);
    }
    out.push(b'"');
    for &byte in text {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn null_and_empty_text_differ() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a\"b"), Some(""), None]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
        let batch = RecordBatch::try_from_iter([("t,x", texts), ("n", numbers)]).unwrap();
        let mut out = Vec::new();
        let mut csv = Box::new(Csv::new(&batch.schema(), &mut out).unwrap());
        csv.batch(&batch).unwrap();
        csv.finish().unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\"t,x\",n\n\"a\"\"b\",1\n\"\",\n,3\n");
    }
}
