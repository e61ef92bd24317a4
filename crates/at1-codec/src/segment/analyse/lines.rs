//! The first pass over a text whose records are lines.

use std::io::{Read, Seek, SeekFrom};

use super::{
    super::{
        chunk::{Chunk, Chunks, Cutter},
        layout::{GROUP_BYTES_MAX, GROUP_ROWS_MAX},
    },
    Analysis, CHUNK_BYTES, ReadOptions, observe,
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
    let is_small = source.seek(SeekFrom::End(0))? <= GROUP_BYTES_MAX as u64;
    let chunk_bytes = if is_small { GROUP_BYTES_MAX } else { CHUNK_BYTES };
    source.seek(SeekFrom::Start(0))?;
    let mut chunks = Chunks::new(source, Cutter::Lines(Box::new(LineScanner::new(&format, Vec::new()))));
    chunks.skip(bom.len())?;
    let mut columns: Vec<Inference> = Vec::new();
    let (mut records, mut chunks_seen) = (0, 0);
    let mut kept = None;
    while let Some(chunk) = chunks.next(chunk_bytes, GROUP_ROWS_MAX)? {
        let fields = chunks.lines().map_or(0, |lines| lines.names().len());
        columns.resize_with(fields, || Inference::new(&options.nulls));
        observe(&chunk, format.syntax(), &mut columns);
        records += chunk.records() as u64;
        chunks_seen += 1;
        kept = (chunks_seen == 1 && chunks.ended()).then_some(chunk);
    }
    let lines = chunks.lines().expect("lines cut this text");
    let (names, ragged, whole_line) = (lines.names().to_vec(), lines.odd(), lines.whole_line());
    let left_out = lines.refused();
    let header = match (names.is_empty(), records) {
        (false, _) => Some(names),
        // A table has a column, also one of nothing but empty objects.
        (true, 1..) => Some(vec![whole_line.to_owned()]),
        (true, 0) => None,
    };
    columns.resize_with(header.as_ref().map_or(1, Vec::len), || Inference::new(&options.nulls));
    let tail = chunks.tail().to_vec();
    let (bytes, sha256) = chunks.finish();
    let kept = if chunks_seen == 0 { Some((Chunk::default(), tail)) } else { kept.map(|chunk| (chunk, tail)) };
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
        kept,
    })
}
