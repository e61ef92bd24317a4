//! A scan cut into pieces of work, and dealt out.
//!
//! * A piece is a file, a row group, or some rows of one. Each row that is to be read is in one piece.
//! * Pieces come in the order of their rows, and neighbours go to one partition.

use std::path::Path;

use at1_table::{PlannedRowGroup, PlannedSegment};
use datafusion::{
    datasource::{
        listing::PartitionedFile,
        physical_plan::{FileGroup, parquet::ParquetAccessPlan},
    },
    error::Result,
    parquet::arrow::arrow_reader::{RowSelection, RowSelector},
};
use object_store::ObjectMeta;

use crate::segments;

/// Into what pieces of work a scan is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// Row groups. What a piece is, is said in byte ranges, which a plan keeps wherever it is sent.
    #[default]
    RowGroups,
    /// Stretches of rows where there are fewer row groups than could be worked on at once. What a piece is, is said in an access plan, which
    /// is lost when a plan is sent to other machines: each would then read the whole row group, and rows would come several times. Only for
    /// sessions that run their plans themselves.
    Rows,
}

/// With rows to split, so many pieces a partition: one that is done early takes from those that are not.
const PIECES_A_PARTITION: usize = 2;
/// Pieces are not made smaller than this; a page may be read by both of its neighbours.
const PIECE_ROWS_MIN: u64 = 1 << 16;

/// The pieces of the segments of the table in `folder`.
pub(crate) fn cut(
    folder: &Path,
    segments: &[PlannedSegment],
    split: Split,
    partitions: usize,
) -> Result<Vec<PartitionedFile>> {
    let rows: u64 = segments.iter().map(|segment| segment.rows.end - segment.rows.start).sum();
    let wanted = match split {
        Split::Rows if partitions > 1 => rows.div_ceil((PIECES_A_PARTITION * partitions) as u64).max(PIECE_ROWS_MIN),
        _ => u64::MAX,
    };
    let mut pieces = vec![];
    for segment in segments {
        let file = PartitionedFile::new_from_meta(ObjectMeta {
            location: segments::location(folder, segment)?,
            last_modified: Default::default(),
            size: segment.bytes,
            e_tag: None,
            version: None,
        });
        let at = |byte: u64| i64::try_from(byte).unwrap_or(i64::MAX);
        let Some(groups) = &segment.row_groups else {
            // What is behind the last row group is not work.
            pieces.push(file.with_range(0, at(segment.bytes.saturating_sub(segment.footer_bytes))));
            continue;
        };
        for group in groups {
            match (group.rows.div_ceil(wanted), segment.row_groups_total) {
                (parts @ 2.., Some(total)) => pieces.extend(stretches(&file, group, parts, total)),
                _ => pieces.push(file.clone().with_range(at(group.bytes.start), at(group.bytes.end))),
            }
        }
    }
    Ok(pieces)
}

/// A row group of a file that has `total`, in `parts` stretches of rows.
fn stretches(
    file: &PartitionedFile,
    group: &PlannedRowGroup,
    parts: u64,
    total: usize,
) -> impl Iterator<Item = PartitionedFile> {
    let border =
        move |part: u64| u64::try_from(u128::from(group.rows) * u128::from(part) / u128::from(parts)).unwrap_or(0);
    let count = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
    (0..parts).map(move |part| {
        let (start, end) = (border(part), border(part + 1));
        let rows = [
            RowSelector::skip(count(start)),
            RowSelector::select(count(end - start)),
            RowSelector::skip(count(group.rows - end)),
        ];
        let mut plan = ParquetAccessPlan::new_none(total);
        plan.scan(group.index);
        plan.scan_selection(group.index, RowSelection::from(rows.to_vec()));
        file.clone().with_extension(plan)
    })
}

/// Deals pieces out to at most so many groups, neighbours together, each group about as large as the others.
pub(crate) fn shared_out(pieces: Vec<PartitionedFile>, groups: usize) -> Vec<FileGroup> {
    let size = |piece: &PartitionedFile| {
        let range = piece.range.as_ref().map(|range| u64::try_from(range.end - range.start).unwrap_or(0));
        range.unwrap_or(piece.object_meta.size)
    };
    let total: u64 = pieces.iter().map(size).sum();
    let groups = groups.clamp(1, pieces.len().max(1));
    let mut shared: Vec<Vec<PartitionedFile>> = vec![vec![]; groups];
    let mut before = 0;
    for piece in pieces {
        let middle = before + size(&piece) / 2;
        before += size(&piece);
        let group = u128::from(middle) * groups as u128 / u128::from(total.max(1));
        shared[usize::try_from(group).unwrap_or(0).min(groups - 1)].push(piece);
    }
    shared.into_iter().filter(|group| !group.is_empty()).map(FileGroup::new).collect()
}
