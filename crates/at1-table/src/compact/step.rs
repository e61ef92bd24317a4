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
    manifest::Live,
    paths, row_tree, segments,
    store::{Staged, Store},
    table::{Table, settle},
    version::{Events, Version},
    zones,
};

/// A merged segment that is written, verified and durable, but not yet part of the table.
pub(super) struct Step {
    /// How many events there were when it was planned, and how many changes of the schema.
    planned: (u64, usize),
    victims: Vec<Live>,
    staged: Box<dyn Staged>,
    written: Written,
    zones: Carried,
}

impl Step {
    /// Merges the live segments that hold some batches; `None` if one of them was replaced meanwhile, and its file removed.
    pub(super) fn write(
        table: &Table,
        planned: Arc<Version>,
        victims: Range<u64>,
        profile: Profile,
    ) -> Result<Option<Self>> {
        let io = |e| Error::io(paths::STAGING, e);
        let store = table.store();
        let victims = planned.tail.live.range(victims).map(|placed| Ok(placed?.live)).collect::<Result<Vec<_>>>()?;
        let schema = planned.schema();
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
                return match table.version()?.is_live(victim)? {
                    true => Err(segments::missing(&victim.name())),
                    false => Ok(None),
                };
            };
            let damage = |e| segments::damage(e, &victim.name());
            let batches = victim.batch.end - victim.batch.start;
            if (segment.rows(), segment.batch_count()) != (victim.rows, batches) {
                return Err(Error::corrupt(
                    paths::segment_path(&victim.name()),
                    format!("{} rows in {batches} batches", victim.rows),
                    format!("{} rows in {} batches", segment.rows(), segment.batch_count()),
                ));
            }
            for key in table.ask(|now| schema_keys(now, &victim.batch))? {
                let text = segment.key_value(&key);
                let text =
                    text.ok_or_else(|| Error::corrupt(paths::segment_path(&victim.name()), key.clone(), "none"))?;
                writer.key_value(&key, text.to_owned());
            }
            for batch in 0..segment.batches().map_err(damage)?.len() {
                writer.append_batch(&segment, batch).map_err(damage)?;
            }
        }
        let (mut staged, draft) = writer.finish()?;
        let written = draft.verify(staged.reader().map_err(io)?)?;
        // Whoever appended meanwhile may have taken away what was planned with.
        table.ask(|now| check_batches(store, now, &victims, &written))?;
        let zones = Carried::zones(zones::of_segment(&written.segment)?);
        staged.seal().map_err(io)?;
        let planned = (planned.events(), planned.schemas().changed());
        Ok(Some(Self { planned, victims, staged, written, zones }))
    }

    /// Puts the segment in the place of the others; `None` if another compaction came first.
    pub(super) fn commit(self, table: &Table) -> Result<Option<CompactStep>> {
        let writer = Writer::lock(table)?;
        let now = writer.version();
        for victim in &self.victims {
            if !now.is_live(victim)? {
                return Ok(None);
            }
        }
        let n = now.events();
        let (first, last) = match self.victims.as_slice() {
            [first, .., last] => (first, last),
            [only] => (only, only),
            [] => return Ok(None),
        };
        let drop = first.batch.start..last.batch.end;
        let (events, schema_changes) = self.planned;
        let segment = SegmentRecord {
            schema_at: events.checked_sub(1).filter(|_| now.schemas().changed() != schema_changes),
            ..segments::record_of(&self.written, segment_name(n, 0), drop.clone(), self.zones)
        };
        let (name, bytes_after) = (segment.name.clone(), segment.bytes);
        let link = writer.next_event(Kind::Compact { drop: drop.clone(), segments: vec![segment] }, None)?;
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

/// The footer keys of long schema changes that came with these batches.
fn schema_keys(version: &Version, batches: &Range<u64>) -> Result<Vec<String>> {
    let mut keys = vec![];
    for (event, sha256) in version.schemas().long() {
        let (before, after) = (version.totals_after(event)?, version.totals_after(event + 1)?);
        // An event of its own, without batches, carries its changes whatever their length.
        if before.batches < after.batches && batches.contains(&before.batches) {
            keys.push(segments::schema_key(sha256));
        }
    }
    Ok(keys)
}

/// What was derived from the new segment must be what the ledger says.
fn check_batches(store: &dyn Store, version: &Version, victims: &[Live], written: &Written) -> Result<()> {
    let (Some(first), Some(last)) = (victims.first(), victims.last()) else { return Ok(()) };
    let batches = first.batch.start..last.batch.end;
    if batches.end - batches.start != written.batches.len() as u64 {
        let expected = format!("{} batches", batches.end - batches.start);
        return Err(Error::corrupt("merged segment", expected, written.batches.len()));
    }
    let mut events = Events::new(version, store);
    for (batch, found) in batches.zip(&written.batches) {
        let (_, recorded) = events.record(batch)?;
        if words_of_record(&recorded) != words_of_info(found) {
            return Err(Error::corrupt(format!("batch {batch}"), words_of_record(&recorded), words_of_info(found)));
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
