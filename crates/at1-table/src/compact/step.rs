//! One step of a compaction: some segments in, one segment and one event out.
//!
//! * Records and headers are taken over batch by batch, as they were cut when they were appended; joined text is never scanned.
//! * Memory is that of one row group, whatever is merged.

use std::{ops::Range, sync::Arc};

use at1_codec::{ColumnType, Profile, Schema, SegmentWriter, WriteOptions, Written, segment::BatchInfo};
use at1_ledger::{BatchRecord, Carried, Digest, Kind, SegmentRecord, segment_name};

use super::CompactStep;
use crate::{
    batches::words,
    commit::Writer,
    error::{Error, Result},
    paths, row_tree, segments,
    store::Staged,
    table::{Table, settle},
    version::Version,
    zones,
};

/// A merged segment that is written, verified and durable, but not yet part of the table.
pub(super) struct Step {
    /// How many events there were when it was planned, and how many changes of the schema.
    planned: (u64, usize),
    victims: Vec<SegmentRecord>,
    staged: Box<dyn Staged>,
    written: Written,
    zones: Carried,
}

impl Step {
    /// Merges live segments; `None` if one of them was replaced meanwhile, and its file removed.
    pub(super) fn write(
        table: &Table,
        planned: Arc<Version>,
        victims: Range<usize>,
        profile: Profile,
    ) -> Result<Option<Self>> {
        let io = |e| Error::io(paths::STAGING, e);
        let store = table.store();
        let victims = planned.state.live()[victims].to_vec();
        let schema = &planned.schema;
        // A table that knows no columns yet has segments with one: Parquet has no files without.
        let columns = match schema.columns.is_empty() {
            true => Schema::named([(None, ColumnType::Text)]),
            false => schema.schema(),
        };
        let options = WriteOptions {
            profile,
            row_tree: row_tree::of(planned.header.rows()),
            nulls: schema.nulls(),
            readings: schema.columns.iter().map(|column| column.reading).collect(),
        };
        let mut writer = SegmentWriter::new(store.stage().map_err(io)?, &columns, options)?;
        for victim in &victims {
            let Some(segment) = segments::open_if_there(store, victim)? else {
                return if is_live(&*table.version()?, victim) { Err(segments::missing(victim)) } else { Ok(None) };
            };
            let damage = |e| segments::damage(e, victim);
            let batches = victim.batch.end - victim.batch.start;
            if (segment.rows(), segment.batch_count()) != (victim.rows, batches) {
                return Err(Error::corrupt(
                    paths::segment_path(&victim.name),
                    format!("{} rows in {batches} batches", victim.rows),
                    format!("{} rows in {} batches", segment.rows(), segment.batch_count()),
                ));
            }
            for key in schema_keys(&planned, &victim.batch) {
                let text = segment.key_value(&key);
                let text =
                    text.ok_or_else(|| Error::corrupt(paths::segment_path(&victim.name), key.clone(), "none"))?;
                writer.key_value(&key, text.to_owned());
            }
            for batch in 0..segment.batches().map_err(damage)?.len() {
                writer.append_batch(&segment, batch).map_err(damage)?;
            }
        }
        let (mut staged, draft) = writer.finish()?;
        let written = draft.verify(staged.reader().map_err(io)?)?;
        check_batches(&planned, &victims, &written)?;
        let zones = Carried::zones(zones::of_segment(&written.segment)?);
        staged.seal().map_err(io)?;
        let planned = (planned.state.events(), planned.state.schema().len());
        Ok(Some(Self { planned, victims, staged, written, zones }))
    }

    /// Puts the segment in the place of the others; `None` if another compaction came first.
    pub(super) fn commit(self, table: &Table) -> Result<Option<CompactStep>> {
        let writer = Writer::lock(table)?;
        let now = writer.version();
        if !self.victims.iter().all(|victim| is_live(now, victim)) {
            return Ok(None);
        }
        let state = &now.state;
        let n = state.events();
        let (first, last) = match self.victims.as_slice() {
            [first, .., last] => (first, last),
            [only] => (only, only),
            [] => return Ok(None),
        };
        let drop = first.batch.start..last.batch.end;
        let (events, schema_changes) = self.planned;
        let segment = SegmentRecord {
            schema_at: events.checked_sub(1).filter(|_| state.schema().len() != schema_changes),
            ..segments::record_of(&self.written, segment_name(n, 0), drop.clone(), self.zones)
        };
        let (name, bytes_after) = (segment.name.clone(), segment.bytes);
        let link = writer.next_event(Kind::Compact { drop: drop.clone(), segments: vec![segment] })?;
        writer.link(&*self.staged, &name)?;
        settle(writer.commit(n, &link.line)?)?;
        Ok(Some(CompactStep {
            event: n,
            segment: name,
            batches: drop,
            rows: self.written.rows,
            replaced: self.victims.len() as u64,
            bytes_before: self.victims.iter().map(|victim| victim.bytes).sum(),
            bytes_after,
            chain_head: link.event.head(),
        }))
    }
}

fn is_live(version: &Version, victim: &SegmentRecord) -> bool {
    version.state.segment_of(victim.batch.start).is_some_and(|live| live.name == victim.name)
}

/// The footer keys of long schema changes that came with these batches.
fn schema_keys(version: &Version, batches: &Range<u64>) -> Vec<String> {
    let state = &version.state;
    let long = state.schema().iter().filter_map(|change| match change.changes {
        Carried::InFooter(sha256) => {
            let before = change.event.checked_sub(1).and_then(|n| state.totals_at(n)).unwrap_or_default();
            batches.contains(&before.batches).then(|| segments::schema_key(sha256))
        }
        Carried::Inline(_) => None,
    });
    long.collect()
}

/// What was derived from the new segment must be what the ledger says.
fn check_batches(version: &Version, victims: &[SegmentRecord], written: &Written) -> Result<()> {
    let (Some(first), Some(last)) = (victims.first(), victims.last()) else { return Ok(()) };
    let index = |batch: u64| usize::try_from(batch).unwrap_or(usize::MAX);
    let recorded = version.state.batches().get(index(first.batch.start)..index(last.batch.end)).unwrap_or_default();
    if recorded.len() != written.batches.len() {
        return Err(Error::corrupt("merged segment", format!("{} batches", recorded.len()), written.batches.len()));
    }
    for ((recorded, found), batch) in recorded.iter().zip(&written.batches).zip(first.batch.start..) {
        if words_of_record(recorded) != words_of_info(found) {
            return Err(Error::corrupt(format!("batch {batch}"), words_of_record(recorded), words_of_info(found)));
        }
    }
    Ok(())
}

fn words_of_record(batch: &BatchRecord) -> String {
    words(batch.rows, batch.bytes, batch.sha256, batch.rows_root)
}

fn words_of_info(batch: &BatchInfo) -> String {
    words(batch.rows, batch.bytes, Digest(batch.sha256), batch.rows_root.map(Digest))
}
