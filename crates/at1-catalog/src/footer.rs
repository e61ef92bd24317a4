//! Zones from Parquet metadata: row groups from the footer, pages from the page index.
//!
//! * Counts that the metadata lacks or that cannot be right are not known, never zero.
//! * Pages of different columns end at different rows; a verdict is given for the stretches between all their ends.

use std::ops::Range;

use arrow::{
    array::{ArrayRef, BooleanArray, UInt64Array},
    compute::nullif,
    datatypes::FieldRef,
};
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, statistics::StatisticsConverter},
    file::{
        metadata::{ParquetMetaData, RowGroupMetaData},
        statistics::Statistics,
    },
};

use crate::{
    ColumnZones, Error, Result, Source, View, Zones,
    convert::Conversion,
    origin::{self, Origin},
};

/// What a file's writer promises about bounds of doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoubleBounds {
    /// A stretch that holds a NaN has no bounds, as in every segment of AT1.
    ProveNoNan,
    /// Bounds leave NaN out, as most other writers do: they say nothing about how large values get.
    LeaveNanOut,
}

impl Zones {
    /// A zone for each row group, with the columns of the table that are `wanted`. Rejects are not told apart by row
    /// group: if a column has any, their counts are not known.
    ///
    /// # Errors
    /// If the metadata contradicts itself or lacks a column that the view names.
    pub fn of_row_groups(source: &impl Source, view: &View, wanted: impl IntoIterator<Item = usize>) -> Result<Self> {
        let rows = groups_rows(source.metadata())?;
        let mut columns = vec![None; view.columns.len()];
        for column in wanted {
            let zones = match view.columns[column] {
                None => ColumnZones::missing(view.ty(column), &rows),
                Some(stored) => {
                    let (rows, zones) = group_zones(source, stored)?;
                    origin::seen(source, view, (column, stored), &zones, &rows)
                }
            };
            columns[column] = Some(zones);
        }
        Self::new(rows, columns)
    }
}

/// The rows of each row group.
fn groups_rows(metadata: &ArrowReaderMetadata) -> Result<UInt64Array> {
    let groups = metadata.metadata().row_groups();
    Ok(UInt64Array::from(groups.iter().map(group_rows).collect::<Result<Vec<_>>>()?))
}

/// The rows and the zones of each row group of a stored column, in the type it is stored as.
pub(crate) fn group_zones(source: &impl Source, stored: usize) -> Result<(UInt64Array, ColumnZones)> {
    let metadata = source.metadata();
    let rows = groups_rows(metadata)?;
    let groups = metadata.metadata().row_groups();
    let converter = converter(metadata, stored)?;
    let (min, max) = (converter.row_group_mins(groups)?, converter.row_group_maxes(groups)?);
    let nulls = known(converter.row_group_null_counts(groups)?.iter(), &rows);
    let zones = stored_zones(source, stored, (min, max), nulls)?;
    Ok((rows, zones))
}

/// The zones of each row group, with the bounds that are values of it, of those `wanted` columns that are stored in the type that
/// the table asks for.
pub(crate) fn exact_zones(
    source: &impl Source,
    view: &View,
    origins: &[Option<Origin>],
    wanted: &[usize],
) -> Result<Zones> {
    let rows = groups_rows(source.metadata())?;
    let groups = source.metadata().metadata().row_groups();
    let mut columns = vec![None; view.columns.len()];
    for &column in wanted {
        columns[column] = match origins[column] {
            Some(Origin::Missing) => Some(ColumnZones::missing(view.ty(column), &rows)),
            Some(Origin::Stored(stored, Conversion::Same)) => {
                let (_, zones) = group_zones(source, stored)?;
                let exact = |is_exact: fn(&Statistics) -> bool| -> BooleanArray {
                    groups.iter().map(|group| Some(!group.column(stored).statistics().is_some_and(is_exact))).collect()
                };
                let min = nullif(zones.min(), &exact(Statistics::min_is_exact))?;
                let max = nullif(zones.max(), &exact(Statistics::max_is_exact))?;
                Some(ColumnZones::new(min, max, zones.nulls().clone(), zones.rejects().clone())?)
            }
            _ => None,
        };
    }
    Zones::new(rows, columns)
}

fn stored_zones(
    source: &impl Source,
    stored: usize,
    (min, max): (ArrayRef, ArrayRef),
    nulls: UInt64Array,
) -> Result<ColumnZones> {
    // Where the segment's rejects are is not known without reading more.
    let rejects = match source.rejects(stored) {
        0 => UInt64Array::from(vec![0; nulls.len()]),
        _ => UInt64Array::new_null(nulls.len()),
    };
    let zones = ColumnZones::new(min, max, nulls, rejects)?;
    Ok(match source.double_bounds() {
        DoubleBounds::ProveNoNan => zones,
        DoubleBounds::LeaveNanOut => zones.with_hidden_nan(),
    })
}

fn known(counts: impl Iterator<Item = Option<u64>>, rows: &UInt64Array) -> UInt64Array {
    counts.zip(rows.values()).map(|(count, &rows)| count.filter(|&count| count <= rows)).collect()
}

pub(crate) fn group_rows(group: &RowGroupMetaData) -> Result<u64> {
    u64::try_from(group.num_rows()).map_err(|_| Error::corrupt("row group", "a number of rows", group.num_rows()))
}

/// A number of rows, or the place of one, in memory.
pub(crate) fn bits(rows: u64) -> Result<usize> {
    usize::try_from(rows).map_err(|_| Error::corrupt("row group", "a number of rows that fits in memory", rows))
}

/// The field of a stored column.
pub(crate) fn field(metadata: &ArrowReaderMetadata, stored: usize) -> Result<&FieldRef> {
    let fields = metadata.schema().fields();
    // A column of AT1 is one leaf; nested files have more leaves than fields.
    if fields.len() != metadata.parquet_schema().num_columns() {
        return Err(Error::mismatch("segment", "columns without structure", "nested ones"));
    }
    fields.get(stored).ok_or_else(|| Error::mismatch("view", format!("a column below {}", fields.len()), stored))
}

fn converter(metadata: &ArrowReaderMetadata, stored: usize) -> Result<StatisticsConverter<'_>> {
    let converter =
        StatisticsConverter::from_column_index(stored, field(metadata, stored)?, metadata.parquet_schema())?;
    // A missing count is unknown, not zero.
    Ok(converter.with_missing_null_counts_as_zero(false))
}

/// The rows of each page of a column chunk; the chunk as one page if there is no page index.
pub(crate) fn pages(metadata: &ParquetMetaData, group: usize, stored: usize) -> Result<Vec<Range<u64>>> {
    let rows = group_rows(metadata.row_group(group))?;
    let locations = metadata.offset_index().and_then(|index| index.get(group)?.get(stored));
    let Some(locations) = locations.map(|index| index.page_locations()).filter(|pages| !pages.is_empty()) else {
        return Ok(std::iter::once(0..rows).collect());
    };
    let starts = locations.iter().map(|page| u64::try_from(page.first_row_index).unwrap_or(u64::MAX));
    let starts: Vec<u64> = starts.chain([rows]).collect();
    if starts[0] != 0 || starts.windows(2).any(|pair| pair[0] > pair[1]) {
        return Err(Error::corrupt(format!("row group {group}"), "pages in the order of their rows", "another order"));
    }
    Ok(starts.windows(2).map(|pair| pair[0]..pair[1]).collect())
}

/// Stretches of a row group between the ends of the pages of some columns, with their zones.
pub(crate) struct Stretches {
    pub(crate) rows: Vec<Range<u64>>,
    pub(crate) zones: Zones,
}

/// Cuts a row group at the ends of the pages of `wanted` columns of the table.
///
/// `groups` are the zones of all row groups: they stand in where a column has no page index.
pub(crate) fn stretches(
    source: &impl Source,
    view: &View,
    group: usize,
    wanted: &[usize],
    groups: &Zones,
) -> Result<Stretches> {
    let whole = groups.slice(group..group + 1)?;
    let mut found = Vec::new();
    for &column in wanted {
        let paged = match view.columns[column] {
            Some(stored) => page_zones(source, group, stored)?.map(|(pages, zones)| {
                let zones = origin::seen(source, view, (column, stored), &zones, &lengths(&pages));
                (pages, zones)
            }),
            None => None,
        };
        let whole = || Some((std::iter::once(0..whole.rows().value(0)).collect(), whole.column(column)?.clone()));
        if let Some((rows, zones)) = paged.or_else(whole) {
            found.push((column, rows, zones));
        }
    }
    let mut cuts: Vec<u64> = found.iter().flat_map(|(_, rows, _)| rows.iter().flat_map(|r| [r.start, r.end])).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let rows: Vec<Range<u64>> = cuts.windows(2).map(|pair| pair[0]..pair[1]).collect();
    let row_counts = lengths(&rows);
    let mut columns = vec![None; view.columns.len()];
    for (column, pages, zones) in found {
        let within = rows.iter().map(|r| pages.partition_point(|page| page.end <= r.start) as u64);
        let within = UInt64Array::from(within.collect::<Vec<_>>());
        columns[column] = Some(zones.refined(&within, &lengths(&pages), &row_counts)?);
    }
    Ok(Stretches { rows, zones: Zones::new(row_counts, columns)? })
}

fn lengths(ranges: &[Range<u64>]) -> UInt64Array {
    ranges.iter().map(|range| Some(range.end - range.start)).collect()
}

/// The zones of the pages of a column chunk, if it has a page index.
fn page_zones(source: &impl Source, group: usize, stored: usize) -> Result<Option<(Vec<Range<u64>>, ColumnZones)>> {
    let metadata = source.metadata();
    let file = metadata.metadata();
    let (Some(columns), Some(offsets)) = (file.column_index(), file.offset_index()) else { return Ok(None) };
    let present = |found: Option<usize>| found.is_some_and(|width| width > stored);
    if !present(columns.get(group).map(Vec::len)) || !present(offsets.get(group).map(Vec::len)) {
        return Ok(None);
    }
    let pages = pages(file, group, stored)?;
    if pages.len() == 1 {
        // The row group's zone says it all; segments have no column index for a single page.
        return Ok(None);
    }
    let converter = converter(metadata, stored)?;
    let min = converter.data_page_mins(columns, offsets, [&group])?;
    let max = converter.data_page_maxes(columns, offsets, [&group])?;
    let nulls = converter.data_page_null_counts(columns, offsets, [&group])?;
    if [min.len(), max.len(), nulls.len()] != [pages.len(); 3] {
        return Ok(None);
    }
    let nulls = known(nulls.iter(), &lengths(&pages));
    Ok(Some((pages, stored_zones(source, stored, (min, max), nulls)?)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Array;
    use at1_codec::{ColumnType, Schema};
    use parquet::arrow::{ArrowWriter, arrow_reader::ArrowReaderOptions};

    use super::*;

    /// Writers may leave null counts out; the Parquet crate then likes to say there are none.
    #[test]
    fn a_missing_null_count_is_not_zero() {
        let schema = Schema::named([(Some("x"), ColumnType::Int64)]);
        let mut writer = ArrowWriter::try_new(Vec::new(), schema.arrow(), None).unwrap();
        let values: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![Some(1), None]));
        writer.write(&arrow::array::RecordBatch::try_new(schema.arrow(), vec![values]).unwrap()).unwrap();
        let file = writer.finish().unwrap();
        for (nulls, want) in [(Some(1), Some(1)), (None, None), (Some(3), None)] {
            let group = file.row_group(0).clone();
            let statistics = Statistics::int64(Some(1), Some(1), None, nulls, false);
            let chunk = group.column(0).clone().into_builder().set_statistics(statistics).build().unwrap();
            let group = group.into_builder().set_column_metadata(vec![chunk]).build().unwrap();
            let changed = file.clone().into_builder().set_row_groups(vec![group]).build();
            let metadata = ArrowReaderMetadata::try_new(Arc::new(changed), ArrowReaderOptions::new()).unwrap();
            let converter = converter(&metadata, 0).unwrap();
            let rows = groups_rows(&metadata).unwrap();
            let groups = metadata.metadata().row_groups();
            let found = known(converter.row_group_null_counts(groups).unwrap().iter(), &rows);
            assert_eq!(found.is_valid(0).then(|| found.value(0)), want, "{nulls:?}");
        }
    }
}
