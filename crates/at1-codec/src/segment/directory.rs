//! The batch table and the places of all recovery streams.
//!
//! * The row groups' parts tile the batches' rows in order; [`Directory::read`] refuses anything else.
//! * Nothing here is needed to query the columns; it is read when source text, batches or rejects are asked for.

use std::ops::Range;

use crate::{
    Error, Result,
    column::bytes::{Put, Take},
    text::{Syntax, Terminator},
};

/// Segments before this version were of delimited text only.
const SYNTAX_SINCE: u32 = 4;

/// One batch of a segment, as its table tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchInfo {
    /// The name of the source, if it had one.
    pub name: Option<String>,
    /// The size of the source.
    pub bytes: u64,
    /// Its digest.
    pub sha256: [u8; 32],
    /// The number of its records.
    pub rows: u64,
    /// The root of the tree over its records, where there is one.
    pub rows_root: Option<[u8; 32]>,
    /// The row of the segment at which it starts.
    pub first_row: u64,
    /// How its fields are written.
    pub syntax: Syntax,
    /// What its records end with, where they do not say otherwise.
    pub terminator: Terminator,
    /// Byte order mark and header.
    pub preamble: Vec<u8>,
    /// What follows its last record.
    pub tail: Vec<u8>,
    /// The column of each of its fields.
    pub map: Vec<usize>,
}

impl BatchInfo {
    /// Its rows within the segment.
    pub fn row_range(&self) -> Range<u64> {
        self.first_row..self.first_row + self.rows
    }

    /// For each of `columns` columns, which field of a record it takes.
    pub(super) fn fields_by_column(&self, columns: usize) -> Vec<Option<usize>> {
        let mut fields = vec![None; columns];
        for (field, &column) in self.map.iter().enumerate() {
            fields[column] = Some(field);
        }
        fields
    }
}

/// Where a recovery stream lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: u64,
    pub(super) bytes: u64,
}

/// Where a stream of a row group lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StreamPlace {
    /// In the stream that the row group's small ones share, unpacked.
    Shared(Range<usize>),
    /// By itself.
    Own(Place),
}

impl Default for StreamPlace {
    fn default() -> Self {
        Self::Shared(0..0)
    }
}

/// The recovery data of one column chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ColumnRecovery {
    pub(super) place: StreamPlace,
    pub(super) rejects: u64,
    pub(super) patches: u64,
    pub(super) form: String,
}

/// The recovery data of one row group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GroupRecovery {
    /// Batch and number of rows, in order.
    pub(super) parts: Vec<(usize, u64)>,
    /// What its small streams share; the others follow it in the file, in order.
    pub(super) shared: Place,
    pub(super) records: StreamPlace,
    pub(super) columns: Vec<ColumnRecovery>,
}

impl GroupRecovery {
    pub(super) fn rows(&self) -> u64 {
        self.parts.iter().map(|(_, rows)| rows).sum()
    }

    /// What a stream takes in the file; of a shared one its part.
    pub(super) fn packed_bytes(&self, place: &StreamPlace) -> u64 {
        match place {
            StreamPlace::Own(place) => place.bytes,
            StreamPlace::Shared(range) => {
                let all = self.places().map(|place| if let StreamPlace::Shared(r) = place { r.len() } else { 0 });
                self.shared.bytes.saturating_mul(range.len() as u64) / (all.sum::<usize>() as u64).max(1)
            }
        }
    }

    /// What all its streams take in the file.
    pub(super) fn all_packed_bytes(&self) -> u64 {
        let own = self.places().map(|place| if let StreamPlace::Own(place) = place { place.bytes } else { 0 });
        own.fold(self.shared.bytes, u64::saturating_add)
    }

    fn places(&self) -> impl Iterator<Item = &StreamPlace> {
        self.columns.iter().map(|column| &column.place).chain([&self.records])
    }
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) batches: Vec<BatchInfo>,
    pub(super) groups: Vec<GroupRecovery>,
}

impl Directory {
    /// The rows of all batches.
    pub(super) fn rows(&self) -> u64 {
        self.batches.last().map_or(0, |batch| batch.row_range().end)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Put::default();
        out.count(self.batches.len());
        for batch in &self.batches {
            put_option(&mut out, batch.name.as_ref(), |out, name| out.bytes(name.as_bytes()));
            out.varint(batch.bytes);
            out.fixed(&batch.sha256);
            out.varint(batch.rows);
            put_option(&mut out, batch.rows_root.as_ref(), |out, root| out.fixed(root));
            write_syntax(&mut out, batch.syntax);
            out.byte(terminator_code(batch.terminator));
            out.bytes(&batch.preamble);
            out.bytes(&batch.tail);
            out.count(batch.map.len());
            batch.map.iter().for_each(|&column| out.count(column));
        }
        out.count(self.groups.len());
        for group in &self.groups {
            out.count(group.parts.len());
            for &(batch, rows) in &group.parts {
                out.count(batch);
                out.varint(rows);
            }
            out.varint(group.shared.at);
            out.varint(group.shared.bytes);
            write_place(&mut out, &group.records);
            for column in &group.columns {
                write_place(&mut out, &column.place);
                out.varint(column.rejects);
                out.varint(column.patches);
                out.bytes(column.form.as_bytes());
            }
        }
        out.into_bytes()
    }

    /// Reads a directory of a segment of format version `version` with `columns` columns.
    pub(super) fn read(bytes: &[u8], columns: usize, version: u32) -> Result<Self> {
        let mut from = Take::new(bytes);
        let mut directory = Self::default();
        let mut first_row = 0_u64;
        for _ in 0..from.count()? {
            let batch = read_batch(&mut from, first_row, columns, version)?;
            first_row = first_row.checked_add(batch.rows).ok_or_else(|| broken("rows that fit 64 bits", "more"))?;
            directory.batches.push(batch);
        }
        for _ in 0..from.count()? {
            let mut group = GroupRecovery::default();
            for _ in 0..from.count()? {
                group.parts.push((from.count()?, from.varint()?));
            }
            group.shared = Place { at: from.varint()?, bytes: from.varint()? };
            let mut places = Places::after(group.shared)?;
            group.records = places.read(&mut from)?;
            for _ in 0..columns {
                group.columns.push(ColumnRecovery {
                    place: places.read(&mut from)?,
                    rejects: from.varint()?,
                    patches: from.varint()?,
                    form: text(from.bytes()?)?,
                });
            }
            directory.groups.push(group);
        }
        from.end()?;
        directory.check_tiling()?;
        Ok(directory)
    }

    /// The parts of all row groups, in order, are the batches, in order.
    fn check_tiling(&self) -> Result<()> {
        let mut left: Vec<u64> = self.batches.iter().map(|b| b.rows).collect();
        let mut current = 0;
        for &(batch, rows) in self.groups.iter().flat_map(|g| &g.parts) {
            if batch < current || left[current..batch.min(left.len())].iter().any(|&rows| rows > 0) {
                return Err(broken("parts in the order of batches", format!("a part of batch {batch}")));
            }
            current = batch;
            let left = left.get_mut(batch).ok_or_else(|| broken("a batch", format!("number {batch}")))?;
            *left = left.checked_sub(rows).ok_or_else(|| broken("a batch's rows", format!("{rows} more")))?;
        }
        if left.iter().any(|&rows| rows > 0) {
            return Err(broken("row groups that hold all batches", "rows that none holds"));
        }
        Ok(())
    }
}

fn broken(expected: &str, found: impl std::fmt::Display) -> Error {
    Error::corrupt("directory", expected, found)
}

fn read_batch(from: &mut Take<'_>, first_row: u64, columns: usize, version: u32) -> Result<BatchInfo> {
    Ok(BatchInfo {
        name: take_option(from, Take::bytes)?.map(text).transpose()?,
        bytes: from.varint()?,
        sha256: take_array(from)?,
        rows: from.varint()?,
        rows_root: take_option(from, take_array)?,
        first_row,
        syntax: read_syntax(from, version)?,
        terminator: match from.byte()? {
            0 => Terminator::Lf,
            1 => Terminator::CrLf,
            2 => Terminator::Cr,
            code => return Err(broken("a line end", code)),
        },
        preamble: from.bytes()?.to_vec(),
        tail: from.bytes()?.to_vec(),
        map: read_map(from, columns)?,
    })
}

/// A column map: at least one field, every field its own column.
fn read_map(from: &mut Take<'_>, columns: usize) -> Result<Vec<usize>> {
    let mut taken = vec![false; columns];
    let fields = from.count()?;
    let mut map = Vec::new();
    for _ in 0..fields {
        let column = from.count()?;
        match taken.get_mut(column) {
            Some(taken) if !*taken => *taken = true,
            _ => return Err(broken("a column for each field", format!("column {column}"))),
        }
        map.push(column);
    }
    if map.is_empty() { Err(broken("at least one field", 0)) } else { Ok(map) }
}

fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| broken("UTF-8", "other bytes"))
}

fn put_option<T>(out: &mut Put, value: Option<T>, put: impl FnOnce(&mut Put, T)) {
    out.byte(u8::from(value.is_some()));
    if let Some(value) = value {
        put(out, value);
    }
}

fn take_option<'a, T>(from: &mut Take<'a>, take: impl FnOnce(&mut Take<'a>) -> Result<T>) -> Result<Option<T>> {
    match from.byte()? {
        0 => Ok(None),
        1 => take(from).map(Some),
        flag => Err(broken("a flag of 0 or 1", flag)),
    }
}

fn take_array<const N: usize>(from: &mut Take<'_>) -> Result<[u8; N]> {
    Ok(super::layout::array(from.fixed(N)?))
}

/// A stream's size, twice, plus one if it is packed by itself; where it lies follows from those before it.
fn write_place(out: &mut Put, place: &StreamPlace) {
    match place {
        StreamPlace::Shared(range) => out.varint(range.len() as u64 * 2),
        StreamPlace::Own(place) => out.varint(place.bytes * 2 + 1),
    }
}

/// The places of a row group's streams, one after the other.
pub(super) struct Places {
    shared: usize,
    at: u64,
}

impl Places {
    /// The places of streams that share the packed stream at `shared`, or follow it.
    pub(super) fn after(shared: Place) -> Result<Self> {
        let at = shared.at.checked_add(shared.bytes);
        Ok(Self { shared: 0, at: at.ok_or_else(|| broken("streams inside the file", shared.bytes))? })
    }

    /// The next stream is part of the shared one and has `bytes` bytes.
    pub(super) fn shared(&mut self, bytes: usize) -> Result<StreamPlace> {
        let start = self.shared;
        self.shared = start.checked_add(bytes).ok_or_else(|| broken("streams that fit the memory", bytes))?;
        Ok(StreamPlace::Shared(start..self.shared))
    }

    /// The next stream has `bytes` bytes of its own.
    pub(super) fn own(&mut self, bytes: u64) -> Result<StreamPlace> {
        let place = Place { at: self.at, bytes };
        self.at = self.at.checked_add(bytes).ok_or_else(|| broken("streams inside the file", bytes))?;
        Ok(StreamPlace::Own(place))
    }

    fn read(&mut self, from: &mut Take<'_>) -> Result<StreamPlace> {
        let code = from.varint()?;
        if code & 1 == 1 { self.own(code / 2) } else { self.shared(usize::try_from(code / 2).unwrap_or(usize::MAX)) }
    }
}

/// How fields are written: 0 and delimiter and quote, 1 JSON, 2 bare.
fn write_syntax(out: &mut Put, syntax: Syntax) {
    match syntax {
        Syntax::Delimited { delimiter, quote } => {
            out.byte(0);
            out.byte(delimiter);
            put_option(out, quote, Put::byte);
        }
        Syntax::Json => out.byte(1),
        Syntax::Bare => out.byte(2),
    }
}

fn read_syntax(from: &mut Take<'_>, version: u32) -> Result<Syntax> {
    let code = if version < SYNTAX_SINCE { 0 } else { from.byte()? };
    match code {
        0 => Ok(Syntax::Delimited { delimiter: from.byte()?, quote: take_option(from, Take::byte)? }),
        1 => Ok(Syntax::Json),
        2 => Ok(Syntax::Bare),
        code => Err(broken("a syntax", code)),
    }
}

fn terminator_code(terminator: Terminator) -> u8 {
    match terminator {
        Terminator::Lf => 0,
        Terminator::CrLf => 1,
        Terminator::Cr => 2,
    }
}
