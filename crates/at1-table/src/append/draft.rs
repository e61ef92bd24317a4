//! A segment on its way into the table: written, verified and durable before the lock; linked and committed under it.
//!
//! * All its batches were planned for one schema; if they are several, none of them changes it.
//! * Its batches are records of one event, in the order in which the segment holds them.

use at1_codec::{BatchPlan, ColumnType, Schema, SegmentWriter, WriteOptions, Written};
use at1_ledger::{Carried, Digest, Kind, segment_name};

use super::member::Member;
use crate::{
    commit::Writer,
    error::{Error, Result},
    input::Stream,
    paths,
    report::AppendReport,
    row_tree, schema, segments,
    store::{Staged, Store},
    table::{Table, settle},
    zones,
};

/// A segment that is written, verified and durable, but not yet part of any table.
pub(super) struct Draft {
    staged: Box<dyn Staged>,
    written: Written,
    zones: Carried,
    schema: Option<Carried>,
    /// Per batch.
    rejects: Vec<u64>,
}

impl Draft {
    /// Writes the records of `members`. `source` is read where a batch was not kept in memory, so there can only be one then.
    pub(super) fn write(
        store: &dyn Store,
        records: Vec<BatchPlan>,
        members: &[Member],
        source: &mut dyn Stream,
    ) -> Result<Self> {
        let first = members.first().ok_or_else(|| Error::invalid("segment", "a batch", "none"))?;
        debug_assert!(members.len() == 1 || members.iter().all(|member| member.plan.changes.is_empty()));
        let plan = &first.plan;
        let columns = match plan.schema.columns.is_empty() {
            true => Schema::named([(None, ColumnType::Text)]),
            false => plan.schema.schema(),
        };
        let options = WriteOptions {
            profile: first.profile,
            row_tree: row_tree::of(first.ground.rows),
            nulls: first.nulls.clone(),
            readings: plan.schema.columns.iter().map(|column| column.reading).collect(),
        };
        let schema = match plan.changes.is_empty() {
            true => None,
            false => Some(schema::write_changes(&plan.changes)?),
        };
        let io = |e| Error::io(paths::STAGING, e);
        let staged = store.stage().map_err(io)?;
        let mut writer = SegmentWriter::new(staged, &columns, options)?;
        let carried = schema.clone().map(Carried::schema);
        if let (Some(Carried::InFooter(sha256)), Some(text)) = (&carried, &schema) {
            writer.key_value(&segments::schema_key(*sha256), text.as_str().to_owned());
        }
        for (records, member) in records.into_iter().zip(members) {
            writer.append(&mut &mut *source, records).map_err(|e| Error::from(e).within(&member.place))?;
        }
        let (mut staged, draft) = writer.finish()?;
        let written = draft.verify(staged.reader().map_err(io)?)?;
        let rejects = written.segment.rejects_by_batch()?;
        if [written.batches.len(), rejects.len()] != [members.len(); 2] {
            return Err(Error::corrupt("segment", format!("{} batches", members.len()), written.batches.len()));
        }
        let zones = zones::of_segment(&written.segment)?;
        staged.seal().map_err(io)?;
        Ok(Self { staged, written, zones: Carried::zones(zones), schema: carried, rejects })
    }

    /// Makes the segment part of the table; one report per member. The staging name and the lock are gone on return.
    pub(super) fn commit(self, table: &Table, writer: Writer<'_>, members: &[Member]) -> Result<Vec<AppendReport>> {
        let tip = &writer.version().tip;
        let (n, first) = (tip.events(), tip.totals().batches);
        let written = &self.written;
        let batches: Vec<_> = members
            .iter()
            .zip(written.batches.iter().zip(&self.rejects))
            .map(|(member, (info, &rejects))| member.written(info, rejects))
            .collect();
        let name = segment_name(n, 0);
        let held = first..first + batches.len() as u64;
        let segment = segments::record_of(written, name.clone(), held, self.zones.clone());
        let schema = self.schema.clone();
        let kind = Kind::Append { batches: batches.clone(), segments: vec![segment], schema };
        let link = writer.next_event(kind, None)?;
        writer.link(&*self.staged, &name)?;
        let version = settle(writer.commit(n, &link.line)?)?;
        if self.schema.is_some() {
            table.groups.learn(&version);
        }
        drop(version);
        let shared = AppendReport {
            event: n,
            group: members.len() as u64,
            segment: name,
            segment_bytes: written.bytes,
            segment_sha256: Digest(written.sha256),
            ..AppendReport::blank(link.event.head())
        };
        let reports = members.iter().zip(&batches).zip(first..);
        Ok(reports.map(|((member, record), batch)| member.report(record, &shared, batch)).collect())
    }
}
