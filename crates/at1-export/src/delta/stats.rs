//! The statistics of a segment, as text inside an `add`.
//!
//! * They come from the segment's footer, which the ledger's event binds; a reader that trusts them trusts the table.
//! * **Bounds are of all columns or of none.** There are readers that take a missing bound of one column, where others have theirs, for a
//!   bound that no value meets, and so lose rows. A column without bounds is one that holds a NaN, or what [`super::bound`] has no word for.
//! * They are of as many columns as the log said in its first version, and of those of every file: a column that a file does not have
//!   is null in all its rows. For the same reason: a reader would miss statistics of a column that came later in files from before.

use at1_catalog::{View, Zones};
use at1_codec::{ColumnType, Segment};
use at1_table::{ColumnInfo, Result};

use super::bound::{self, Side};

/// Statistics are of so many columns at most, the first: what Delta writers do unless told, since each is paid for in every line.
const COLUMNS_MAX: usize = 32;
/// The table property that says of how many.
pub(super) const COLUMNS: &str = "delta.dataSkippingNumIndexedCols";

/// Of how many columns a log that begins with these has statistics.
pub(super) fn columns_of(columns: &[ColumnInfo]) -> usize {
    columns.len().min(COLUMNS_MAX)
}

/// The JSON text of the statistics of a segment of a table with these columns.
pub(super) fn of_segment(segment: &Segment, columns: &[ColumnInfo]) -> Result<String> {
    let zones = Zones::of_segment(segment, &View::same(segment.schema()))?;
    let stored = segment.schema().columns.len();
    let (mut lower, mut upper, mut nulls) = (vec![], vec![], vec![]);
    let mut bounded = true;
    for (index, column) in columns.iter().enumerate() {
        let name = bound::quoted(&column.name);
        if index >= stored {
            nulls.push(format!("{name}:{}", segment.rows()));
            continue;
        }
        let Some(zone) = zones.column(index) else {
            bounded = false;
            continue;
        };
        let count = zone.nulls().iter().next().flatten();
        nulls.extend(count.map(|count| format!("{name}:{count}")));
        // Of bytes nobody expects bounds, and of nothing but nulls there are none.
        if column.ty == ColumnType::Binary || count == Some(segment.rows()) {
            continue;
        }
        let bound = |bounds, side| bound::json(bounds, 0, column.ty, side).map(|bound| format!("{name}:{bound}"));
        match (bound(zone.min(), Side::Lower), bound(zone.max(), Side::Upper)) {
            (Some(least), Some(greatest)) => {
                lower.push(least);
                upper.push(greatest);
            }
            _ => bounded = false,
        }
    }
    let bounds = match bounded {
        true => format!(r#""minValues":{{{}}},"maxValues":{{{}}},"#, lower.join(","), upper.join(",")),
        false => String::new(),
    };
    Ok(format!(r#"{{"numRecords":{},{bounds}"nullCount":{{{}}}}}"#, segment.rows(), nulls.join(",")))
}
