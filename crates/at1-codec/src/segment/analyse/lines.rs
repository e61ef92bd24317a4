//! The first pass over a text whose records are lines.

use std::io::{Read, Seek, SeekFrom};

use super::{
    super::{
        chunk::Chunk,
        layout::{GROUP_BYTES_MAX, GROUP_FIELDS_MAX, GROUP_ROWS_MAX},
        line_chunks::LineChunks,
    },
    Analysis, ReadOptions, observe,
};
use crate::{
    Result,
    column::Inference,
    text::{BlankLine, Format, lines::LineScanner},
};

/// Looks at every line of `source`, which has a byte order mark of `bom` bytes.
pub(super) fn analyse<R: Read + Seek>(
    source: &mut R,
    format: Format,
    bom: &[u8],
    options: &ReadOptions,
) -> Result<Analysis> {
    source.seek(SeekFrom::Start(0))?;
    let mut chunks = LineChunks::new(source, LineScanner::new(&format, Vec::new()));
    chunks.skip(bom.len())?;
    let mut columns: Vec<Inference> = Vec::new();
    let mut records = 0;
    let mut kept = Some(Kept::default());
    loop {
        let next = chunks.next()?;
        if next.is_empty() {
            break;
        }
        columns.resize_with(chunks.scanner().names().len(), || Inference::new(&options.nulls));
        observe(&next, format.syntax(), &mut columns);
        records += next.iter().map(|chunk| chunk.records() as u64).sum::<u64>();
        kept = kept.and_then(|kept| kept.with(next));
    }
    let lines = chunks.scanner();
    let header = match (lines.names(), records) {
        ([_, ..], _) => Some(lines.names().to_vec()),
        // A table has a column, also one of nothing but empty objects.
        ([], 1..) => Some(vec![lines.whole_line().to_owned()]),
        ([], 0) => None,
    };
    let (ragged, left_out) = (lines.odd(), lines.refused());
    columns.resize_with(header.as_ref().map_or(1, Vec::len), || Inference::new(&options.nulls));
    let tail = chunks.tail().to_vec();
    let (bytes, sha256) = chunks.finish();
    Ok(Analysis {
        format,
        preamble: bom.to_vec(),
        header,
        bytes,
        sha256,
        records,
        columns,
        ragged,
        multiline: 0,
        left_out,
        blank: BlankLine::Record,
        kept: kept.map(|kept| (kept.chunks, tail)),
    })
}

/// Chunks that one row group can hold.
#[derive(Default)]
struct Kept {
    chunks: Vec<Chunk>,
    /// Bytes, records and fields.
    size: [usize; 3],
}

impl Kept {
    /// `next` too, if it has room for them.
    fn with(mut self, next: Vec<Chunk>) -> Option<Self> {
        for chunk in &next {
            let more = [chunk.bytes.len(), chunk.records(), chunk.tokens.fields.len()];
            self.size.iter_mut().zip(more).for_each(|(size, more)| *size += more);
        }
        self.chunks.extend(next);
        let fits =
            self.size.iter().zip([GROUP_BYTES_MAX, GROUP_ROWS_MAX, GROUP_FIELDS_MAX]).all(|(size, most)| *size <= most);
        fits.then_some(self)
    }
}
