//! Appending: batches become a segment and an event.
//!
//! * An append that returned is durable; one that did not is wholly there or wholly absent.
//! * The segment was decoded and compared with the source before anything refers to it.
//! * Everything slow happens before the lock. If the table's schema changed meanwhile, the batch is planned again; one that
//!   came too late several times is planned and written under the lock, so every append ends.
//! * Small batches that come at the same time share a segment, an event and its syncs ([`group`]); nobody waits for company.
//! * A batch is refused, or recognised as a repetition, only for what the table is at that moment, never for what it was.

mod draft;
mod group;
mod member;
#[cfg(test)]
mod tests;

use std::{
    io::{Seek as _, SeekFrom},
    slice,
    sync::Arc,
};

pub(crate) use group::Groups;

use arrow::array::RecordBatchReader;

use crate::{
    append::{
        draft::Draft,
        group::Turn,
        member::{Ground, Planned, conditions},
    },
    batch::{self, AppendOptions},
    commit::Writer,
    error::{Error, Result},
    input::{self, Opened, Source},
    report::AppendReport,
    table::Table,
    zones,
};

/// How often a batch may come too late before it is planned under the lock.
const PATIENCE: usize = 4;

/// How a batch goes into the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// With others that come at the same time, if there are any.
    Shared,
    /// In a segment and an event of its own.
    Alone,
}

/// A batch to go on with, or the answer already.
enum Look {
    Planned(Box<Planned>),
    Repeated(Box<AppendReport>),
}

impl Table {
    /// Appends a batch: the bytes of a file, a buffer or a reader, expanded first if they are packed.
    ///
    /// Threads that append to one `Table` at the same time may share segments and events, see [`AppendReport::group`]. Each
    /// call returns once its own batch is durable.
    ///
    /// # Errors
    /// `Refused` if the batch does not meet the options' demands, `Condition` if a commit condition fails, `Invalid` if an option
    /// does not fit the table. After any error but `Poisoned` the batch is not in the table.
    pub fn append_csv<'s>(&self, source: impl Into<Source<'s>>, options: &AppendOptions) -> Result<AppendReport> {
        self.prepare()?;
        let mut input = input::open(source.into(), self.store(), &self.shared_store())?;
        // Blocks are asked only before anything of the batch is in the table.
        self.at_any_cost(|| self.append_input(&mut input, options))
    }

    /// Appends Arrow data as one batch.
    ///
    /// It has no source text, so it is written as text first, in one way that `docs/spec/arrow.md` describes; that text is the batch's
    /// source. Columns that are new get the data's types, and every value reads back, in the table's type, as the value it was.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow::array::{ArrayRef, Float64Array, RecordBatch, RecordBatchIterator};
    /// use at1_table::{AppendOptions, CreateOptions, ScanOptions, Table};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let table = Table::create(folder.path().join("ratios"), &CreateOptions::default())?;
    /// let ratios: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.1), None, Some(-0.0)]));
    /// let batch = RecordBatch::try_from_iter([("ratio", ratios)])?;
    /// let reader = RecordBatchIterator::new([Ok(batch.clone())], batch.schema());
    /// table.append_arrow(reader, &AppendOptions::default())?;
    ///
    /// let back = table.scan(&ScanOptions::default())?.next().expect("rows")?;
    /// assert_eq!(back.column(0), batch.column(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Table::append_csv`]; `Refused` if a value would read back as another, which includes rejects unless `max_rejects` allows
    /// some; `Invalid` for types that have no form as text, and for options that say how text is read.
    pub fn append_arrow(
        &self,
        batches: impl RecordBatchReader + Send,
        options: &AppendOptions,
    ) -> Result<AppendReport> {
        self.append_csv(Source::arrow(batches), options)
    }

    fn append_input(&self, input: &mut Opened<'_>, options: &AppendOptions) -> Result<AppendReport> {
        let mut way = way(input, options)?;
        for _ in 0..PATIENCE {
            let planned = match self.look_at(input, options, way)? {
                Look::Planned(planned) => *planned,
                Look::Repeated(report) => return Ok(*report),
            };
            let turn = match way {
                Way::Shared if planned.in_memory() => self.groups.append(self, planned),
                _ => self.append_alone(planned, input)?,
            };
            match turn {
                Turn::Done(result) => return result.map(|report| *report),
                Turn::PlanAgain => {}
                Turn::Alone => way = Way::Alone,
            }
        }
        self.append_under_lock(input, options)
    }

    /// Plans a batch for what the table is now, or was after this process's last append: whoever commits it looks again.
    fn look_at(&self, input: &mut Opened<'_>, options: &AppendOptions, way: Way) -> Result<Look> {
        let mut held = |column| self.ask(|version| Ok((zones::held(self.store(), version, column)?, version.events())));
        let known = if way == Way::Shared { self.groups.known() } else { None };
        if let Some(ground) = known {
            let mut held = |column| ground.held(column, || held(column));
            // What fails here fails below again, and rightly, unless the table changed or the batch was appended before.
            match Planned::new(input, options, Arc::clone(&ground), &mut held) {
                Ok(planned) if !planned.member.rests_on_values() => return Ok(Look::Planned(Box::new(planned))),
                _ => {}
            }
        }
        let ground = {
            let version = self.version()?;
            let mut sha256 = || batch::digest(&mut *input.stream).map(|(_, sha256)| sha256);
            let key = options.idempotency.as_ref();
            if let Some(report) = conditions(self.store(), &version, key, options.expected_version, &mut sha256)? {
                return Ok(Look::Repeated(Box::new(report)));
            }
            self.groups.learn(&version)
        };
        Ok(Look::Planned(Box::new(Planned::new(input, options, ground, &mut held)?)))
    }

    fn append_alone(&self, planned: Planned, input: &mut Opened<'_>) -> Result<Turn> {
        let Planned { records, member } = planned;
        let members = slice::from_ref(&member);
        let draft = Draft::write(self.store(), vec![records], members, &mut *input.stream)?;
        let writer = Writer::lock(self)?;
        if let Some(report) = member.conditions(self.store(), writer.version())? {
            return Ok(Turn::Done(Ok(Box::new(report))));
        }
        if !member.holds(writer.version()) {
            return Ok(Turn::PlanAgain);
        }
        Ok(Turn::Done(only(draft.commit(self, writer, members)?)))
    }

    /// The way that ends: nobody else can change the table meanwhile. Other writers wait for all of it.
    fn append_under_lock(&self, input: &mut Opened<'_>, options: &AppendOptions) -> Result<AppendReport> {
        let writer = Writer::lock(self)?;
        let now = writer.version();
        let mut sha256 = || batch::digest(&mut *input.stream).map(|(_, sha256)| sha256);
        if let Some(report) =
            conditions(self.store(), now, options.idempotency.as_ref(), options.expected_version, &mut sha256)?
        {
            return Ok(report);
        }
        let mut held = |column| Ok((zones::held(self.store(), now, column)?, now.events()));
        let Planned { records, member } = Planned::new(input, options, Arc::new(Ground::of(now)), &mut held)?;
        let members = slice::from_ref(&member);
        let draft = Draft::write(self.store(), vec![records], members, &mut *input.stream)?;
        only(draft.commit(self, writer, members)?).map(|report| *report)
    }
}

fn only(reports: Vec<AppendReport>) -> Result<Box<AppendReport>> {
    let report = reports.into_iter().next().map(Box::new);
    report.ok_or_else(|| Error::corrupt("segment", "one batch", "none"))
}

/// Large batches have nothing to gain from company, and a batch that counts on being the next event has none.
fn way(input: &mut Opened<'_>, options: &AppendOptions) -> Result<Way> {
    let bytes = input.stream.seek(SeekFrom::End(0)).and_then(|bytes| input.stream.rewind().map(|()| bytes));
    let bytes = bytes.map_err(|e| Error::io(input.place.clone(), e))?;
    let shared = options.expected_version.is_none() && bytes <= member::SMALL_BYTES;
    Ok(if shared { Way::Shared } else { Way::Alone })
}
