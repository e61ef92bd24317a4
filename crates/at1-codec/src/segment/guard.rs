//! Bounds on what a footer may say, before the Parquet crate believes it.
//!
//! A segment's own seal shows that its bytes are whole, not that AT1 wrote them: anyone can seal a hostile footer. So:
//!
//! * The footer and the page indexes are read once by [`super::thrift`], which allocates next to nothing, before the `parquet`
//!   crate parses them: a list size of 2^31 makes the latter abort the process. What passes grows to some ten times its size.
//! * The schema is flat: the `parquet` crate goes into groups in groups until its stack is full.
//! * Chunks and indexes lie inside the body, and nothing is negative.

use std::ops::Range;

use bytes::Bytes;

use super::{
    digest::Verified,
    thrift::{List, Structure},
};
use crate::{Error, Result, column::bytes::Take};

/// The places that a footer names.
pub(super) struct Footer {
    chunks: Vec<Chunk>,
}

/// What the footer says of a column chunk.
struct Chunk {
    rows: u64,
    /// Where its pages lie.
    pages: Range<u64>,
    offset_index: Option<(u64, usize)>,
    column_index: Option<(u64, usize)>,
}

fn corrupt(what: &str, expected: &str) -> Error {
    Error::corrupt(what, expected, "other bytes")
}

fn read<'a>(what: &str, bytes: &'a [u8]) -> Result<Structure<'a>> {
    Structure::read(&mut Take::new(bytes)).ok_or_else(|| corrupt(what, "a structure in Thrift's compact protocol"))
}

impl Footer {
    /// Refuses a footer that is not one, or that points outside the `body_bytes` bytes before the digest table.
    pub(super) fn check(thrift: &[u8], body_bytes: u64) -> Result<Self> {
        let footer = read("footer", thrift)?;
        let columns = footer.list(2).and_then(columns).ok_or_else(|| corrupt("footer", "a schema of columns"))?;
        let groups = footer.list(4).and_then(List::structures);
        let mut chunks = Vec::new();
        for group in groups.ok_or_else(|| corrupt("footer", "row groups"))? {
            let rows = group.size(3).ok_or_else(|| corrupt("footer", "rows of every row group"))?;
            let of_group = group.list(1).filter(|list| list.items == columns).and_then(List::structures);
            let of_group = of_group.ok_or_else(|| corrupt("footer", &format!("row groups of {columns} columns")))?;
            for chunk in of_group {
                chunks.push(Chunk::check(&chunk, rows, body_bytes)?);
            }
        }
        Ok(Self { chunks })
    }

    /// Refuses page indexes that are none, or that point outside their column chunk.
    pub(super) fn check_indexes(&self, body: &Verified) -> Result<()> {
        let read_at = |place: Option<(u64, usize)>| -> Result<Option<Bytes>> {
            place.map(|(at, bytes)| body.read(at, bytes)).transpose()
        };
        for chunk in &self.chunks {
            let mut pages = None;
            if let Some(bytes) = read_at(chunk.offset_index)? {
                let index = read("offset index", &bytes)?;
                let inside = index.list(1).filter(|pages| chunk.holds(pages));
                pages = Some(inside.ok_or_else(|| corrupt("offset index", "pages inside their column chunk"))?.items);
            }
            if let Some(bytes) = read_at(chunk.column_index)? {
                let index = read("column index", &bytes)?;
                if index.list(1).map(|nulls| nulls.items) != pages {
                    return Err(corrupt("column index", "the pages of the offset index"));
                }
            }
        }
        Ok(())
    }
}

/// The number of columns of a flat schema.
fn columns(schema: &List<'_>) -> Option<usize> {
    let columns = schema.items.checked_sub(1).filter(|&columns| columns > 0)?;
    // Type and number of children: the root has the one, columns the other.
    let is_flat = schema.structures()?.enumerate().all(|(index, element)| match index {
        0 => !element.has(1) && element.count(5) == Some(columns),
        _ => element.number(1).is_some() && (!element.has(5) || element.count(5) == Some(0)),
    });
    is_flat.then_some(columns)
}

impl Chunk {
    fn check(chunk: &Structure<'_>, rows: u64, body_bytes: u64) -> Result<Self> {
        let meta = chunk.structure(3).ok_or_else(|| corrupt("footer", "metadata of every column chunk"))?;
        let inside = |what: &str, start: Option<u64>, bytes: Option<u64>| {
            let end = start.zip(bytes).and_then(|(start, bytes)| Some((start, start.checked_add(bytes)?)));
            match end {
                Some((start, end)) if end <= body_bytes => Ok(start..end),
                _ => Err(corrupt("footer", &format!("a {what} inside {body_bytes} bytes"))),
            }
        };
        let index = |what: &str, at: i16| -> Result<Option<(u64, usize)>> {
            if !chunk.has(at) && !chunk.has(at + 1) {
                return Ok(None);
            }
            let bytes = chunk.count(at + 1);
            let place = inside(what, chunk.size(at), bytes.map(|bytes| bytes as u64))?;
            Ok(Some((place.start, bytes.unwrap_or(0))))
        };
        // As the `parquet` crate has it, a chunk starts with its dictionary.
        let data = inside("page", meta.size(9), Some(0))?;
        let start = if meta.has(11) { meta.size(11) } else { Some(data.start) };
        let pages = inside("column chunk", start, meta.size(7))?;
        if meta.has(14) || meta.has(15) {
            inside("Bloom filter", meta.size(14), meta.count(15).map(|bytes| bytes as u64))?;
        }
        if meta.size(5) != Some(rows) || meta.size(6).is_none() {
            return Err(corrupt("footer", &format!("{rows} values")));
        }
        Ok(Self { rows, pages, offset_index: index("offset index", 4)?, column_index: index("column index", 6)? })
    }

    /// Whether these pages lie inside, and their rows ascend.
    fn holds(&self, pages: &List<'_>) -> bool {
        let mut row = 0;
        pages.structures().is_some_and(|mut pages| {
            pages.all(|page| {
                let (Some(at), Some(bytes), Some(first)) = (page.size(1), page.count(2), page.size(3)) else {
                    return false;
                };
                let ordered = (row..=self.rows).contains(&first);
                row = first;
                ordered
                    && at >= self.pages.start
                    && at.checked_add(bytes as u64).is_some_and(|end| end <= self.pages.end)
            })
        })
    }
}
