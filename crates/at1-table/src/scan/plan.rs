//! Which files a query needs, for engines that bring their own Parquet reader.
//!
//! * What zones rule out is left out; what is left may still hold rows that do not match, so the engine filters again.
//! * A file is [`plain`](PlannedSegment::plain) if its columns hold the table's values as they are stored. Of any other a Parquet reader
//!   would see values of an older schema: those rows are to be had from [`Snapshot::scan`], which reads fields again.
//! * The plan is of one layout: a file may be gone when it is read, if a compaction replaced it and a vacuum removed it since.

use std::ops::Range;

use at1_catalog::{
    Explanation, Opened, Predicate, Pruning, Reasons, RowNumbers, SegmentZone, Statistics, Verdict, Zones, ZonesBuilder,
};
use at1_codec::{Schema, Segment, column::Pin};
use at1_ledger::Digest;

use super::{ScanOptions, query::Query, source};
use crate::{
    error::{Error, Result},
    manifest::Placed,
    paths,
    snapshot::Snapshot,
};

/// What a plan is asked for.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Which rows.
    pub predicate: Predicate,
    /// The columns that will be read, by position, those of the predicate among them.
    pub columns: Vec<usize>,
    /// Whether zones are used.
    pub pruning: Pruning,
    /// Whether reasons are worked out.
    pub reasons: Reasons,
    /// If no more segments than this are left, they are opened, and their row groups ruled out too.
    pub open_at_most: usize,
}

/// The segments that a query cannot do without.
#[derive(Clone, Debug)]
pub struct ScanPlan {
    /// In the order of their rows.
    pub segments: Vec<PlannedSegment>,
    /// What planning counted and read.
    pub statistics: Statistics,
    /// Why the rest was left out, if that was asked.
    pub explanation: Explanation,
}

/// A segment of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedSegment {
    /// Its path below the table's folder.
    pub path: String,
    /// The file's length.
    pub bytes: u64,
    /// How many of its last bytes are the footer.
    pub footer_bytes: u64,
    /// The footer's digest: with it, every byte that is parsed can be checked.
    pub footer_sha256: Digest,
    /// Its rows in the table, as far as they are of this state; the file may hold later ones behind them.
    pub rows: Range<u64>,
    /// Whether a Parquet reader sees the table's values in it, and no rows of later states.
    pub plain: bool,
    /// The row groups that may hold matching rows, if it was opened.
    pub row_groups: Option<Vec<PlannedRowGroup>>,
    /// How many row groups it has, if it was opened.
    pub row_groups_total: Option<usize>,
}

/// A row group of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRowGroup {
    /// Its place among the segment's row groups.
    pub index: usize,
    /// How many rows it has.
    pub rows: u64,
    /// Where its column chunks are in the file.
    pub bytes: Range<u64>,
}

impl Snapshot {
    /// The columns of this state.
    pub fn columns(&self) -> Schema {
        self.schema().schema()
    }

    /// The rows of this state.
    pub fn rows(&self) -> u64 {
        self.totals().rows
    }

    /// Finds the segments that may hold rows that match.
    ///
    /// # Errors
    /// `Invalid` if the predicate or a column does not fit the table; if ledger, manifest or a footer cannot be read or is damaged.
    pub fn plan(&self, options: &PlanOptions) -> Result<ScanPlan> {
        let width = self.schema().columns.len();
        if let Some(column) = options.columns.iter().find(|&&column| column >= width) {
            return Err(Error::invalid("plan", format!("columns below {width}"), column));
        }
        let asked = ScanOptions {
            predicate: options.predicate.clone(),
            pruning: options.pruning,
            reasons: options.reasons,
            ..ScanOptions::default()
        };
        'layout: loop {
            let query = Query::new(self.clone(), &asked, options.columns.clone(), RowNumbers::Omit)?;
            let placed = match planned(&query) {
                Ok(placed) => placed,
                Err(error) => match query.gone() {
                    Some(gone) => {
                        query.look_again(gone, error)?;
                        continue;
                    }
                    None => return Err(error),
                },
            };
            let mut statistics = query.statistics(Statistics::default());
            let mut explanation = Explanation::default();
            let mut segments = Vec::with_capacity(placed.len());
            let opens = placed.len() <= options.open_at_most;
            for (placed, verdict) in &placed {
                let mut segment = self.planned(&query, placed, &options.columns);
                if opens && segment.plain {
                    let Some(opened) = open(&query, placed)? else {
                        self.look_again(&placed.live)?;
                        continue 'layout;
                    };
                    let explain = |error| query.explain(error, Some(placed.first_row));
                    let groups = row_groups(&query, &opened, *verdict, &mut statistics, &mut explanation);
                    let groups = groups.map_err(explain)?;
                    if groups.is_empty() {
                        continue;
                    }
                    segment.row_groups = Some(groups);
                    segment.row_groups_total = Some(opened.source.metadata().metadata().num_row_groups());
                }
                segments.push(segment);
            }
            statistics.segments_total = query.sums.segments;
            statistics.bytes_total += query.sums.bytes;
            statistics.segments_scanned = segments.len() as u64;
            statistics.segments_skipped = statistics.segments_total.saturating_sub(statistics.segments_scanned);
            let explanation = query.explanation(explanation);
            return Ok(ScanPlan { segments, statistics, explanation });
        }
    }

    fn planned(&self, query: &Query, placed: &Placed, columns: &[usize]) -> PlannedSegment {
        let Placed { live, first_row, .. } = placed;
        let written_as = query.version.pins_of(live);
        let is_plain = |&column: &usize| match written_as.get(column) {
            Some(pin) => self.schema().columns[column].is_stored_as(*pin),
            None => true,
        };
        let rows = *first_row..(first_row + live.rows).min(self.rows());
        PlannedSegment {
            path: paths::segment_path(&live.name()),
            bytes: live.bytes,
            footer_bytes: live.footer_bytes,
            footer_sha256: live.footer_sha256,
            plain: rows.end - rows.start == live.rows && columns.iter().all(is_plain),
            rows,
            row_groups: None,
            row_groups_total: None,
        }
    }

    /// What is known of whole columns without opening a segment, as one stretch in the types of this state; only bounds that are
    /// values of the column. `None` if the manifest does not tell, as of a past state that ends within a segment.
    ///
    /// # Errors
    /// If the manifest cannot be read.
    pub fn column_zones(&self, columns: &[usize]) -> Result<Option<Zones>> {
        self.ask(|version| {
            let live = version.zoned(self.store(), &mut 0)?;
            if live.sums_before(self.totals().batches)?.rows != self.rows() || live.batches() != self.totals().batches {
                return Ok(None);
            }
            let schema = self.columns();
            let mut found = vec![None; schema.columns.len()];
            for &column in columns {
                let Some(asked) = self.schema().columns.get(column).map(|column| column.pin()) else { continue };
                let one = Schema { columns: vec![schema.columns[column].clone()] };
                let mut builder = ZonesBuilder::new(&one);
                let visit = &mut |pin: Option<Pin>, text, rows| {
                    let zone = pin.map_or(SegmentZone::Missing, |pin| SegmentZone::seen(pin, asked, rows, text));
                    builder.push(rows, [zone])?;
                    Ok(true)
                };
                live.visit_zones(column, visit)?;
                let zones = builder.finish()?;
                if !zones.is_empty() {
                    found[column] = zones.uncut().whole()?.column(0).cloned();
                }
            }
            Zones::new(vec![self.rows()].into(), found).map(Some).map_err(Error::from)
        })
    }
}

fn planned(query: &Query) -> Result<Vec<(Placed, Verdict)>> {
    let mut plan = query.plan();
    let mut all = vec![];
    loop {
        let found = plan.next().transpose();
        query.note(&plan, &found);
        match found? {
            Some((placed, _)) if placed.live.rows == 0 => {}
            Some(found) => all.push(found),
            None => return Ok(all),
        }
    }
}

/// Opens a segment; `None` if its file is gone.
fn open(query: &Query, placed: &Placed) -> Result<Option<Opened<Segment>>> {
    let pins = query.version.pins_of(&placed.live);
    source::open(query.snapshot.store(), &placed.live, &pins, query.snapshot.schema())
        .map_err(|error| query.explain(error, Some(placed.first_row)))
}

/// The row groups of a segment that may hold matching rows.
fn row_groups(
    query: &Query,
    opened: &Opened<Segment>,
    verdict: Verdict,
    statistics: &mut Statistics,
    explanation: &mut Explanation,
) -> at1_catalog::Result<Vec<PlannedRowGroup>> {
    let groups = opened.source.metadata().metadata().row_groups();
    let (mut verdicts, mut reasons) = (vec![verdict; groups.len()], vec![None; groups.len()]);
    if verdict != Verdict::All {
        let zones = Zones::of_row_groups(&opened.source, &opened.view, query.request.columns())?;
        verdicts = query.request.verdicts(&zones);
        if query.reasons == Reasons::Tell {
            reasons = query.bound.reasons(&zones);
        }
    }
    statistics.bytes_read += opened.source.bytes_read();
    statistics.bytes_read_opening += opened.source.bytes_read();
    let mut kept = vec![];
    for (index, (group, verdict)) in groups.iter().zip(verdicts).enumerate() {
        statistics.row_groups_total += 1;
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        if verdict == Verdict::Skip || rows == 0 {
            statistics.row_groups_skipped += 1;
            explanation.row_groups.count(reasons[index], 1);
            continue;
        }
        statistics.row_groups_scanned += 1;
        let places = group.columns().iter().map(|chunk| chunk.byte_range());
        let bytes = places.fold((u64::MAX, 0), |(start, end), (at, bytes)| (start.min(at), end.max(at + bytes)));
        kept.push(PlannedRowGroup { index, rows, bytes: bytes.0..bytes.1 });
    }
    Ok(kept)
}
