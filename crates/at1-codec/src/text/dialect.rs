//! How a text writes records and fields, told from a sample of it.
//!
//! * Detection only chooses; a wrong choice costs size and comfort, never a byte, since scanning is exact in any dialect.
//! * The sample decides, and the bytes around it do not: the same sample gives the same dialect.
//! * Without evidence it is a comma, `"` and LF.
//!
//! Each candidate cuts the sample, and is scored by how it looks: how many records have the same number of fields, how
//! many fields are *tidy*, that is without separators of another kind and with well-formed quotes, and how much of the
//! sample lies in records where all quotes are well-formed. So `1,5;2,5` is two numbers rather than three odd fields,
//! and in a text where quotes are just text, quoting loses to no quoting. Most texts are flawless in their own dialect,
//! and then no other candidate is tried behind it.

use memchr::{memchr, memchr_iter, memchr2, memchr3, memrchr};

use super::{BlankLine, Input, Quoted, Scanner, Syntax, Tokens, bom_len, value};
use crate::{Error, Result};

/// The bytes that end a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Terminator {
    /// LF, on most lines.
    #[default]
    Lf,
    /// CR LF, on most lines. Both are cut alike; this says what to expect.
    CrLf,
    /// CR alone.
    Cr,
}

impl Terminator {
    /// The byte that ends a record, whatever stands before it.
    #[must_use]
    pub fn last_byte(self) -> u8 {
        if self == Self::Cr { b'\r' } else { b'\n' }
    }
}

/// How a text writes records and fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// What stands between fields.
    pub delimiter: u8,
    /// What stands around fields that hold separators, if anything does.
    pub quote: Option<u8>,
    /// What ends records.
    pub terminator: Terminator,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { delimiter: b',', quote: Some(b'"'), terminator: Terminator::Lf }
    }
}

impl Dialect {
    /// What of it concerns single fields.
    #[must_use]
    pub fn syntax(self) -> Syntax {
        Syntax::Delimited { delimiter: self.delimiter, quote: self.quote }
    }

    /// Refuses a delimiter or quote that cannot do its work: a line end, or both the same.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid), naming the byte.
    pub fn check(self) -> Result<()> {
        let named = [("delimiter", Some(self.delimiter)), ("quote", self.quote)];
        for (place, byte) in named {
            if let Some(byte @ (b'\r' | b'\n')) = byte {
                return Err(Error::invalid(place, "a byte other than CR and LF", byte.escape_ascii()));
            }
        }
        if self.quote == Some(self.delimiter) {
            return Err(Error::invalid("quote", "a byte other than the delimiter", self.delimiter.escape_ascii()));
        }
        Ok(())
    }
}

/// What a user knows about the dialect already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DialectOptions {
    /// The delimiter, if known.
    pub delimiter: Option<u8>,
    /// The quote, if known.
    pub quote: Option<QuoteOption>,
}

/// A quote that a user knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteOption {
    /// No byte quotes.
    None,
    /// This one does.
    Byte(u8),
}

/// Whether a sample is all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// The whole text.
    Whole,
    /// The text's beginning, so its last record may be cut.
    Prefix,
}

/// The delimiters that are tried, the most usual first: it wins a tie.
const DELIMITERS: [u8; 4] = *b",\t;|";

/// Scores no further apart are equal.
const EQUAL: f64 = 1e-9;

/// The dialect that fits `sample` best, with `options` taken as given. A mebibyte is a good sample; time is linear in it.
///
/// ```
/// use at1_codec::text::{Completeness, DialectOptions, Terminator, detect};
/// let dialect = detect(b"name;price\r\nfoo;1,5\r\nbar;2,5\r\n", Completeness::Whole, &DialectOptions::default());
/// assert_eq!((dialect.delimiter, dialect.quote, dialect.terminator), (b';', Some(b'"'), Terminator::CrLf));
/// ```
#[must_use]
pub fn detect(sample: &[u8], complete: Completeness, options: &DialectOptions) -> Dialect {
    let mut sample = &sample[bom_len(sample)..];
    if let (Completeness::Prefix, [head @ .., b'\r']) = (complete, sample) {
        sample = head; // an LF may follow
    }
    let cr_only = memchr(b'\n', sample).is_none() && memchr(b'\r', sample).is_some();
    let terminator = if cr_only { Terminator::Cr } else { Terminator::Lf };
    let present: Vec<u8> = DELIMITERS.into_iter().filter(|&d| memchr(d, sample).is_some()).collect();

    let mut tokens = Tokens::default();
    let mut fit_of = |delimiter| {
        let quote = match options.quote {
            Some(QuoteOption::None) => None,
            Some(QuoteOption::Byte(quote)) => Some(quote),
            None => Some(b'"').filter(|&quote| quote != delimiter),
        };
        let quoting = Fit::new(sample, complete, Dialect { delimiter, quote, terminator }, &present, &mut tokens);
        if options.quote.is_some() || !(quoting.is_malformed || quoting.is_cut) {
            return quoting;
        }
        let bare = Fit::new(sample, complete, Dialect { delimiter, quote: None, terminator }, &present, &mut tokens);
        if bare.score > quoting.score - EQUAL { bare } else { quoting }
    };
    let fit = match options.delimiter {
        Some(delimiter) => fit_of(delimiter),
        None => {
            let [first, others @ ..] = DELIMITERS;
            let mut best = fit_of(first);
            for delimiter in others.into_iter().filter(|d| present.contains(d)) {
                if best.is_flawless {
                    break;
                }
                let fit = fit_of(delimiter);
                if fit.is_table && (!best.is_table || fit.score > best.score + EQUAL) {
                    best = fit;
                }
            }
            best
        }
    };
    Dialect { terminator: if fit.crlf { Terminator::CrLf } else { terminator }, ..fit.dialect }
}

/// How well a dialect fits a sample.
struct Fit {
    dialect: Dialect,
    /// From 0 to 1.
    score: f64,
    /// Whether at least half of the records have two fields or more.
    is_table: bool,
    /// Whether some field starts with the quote and is not in well-formed quotes.
    is_malformed: bool,
    /// Whether the record that the sample's end cuts has lines and quotes, as one has that a stray quote opens.
    is_cut: bool,
    /// Whether most records end in CR LF.
    crlf: bool,
    /// Whether all whole lines are a table with nothing odd about it: no score is higher.
    is_flawless: bool,
}

impl Fit {
    /// `present` are the delimiters that stand somewhere in the sample.
    fn new(sample: &[u8], complete: Completeness, dialect: Dialect, present: &[u8], tokens: &mut Tokens) -> Self {
        let mut fit = Self {
            dialect,
            score: 0.0,
            is_table: false,
            is_malformed: false,
            is_cut: false,
            crlf: false,
            is_flawless: false,
        };
        let mut cut = |input| {
            tokens.clear();
            Scanner::new(dialect, BlankLine::Gap).scan(sample, input, usize::MAX, tokens)
        };
        let mut covered = match complete {
            Completeness::Whole => cut(Input::End),
            Completeness::Prefix => cut(Input::More),
        };
        if covered == 0 {
            covered = cut(Input::End); // less than one record: better looked at than not
        }
        if tokens.records.is_empty() {
            fit.crlf = sample.starts_with(b"\r\n"); // nothing but blank lines
            return fit;
        }

        let rest = &sample[covered..];
        fit.is_cut = memchr(b'"', rest).is_some() && memchr2(b'\r', b'\n', rest).is_some();
        let crlf = (0..tokens.records.len()).filter(|&r| tokens.terminator(r).len() == 2).count();
        let ended = (0..tokens.records.len()).filter(|&r| !tokens.terminator(r).is_empty()).count();
        fit.crlf = crlf * 2 > ended;

        // Lines that start with `#` before, between or after records are comments more often than not.
        let is_comment = |r: usize| tokens.record_fields(r)[0].of(sample).starts_with(b"#");
        let only_comments = (0..tokens.records.len()).all(is_comment);
        let mut widths: Vec<usize> = Vec::new();
        let (mut fields, mut tidy) = (0, 0);
        // Bytes of records in which a quote is not what it should be. A stray quote taken as one swallows whole lines.
        let mut unsound = 0;
        let mut scratch = Vec::new();
        // Without these, all bare fields are tidy; and few records have any.
        let odd = Odd::new(dialect, present);
        for r in (0..tokens.records.len()).filter(|&r| only_comments || !is_comment(r)) {
            let raws = tokens.record_fields(r);
            if !odd.is_in(&sample[tokens.gap(r).end..tokens.records[r].end as usize]) {
                fields += raws.len();
                tidy += raws.len();
                widths.push(raws.len());
                continue;
            }
            let mut tidy_here = 0;
            let (mut has_tab, mut malformed_here) = (false, false);
            for raw in raws {
                let raw = raw.of(sample);
                let look = if raw.first() == Some(&dialect.quote.unwrap_or(b'"')) {
                    match value(raw, dialect.quote, &mut scratch).1 {
                        Quoted::Yes => Look::Tidy,
                        Quoted::No => {
                            malformed_here = true;
                            Look::Untidy
                        }
                    }
                } else {
                    odd.look(raw)
                };
                tidy_here += usize::from(look == Look::Tidy);
                has_tab |= look == Look::Tab;
            }
            if malformed_here {
                fit.is_malformed = true;
                unsound += tokens.records[r].end as usize - tokens.gap(r).end;
            }
            fields += raws.len();
            tidy += if has_tab { 0 } else { tidy_here };
            widths.push(raws.len());
        }

        let records = widths.len();
        fit.is_table = widths.iter().filter(|&&width| width > 1).count() * 2 >= records;
        widths.sort_unstable();
        let is_even = widths[0] > 1 && widths.first() == widths.last();
        let lines_end = memrchr(dialect.terminator.last_byte(), sample);
        let is_all = lines_end.is_none_or(|at| covered > at);
        fit.is_flawless = is_even && is_all && tidy == fields && unsound == 0;
        // A width of 1 is what every wrong delimiter gives, so it counts half.
        let alike = widths.chunk_by(|a, b| a == b).map(|run| if run[0] > 1 { run.len() * 2 } else { run.len() }).max();
        let alike = ratio(alike.unwrap_or(0), records * 2);
        // Twice as much for unlike records: what quotes hold may well end after the sample, and without quotes it is ragged.
        let half = |share: f64| (1.0 + share) / 2.0;
        let sound = 1.0 - ratio(unsound, covered);
        fit.score = alike * half(ratio(covered, sample.len())) * half(ratio(tidy, fields)) * half(sound);
        fit
    }
}

#[expect(clippy::cast_precision_loss, reason = "a score needs no more than 53 bits")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// What a bare field looks like.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    Tidy,
    /// It holds a separator of another kind.
    Untidy,
    /// It holds a tab, which next to no text between other delimiters does.
    Tab,
}

/// What makes a field untidy, where the sample has it.
struct Odd {
    quote: u8,
    /// Delimiters of another kind. Fields between tabs may hold them.
    others: Vec<u8>,
}

impl Odd {
    fn new(dialect: Dialect, present: &[u8]) -> Self {
        let between_tabs = dialect.delimiter == b'\t';
        let others = present.iter().copied().filter(|&d| d != dialect.delimiter && !between_tabs).collect();
        Self { quote: dialect.quote.unwrap_or(b'"'), others }
    }

    /// Whether a record has a byte that is to be looked at.
    fn is_in(&self, record: &[u8]) -> bool {
        let is_in = |bytes: &[u8]| match *bytes {
            [a, b, c] => memchr3(a, b, c, record).is_some(),
            [a, b] => memchr2(a, b, record).is_some(),
            [a] => memchr(a, record).is_some(),
            _ => false,
        };
        is_in(&[self.quote]) || self.others.chunks(3).any(is_in)
    }

    /// A separator of another kind is well inside a number, before a blank (as in prose), and in a field between tabs.
    fn look(&self, raw: &[u8]) -> Look {
        if self.others.is_empty() {
            return Look::Tidy;
        }
        let raw = raw.trim_ascii();
        if self.others.contains(&b'\t') && memchr(b'\t', raw).is_some() {
            return Look::Tab;
        }
        let is_untidy = |&other: &u8| memchr_iter(other, raw).any(|i| raw.get(i + 1) != Some(&b' '));
        if !self.others.iter().any(is_untidy) || is_number(raw) { Look::Tidy } else { Look::Untidy }
    }
}

/// Digits with a sign, an exponent, a percent sign, points; one comma, or commas before groups of three digits.
fn is_number(raw: &[u8]) -> bool {
    let mut groups = raw.split(|&b| b == b',').skip(1);
    let is_group = |group: &[u8]| group.len() >= 3 && group[..3].iter().all(u8::is_ascii_digit);
    raw.iter().any(u8::is_ascii_digit)
        && raw.iter().all(|b| b.is_ascii_digit() || b",.+-eE%".contains(b))
        && (groups.clone().count() < 2 || groups.all(is_group))
}
