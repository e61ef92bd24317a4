//! Appending: one batch, one segment, one event.
//!
//! * An append that returned is durable; one that did not is wholly there or wholly absent.
//! * The segment was decoded and compared with the source before anything refers to it.
//! * Everything slow happens before the lock. If another append changed the table's schema meanwhile, the batch is planned again.

use at1_codec::{BatchPlan, ColumnType, Schema, SegmentWriter, WriteOptions, Written, segment::BatchInfo};
use at1_ledger::{BatchRecord, Carried, ChainHead, Detail, Digest, Idempotency, Kind, SegmentRecord, link};

use crate::{
    batch::{self, AppendOptions, Batch},
    commit::Writer,
    error::{Error, ErrorKind, Result},
    input::{self, Opened, Source},
    paths,
    report::{AppendReport, differences},
    row_tree, schema, segments,
    store::{Staged, Store},
    table::{Table, settle},
    version::Version,
    zones,
};

impl Table {
    /// Appends a batch: the bytes of a file, a buffer or a reader, expanded first if they are packed.
    ///
    /// # Errors
    /// `Refused` if the batch does not meet the options' demands, `Condition` if a commit condition fails, `Invalid` if an option
    /// does not fit the table. After any error but `Poisoned` the batch is not in the table.
    pub fn append_csv<'s>(&self, source: impl Into<Source<'s>>, options: &AppendOptions) -> Result<AppendReport> {
        self.prepare()?;
        let mut input = input::open(source.into(), self.store())?;
        loop {
            let version = self.version()?;
            if let Some(report) = conditions(&version, &mut input, options)? {
                return Ok(report);
            }
            let place = input.place.clone();
            let mut held = |column| zones::held(self.store(), &version, column);
            let batch =
                Batch::plan(&mut *input.stream, &version.schema, options, &mut held).map_err(|e| e.within(&place))?;
            batch.check(&place, input.packed.map(|(_, sha256)| sha256), options)?;
            let draft = Draft::write(self.store(), &version, batch, &mut input, options)?;

            let writer = Writer::lock(self)?;
            let now = writer.version();
            if let Some(report) = conditions(now, &mut input, options)? {
                return Ok(report);
            }
            // What was planned holds for the schema it was planned for; a widening also rests on the values there were.
            let moved = now.state.events() != version.state.events();
            let holds = now.schema == version.schema && (draft.plan.widened.is_empty() || !moved);
            // Nobody else holds the state now, so that folding the event into it needs no copy of the history.
            drop(version);
            if holds {
                return self.commit(writer, draft, &input, options);
            }
        }
    }

    fn commit(
        &self,
        writer: Writer<'_>,
        draft: Draft,
        input: &Opened<'_>,
        options: &AppendOptions,
    ) -> Result<AppendReport> {
        let state = &writer.version().state;
        let (n, prev, before) = (state.events(), state.chain(), state.totals());
        let written = &draft.written;
        let info = written.batches.first().ok_or_else(|| Error::corrupt("segment", "one batch", "none"))?;
        let record = draft.batch_record(info, input, options);
        let batches = vec![record];
        let totals =
            before.plus(&batches).ok_or_else(|| Error::invalid("totals", "numbers of 64 bits", "larger ones"))?;
        let segment = SegmentRecord {
            name: at1_ledger::segment_name(n, 0),
            bytes: written.bytes,
            sha256: Digest(written.sha256),
            footer_bytes: written.footer_bytes,
            footer_sha256: Digest(written.footer_sha256),
            batch: before.batches..totals.batches,
            rows: info.rows,
            zones: draft.zones.clone(),
            extra: Default::default(),
        };
        let name = segment.name.clone();
        let schema = draft.schema.clone();
        let stamp = writer.stamp()?;
        let detail = Detail {
            totals,
            manifest: state.manifest(),
            kind: Kind::Append { batches, segments: vec![segment], schema },
            actor: None,
            tool: Some(concat!("at1 ", env!("CARGO_PKG_VERSION")).to_owned()),
            text: None,
            clk: stamp.clk,
            extra: Default::default(),
        };
        let link = link(prev, n, &detail, stamp.ts)?;
        writer.link(&*draft.staged, &name)?;
        settle(writer.commit(n, &link.line)?)?;
        Ok(draft.report(n, before.batches, name, link.event.head(), input))
    }
}

/// A segment that is written, verified and durable, but not yet part of any table.
struct Draft {
    staged: Box<dyn Staged>,
    written: Written,
    zones: Carried,
    schema: Option<Carried>,
    plan: schema::Plan,
    ragged: u64,
    rejects: u64,
    notes: Vec<String>,
}

impl Draft {
    fn write(
        store: &dyn Store,
        version: &Version,
        batch: Batch,
        input: &mut Opened<'_>,
        asked: &AppendOptions,
    ) -> Result<Self> {
        let Batch { analysis, nulls, plan, notes } = batch;
        let ragged = analysis.ragged;
        // A table that knows no columns yet gets a segment that has one: Parquet has no files without.
        let (columns, map) = match plan.schema.columns.is_empty() {
            true => (Schema::named([(None, ColumnType::Text)]), vec![0]),
            false => (plan.schema.schema(), plan.map.clone()),
        };
        let options = WriteOptions {
            profile: asked.profile,
            row_tree: row_tree::of(version.header.rows()),
            nulls,
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
        let place = input.place.clone();
        let plan_of_batch = BatchPlan { analysis, map, name: input.name.clone() };
        writer.append(&mut input.stream, plan_of_batch).map_err(|e| Error::from(e).within(&place))?;
        let (mut staged, draft) = writer.finish()?;
        let written = draft.verify(staged.reader().map_err(io)?)?;
        let zones = zones::of_segment(&written.segment)?;
        staged.seal().map_err(io)?;
        let rejects = (0..columns.columns.len()).map(|column| written.segment.rejects(column)).sum();
        Ok(Self { staged, written, zones: Carried::zones(zones), schema: carried, plan, ragged, rejects, notes })
    }

    fn batch_record(&self, info: &BatchInfo, input: &Opened<'_>, options: &AppendOptions) -> BatchRecord {
        let mut record = BatchRecord::new(info.bytes, Digest(info.sha256), info.rows, info.rows_root.map(Digest));
        record.name = input.name.clone();
        record.packed_sha256 = input.packed.map(|(_, sha256)| Digest(sha256));
        record.note = options.note.clone();
        record.rejects = self.rejects;
        record.idempotency = options.idempotency.clone();
        record
    }

    fn report(
        self,
        event: u64,
        batch: u64,
        segment: String,
        chain_head: ChainHead,
        input: &Opened<'_>,
    ) -> AppendReport {
        let titles =
            |columns: &[usize]| columns.iter().map(|&c| self.plan.schema.columns[c].title().to_owned()).collect();
        let (widened, misfits) = differences(&self.plan);
        let (bytes, rows, sha256) =
            self.written.batches.first().map_or((0, 0, [0; 32]), |b| (b.bytes, b.rows, b.sha256));
        AppendReport {
            event,
            batch,
            segment,
            rows,
            source_bytes: bytes,
            segment_bytes: self.written.bytes,
            source_sha256: Digest(sha256),
            packed_sha256: input.packed.map(|(_, sha256)| Digest(sha256)),
            segment_sha256: Digest(self.written.sha256),
            rejects: self.rejects,
            ragged: self.ragged,
            columns_added: titles(&self.plan.added),
            columns_missing: titles(&self.plan.missing),
            columns_widened: widened,
            misfits,
            notes: self.notes,
            repeated: false,
            chain_head,
        }
    }
}

/// Checks what must hold for the append to go on; the report of the first time if the key was appended before.
fn conditions(version: &Version, input: &mut Opened<'_>, options: &AppendOptions) -> Result<Option<AppendReport>> {
    if let Some(key) = &options.idempotency
        && let Some(report) = repeated(version, key, input)?
    {
        return Ok(Some(report));
    }
    if let Some(expected) = options.expected_version
        && expected != version.appends
    {
        return Err(Error::new(ErrorKind::Condition, "version", format!("{expected} append events"), version.appends));
    }
    Ok(None)
}

fn repeated(version: &Version, key: &Idempotency, input: &mut Opened<'_>) -> Result<Option<AppendReport>> {
    let state = &version.state;
    let place = || format!("idempotency key {}:{}", key.producer, key.sequence);
    let Some(last) = state.produced(&key.producer).filter(|last| last.sequence >= key.sequence) else {
        return Ok(None);
    };
    // Sequence numbers rise, so the search starts at the newest and is over at once in the usual case.
    let batches = state.batches();
    let newest = usize::try_from(last.batch).unwrap_or(usize::MAX);
    let found =
        (0..=newest).rev().find(|&batch| batches.get(batch).is_some_and(|b| b.idempotency.as_ref() == Some(key)));
    let Some(batch) = found else {
        return Err(Error::new(
            ErrorKind::Condition,
            place(),
            format!("a sequence above {}", last.sequence),
            "one never appended",
        ));
    };
    let record = &batches[batch];
    let (_, sha256) = batch::digest(&mut *input.stream)?;
    if record.sha256 != Digest(sha256) {
        return Err(Error::new(
            ErrorKind::Condition,
            place(),
            format!("bytes with sha256 {}", record.sha256),
            Digest(sha256),
        ));
    }
    let batch = batch as u64;
    let event = state.batch_event(batch).unwrap_or_default();
    let segment = state.segment_of(batch).ok_or_else(|| Error::corrupt(place(), "a live segment", "none"))?;
    Ok(Some(AppendReport {
        event,
        batch,
        segment: segment.name.clone(),
        rows: record.rows,
        source_bytes: record.bytes,
        segment_bytes: segment.bytes,
        source_sha256: record.sha256,
        packed_sha256: record.packed_sha256,
        segment_sha256: segment.sha256,
        rejects: record.rejects,
        ragged: 0,
        columns_added: vec![],
        columns_missing: vec![],
        columns_widened: vec![],
        misfits: vec![],
        notes: vec![],
        repeated: true,
        chain_head: state.head().ok_or_else(|| Error::corrupt(place(), "an event", "none"))?,
    }))
}
