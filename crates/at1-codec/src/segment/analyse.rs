//! The first pass over a source: its format, its header, what its columns could hold, its digest.
//!
//! * Every record is looked at, so a type that is chosen from an [`Analysis`] has known misfits, not guessed ones.
//! * A source that fits one chunk is read once: the analysis keeps it for the encoder.

mod lines;

use std::{
    collections::{BTreeMap, HashSet},
    io::{Read, Seek, SeekFrom},
};

use super::{
    chunk::{Chunk, Chunks, blocks},
    layout::{GROUP_BYTES_MAX, GROUP_ROWS_MAX},
};
use crate::{
    ColumnType, Result,
    column::{Inference, NullWords},
    text::{
        self, BlankLine, Completeness, Dialect, DialectOptions, Format, FormatOption, Input, QuoteOption, Quoted,
        Scanner, Syntax, Terminator, Tokens,
    },
    threads,
};

/// How much of a source is looked at to find out its dialect and whether it has a header.
const SAMPLE_BYTES: usize = 1 << 20;
/// How much of a source that is larger than a row group is looked at at a time.
const CHUNK_BYTES: usize = 8 << 20;
/// How many records say whether the first one is of their types.
const HEADER_RECORDS: usize = 2 << 10;
/// The widest record whose fields become columns; fields beyond are kept as text of the record.
pub const COLUMNS_MAX: usize = 32_767;

/// Whether the first record names the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderOption {
    /// Find out from the first record and the types of the others.
    #[default]
    Auto,
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// How a source is read, where that is not to be found out.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// What kind of text it is.
    pub format: FormatOption,
    /// Delimiter and quote.
    pub dialect: DialectOptions,
    /// Whether there is a header.
    pub header: HeaderOption,
    /// Words that mean null in columns that are not text.
    pub nulls: NullWords,
}

/// What one pass over a source found out.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// What kind of text it is.
    pub format: Format,
    /// Byte order mark and header record, with its terminator: what comes before the first record.
    pub preamble: Vec<u8>,
    /// The header's fields, unquoted, invalid UTF-8 replaced; in lines of JSON the paths of all keys, as they come.
    pub header: Option<Vec<String>>,
    /// The size of the source.
    pub bytes: u64,
    /// Its digest.
    pub sha256: [u8; 32],
    /// The number of records, the header not counted.
    pub records: u64,
    /// What the columns could hold, by field position.
    pub columns: Vec<Inference>,
    /// The number of records that have another number of fields than there are columns, or are no objects among lines that are.
    pub ragged: u64,
    /// The number of records with a line end inside a field.
    pub multiline: u64,
    /// The number of values that are in no column, since a batch of lines has too many keys; they come back with their lines.
    pub left_out: u64,
    pub(super) blank: BlankLine,
    /// The whole source, if it fits a row group, and what follows its last record.
    pub(super) kept: Option<(Vec<Chunk>, Vec<u8>)>,
}

/// Reads all of `source`, from its start, and says what it is.
///
/// A sample tells the dialect; but one stray quote far behind it makes records run together. So a source whose records
/// differ in width or span lines is read once more with quotes as text. That reading is kept if fewer of its records are
/// odd, or if none is: text that is regular without quotes does not need them, and quoted line ends would break it.
///
/// # Errors
/// If the delimiter or quote asked for cannot be one; whatever reading the source reports. No bytes are refused.
pub fn analyse<R: Read + Seek>(source: &mut R, options: &ReadOptions) -> Result<Analysis> {
    source.seek(SeekFrom::Start(0))?;
    let mut sample = Vec::new();
    source.by_ref().take(SAMPLE_BYTES as u64).read_to_end(&mut sample)?;
    let completeness = if sample.len() < SAMPLE_BYTES { Completeness::Whole } else { Completeness::Prefix };
    if let Some(format) = Format::of_lines(&sample, completeness, &options.format) {
        return lines::analyse(source, format, &sample[..text::bom_len(&sample)], options);
    }
    let dialect = text::detect(&sample, completeness, &options.dialect);
    dialect.check()?;
    let analysis = analyse_delimited(source, &sample, completeness, dialect, options)?;
    let odd = analysis.ragged > 0 || (analysis.multiline > 0 && analysis.columns.len() > 1);
    if !odd || dialect.quote.is_none() || options.dialect.quote.is_some() {
        return Ok(analysis);
    }
    let unquoted = DialectOptions { delimiter: Some(dialect.delimiter), quote: Some(QuoteOption::None) };
    let unquoted = text::detect(&sample, completeness, &unquoted);
    let other = analyse_delimited(source, &sample, completeness, unquoted, options)?;
    let better = other.ragged < analysis.ragged || (other.ragged == 0 && analysis.multiline > 0);
    Ok(if better { other } else { analysis })
}

fn analyse_delimited<R: Read + Seek>(
    source: &mut R,
    sample: &[u8],
    completeness: Completeness,
    dialect: Dialect,
    options: &ReadOptions,
) -> Result<Analysis> {
    let bom = text::bom_len(sample);
    let body = &sample[bom..];
    let look = Look::at(body, completeness, dialect, options);

    // What cannot be kept for the encoder is looked at in small chunks.
    let is_small = source.seek(SeekFrom::End(0))? <= GROUP_BYTES_MAX as u64;
    let chunk_bytes = if is_small { GROUP_BYTES_MAX } else { CHUNK_BYTES };
    source.seek(SeekFrom::Start(0))?;
    let mut chunks = Chunks::new(source, Scanner::new(dialect, look.blank));
    chunks.skip(bom)?;
    let mut preamble = sample[..bom].to_vec();
    let mut header = None;
    let mut columns: Vec<Inference> = Vec::new();
    let mut widths = Widths::default();
    let (mut records, mut multiline, mut chunks_seen) = (0, 0, 0);
    let mut kept = None;
    while let Some(mut chunk) = chunks.next(chunk_bytes, GROUP_ROWS_MAX)? {
        if chunks_seen == 0 && look.header {
            preamble.extend_from_slice(chunk.record(0));
            header = Some(names(&chunk, dialect));
            chunk.tokens.records.remove(0);
        }
        let wide = widths.count(&chunk).min(COLUMNS_MAX);
        if columns.len() < wide {
            columns.resize_with(wide, || Inference::new(&options.nulls));
        }
        observe(std::slice::from_ref(&chunk), dialect.syntax(), &mut columns);
        multiline += lines_inside(&chunk, dialect);
        records += chunk.records() as u64;
        chunks_seen += 1;
        // Kept only where no other chunk will stand beside it in memory.
        kept = (chunks_seen == 1 && chunks.ended()).then_some(chunk);
    }
    let tail = chunks.tail().to_vec();
    let (bytes, sha256) = chunks.finish();

    let width = widths.usual().max(header.as_ref().map_or(0, Vec::len)).clamp(1, COLUMNS_MAX);
    columns.resize_with(width, || Inference::new(&options.nulls));
    let ragged = records - widths.of(width);
    let kept = if chunks_seen == 0 { Some(vec![]) } else { kept.map(|chunk| vec![chunk]) };
    Ok(Analysis {
        format: Format::Delimited(dialect),
        preamble,
        header,
        bytes,
        sha256,
        records,
        columns,
        ragged,
        multiline,
        left_out: 0,
        blank: look.blank,
        kept: kept.map(|chunks| (chunks, tail)),
    })
}

/// How many records have how many fields.
#[derive(Default)]
struct Widths {
    counts: BTreeMap<usize, u64>,
}

impl Widths {
    /// Adds the records of `chunk`; gives the most fields that any of them has.
    fn count(&mut self, chunk: &Chunk) -> usize {
        let tokens = &chunk.tokens;
        let mut widths = (0..chunk.records()).map(|record| tokens.record_fields(record).len()).peekable();
        let mut widest = 0;
        while let Some(width) = widths.next() {
            // Nearly all records are as wide as the one before.
            let mut count = 1;
            while widths.next_if_eq(&width).is_some() {
                count += 1;
            }
            *self.counts.entry(width).or_default() += count;
            widest = widest.max(width);
        }
        widest
    }

    fn of(&self, width: usize) -> u64 {
        self.counts.get(&width).copied().unwrap_or(0)
    }

    /// The width of most records, the wider if there are two.
    fn usual(&self) -> usize {
        self.counts.iter().max_by_key(|&(&width, &count)| (count, width)).map_or(0, |(&width, _)| width)
    }
}

/// Looks at every field: threads share the columns, and each goes over blocks of records that a cache holds.
fn observe(chunks: &[Chunk], syntax: Syntax, columns: &mut [Inference]) {
    let threads = threads::for_bytes(chunks.iter().map(|chunk| chunk.bytes.len()).sum()).min(columns.len());
    let share = threads::share(columns.len(), threads);
    let shares: Vec<_> = columns.chunks_mut(share).enumerate().collect();
    threads::map(threads, shares, |(index, columns)| {
        for chunk in chunks {
            for block in blocks(chunk.records()) {
                for (column, field) in columns.iter_mut().zip(index * share..) {
                    let fields = block.clone().filter_map(|record| chunk.field(record, field));
                    fields.for_each(|raw| column.observe(raw, syntax));
                }
            }
        }
    });
}

/// How many records have a line feed inside a field.
fn lines_inside(chunk: &Chunk, dialect: Dialect) -> u64 {
    // A line feed gets there by a quote, or where lines end otherwise.
    let possible = dialect.terminator == Terminator::Cr
        || dialect.quote.is_some_and(|quote| memchr::memchr(quote, &chunk.bytes).is_some());
    if dialect.quote.is_none() || !possible {
        return 0;
    }
    let has_line = |record: &usize| match chunk.tokens.record_fields(*record) {
        [first, .., last] => memchr::memchr(b'\n', &chunk.bytes[first.start as usize..last.end as usize]).is_some(),
        _ => false,
    };
    (0..chunk.records()).filter(has_line).count() as u64
}

/// What must be known before records can be counted.
struct Look {
    blank: BlankLine,
    header: bool,
}

impl Look {
    fn at(body: &[u8], completeness: Completeness, dialect: Dialect, options: &ReadOptions) -> Self {
        let input = match completeness {
            Completeness::Whole => Input::End,
            Completeness::Prefix => Input::More,
        };
        let scan = |blank| {
            let mut tokens = Tokens::default();
            Scanner::new(dialect, blank).scan(body, input, usize::MAX, &mut tokens);
            tokens
        };
        let mut blank = BlankLine::Gap;
        let mut chunk = Chunk { bytes: body.to_vec(), tokens: scan(blank), shapes: None };
        let mut widths = Widths::default();
        widths.count(&chunk);
        let usual = widths.usual().max(1);
        if usual < 2 {
            blank = BlankLine::Record;
            chunk.tokens = scan(blank);
        }
        let header = match options.header {
            HeaderOption::Yes => !body.is_empty(),
            HeaderOption::No => false,
            HeaderOption::Auto => has_header(&chunk, usual, dialect, &options.nulls),
        };
        Self { blank, header }
    }
}

/// Whether the first record names the columns. It does if it has as many fields as most records, and where the others
/// have a type, none of its fields is of that type; if all columns are text, its fields must look like names and not
/// recur below.
fn has_header(chunk: &Chunk, usual: usize, dialect: Dialect, nulls: &NullWords) -> bool {
    if chunk.records() == 0 || chunk.tokens.record_fields(0).len() != usual {
        return false;
    }
    let names = names(chunk, dialect);
    let distinct: HashSet<_> = names.iter().collect();
    if distinct.len() < names.len() && names.iter().all(|n| n.is_empty()) {
        return false;
    }
    let mut typed = false;
    for field in 0..usual {
        let mut body = Inference::new(nulls);
        let fields = (1..chunk.records().min(HEADER_RECORDS)).filter_map(|record| chunk.field(record, field));
        fields.for_each(|raw| body.observe(raw, dialect.syntax()));
        let ty = body.best();
        if matches!(ty, ColumnType::Text | ColumnType::Binary) {
            continue;
        }
        let mut first = Inference::new(nulls);
        first.observe(chunk.field(0, field).unwrap_or_default(), dialect.syntax());
        if first.nulls() == 0 {
            if first.misfits(ty, body.reading(ty)) == 0 {
                return false;
            }
            typed = true;
        }
    }
    if typed {
        return true;
    }
    let recurs = |field: usize| {
        let first = chunk.field(0, field);
        (1..chunk.records()).any(|record| chunk.field(record, field) == first)
    };
    distinct.len() == names.len() && names.iter().all(|n| looks_like_a_name(n)) && !(0..usual).any(recurs)
}

fn looks_like_a_name(word: &str) -> bool {
    let starts = word.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    starts && word.len() <= 64 && word.chars().all(|c| c.is_alphanumeric() || "_ -.()/%#:".contains(c))
}

/// The fields of the first record as words.
fn names(chunk: &Chunk, dialect: Dialect) -> Vec<String> {
    let mut scratch = Vec::new();
    let fields = chunk.tokens.record_fields(0).iter().take(COLUMNS_MAX);
    fields
        .map(|span| {
            let raw = &chunk.bytes[span.start as usize..span.end as usize];
            let (value, _): (_, Quoted) = text::value(raw, dialect.quote, &mut scratch);
            String::from_utf8_lossy(value).into_owned()
        })
        .collect()
}
