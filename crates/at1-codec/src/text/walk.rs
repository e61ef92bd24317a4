//! The tokenizer's fast path: 64 bytes at a time, as masks of delimiters, terminators and quotes.
//!
//! * Finds exactly the records that [`super::scan`] finds byte by byte, all but those that it leaves: it stops where a
//!   record must be looked at as a whole, or where a limit is near.
//! * A stray quote costs a few instructions, and nothing is read twice.
//!
//! Quotes toggle between outside and inside, so the prefix xor of their mask is the inside. An opening quote must stand
//! at the start of a field, or directly behind a closing one, which it doubles; one that does not is text, and its bit
//! goes. What is left to the careful path is a quote that nothing closes: the input's end is met inside.

use super::{
    BlankLine, Dialect, Limits, Record, Span, Terminator, Tokens,
    mask::{BLOCK_BYTES, Masks, Work},
};

/// One way through some bytes, from the start of a record on.
pub(super) struct Walk<'a> {
    pub(super) bytes: &'a [u8],
    /// Where to start.
    pub(super) at: usize,
    /// No record that ends here or later is found.
    pub(super) limit: usize,
    /// With the quote that still is one.
    pub(super) dialect: Dialect,
    pub(super) blank: BlankLine,
    pub(super) limits: Limits,
    pub(super) tokens: &'a mut Tokens,
}

impl Work for Walk<'_> {
    /// Where the last record found ends.
    type Done = usize;

    #[inline(always)]
    fn run(self, masks: impl Masks) -> usize {
        match self.dialect.quote {
            Some(quote) => self.walk::<true>(masks, quote),
            None => self.walk::<false>(masks, 0),
        }
    }
}

impl Walk<'_> {
    #[inline(always)]
    fn walk<const QUOTES: bool>(self, masks: impl Masks, quote: u8) -> usize {
        let Self { bytes, at, limit, dialect: Dialect { delimiter, terminator, .. }, blank, limits, tokens } = self;
        let is_cr = terminator == Terminator::Cr;
        let (last_byte, other_byte) = if is_cr { (b'\r', b'\n') } else { (b'\n', b'\r') };
        let [lf_is_data, cr_may_end, gaps] =
            [is_cr, !is_cr, blank == BlankLine::Gap].map(|yes| if yes { !0 } else { 0 });

        let mut found = Found {
            multiline: tokens.multiline,
            fields: Slots::behind(&mut tokens.fields),
            records: Slots::behind(&mut tokens.records),
            field_start: at,
            record_start: at,
            first_field: 0,
        };
        found.first_field = found.fields.len;
        // What the bits before the block are: bit 0 stands for the byte before it.
        let mut line_starts = 1;
        let mut field_starts = 1;
        let (mut inside_before, mut cr_before, mut blank_cr_before, mut lf_before) = (0, 0, 0, false);
        let mut padded = [0; BLOCK_BYTES];
        let mut base = at;
        while base < bytes.len() {
            let rest = &bytes[base..];
            let end = base + rest.len().min(BLOCK_BYTES);
            if end >= limit || end - found.record_start > limits.record_bytes_max {
                break;
            }
            let block = match rest.first_chunk() {
                Some(block) => block,
                None => {
                    // The zeros behind the end end no record, so whatever they are taken for is dropped with its rest.
                    padded[..rest.len()].copy_from_slice(rest);
                    &padded
                }
            };
            let [delimiters, last_bytes, others, mut quotes] = if QUOTES {
                masks.find(block, [delimiter, last_byte, other_byte, quote])
            } else {
                let [delimiters, last_bytes, others] = masks.find(block, [delimiter, last_byte, other_byte]);
                [delimiters, last_bytes, others, 0]
            };

            let either = delimiters | last_bytes;
            let mut inside = 0;
            if QUOTES {
                loop {
                    inside = masks.prefix_xor(quotes) ^ inside_before;
                    let starts = ((either | quotes) & !inside) << 1 | field_starts;
                    let stray = quotes & inside & !starts;
                    if stray == 0 {
                        break;
                    }
                    quotes ^= stray & stray.wrapping_neg(); // only the first is known to be text
                }
                field_starts = ((either | quotes) & !inside) >> 63;
                inside_before = 0_u64.wrapping_sub(inside >> 63);
            }
            let separators = either & !inside;
            let ends = last_bytes & !inside;
            // A blank line is a terminator where a line starts: LF there, or LF behind a CR that stands there.
            let lines = ends << 1 | line_starts;
            line_starts = ends >> 63;
            let cr = others & cr_may_end;
            let crlf = ends & (cr << 1 | cr_before);
            cr_before = cr >> 63;
            let blank_cr = cr & lines;
            let blanks = ends & gaps & (lines | blank_cr << 1 | blank_cr_before);
            blank_cr_before = blank_cr >> 63;
            // Added to ones that only ends interrupt, a line feed in a record carries on to the record's end.
            let (sum, one) = (last_bytes & inside & cr_may_end | others & lf_is_data).overflowing_add(!ends);
            let (sum, other) = sum.overflowing_add(u64::from(lf_before));
            lf_before = one | other;

            let bits = Bits { base, separators, ends, crlf, blanks, multiline: sum & ends };
            if blanks == 0 {
                found.add(masks, bits)
            } else {
                found.add_with_blanks(bits)
            }
            base = end;
        }

        let Found { fields, records, record_start, first_field, multiline, .. } = found;
        assert!(u32::try_from(first_field).is_ok(), "a caller clears its tokens in time");
        fields.end(first_field);
        let len = records.len;
        records.end(len);
        tokens.multiline = multiline;
        record_start
    }
}

/// What one block holds.
struct Bits {
    /// Where the block starts.
    base: usize,
    /// Delimiters and terminators that are no data.
    separators: u64,
    /// Last bytes of terminators.
    ends: u64,
    /// Those with a CR before.
    crlf: u64,
    /// Those of blank lines in a gap.
    blanks: u64,
    /// Those of records with a line feed in them.
    multiline: u64,
}

/// What was found so far.
struct Found<'a> {
    fields: Slots<'a, Span>,
    records: Slots<'a, Record>,
    field_start: usize,
    record_start: usize,
    /// Of the record that starts at `record_start`.
    first_field: usize,
    multiline: u64,
}

impl Found<'_> {
    /// Adds the fields and records that end in a block without blank lines.
    #[inline(always)]
    fn add(&mut self, masks: impl Masks, Bits { base, separators, ends, crlf, multiline, .. }: Bits) {
        if separators == 0 {
            return;
        }
        let fields_before = self.fields.len;
        let spans = self.fields.room();
        masks.spans(separators, base as u32, self.field_start as u32, spans);
        self.field_start = base + BLOCK_BYTES - separators.leading_zeros() as usize;

        if ends != 0 {
            let records = self.records.room();
            let (mut rest, mut count) = (ends, 0);
            while rest != 0 {
                let line = rest ^ rest.wrapping_sub(1); // and all before it
                let here = line & rest;
                let ended = (separators & line).count_ones() as usize;
                spans[(ended - 1) % BLOCK_BYTES].end -= u32::from(crlf & here != 0);
                let next_field = fields_before + ended;
                let next_start = base + here.trailing_zeros() as usize + 1;
                self.multiline += u64::from(multiline & here != 0 && next_field - self.first_field > 1);
                records[count % BLOCK_BYTES] = record(self.record_start, self.first_field, next_start);
                (self.first_field, self.record_start) = (next_field, next_start);
                count += 1;
                rest ^= here;
            }
            self.records.len += count;
        }
        self.fields.len += separators.count_ones() as usize;
    }

    /// The same for any block, separator by separator.
    #[inline(never)]
    fn add_with_blanks(&mut self, Bits { base, separators, ends, crlf, blanks, multiline }: Bits) {
        let fields_before = self.fields.len;
        let (spans, records) = (self.fields.room(), self.records.room());
        let (mut fields, mut count, mut rest) = (0, 0, separators);
        while rest != 0 {
            let at = base + rest.trailing_zeros() as usize;
            let here = rest & rest.wrapping_neg();
            rest ^= here;
            if blanks & here == 0 {
                let end = at - usize::from(crlf & here != 0);
                spans[fields] = Span { start: self.field_start as u32, end: end as u32 };
                fields += 1;
                if ends & here != 0 {
                    let next_field = fields_before + fields;
                    self.multiline += u64::from(multiline & here != 0 && next_field - self.first_field > 1);
                    records[count] = record(self.record_start, self.first_field, at + 1);
                    (self.first_field, self.record_start) = (next_field, at + 1);
                    count += 1;
                }
            }
            self.field_start = at + 1;
        }
        self.fields.len += fields;
        self.records.len += count;
    }
}

#[inline(always)]
fn record(start: usize, first_field: usize, end: usize) -> Record {
    // `scan` takes less than 4 GiB, and `walk` looks at `first_field` once more.
    Record { start: start as u32, first_field: first_field as u32, end: end as u32 }
}

/// A vector that is written block by block, without asking for room at each item.
struct Slots<'a, T> {
    /// With items behind `len` that mean nothing yet.
    items: &'a mut Vec<T>,
    len: usize,
}

impl<'a, T: Copy + Default> Slots<'a, T> {
    /// So many are made at a time: enough to be cheap, and few enough to still be in the cache when they are written.
    const STEP: usize = 8 * BLOCK_BYTES;

    fn behind(items: &'a mut Vec<T>) -> Self {
        let len = items.len();
        Self { items, len }
    }

    /// Where the items of the next block go.
    #[inline(always)]
    fn room(&mut self) -> &mut [T; BLOCK_BYTES] {
        if self.items.len() - self.len < BLOCK_BYTES {
            self.grow();
        }
        self.items[self.len..].first_chunk_mut().expect("room was made")
    }

    #[inline(never)]
    fn grow(&mut self) {
        // No further than what was reserved, lest a last step double it.
        let reserved = self.items.capacity() - self.len;
        let step = if reserved < BLOCK_BYTES { Self::STEP } else { reserved.min(Self::STEP) };
        self.items.resize(self.len + step, T::default());
    }

    /// Leaves the first `len` items.
    fn end(self, len: usize) {
        self.items.truncate(len);
    }
}
