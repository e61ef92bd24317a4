//! One batch before it is written: what it is, and how it fits the table.
//!
//! * Shared by [`append`](crate::Table::append_csv) and by the dry run, so that the one does what the other says.
//! * A batch that was Arrow data has the types that its data had, and every value reads back as it was; see `docs/spec/arrow.md`.
//! * Nothing here writes, and nothing is decided twice: the second pass over the bytes follows the plan made here.

use std::io::{Read as _, SeekFrom};

use at1_codec::{
    ARROW_DIALECT, Analysis, ColumnType, HeaderOption, Profile, ReadOptions,
    column::{NullWords, Pin},
    text::{self, BlankLine, Completeness, Dialect, DialectOptions, FormatOption, Input, QuoteOption, Scanner, Tokens},
};
use at1_ledger::Idempotency;

use crate::{
    error::{Error, ErrorKind, Result},
    input::{self, Stream, Written},
    schema::{self, Facts, Held, Plan, TableSchema, TextFormat},
};

/// How much of a later batch is looked at to find its first record; more if the table's headers are longer.
const SAMPLE_BYTES: usize = 1 << 20;

/// Whether anything about a batch may differ from the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// It may; it is reported.
    #[default]
    Lenient,
    /// Rejects, ragged records, and columns that are new, missing or of a wider type refuse the batch.
    Strict,
}

/// How a batch is read and appended, where that is not to be found out.
#[derive(Clone, Debug, Default)]
pub struct AppendOptions {
    /// What kind of text it is. What nobody says is what the table's first batch was.
    pub format: FormatOption,
    /// Whether line 1 names the columns.
    pub header: HeaderOption,
    /// Names for the columns, instead of a header's.
    pub names: Option<Vec<String>>,
    /// Between fields.
    pub delimiter: Option<u8>,
    /// Around fields.
    pub quote: Option<QuoteOption>,
    /// Words that mean null in columns that are not text. The first batch fixes them.
    pub nulls: Option<NullWords>,
    /// Types of columns, from this batch on.
    pub pins: Vec<(String, Pin)>,
    /// Speed against size.
    pub profile: Profile,
    /// A remark for the ledger.
    pub note: Option<String>,
    /// What the bytes must hash to, as they come or expanded.
    pub sha256: Option<[u8; 32]>,
    /// Refuse a batch with more fields than this that their columns cannot hold.
    pub max_rejects: Option<u64>,
    /// Whether the batch may differ from the table.
    pub strictness: Strictness,
    /// The producer's own number for the batch: the same number again appends nothing.
    pub idempotency: Option<Idempotency>,
    /// Append only if so many append events came before.
    pub expected_version: Option<u64>,
}

/// A batch that was looked at.
pub(crate) struct Batch {
    pub(crate) analysis: Analysis,
    pub(crate) nulls: NullWords,
    pub(crate) plan: Plan,
    /// What a person should know who sees the report.
    pub(crate) notes: Vec<String>,
    /// Whether no value may read as null: it was Arrow data.
    exact: bool,
}

impl Batch {
    /// Reads all of `stream` and plans how it fits `before`.
    pub(crate) fn plan(
        stream: &mut dyn Stream,
        written: Option<&Written>,
        before: &TableSchema,
        options: &AppendOptions,
        held: &mut dyn FnMut(usize) -> Result<Held>,
    ) -> Result<Self> {
        let nulls = null_words(before, options)?;
        let mut notes = vec![];
        let read = match written {
            Some(_) => {
                no_reading("with Arrow data", options)?;
                let Dialect { delimiter, quote, .. } = ARROW_DIALECT;
                let dialect = DialectOptions { delimiter: Some(delimiter), quote: Some(quote_option(quote)) };
                ReadOptions { format: FormatOption::Delimited, dialect, header: HeaderOption::Yes, nulls }
            }
            None => reading(stream, before, options, nulls, &mut notes)?,
        };
        let analysis = at1_codec::analyse(&mut { stream }, &read)?;
        let nulls = read.nulls;
        if analysis.left_out > 0 {
            let values = analysis.left_out;
            notes.push(format!("{values} values of keys beyond the first 1,024 are in no column and read as null; their lines come back whole"));
        }
        if let Some(names) = &options.names
            && names.len() != analysis.columns.len()
            && analysis.records > 0
        {
            return Err(Error::invalid("names", format!("{} names", analysis.columns.len()), names.len()));
        }
        let types: Vec<_> = written.iter().flat_map(|written| &written.columns).map(|column| column.ty).collect();
        let facts = Facts {
            names: options.names.as_deref().or(analysis.header.as_deref()),
            types: &types,
            fields: &analysis.columns,
            records: analysis.records,
            format: TextFormat::of(&analysis.format),
            nulls: &nulls,
        };
        let plan = schema::plan(before, &facts, &options.pins, held)?;
        if let Some(written) = written {
            same_values(written, &analysis, &plan)?;
        }
        Ok(Self { analysis, nulls, plan, notes, exact: written.is_some() })
    }

    /// The number of fields that will read as null because their column cannot hold them.
    pub(crate) fn rejects(&self) -> u64 {
        self.plan.misfits.iter().map(|misfit| misfit.misfits).sum()
    }

    /// An error if the batch does not meet what the caller demands.
    pub(crate) fn check(&self, place: &str, packed: Option<[u8; 32]>, options: &AppendOptions) -> Result<()> {
        let refused = |expected: String, found: String| Err(Error::new(ErrorKind::Refused, place, expected, found));
        let hex = |digest: [u8; 32]| at1_ledger::Digest(digest).to_string();
        if let Some(expected) = options.sha256
            && expected != self.analysis.sha256
            && Some(expected) != packed
        {
            return refused(
                format!("sha256 {}", hex(expected)),
                format!("sha256 {}", hex(packed.unwrap_or(self.analysis.sha256))),
            );
        }
        let rejects = self.rejects();
        // Values that were never text have none that null could point to.
        let most = options.max_rejects.or(self.exact.then_some(0));
        if let Some(most) = most
            && rejects > most
        {
            return refused(format!("at most {most} rejects"), format!("{rejects}: {}", self.misfits_in_words()));
        }
        if options.strictness == Strictness::Strict {
            let columns = |columns: &[usize]| {
                let titles: Vec<_> = columns.iter().map(|&column| self.plan.schema.columns[column].title()).collect();
                titles.join(", ")
            };
            let plan = &self.plan;
            let widened: Vec<_> = plan.widened.iter().map(|widened| widened.column).collect();
            let found = if rejects > 0 {
                format!("{rejects} rejects: {}", self.misfits_in_words())
            } else if !widened.is_empty() {
                format!("a wider type for {}", columns(&widened))
            } else if !plan.added.is_empty() {
                format!("new columns: {}", columns(&plan.added))
            } else if !plan.missing.is_empty() {
                format!("missing columns: {}", columns(&plan.missing))
            } else if self.analysis.ragged > 0 {
                format!("{} records with another number of fields", self.analysis.ragged)
            } else {
                return Ok(());
            };
            return refused("a batch like those before".to_owned(), found);
        }
        Ok(())
    }

    fn misfits_in_words(&self) -> String {
        let word = |misfit: &schema::Misfit| {
            let column = &self.plan.schema.columns[misfit.column];
            let example = misfit.example.as_ref().map(|example| format!(" such as {example}")).unwrap_or_default();
            format!("{} in {} ({}){example}", misfit.misfits, column.title(), column.column.ty)
        };
        self.plan.misfits.iter().take(3).map(word).collect::<Vec<_>>().join("; ")
    }
}

/// How a batch of text is read: as the caller says, or else as the table's first batch was.
fn reading(
    stream: &mut dyn Stream,
    before: &TableSchema,
    options: &AppendOptions,
    nulls: NullWords,
    notes: &mut Vec<String>,
) -> Result<ReadOptions> {
    let rules = before.rules.as_ref().map(|rules| &rules.format);
    let format = match (&options.format, rules) {
        (FormatOption::Auto, _) if told(options).is_some() => FormatOption::Delimited,
        (FormatOption::Auto, Some(TextFormat::Delimited { .. })) => FormatOption::Delimited,
        (FormatOption::Auto, Some(TextFormat::Json)) => FormatOption::Json,
        (FormatOption::Auto | FormatOption::Lines(None), Some(TextFormat::Lines(pattern))) => {
            FormatOption::Lines(Some(pattern.clone()))
        }
        (format, _) => format.clone(),
    };
    match format {
        FormatOption::Json => no_reading("with lines of JSON", options)?,
        FormatOption::Lines(_) => no_reading("with lines of a log", options)?,
        FormatOption::Auto | FormatOption::Delimited => {}
    }
    let delimited = rules.and_then(TextFormat::delimited);
    let dialect = DialectOptions {
        delimiter: options.delimiter.or(delimited.map(|(delimiter, _)| delimiter)),
        quote: options.quote.or(delimited.map(|(_, quote)| quote_option(quote))),
    };
    let header = match (options.header, delimited) {
        (HeaderOption::Auto, Some(_)) if format == FormatOption::Delimited => {
            later_header(stream, before, &dialect, notes)?
        }
        (header, _) => header,
    };
    Ok(ReadOptions { format, dialect, header, nulls })
}

fn quote_option(byte: Option<u8>) -> QuoteOption {
    byte.map_or(QuoteOption::None, QuoteOption::Byte)
}

/// An option that only delimited text has, if one is told.
fn told(options: &AppendOptions) -> Option<&'static str> {
    let told = [
        ("header", options.header != HeaderOption::Auto),
        ("names", options.names.is_some()),
        ("delimiter", options.delimiter.is_some()),
        ("quote", options.quote.is_some()),
    ];
    told.into_iter().find(|(_, told)| *told).map(|(option, _)| option)
}

/// Options that say how delimited text is read have no say over other text.
fn no_reading(with: &str, options: &AppendOptions) -> Result<()> {
    let format = (options.format != FormatOption::Auto && with.ends_with("Arrow data")).then_some("text");
    match format.or_else(|| told(options)) {
        Some(option) => Err(Error::invalid(option, format!("no such option {with}"), "one")),
        None => Ok(()),
    }
}

/// An error if the table would show another value than the Arrow data had.
fn same_values(written: &Written, analysis: &Analysis, plan: &Plan) -> Result<()> {
    let refused = |place: &str, expected: String, found: String| {
        Err(Error::new(ErrorKind::Refused, format!("column {place}"), expected, found))
    };
    if analysis.records != written.rows {
        return Err(Error::corrupt("Arrow data", format!("{} records of text", written.rows), analysis.records));
    }
    for ((column, field), &to) in written.columns.iter().zip(&analysis.columns).zip(&plan.map) {
        let ty = plan.schema.columns[to].column.ty;
        if matches!(ty, ColumnType::Text | ColumnType::Binary) {
            continue;
        }
        // Blanks, and the table's null words, read as null in columns that are not text.
        if field.nulls() != column.nulls {
            let found = format!("{} values that a column of {ty} reads as null", field.nulls() - column.nulls);
            return refused(&column.name, "values that are not words for null in this table".to_owned(), found);
        }
        if ty == ColumnType::Float64 && !column.fits_double {
            let expected = format!("numbers that are the same in a column of {ty}");
            return refused(&column.name, expected, "some with more digits".to_owned());
        }
    }
    Ok(())
}

fn null_words(before: &TableSchema, options: &AppendOptions) -> Result<NullWords> {
    match (&before.rules, &options.nulls) {
        (Some(rules), Some(asked)) if rules.nulls != *asked => {
            let words = |words: &NullWords| words.iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ");
            Err(Error::invalid(
                "null words",
                format!("those of the first batch: {}", words(&rules.nulls)),
                words(asked),
            ))
        }
        (Some(rules), _) => Ok(rules.nulls.clone()),
        (None, asked) => Ok(asked.clone().unwrap_or_default()),
    }
}

/// Line 1 of a later batch is a header iff its names are those of a header that the table knows.
fn later_header(
    stream: &mut dyn Stream,
    before: &TableSchema,
    dialect: &DialectOptions,
    notes: &mut Vec<String>,
) -> Result<HeaderOption> {
    if before.headers.is_empty() {
        return Ok(HeaderOption::No);
    }
    let longest =
        (0..before.headers.len()).map(|h| before.header_names(h).iter().map(|name| name.len() + 8).sum()).max();
    let sample_bytes = SAMPLE_BYTES.max(longest.unwrap_or(0).saturating_mul(2));
    let io = |e| Error::io("", e);
    let mut sample = vec![];
    stream.seek(SeekFrom::Start(0)).map_err(io)?;
    stream.take(sample_bytes as u64).read_to_end(&mut sample).map_err(io)?;
    stream.seek(SeekFrom::Start(0)).map_err(io)?;
    let (completeness, end) = match sample.len() < sample_bytes {
        true => (Completeness::Whole, Input::End),
        false => (Completeness::Prefix, Input::More),
    };
    let body = &sample[text::bom_len(&sample)..];
    let dialect = text::detect(body, completeness, dialect);
    let mut tokens = Tokens::default();
    Scanner::new(dialect, BlankLine::Gap).scan(body, end, 0, &mut tokens);
    if tokens.records.is_empty() {
        return Ok(HeaderOption::No);
    }
    let mut scratch = vec![];
    let names: Vec<String> = tokens
        .record_fields(0)
        .iter()
        .map(|field| String::from_utf8_lossy(text::value(field.of(body), dialect.quote, &mut scratch).0).into_owned())
        .collect();
    // With one column a blank line is a record: then the names stand in another line than the first.
    if schema::is_known_header(before, &names) && (names.len() > 1 || tokens.gap(0).is_empty()) {
        return Ok(HeaderOption::Yes);
    }
    let known =
        names.iter().filter(|name| before.columns.iter().any(|c| c.column.header.as_ref() == Some(name))).count();
    if known > 0 && known * 2 >= names.len() {
        notes.push(format!(
            "line 1 looks like a header that the table does not know ({}), and was read as data; if it is one, say header yes",
            names.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ")
        ));
    }
    Ok(HeaderOption::No)
}

/// The digest of a whole stream, which is then at its start again.
pub(crate) fn digest(stream: &mut dyn Stream) -> Result<(u64, [u8; 32])> {
    input::digest(stream).map_err(|e| Error::io("", e))
}
