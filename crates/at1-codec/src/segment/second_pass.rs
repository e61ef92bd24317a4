//! A source, cut into records once more as its analysis says.

use std::io::{Read, Seek, SeekFrom};

use super::{
    analyse::Analysis,
    chunk::{Chunk, Chunks},
    layout::{GROUP_BYTES_MAX, GROUP_ROWS_MAX},
    line_chunks::LineChunks,
};
use crate::{
    Result,
    text::{self, Format, Scanner, lines::LineScanner},
};

/// The records of a source behind its preamble.
pub(super) enum SecondPass<R> {
    Delimited {
        chunks: Chunks<R>,
        /// Whether the next record is the header.
        header: bool,
    },
    Lines(Box<LineChunks<R>>),
}

impl<R: Read + Seek> SecondPass<R> {
    /// At the first record of `source`.
    pub(super) fn of(mut source: R, analysis: &Analysis) -> Result<Self> {
        source.seek(SeekFrom::Start(0))?;
        let bom = text::bom_len(&analysis.preamble);
        Ok(match &analysis.format {
            Format::Delimited(dialect) => {
                let mut chunks = Chunks::new(source, Scanner::new(*dialect, analysis.blank));
                chunks.skip(bom)?;
                Self::Delimited { chunks, header: analysis.header.is_some() }
            }
            Format::Json(_) | Format::Lines(..) => {
                let names = analysis.header.clone().unwrap_or_default();
                let mut chunks = LineChunks::new(source, LineScanner::new(&analysis.format, names));
                chunks.skip(bom)?;
                Self::Lines(Box::new(chunks))
            }
        })
    }

    /// The next records; none once there are no more.
    pub(super) fn next(&mut self) -> Result<Vec<Chunk>> {
        match self {
            Self::Delimited { chunks, header } => {
                let mut chunk = chunks.next(GROUP_BYTES_MAX, GROUP_ROWS_MAX)?;
                if let Some(chunk) = &mut chunk
                    && std::mem::take(header)
                {
                    chunk.tokens.records.remove(0);
                }
                Ok(chunk.into_iter().collect())
            }
            Self::Lines(chunks) => chunks.next(),
        }
    }

    /// What follows the last record, and the digest of all.
    pub(super) fn finish(self) -> (Vec<u8>, [u8; 32]) {
        let (tail, (_, sha256)) = match self {
            Self::Delimited { chunks, .. } => (chunks.tail().to_vec(), chunks.finish()),
            Self::Lines(chunks) => (chunks.tail().to_vec(), chunks.finish()),
        };
        (tail, sha256)
    }
}
