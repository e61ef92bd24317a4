//! JSON Lines: one object a row, every column in it, null where there is no value.
//!
//! * Numbers are bare and exact: all digits of a decimal or an integer stand there, so read them with a parser that keeps them.
//! * Doubles that JSON cannot write are the strings `"NaN"`, `"inf"`, `"-inf"`; bytes that are not UTF-8 are hexadecimal digits.

use std::io::Write;

use arrow::array::RecordBatch;

use super::{Printer, failed};
use crate::{
    failure::Failure,
    values::{Kind, Rows},
};

pub(super) struct Jsonl<W> {
    out: W,
    line: Vec<u8>,
    value: Vec<u8>,
}

impl<W: Write> Jsonl<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, line: Vec::new(), value: Vec::new() }
    }
}

impl<W: Write> Printer for Jsonl<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let rows = Rows::new(batch).map_err(failed)?;
        let columns = rows.columns().map_err(failed)?;
        for row in 0..rows.len() {
            self.line.clear();
            for (i, (name, column)) in rows.names().iter().zip(&columns).enumerate() {
                self.line.push(if i == 0 { b'{' } else { b',' });
                string(name, &mut self.line);
                self.line.push(b':');
                if column.is_null(row) {
                    self.line.extend_from_slice(b"null");
                    continue;
                }
                self.value.clear();
                column.print(row, &mut self.value).map_err(failed)?;
                match column.kind() {
                    Kind::Number | Kind::Boolean => self.line.extend_from_slice(&self.value),
                    Kind::Double if column.is_finite(row) => self.line.extend_from_slice(&self.value),
                    Kind::Bytes => string(&crate::output::hex(&self.value), &mut self.line),
                    _ => string(&String::from_utf8_lossy(&self.value), &mut self.line),
                }
            }
            self.line.extend_from_slice(if columns.is_empty() { b"{}\n" } else { b"}\n" });
            self.out.write_all(&self.line).map_err(|e| Failure::output(&e))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        self.out.flush().map_err(|e| Failure::output(&e))
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a vector takes every write");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float64Array, StringArray};

    use super::*;

    #[test]
    fn values_keep_their_digits() {
        let decimal = Decimal128Array::from(vec![4_325_017]).with_precision_and_scale(18, 2).unwrap();
        let columns: [(&str, ArrayRef); 5] = [
            ("d", Arc::new(decimal)),
            ("f", Arc::new(Float64Array::from(vec![f64::NAN]))),
            ("b", Arc::new(BooleanArray::from(vec![true]))),
            ("t", Arc::new(StringArray::from(vec!["a\"\u{1}"]))),
            ("x", Arc::new(BinaryArray::from(vec![&b"\xff\x00"[..]]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut out = Vec::new();
        let mut jsonl = Box::new(Jsonl::new(&mut out));
        jsonl.batch(&batch).unwrap();
        jsonl.finish().unwrap();
        let expected = "{\"d\":43250.17,\"f\":\"NaN\",\"b\":true,\"t\":\"a\\\"\\u0001\",\"x\":\"ff00\"}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
