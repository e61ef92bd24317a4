//! What a scan read, and what it could leave unread.
//!
//! * `skipped` and `scanned` add up to `total`. What a limit or an early end left unread counts as skipped.
//! * Pages and row groups of segments that were never opened are not known and not counted.

use std::ops::AddAssign;

use serde_json::{Value, json};

/// Counters of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Live segments of the table.
    pub segments_total: u64,
    /// Segments that were not opened.
    pub segments_skipped: u64,
    /// Segments that were opened.
    pub segments_scanned: u64,
    /// Of the segments that were not opened, those whose zones answered what was asked of them.
    pub segments_answered: u64,
    /// Row groups of the opened segments.
    pub row_groups_total: u64,
    /// Row groups of which no page was read.
    pub row_groups_skipped: u64,
    /// Of those, the ones that zones left and Bloom filters ruled out.
    pub row_groups_skipped_by_bloom: u64,
    /// Of those, the ones that zones and Bloom filters left and dictionaries ruled out.
    pub row_groups_skipped_by_dictionary: u64,
    /// Of those, the ones whose zones answered what was asked of them.
    pub row_groups_answered: u64,
    /// Row groups of which pages were read.
    pub row_groups_scanned: u64,
    /// Pages of the columns that the query names, in the opened segments.
    pub pages_total: u64,
    /// Those that held no row of interest.
    pub pages_skipped: u64,
    /// Those that were read.
    pub pages_scanned: u64,
    /// The size of all segments, and of the table's ledger where there is one.
    pub bytes_total: u64,
    /// Bytes that were read: what told which segments there are, footers, digest tables, pages.
    pub bytes_read: u64,
    /// Of those, what told which segments there are: ledger and manifest. The catalog cannot know: the table fills it in.
    pub bytes_read_planning: u64,
    /// Of those, what opening segments read: footers, digest tables, page indexes, and what lay beside them.
    pub bytes_read_opening: u64,
    /// Of those, what else was read of segments: pages, dictionaries, Bloom filters, how fields were spelled.
    pub bytes_read_data: u64,
    /// How often the storage was asked for bytes of segments.
    pub reads: u64,
    /// The size of the pages that were read, once decompressed.
    pub bytes_unpacked: u64,
    /// Rows that were given out, or that aggregates were answered for.
    pub rows_matched: u64,
    /// Fields of the columns that the query names that their column's type cannot hold: of stored columns those in the
    /// opened segments, of columns whose fields are read again as another type those in the row groups that were read.
    pub rejects: u64,
    /// The event whose table was read, which the catalog cannot know: the table fills it in.
    pub as_of_event: Option<u64>,
}

impl Statistics {
    /// Every count under its name, as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "segments_total": self.segments_total,
            "segments_skipped": self.segments_skipped,
            "segments_answered": self.segments_answered,
            "segments_scanned": self.segments_scanned,
            "row_groups_total": self.row_groups_total,
            "row_groups_skipped": self.row_groups_skipped,
            "row_groups_skipped_by_bloom": self.row_groups_skipped_by_bloom,
            "row_groups_skipped_by_dictionary": self.row_groups_skipped_by_dictionary,
            "row_groups_answered": self.row_groups_answered,
            "row_groups_scanned": self.row_groups_scanned,
            "pages_total": self.pages_total,
            "pages_skipped": self.pages_skipped,
            "pages_scanned": self.pages_scanned,
            "bytes_total": self.bytes_total,
            "bytes_read": self.bytes_read,
            "bytes_read_planning": self.bytes_read_planning,
            "bytes_read_opening": self.bytes_read_opening,
            "bytes_read_data": self.bytes_read_data,
            "bytes_unpacked": self.bytes_unpacked,
            "reads": self.reads,
            "rows_matched": self.rows_matched,
            "rejects": self.rejects,
            "as_of_event": self.as_of_event,
        })
    }
}

impl AddAssign for Statistics {
    fn add_assign(&mut self, other: Self) {
        self.segments_total += other.segments_total;
        self.segments_skipped += other.segments_skipped;
        self.segments_scanned += other.segments_scanned;
        self.segments_answered += other.segments_answered;
        self.row_groups_total += other.row_groups_total;
        self.row_groups_skipped += other.row_groups_skipped;
        self.row_groups_skipped_by_bloom += other.row_groups_skipped_by_bloom;
        self.row_groups_skipped_by_dictionary += other.row_groups_skipped_by_dictionary;
        self.row_groups_answered += other.row_groups_answered;
        self.row_groups_scanned += other.row_groups_scanned;
        self.pages_total += other.pages_total;
        self.pages_skipped += other.pages_skipped;
        self.pages_scanned += other.pages_scanned;
        self.bytes_total += other.bytes_total;
        self.bytes_read += other.bytes_read;
        self.bytes_read_planning += other.bytes_read_planning;
        self.bytes_read_opening += other.bytes_read_opening;
        self.bytes_read_data += other.bytes_read_data;
        self.reads += other.reads;
        self.bytes_unpacked += other.bytes_unpacked;
        self.rows_matched += other.rows_matched;
        self.rejects += other.rejects;
        self.as_of_event = self.as_of_event.or(other.as_of_event);
    }
}
