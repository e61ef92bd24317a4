//! Putting the fields of all columns side by side again.
//!
//! * Fields are copied by moves of fixed size wherever there is room, see [`copy_field`]: what a copy writes too much is
//!   overwritten by the next.

use super::{
    records::{Unusual, Unusuals, line_end},
    recover::Part,
};
use crate::{
    Result,
    column::{Printed, WORD_BYTES, copy_field},
};

/// The exact bytes of some consecutive records.
#[derive(Default)]
pub(super) struct JoinedRecords {
    /// The records, then bytes of no meaning.
    buffer: Vec<u8>,
    len: usize,
    ends: Vec<usize>,
}

/// The printed fields of a column, and where the next one starts.
struct Source<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
    start: usize,
}

impl JoinedRecords {
    /// The records.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// Where each record ends.
    pub(super) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// Joins the fields that `columns` printed for a part to records, in place of those that were here.
    pub(super) fn join(&mut self, part: &Part<'_>, columns: &[Printed], unusual: &Unusuals<'_>) -> Result<()> {
        let Some(delimiter) = part.delimiter() else { return self.join_shaped(part, columns, unusual) };
        // A record has at least one field, so a batch without columns has no records.
        if unusual.rows > 0 {
            part.fields_of(&Unusual::default())?;
        }
        let map = &part.info.map;
        let fields: usize = map.iter().map(|&column| columns[column].bytes().len()).sum();
        let others: usize = unusual.found.iter().map(|(_, u)| u.gap.len() + u.extra.len()).sum();
        // Behind each field a delimiter or the first byte of a line end, behind each record what is left of that.
        let needed = fields + others + unusual.rows * (map.len() + 2) + 2 * WORD_BYTES;
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0);
        }
        self.len = 0;
        self.ends.clear();
        self.ends.reserve(unusual.rows);
        let mut sources: Vec<Source<'_>> = map
            .iter()
            .map(|&column| Source { bytes: columns[column].padded(), ends: columns[column].ends(), start: 0 })
            .collect();
        let end = line_end(part.info.terminator);
        let mut row = 0;
        for (at, unusual) in &unusual.found {
            self.usual(&mut sources, row..*at, delimiter, end);
            self.unusual(&mut sources, *at, part, delimiter, unusual)?;
            row = at + 1;
        }
        self.usual(&mut sources, row..unusual.rows, delimiter, end);
        Ok(())
    }

    /// Records that have all fields and nothing else.
    fn usual(&mut self, sources: &mut [Source<'_>], rows: std::ops::Range<usize>, delimiter: u8, end: &[u8]) {
        let buffer = &mut self.buffer[..];
        let mut at = self.len;
        for row in rows {
            for source in &mut *sources {
                let end = source.ends[row];
                let len = end - source.start;
                copy_field(buffer, at, source.bytes, source.start, len);
                source.start = end;
                buffer[at + len] = delimiter;
                at += len + 1;
            }
            // The last field has no delimiter behind it.
            at -= 1;
            buffer[at..at + end.len()].copy_from_slice(end);
            at += end.len();
            self.ends.push(at);
        }
        self.len = at;
    }

    fn unusual(
        &mut self,
        sources: &mut [Source<'_>],
        row: usize,
        part: &Part<'_>,
        delimiter: u8,
        unusual: &Unusual<'_>,
    ) -> Result<()> {
        self.put(unusual.gap);
        let fields = part.fields_of(unusual)?.len();
        for (index, source) in sources.iter_mut().enumerate() {
            let field = source.start..source.ends[row];
            source.start = field.end;
            if index < fields {
                if index > 0 {
                    self.put(&[delimiter]);
                }
                self.put(&source.bytes[field]);
            }
        }
        self.put(unusual.extra);
        self.put(unusual.end.unwrap_or(line_end(part.info.terminator)));
        self.ends.push(self.len);
        Ok(())
    }

    /// [`Self::join`] for records that have shapes.
    fn join_shaped(&mut self, part: &Part<'_>, columns: &[Printed], unusual: &Unusuals<'_>) -> Result<()> {
        let rows = unusual.first_row..unusual.first_row + unusual.rows;
        let fields: usize = part.info.map.iter().map(|&column| columns[column].bytes().len()).sum();
        let literals: usize = rows.clone().flat_map(|row| part.shapes.pieces(row)).map(|(text, _)| text.len()).sum();
        let gaps: usize = unusual.found.iter().map(|(_, u)| u.gap.len()).sum();
        let needed = fields + literals + gaps + 2 * unusual.rows + 2 * WORD_BYTES;
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0);
        }
        self.len = 0;
        self.ends.clear();
        self.ends.reserve(unusual.rows);
        let end = line_end(part.info.terminator);
        for ((index, row), unusual) in rows.enumerate().zip(unusual.each()) {
            self.put(unusual.gap);
            for piece in part.pieces(row)? {
                let (literal, column) = piece?;
                self.put(literal);
                if let Some(column) = column {
                    let field = columns[column].span(index);
                    copy_field(&mut self.buffer, self.len, columns[column].padded(), field.start, field.len());
                    self.len += field.len();
                }
            }
            self.put(unusual.end.unwrap_or(end));
            self.ends.push(self.len);
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) {
        self.buffer[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}
