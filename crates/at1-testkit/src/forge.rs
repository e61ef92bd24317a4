//! Segments as somebody would make them who means harm: any bytes, under digests that hold.
//!
//! * [`reseal`] makes all digests of a changed segment right again, so that what was changed reaches the parsers.
//! * [`Forgery`] puts pages of any content into a column chunk of a good segment.
//! * Written from `docs/spec/segment.md` alone: it shares no code with what it deceives.

use parquet_format_safe::{
    ColumnMetaData, CompressionCodec, DataPageHeaderV2, DictionaryPageHeader, Encoding, FileMetaData, PageHeader,
    PageType,
    thrift::protocol::{TCompactInputProtocol, TCompactOutputProtocol},
};
use sha2::{Digest as _, Sha256};

const SEAL_BYTES: usize = 88;

/// Where the parts of a segment lie, if its end says so.
struct Parts {
    indexes_at: usize,
    digests_at: usize,
    footer_at: usize,
    seal_at: usize,
}

impl Parts {
    fn of(file: &[u8]) -> Option<Self> {
        let number = |at: usize| {
            let bytes = file.get(at..at + 8)?.try_into().ok()?;
            usize::try_from(u64::from_le_bytes(bytes)).ok()
        };
        let trailer_at = file.len().checked_sub(8)?;
        let footer_bytes = u32::from_le_bytes(file[trailer_at..trailer_at + 4].try_into().ok()?) as usize;
        let footer_at = trailer_at.checked_sub(footer_bytes)?;
        let seal_at = trailer_at.checked_sub(SEAL_BYTES).filter(|&at| at >= footer_at)?;
        let (indexes_at, digests_at) = (number(seal_at)?, number(seal_at + 8)?);
        (indexes_at <= digests_at && digests_at <= footer_at).then_some(Self {
            indexes_at,
            digests_at,
            footer_at,
            seal_at,
        })
    }
}

/// Makes the digests of a segment right, as far as its end still says where they are; says whether it does.
pub fn reseal(file: &mut [u8]) -> bool {
    let Some(parts) = Parts::of(file) else { return false };
    let (body, rest) = file.split_at_mut(parts.digests_at);
    let (table, footer) = rest.split_at_mut(parts.footer_at - parts.digests_at);
    let mut at = 0_usize;
    for entry in table.get_mut(4..).into_iter().flat_map(|entries| entries.chunks_exact_mut(36)) {
        let (bytes, digest) = entry.split_at_mut(4);
        let bytes = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        let Some(block) = body.get(at..at.saturating_add(bytes)) else { break };
        digest.copy_from_slice(&Sha256::digest(block));
        at += bytes;
    }
    let (thrift, seal) = footer.split_at_mut(parts.seal_at - parts.footer_at);
    seal[16..48].copy_from_slice(&Sha256::digest(&table));
    let digest = Sha256::new().chain_update(thrift).chain_update(&seal[..48]).finalize();
    seal[48..80].copy_from_slice(&digest);
    true
}

/// A data page of version 2, not compressed: definition levels, then values.
///
/// # Panics
/// If it is large.
pub fn data_page(encoding: i32, values: i32, nulls: i32, levels: &[u8], data: &[u8]) -> Vec<u8> {
    let header = DataPageHeaderV2::new(values, nulls, values, Encoding(encoding), length(levels), 0, false, None);
    let bytes = length(levels) + length(data);
    let header = PageHeader::new(PageType(3), bytes, bytes, None, None, None, None, header);
    [&thrift(|out| header.write_to_out_protocol(out)), levels, data].concat()
}

/// A dictionary page, not compressed.
///
/// # Panics
/// If it is large.
pub fn dictionary_page(values: i32, data: &[u8]) -> Vec<u8> {
    let header = DictionaryPageHeader::new(values, Encoding(0), false);
    let header = PageHeader::new(PageType(2), length(data), length(data), None, None, None, header, None);
    [&thrift(|out| header.write_to_out_protocol(out)), data].concat()
}

fn length(bytes: &[u8]) -> i32 {
    i32::try_from(bytes.len()).expect("a small page")
}

fn thrift<E: std::fmt::Debug>(
    write: impl FnOnce(&mut TCompactOutputProtocol<&mut Vec<u8>>) -> Result<usize, E>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut TCompactOutputProtocol::new(&mut bytes)).expect("memory takes everything");
    bytes
}

/// A good segment, taken apart to be put together otherwise.
#[derive(Clone)]
pub struct Forgery {
    /// All bytes up to the page indexes, which are left out.
    body: Vec<u8>,
    version: [u8; 4],
    /// The footer; the places in it are those of `body`.
    pub footer: FileMetaData,
}

impl Forgery {
    /// Takes `segment` apart.
    ///
    /// # Panics
    /// If it is no good segment.
    pub fn of(segment: &[u8]) -> Self {
        let parts = Parts::of(segment).expect("a segment");
        let mut thrift = &segment[parts.footer_at..parts.seal_at];
        let mut protocol = TCompactInputProtocol::new(&mut thrift, 1 << 30);
        let mut footer = FileMetaData::read_from_in_protocol(&mut protocol).expect("a footer");
        for chunk in footer.row_groups.iter_mut().flat_map(|group| &mut group.columns) {
            (chunk.offset_index_offset, chunk.offset_index_length) = (None, None);
            (chunk.column_index_offset, chunk.column_index_length) = (None, None);
            chunk.meta_data.as_mut().expect("its metadata").statistics = None;
        }
        let version = segment[parts.seal_at + 80..].first_chunk().copied().expect("a version");
        Self { body: segment[..parts.indexes_at].to_vec(), version, footer }
    }

    /// What the footer says of a column chunk of the first row group.
    ///
    /// # Panics
    /// If there is none.
    pub fn chunk(&mut self, column: usize) -> &mut ColumnMetaData {
        self.footer.row_groups[0].columns[column].meta_data.as_mut().expect("its metadata")
    }

    /// Adds bytes behind the body, and says where.
    ///
    /// # Panics
    /// If the file gets large.
    pub fn append(&mut self, bytes: &[u8]) -> i64 {
        let at = i64::try_from(self.body.len()).expect("a small file");
        self.body.extend_from_slice(bytes);
        at
    }

    /// Gives a column of the first row group other pages, which are not compressed.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn put(&mut self, column: usize, dictionary: Option<&[u8]>, pages: &[u8]) {
        let first = dictionary.map_or(0, <[u8]>::len);
        let at = self.append(dictionary.unwrap_or_default());
        self.append(pages);
        let chunk = self.chunk(column);
        chunk.codec = CompressionCodec(0);
        chunk.dictionary_page_offset = dictionary.map(|_| at);
        chunk.data_page_offset = at + i64::try_from(first).expect("a small page");
        chunk.total_compressed_size = i64::try_from(first + pages.len()).expect("a small chunk");
        chunk.total_uncompressed_size = chunk.total_compressed_size;
    }

    /// The segment, with digests that hold.
    pub fn sealed(&self) -> Vec<u8> {
        self.sealed_with(&thrift(|out| self.footer.write_to_out_protocol(out)))
    }

    /// The segment with these bytes for a footer.
    ///
    /// # Panics
    /// If the file is large.
    pub fn sealed_with(&self, footer: &[u8]) -> Vec<u8> {
        let mut file = self.body.clone();
        let digests_at = file.len();
        file.extend_from_slice(&1_u32.to_le_bytes());
        file.extend_from_slice(&u32::try_from(digests_at).expect("a small file").to_le_bytes());
        file.extend_from_slice(&[0; 32]);
        file.extend_from_slice(footer);
        for place in [digests_at, digests_at] {
            file.extend_from_slice(&(place as u64).to_le_bytes());
        }
        file.extend_from_slice(&[0; 64]);
        file.extend_from_slice(&self.version);
        file.extend_from_slice(b"AT1S");
        file.extend_from_slice(&u32::try_from(footer.len() + SEAL_BYTES).expect("a small footer").to_le_bytes());
        file.extend_from_slice(b"PAR1");
        assert!(reseal(&mut file), "the parts are where they should be");
        file
    }
}
