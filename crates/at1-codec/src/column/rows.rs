//! The streams of what varies from row to row, as they grow.

use arrow::array::BooleanBufferBuilder;

use super::form::{Form, Per, Quoting, Streams};

/// What one row says; what does not apply to it is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries {
    /// Which spelling of null.
    pub(crate) null: Option<u8>,
    pub(crate) is_quoted: bool,
    /// Digits after the point.
    pub(crate) digits: Option<u8>,
    /// Which zone.
    pub(crate) zone: Option<u8>,
}

/// The streams that a form calls for.
pub(crate) struct Rows {
    nulls: Option<Vec<u8>>,
    quotes: Option<BooleanBufferBuilder>,
    digits: Option<Vec<u8>>,
    zones: Option<Vec<u8>>,
    has_some: bool,
}

impl Rows {
    pub(crate) fn new(form: &Form) -> Self {
        let nulls = (form.nulls_per == Per::Row).then(Vec::new);
        let quotes = (form.quoting == Quoting::PerRow).then(|| BooleanBufferBuilder::new(0));
        let digits = (form.digits_per() == Per::Row).then(Vec::new);
        let zones = form.zones_per_row().map(|_| Vec::new());
        let has_some = nulls.is_some() || quotes.is_some() || digits.is_some() || zones.is_some();
        Self { nulls, quotes, digits, zones, has_some }
    }

    /// Adds what the next row says.
    #[inline]
    pub(crate) fn push(&mut self, entries: Entries) {
        if !self.has_some {
            return;
        }
        push_or_repeat(&mut self.nulls, entries.null);
        push_or_repeat(&mut self.digits, entries.digits);
        push_or_repeat(&mut self.zones, entries.zone);
        if let Some(quotes) = &mut self.quotes {
            quotes.append(entries.is_quoted);
        }
    }

    /// Forgets all rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        [&mut self.nulls, &mut self.digits, &mut self.zones].into_iter().flatten().for_each(Vec::clear);
        if let Some(quotes) = &mut self.quotes {
            quotes.truncate(0);
        }
    }

    pub(crate) fn borrow(&self) -> Streams<'_> {
        Streams {
            nulls: self.nulls.as_deref(),
            quotes: self.quotes.as_ref().map(BooleanBufferBuilder::as_slice),
            digits: self.digits.as_deref(),
            zones: self.zones.as_deref(),
        }
    }
}

/// Adds an entry; a row that has none repeats the one before, which costs least.
fn push_or_repeat(stream: &mut Option<Vec<u8>>, entry: Option<u8>) {
    let Some(stream) = stream else { return };
    let entry = entry.unwrap_or_else(|| stream.last().copied().unwrap_or(0));
    stream.push(entry);
}

/// Where a spelling stands in a list; the first if it does not, and then the field is patched.
pub(crate) fn spelling(list: &[Vec<u8>], wanted: &[u8]) -> u8 {
    if list.len() < 2 {
        return 0;
    }
    list.iter().zip(0..).find(|(spelling, _)| *spelling == wanted).map_or(0, |(_, index)| index)
}
