//! What the records of a row group have besides their fields: blank lines before them, fields that are missing or too
//! many, line ends that differ; shapes, where fields do not stand between delimiters.
//!
//! * Only what differs from the batch's width and line end is stored, as four sparse streams. Shapes follow them.
//! * Joining a record's printed fields with what is stored here gives its exact bytes.

use std::iter::Peekable;

use super::{
    chunk::Chunk,
    shapes::{ShapesBuilder, StoredShapes},
};
use crate::{
    Error, Result,
    column::bytes::{Put, Take},
    text::Terminator,
};

/// Collects what is unusual about records, row after row.
#[derive(Default)]
pub(super) struct RecordsBuilder {
    row: u64,
    /// Records with fewer fields than the batch has columns.
    short: Sparse,
    gaps: Sparse,
    /// Whatever follows the last column's field: a delimiter and more fields.
    extras: Sparse,
    ends: Sparse,
    shapes: ShapesBuilder,
}

/// Rows that have something, and what.
#[derive(Default)]
struct Sparse {
    last: u64,
    count: u64,
    rows: Put,
    values: Put,
    bytes: Put,
}

impl Sparse {
    fn row(&mut self, row: u64) {
        self.rows.varint(row - self.last);
        self.last = row;
        self.count += 1;
    }

    fn number(&mut self, row: u64, value: u64) {
        self.row(row);
        self.values.varint(value);
    }

    fn text(&mut self, row: u64, bytes: &[u8]) {
        self.row(row);
        self.values.count(bytes.len());
        self.bytes.fixed(bytes);
    }

    fn write(self, out: &mut Put) {
        out.varint(self.count);
        for part in [self.rows, self.values, self.bytes] {
            out.bytes(&part.into_bytes());
        }
    }
}

impl RecordsBuilder {
    /// Adds the records of `chunk`, read as `width` columns with line end `terminator`.
    pub(super) fn push(&mut self, chunk: &Chunk, width: usize, terminator: Terminator) {
        self.shapes.push(chunk.records(), chunk.shapes.as_ref());
        for (index, record) in chunk.tokens.records.iter().enumerate() {
            let fields = chunk.tokens.record_fields(index);
            // Where there are shapes, the first field is the whole record, and its shape says which others it has.
            let (fields, width) = if chunk.shapes.is_some() { (&fields[..1], 1) } else { (fields, width) };
            let (Some(first), Some(last)) = (fields.first(), fields.last()) else { continue };
            if first.start > record.start {
                self.gaps.text(self.row, &chunk.bytes[record.start as usize..first.start as usize]);
            }
            if fields.len() < width {
                self.short.number(self.row, fields.len() as u64);
            } else if fields.len() > width {
                self.extras.text(self.row, &chunk.bytes[fields[width - 1].end as usize..last.end as usize]);
            }
            let end = &chunk.bytes[last.end as usize..record.end as usize];
            if end != line_end(terminator) {
                self.ends.number(self.row, end_code(end));
            }
            self.row += 1;
        }
    }

    /// The streams' bytes, uncompressed.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut out = Put::default();
        for stream in [self.short, self.gaps, self.extras, self.ends] {
            stream.write(&mut out);
        }
        self.shapes.write(&mut out);
        out.into_bytes()
    }
}

/// The bytes of a line end.
pub(super) fn line_end(terminator: Terminator) -> &'static [u8] {
    match terminator {
        Terminator::Lf => b"\n",
        Terminator::CrLf => b"\r\n",
        Terminator::Cr => b"\r",
    }
}

/// Line ends by code; the last is that of a record that ends where the source does.
const ENDS: [&[u8]; 4] = [b"\n", b"\r\n", b"\r", b""];

fn end_code(end: &[u8]) -> u64 {
    // The tokenizer ends records in these four ways only.
    ENDS.iter().position(|e| *e == end).map_or(3, |i| i as u64)
}

/// What is unusual about one record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unusual<'a> {
    pub(super) gap: &'a [u8],
    /// The number of fields, if fewer than the columns.
    pub(super) fields: Option<usize>,
    pub(super) extra: &'a [u8],
    pub(super) end: Option<&'static [u8]>,
}

/// What is unusual about some consecutive records.
#[derive(Default)]
pub(super) struct Unusuals<'a> {
    pub(super) rows: usize,
    /// The first of them, within the row group.
    pub(super) first_row: usize,
    /// The records that have something, by their place among these.
    pub(super) found: Vec<(usize, Unusual<'a>)>,
}

impl<'a> Unusuals<'a> {
    /// What is unusual about each record, which mostly is nothing.
    pub(super) fn each(&self) -> impl Iterator<Item = Unusual<'a>> {
        let mut found = self.found.iter().peekable();
        (0..self.rows).map(move |row| found.next_if(|(at, _)| *at == row).map_or_else(Unusual::default, |(_, u)| *u))
    }
}

/// Gives back what was collected, row after row.
pub(super) struct RecordsReader<'a> {
    row: u64,
    pub(super) shapes: StoredShapes<'a>,
    short: Peekable<Rows<'a>>,
    gaps: Peekable<Rows<'a>>,
    extras: Peekable<Rows<'a>>,
    ends: Peekable<Rows<'a>>,
}

/// One sparse stream: per entry its row, its value, its text.
struct Rows<'a> {
    row: u64,
    left: u64,
    rows: Take<'a>,
    values: Take<'a>,
    bytes: Take<'a>,
    texts: bool,
}

impl<'a> Rows<'a> {
    fn open(from: &mut Take<'a>, texts: bool) -> Result<Self> {
        let left = from.varint()?;
        let (rows, values, bytes) = (from.bytes()?, from.bytes()?, from.bytes()?);
        Ok(Self { row: 0, left, rows: Take::new(rows), values: Take::new(values), bytes: Take::new(bytes), texts })
    }

    fn entry(&mut self) -> Result<(u64, u64, &'a [u8])> {
        let row = self.row.checked_add(self.rows.varint()?).ok_or_else(|| damaged("a row that fits 64 bits"))?;
        self.row = row;
        let value = self.values.varint()?;
        let bytes = if self.texts { self.bytes.fixed(usize::try_from(value).unwrap_or(usize::MAX))? } else { &[] };
        Ok((row, value, bytes))
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<(u64, u64, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let entry = self.entry();
        if entry.is_err() {
            self.left = 0;
        }
        Some(entry)
    }
}

fn damaged(expected: &str) -> Error {
    Error::corrupt("record streams", expected, "something else")
}

impl<'a> RecordsReader<'a> {
    /// The streams of a row group of `rows` rows.
    pub(super) fn open(bytes: &'a [u8], rows: u64) -> Result<Self> {
        let mut from = Take::new(bytes);
        let mut reader = Self {
            row: 0,
            shapes: StoredShapes::default(),
            short: Rows::open(&mut from, false)?.peekable(),
            gaps: Rows::open(&mut from, true)?.peekable(),
            extras: Rows::open(&mut from, true)?.peekable(),
            ends: Rows::open(&mut from, false)?.peekable(),
        };
        reader.shapes = StoredShapes::read(&mut from, rows)?;
        from.end()?;
        Ok(reader)
    }

    /// What is unusual about the next `rows` records. Those that have nothing cost nothing.
    pub(super) fn read(&mut self, rows: usize, into: &mut Unusuals<'a>) -> Result<()> {
        into.rows = rows;
        into.found.clear();
        let start = self.row;
        into.first_row = usize::try_from(start).unwrap_or(usize::MAX);
        let end = start + rows as u64;
        loop {
            let streams = [&mut self.short, &mut self.gaps, &mut self.extras, &mut self.ends];
            // What cannot be read is met at once.
            let next =
                streams.into_iter().filter_map(|stream| stream.peek()).map(|e| e.as_ref().map_or(0, |e| e.0)).min();
            let next = next.map_or(end, |row| row.max(self.row));
            if next >= end {
                break;
            }
            self.row = next;
            into.found.push(((next - start) as usize, self.next()?));
        }
        self.row = end;
        Ok(())
    }

    /// What is unusual about the next record.
    fn next(&mut self) -> Result<Unusual<'a>> {
        let row = self.row;
        self.row += 1;
        let mut unusual = Unusual::default();
        if let Some((_, fields, _)) = at(&mut self.short, row)? {
            unusual.fields = Some(usize::try_from(fields).map_err(|_| damaged("a number of fields"))?);
        }
        if let Some((_, _, gap)) = at(&mut self.gaps, row)? {
            unusual.gap = gap;
        }
        if let Some((_, _, extra)) = at(&mut self.extras, row)? {
            unusual.extra = extra;
        }
        if let Some((_, code, _)) = at(&mut self.ends, row)? {
            let end = usize::try_from(code).ok().and_then(|code| ENDS.get(code));
            unusual.end = Some(end.ok_or_else(|| damaged("one of four line ends"))?);
        }
        Ok(unusual)
    }

    /// Passes over `rows` records.
    pub(super) fn skip(&mut self, rows: u64) -> Result<()> {
        self.row += rows;
        for stream in [&mut self.short, &mut self.gaps, &mut self.extras, &mut self.ends] {
            while let Some(Ok(_)) = stream.next_if(|entry| entry.as_ref().is_ok_and(|(row, ..)| *row < self.row)) {}
        }
        Ok(())
    }
}

fn at<'a>(stream: &mut Peekable<Rows<'a>>, row: u64) -> Result<Option<(u64, u64, &'a [u8])>> {
    stream.next_if(|entry| entry.as_ref().map_or(true, |(at, ..)| *at <= row)).transpose()
}
