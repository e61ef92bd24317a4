//! Does every batch come out of its segment as it went in, and do the bounds bound?
//!
//! * Every segment is decoded once for its bytes, and once for its values.
//! * Bounds are compared with the values themselves, not with the statistics that they were made of: those in the event, those
//!   of each row group, those of each page.

use arrow::{
    array::{Array, ArrayRef, Datum, Scalar},
    compute::kernels::cmp::{gt, lt},
};
use at1_catalog::{SegmentZone, ZonesBuilder};
use at1_codec::{Schema, Segment};
use at1_ledger::{Carried, Digest, SegmentRecord, State};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReaderBuilder, statistics::StatisticsConverter},
};

use super::{Code, Finding, VerifyOptions, VerifyReport, in_parallel};
use crate::{
    batches::words,
    error::{Error, ErrorKind, Result},
    paths, row_tree,
    schemas::Schemas,
    segments,
    store::Store,
    table::Table,
    zones,
};

/// What the whole ledger says.
#[derive(Clone, Copy)]
pub(super) struct Fold<'a> {
    pub(super) state: &'a State,
    pub(super) schemas: &'a Schemas,
}

pub(super) fn check(table: &Table, fold: &Fold<'_>, options: &VerifyOptions, report: &mut VerifyReport) {
    let state = fold.state;
    let found = in_parallel(options.threads, state.live(), |record| {
        let mut findings = vec![];
        let batches = check_segment(table.store(), fold, record, &mut findings);
        (batches, findings)
    });
    let mut held = Some(true);
    for ((batches, mut findings), record) in found.into_iter().zip(state.live()) {
        match batches {
            Ok(batches) => report.batches += batches,
            Err(error) => {
                let code = if error.kind() == ErrorKind::Corrupt { Code::Batch } else { Code::Unreadable };
                findings.push(Finding::new(code, paths::segment_path(&record.name), with_source(&error)));
            }
        }
        for finding in findings {
            held = match (held, finding.code) {
                (Some(true), Code::Unreadable) => None,
                (held, Code::Unreadable) => held,
                _ => Some(false),
            };
            // A changed file was reported as such; that its rows differ too is no news.
            report.findings.push(finding);
        }
    }
    report.rows = held;
}

fn with_source(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Derives a segment's batches again; returns how many are what they were.
fn check_segment(
    store: &dyn Store,
    fold: &Fold<'_>,
    record: &SegmentRecord,
    findings: &mut Vec<Finding>,
) -> Result<u64> {
    let state = fold.state;
    let segment = segments::open(store, record)?;
    let damage = |e| segments::damage(e, &record.name);
    let derived = segment.rederive(row_tree::of(state.row_tree())).map_err(damage)?;
    let infos = segment.batches().map_err(damage)?;
    let range = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let recorded = state.batches().get(range(record.batch.start)..range(record.batch.end)).unwrap_or_default();
    if derived.len() != recorded.len() {
        return Err(Error::corrupt(
            paths::segment_path(&record.name),
            format!("{} batches", recorded.len()),
            derived.len(),
        ));
    }
    let mut held = 0;
    for (((found, info), recorded), batch) in derived.iter().zip(infos).zip(recorded).zip(record.batch.start..) {
        let expected = words(recorded.rows, recorded.bytes, recorded.sha256, recorded.rows_root);
        let now = words(found.rows, found.bytes, Digest(found.sha256), found.rows_root.map(Digest));
        if expected != now {
            let message = format!("expected {expected}, found {now}");
            findings.push(Finding::new(Code::Batch, format!("batch {batch}"), message));
        } else if info.name != recorded.name {
            let word = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
            let message = format!("expected the name {}, found {}", word(&recorded.name), word(&info.name));
            findings.push(Finding::new(Code::Batch, format!("batch {batch}"), message));
        } else {
            held += 1;
        }
    }
    check_values(&segment, record, findings)?;
    let found =
        rejects_when_appended(fold, &segment, record).map_err(|e| e.within(&paths::segment_path(&record.name)))?;
    for ((batch, found), number) in recorded.iter().zip(found).zip(record.batch.start..) {
        if batch.rejects != found {
            let message = format!("expected {} rejects, found {found}", batch.rejects);
            findings.push(Finding::new(Code::Batch, format!("batch {number}"), message));
        }
    }
    Ok(held)
}

/// Per batch, how many of its fields the columns could not hold when it was appended. Columns may be stored in wider types since.
fn rejects_when_appended(fold: &Fold<'_>, segment: &Segment, record: &SegmentRecord) -> Result<Vec<u64>> {
    let infos = segment.batches()?;
    let events: Vec<u64> =
        (record.batch.start..record.batch.end).map(|batch| fold.state.batch_event(batch).unwrap_or_default()).collect();
    let stored = fold.schemas.pins_of(record);
    let mut rejects = vec![0; infos.len()];
    // Batches that were appended under one schema are looked at together.
    let mut first = 0;
    for run in events.chunk_by(|a, b| fold.schemas.pins_at(*a) == fold.schemas.pins_at(*b)) {
        let batches = first..first + run.len();
        first = batches.end;
        let (Some(start), Some(end)) = (infos.get(batches.start), infos.get(batches.end - 1)) else { continue };
        let rows = start.first_row..end.row_range().end;
        let schema = fold.schemas.after(run[0] + 1)?;
        for (position, stored) in stored.iter().enumerate().take(fold.schemas.pins_at(run[0]).len()) {
            let same = schema.columns.get(position).is_some_and(|then| then.is_stored_as(*stored));
            let mut group_row = 0;
            for (row_group, meta) in segment.metadata().metadata().row_groups().iter().enumerate() {
                let group = group_row..group_row + u64::try_from(meta.num_rows()).unwrap_or(0);
                group_row = group.end;
                if group.start.max(rows.start) >= group.end.min(rows.end) {
                    continue;
                }
                let found = match schema.meaning(position) {
                    Some(meaning) if !same => segment.read_as(row_group, position, &meaning)?.rejects,
                    _ => segment.reject_rows(row_group, position)?,
                };
                for row in found.into_iter().map(|row| group.start + row).filter(|row| rows.contains(row)) {
                    let at = infos.partition_point(|info| info.row_range().end <= row);
                    if let Some(count) = rejects.get_mut(at) {
                        *count += 1;
                    }
                }
            }
        }
    }
    Ok(rejects)
}

/// Compares the bounds at every level with the values.
fn check_values(segment: &Segment, record: &SegmentRecord, findings: &mut Vec<Finding>) -> Result<()> {
    let place = |column: &str| format!("{}: column {column}", paths::segment_path(&record.name));
    let damage = |e| segments::damage(e, &record.name);
    let schema = segment.schema();
    let texts = match &record.zones {
        Carried::Inline(zones) => zones::parse(zones, &record.name)?,
        Carried::InFooter(sha256) => {
            let made = zones::of_segment(segment)?;
            if made.sha256() != *sha256 {
                let message = format!("expected zones with sha256 {sha256}, found {}", made.sha256());
                findings.push(Finding::new(Code::Zones, paths::segment_path(&record.name), message));
            }
            zones::parse(&made, &record.name)?
        }
    };
    let bounds = segment_bounds(schema, record.rows, &texts)?;
    for (position, column) in schema.columns.iter().enumerate() {
        let mut checker = Checker { bad: None, nulls: 0 };
        let mut rejects = 0;
        for row_group in 0..segment.metadata().metadata().num_row_groups() {
            let values = read_column(segment, row_group, position).map_err(|e| e.within(&place(&column.name)))?;
            checker.check_group(segment, row_group, position, &values)?;
            if let Some(zone) = bounds.column(position) {
                checker.check(&values, zone.min(), zone.max(), 0, "the event's zone")?;
            }
            rejects += segment.reject_rows(row_group, position).map_err(damage)?.len() as u64;
        }
        if let Some(level) = checker.bad {
            let message = format!("expected values within {level}, found one outside");
            findings.push(Finding::new(Code::Zones, place(&column.name), message));
        }
        if let Some(Some(text)) = texts.get(position) {
            for (what, expected, found) in
                [("nulls", text.nulls.unwrap_or(checker.nulls), checker.nulls), ("rejects", text.rejects, rejects)]
            {
                if expected != found {
                    let message = format!("expected {expected} {what} as the zone says, found {found}");
                    findings.push(Finding::new(Code::Zones, place(&column.name), message));
                }
            }
        }
    }
    Ok(())
}

fn segment_bounds(schema: &Schema, rows: u64, texts: &[Option<at1_catalog::ZoneText>]) -> Result<at1_catalog::Zones> {
    let mut builder = ZonesBuilder::new(schema);
    let zones = schema.columns.iter().enumerate().map(|(position, column)| match texts.get(position) {
        Some(Some(text)) => SegmentZone::Known(column.ty, text.clone()),
        _ => SegmentZone::Unknown,
    });
    builder.push(rows, zones)?;
    Ok(builder.finish()?)
}

fn read_column(segment: &Segment, row_group: usize, position: usize) -> Result<ArrayRef> {
    let parquet = |e: parquet::errors::ParquetError| Error::corrupt(format!("row group {row_group}"), "a column", e);
    let mask = ProjectionMask::leaves(segment.metadata().parquet_schema(), [position]);
    let rows = segment.metadata().metadata().row_group(row_group).num_rows();
    let reader =
        ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes().clone(), segment.metadata().clone())
            .with_row_groups(vec![row_group])
            .with_projection(mask)
            .with_batch_size(usize::try_from(rows).unwrap_or(usize::MAX).max(1))
            .build()
            .map_err(parquet)?;
    let mut arrays = vec![];
    for batch in reader {
        let batch =
            batch.map_err(|e| Error::from(segment.bytes().explain(e)).within(&format!("row group {row_group}")))?;
        arrays.push(batch.column(0).clone());
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(|array| array.as_ref()).collect();
    match arrays.is_empty() {
        true => Ok(arrow::array::new_empty_array(&segment.schema().columns[position].ty.arrow())),
        false => arrow::compute::concat(&arrays).map_err(|e| Error::corrupt("", "arrays of one type", e)),
    }
}

/// Watches one column's values against bounds.
struct Checker {
    /// The first level whose bounds do not hold.
    bad: Option<String>,
    nulls: u64,
}

impl Checker {
    fn check_group(&mut self, segment: &Segment, row_group: usize, position: usize, values: &ArrayRef) -> Result<()> {
        self.nulls += values.null_count() as u64;
        let metadata = segment.metadata();
        let file = metadata.metadata();
        let parquet = |e| Error::corrupt(format!("row group {row_group}"), "statistics", e);
        let field = &metadata.schema().fields()[position];
        let converter =
            StatisticsConverter::from_column_index(position, field, metadata.parquet_schema()).map_err(parquet)?;
        let group = [file.row_group(row_group)];
        let min = converter.row_group_mins(group).map_err(parquet)?;
        let max = converter.row_group_maxes(group).map_err(parquet)?;
        self.check(values, &min, &max, 0, "the row group's statistics")?;
        let (Some(columns), Some(offsets)) = (file.column_index(), file.offset_index()) else { return Ok(()) };
        let pages = offsets.get(row_group).and_then(|group| group.get(position)).map(|index| index.page_locations());
        let Some(pages) = pages.filter(|_| columns.get(row_group).is_some_and(|group| group.len() > position)) else {
            return Ok(());
        };
        let min = converter.data_page_mins(columns, offsets, [&row_group]).map_err(parquet)?;
        let max = converter.data_page_maxes(columns, offsets, [&row_group]).map_err(parquet)?;
        if min.len() != pages.len() || max.len() != pages.len() {
            return Ok(());
        }
        let row = |at: i64| usize::try_from(at).unwrap_or(usize::MAX).min(values.len());
        let ends = pages.iter().skip(1).map(|page| row(page.first_row_index)).chain([values.len()]);
        for (number, (page, end)) in pages.iter().zip(ends).enumerate() {
            let start = row(page.first_row_index).min(end);
            self.check(&values.slice(start, end - start), &min, &max, number, "a page's statistics")?;
        }
        Ok(())
    }

    fn check(&mut self, values: &ArrayRef, min: &ArrayRef, max: &ArrayRef, at: usize, level: &str) -> Result<()> {
        let compare = |e| Error::corrupt("", "bounds of the column's type", e);
        let below = match min.is_valid(at) {
            true => lt(values as &dyn Datum, &Scalar::new(min.slice(at, 1))).map_err(compare)?.true_count(),
            false => 0,
        };
        let above = match max.is_valid(at) {
            true => gt(values as &dyn Datum, &Scalar::new(max.slice(at, 1))).map_err(compare)?.true_count(),
            false => 0,
        };
        if below + above > 0 {
            self.bad.get_or_insert_with(|| level.to_owned());
        }
        Ok(())
    }
}
