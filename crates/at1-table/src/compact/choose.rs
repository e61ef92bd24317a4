//! Which segments are merged next: the live segments in, some neighbours out.
//!
//! * Of a segment no more than its size is kept while the others are looked at.

use std::ops::Range;

use at1_codec::segment::layout::{self, GROUP_BYTES_MAX, GROUP_FIELDS_MAX, GROUP_ROWS_MAX};

use super::{Choose, Tiers};
use crate::{error::Result, manifest::Live, version::Version};

/// What a batch weighs besides its bytes: a small segment costs a reader about as much as a page more.
const BATCH_WEIGHT: u64 = 4096;
/// The most row groups of a segment, by our estimate; Parquet has at most 32,767.
const ROW_GROUPS_MAX: u64 = 30_000;
/// The most bytes of a segment's footer and of its digest table, by our estimate: readers take twice as much.
const FOOTER_BYTES_MAX: u64 = layout::FOOTER_BYTES_MAX as u64 / 2;

/// The batches of the segments of the next step, of those whose batches end by `end`.
pub(super) fn next(choose: &Choose, version: &Version, end: u64) -> Result<Option<Range<u64>>> {
    let columns = version.schema().columns.len() as u64;
    let (mut sizes, mut ends, mut others) = (vec![], vec![], vec![]);
    for placed in version.tail.live.range(0..end) {
        let live = placed?.live;
        // A compaction of others may have laid the border across.
        if live.batch.end > end {
            break;
        }
        sizes.push(Size::of(&live, columns));
        ends.push(live.batch.end);
        if *choose == Choose::Retype {
            let pins = version.pins_of(&live);
            let mut pins = pins.iter().zip(&version.schema().columns);
            // Columns that came later are no reason: every reader knows what a missing column is.
            others.push(live.rows > 0 && pins.any(|(stored, now)| !now.is_stored_as(*stored)));
        }
    }
    let chosen = match choose {
        Choose::All => groups(&sizes, 0..sizes.len()).find(|group| group.len() > 1),
        Choose::Tiered(tiers) => tiered(&sizes, tiers),
        Choose::Retype => {
            let run = others.chunk_by(|a, b| a == b).scan(0, |at, run| {
                let range = *at..*at + run.len();
                *at = range.end;
                Some((run[0], range))
            });
            run.filter(|(other, _)| *other).find_map(|(_, range)| groups(&sizes, range).next())
        }
    };
    let start = |segment: usize| segment.checked_sub(1).map_or(0, |before| ends[before]);
    Ok(chosen.map(|segments| start(segments.start)..ends[segments.end - 1]))
}

/// A block of a segment is at least so long, unless its column chunk is shorter, and takes so much of the digest table.
const BLOCK_BYTES: u64 = layout::BLOCK_BYTES_MIN as u64;
const DIGEST_BYTES: u64 = 36;

/// How large a segment is, in measures that merging adds up.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    weight: u64,
    row_groups: u64,
    /// Footer and digest table, which are read whole.
    footer_bytes: u64,
}

impl Size {
    fn of(live: &Live, columns: u64) -> Self {
        // A row group is flushed when it is nearly full; three quarters are a safe estimate.
        let full = |part: u64, most: usize| part / (most as u64 * 3 / 4);
        Self {
            weight: live.source_bytes.saturating_add(BATCH_WEIGHT * (live.batch.end - live.batch.start)),
            row_groups: 1
                + full(live.source_bytes, GROUP_BYTES_MAX)
                + full(live.rows, GROUP_ROWS_MAX)
                + full(live.rows.saturating_mul(columns), GROUP_FIELDS_MAX),
            footer_bytes: live.footer_bytes + live.bytes / BLOCK_BYTES * DIGEST_BYTES,
        }
    }
}

/// A range of segments cut where a file would be too large for its readers.
fn groups(sizes: &[Size], range: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = at;
        let (mut row_groups, mut footer_bytes) = (0, 0);
        while at < range.end {
            row_groups += sizes[at].row_groups;
            footer_bytes += sizes[at].footer_bytes;
            if at > start && (row_groups > ROW_GROUPS_MAX || footer_bytes > FOOTER_BYTES_MAX) {
                break;
            }
            at += 1;
        }
        (at > start).then_some(start..at)
    })
}

/// The first neighbours of the lowest tier that together reach a higher one.
fn tiered(sizes: &[Size], tiers: &Tiers) -> Option<Range<usize>> {
    let mut least = BATCH_WEIGHT.saturating_mul(tiers.fan_in);
    loop {
        // Everything below `least` is of this tier or lower.
        let mut start = 0;
        while start < sizes.len() {
            let run = sizes[start..].iter().take_while(|size| size.weight < least && size.weight < tiers.target_bytes);
            let run = start..start + run.count();
            let mut together = 0;
            let mut end = run.start;
            while end < run.end && together < tiers.target_bytes {
                together += sizes[end].weight;
                end += 1;
            }
            if together >= least.min(tiers.target_bytes)
                && let Some(group) = groups(sizes, run.start..end).find(|group| group.len() > 1)
            {
                return Some(group);
            }
            start = run.end + 1;
        }
        if least >= tiers.target_bytes {
            return None;
        }
        least = least.saturating_mul(tiers.fan_in);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(weights: &[u64]) -> Vec<Size> {
        weights.iter().map(|&weight| Size { weight, row_groups: 1, footer_bytes: 1_000 }).collect()
    }

    const TIERS: Tiers = Tiers { target_bytes: 1 << 30, fan_in: 10 };

    #[test]
    fn neighbours_are_merged_once_they_reach_the_next_tier() {
        for (weights, expected) in [
            (vec![], None),
            (vec![5_000; 8], None),
            (vec![5_000; 9], Some(0..9)),
            (vec![50_000, 5_000, 5_000], None),
            (vec![4_000_000, 50_000, 39_000, 2_000], Some(2..4)),
            (vec![50_000; 8], None),
            (vec![50_000; 9], Some(0..9)),
            // The lower tier comes first, wherever it is.
            ([vec![50_000; 9], vec![5_000; 9]].concat(), Some(9..18)),
            // What is full is left alone, and so are its neighbours on their own.
            (vec![2 << 30, 5_000, 2 << 30], None),
            (vec![600 << 20, 600 << 20, 600 << 20], Some(0..2)),
        ] {
            assert_eq!(tiered(&sizes(&weights), &TIERS), expected, "{weights:?}");
        }
    }

    #[test]
    fn no_byte_is_written_more_often_than_there_are_tiers() {
        for (fan_in, tiers) in [(2, 13), (4, 7), (10, 4)] {
            let policy = Tiers { fan_in, ..TIERS };
            let mut weights: Vec<u64> = vec![];
            let (mut appended, mut written, mut segments) = (0, 0, 0);
            for i in 0..5_000u64 {
                let weight = 4096 + i * 37 % 2_000;
                weights.push(weight);
                appended += weight;
                while let Some(group) = tiered(&sizes(&weights), &policy) {
                    let merged = weights[group.clone()].iter().sum();
                    written += merged;
                    weights.splice(group, [merged]);
                }
                segments = segments.max(weights.len());
            }
            assert!(written <= appended * tiers, "fan-in {fan_in}: {written} of {appended}");
            assert!((segments as u64) <= fan_in * tiers, "fan-in {fan_in}: {segments} segments");
        }
    }

    #[test]
    fn a_file_is_no_larger_than_readers_take() {
        let big = Size { weight: 1, row_groups: 12_000, footer_bytes: 0 };
        let found: Vec<_> = groups(&[big; 5], 0..5).collect();
        assert_eq!(found, [0..2, 2..4, 4..5]);
        let wide = Size { weight: 1, row_groups: 1, footer_bytes: 50 << 20 };
        let found: Vec<_> = groups(&[wide; 5], 1..5).collect();
        assert_eq!(found, [1..3, 3..5]);
        let huge = Size { weight: 1, row_groups: 90_000, footer_bytes: 1 << 40 };
        assert_eq!(groups(&[huge], 0..1).next(), Some(0..1), "never none");
    }
}
