//! Brings a Delta log up to the ledger's newest event.
//!
//! * A table without columns has no log yet: readers have no use for a schema without fields.
//! * Refused before anything is written: columns with two types among the live segments, and types that Delta does not have.
//! * The first version shows the table as it is, however long its history; later ones show every state since that can be shown.

use std::sync::Arc;

use at1_table::{AsOf, ColumnInfo, Error, ErrorKind, Files, MixedColumn, Result, Snapshot, Table};
use serde_json::{Value, json};

use super::{
    checkpoint,
    entry::{self, LOG, Mark},
    history::{self, Change, Shown, Step, millis},
    live::Live,
    log::{self, Standing},
    schema::DeltaSchema,
    stats,
    version::{Before, Draft, Entry, First, Unfit, announce},
};

/// How often a state is looked at anew whose files others take away.
const ATTEMPTS: usize = 5;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The versions that it wrote.
    pub versions: Vec<u64>,
    /// The log's newest version; `None` if there is no log.
    pub version: Option<u64>,
    /// The ledger event that it shows.
    pub event: Option<u64>,
    /// Files added, in all versions that were written.
    pub adds: u64,
    /// Files removed.
    pub removes: u64,
    /// The version of which a checkpoint was written.
    pub checkpoint: Option<u64>,
}

impl Report {
    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "versions": self.versions, "version": self.version, "event": self.event, "adds": self.adds,
            "removes": self.removes, "checkpoint": self.checkpoint,
        })
    }
}

/// Brings the table's Delta log up to its newest event, and makes it if there is none.
///
/// # Errors
/// `Unsupported` if a column has no type in Delta, or several in the table ([`at1_table::Files::uniform`]); `Refused` if the log is of
/// another program, table or history; `Corrupt` if it is damaged. Versions that were written before an error stay.
pub fn export(table: &Table) -> Result<Report> {
    let app = format!("at1:{}", table.origin()?).into();
    let mut run = Run { table, app, report: Report::default(), live: None };
    for _ in 0..ATTEMPTS {
        if run.bring_up()? {
            return Ok(run.report);
        }
    }
    let found = format!("{ATTEMPTS} times others came before, or removed files that were to be shown");
    Err(Error::new(ErrorKind::Condition, LOG, "to write the next version", found))
}

struct Run<'t> {
    table: &'t Table,
    app: Arc<str>,
    report: Report,
    /// The files of a version of the log, as far as they are known.
    live: Option<(u64, Live)>,
}

impl Run<'_> {
    /// One attempt; `false` if others came between.
    fn bring_up(&mut self) -> Result<bool> {
        let store = self.table.store();
        let mut standing = log::look(store, &self.app)?;
        let snapshot = history::durable(self.table)?;
        let columns = snapshot.info()?.columns;
        let (Some(event), false) = (snapshot.event(), columns.is_empty()) else { return Ok(true) };
        if standing.as_ref().is_none_or(|standing| standing.mark.event < event) {
            let schema = DeltaSchema::of(&columns)?;
            let written = match standing.take() {
                None => {
                    let files = snapshot.files()?;
                    one_type(&files)?;
                    let segments = files.files.into_iter().map(Shown::from);
                    self.create(&snapshot, event, &columns, Draft::of(segments))?
                }
                Some(standing) => {
                    // The state that the log shows has one type a column, and what comes is looked at file by file. So the
                    // whole list of files is only asked for where a type changed.
                    if !schema.goes_on(standing.schema())? {
                        one_type(&snapshot.files()?)?;
                    }
                    self.go_on(&snapshot, standing, event)?
                }
            };
            let Some(written) = written else { return Ok(false) };
            standing = Some(written);
        }
        let Some(standing) = standing else { return Ok(true) };
        if standing.mark.event >= event {
            // Whether it is of this history.
            history::since(self.table, standing.mark.event, &standing.mark.chain, event)?;
        }
        self.report.version = Some(standing.version);
        self.report.event = Some(standing.mark.event);
        self.checkpoint(&standing)?;
        Ok(true)
    }

    /// Writes version 0; `None` if others came between.
    fn create(
        &mut self,
        snapshot: &Snapshot,
        event: u64,
        columns: &[ColumnInfo],
        draft: Draft,
    ) -> Result<Option<Standing>> {
        let (Some(ts), Some(head)) = (snapshot.ts(), snapshot.info()?.chain_head) else { return Ok(None) };
        let adds = draft.adds.len() as u64;
        let chain = head.chain.to_string();
        let with_stats = stats::columns_of(columns);
        let first = First { chain: &chain, created_millis: millis(ts), with_stats };
        let (protocol, meta) = announce(&DeltaSchema::of(columns)?, Before::Nothing(first));
        let mark = Mark { event, chain, live: adds, actions: adds, meta: 0 };
        let app = Arc::clone(&self.app);
        let entry = Entry {
            app: &app,
            mark: &mark,
            ts,
            shown_before: 0,
            protocol: Some(&protocol),
            meta: Some(&meta),
            draft: &draft,
            columns,
            with_stats,
        };
        match self.put(snapshot, 0, &entry)? {
            Ok(true) => Ok(Some(Standing { version: 0, mark, protocol, meta, checkpoint: None })),
            _ => Ok(None),
        }
    }

    /// Writes the versions after `standing`; gives the newest, or `None` if others came between.
    fn go_on(&mut self, snapshot: &Snapshot, mut standing: Standing, until: u64) -> Result<Option<Standing>> {
        let (mut shown, steps) = history::since(self.table, standing.mark.event, &standing.mark.chain, until)?;
        if steps.iter().any(|step| matches!(step.change, Change::Compact(..))) {
            self.know_live(standing.version)?;
        }
        let mut draft = Draft::default();
        let mut live = self.live.take().filter(|(known, _)| *known == standing.version).map(|(_, live)| live);
        for (index, step) in steps.iter().enumerate() {
            draft.take(step, live.as_ref());
            let is_last = index + 1 == steps.len();
            match self.next(snapshot, &standing, step, shown, &draft, is_last)? {
                Next::Written(next) => {
                    if let Some(live) = &mut live {
                        // What is live is read again from what was written, so that it is one thing.
                        live.go_on(self.table.store(), next.version)?;
                    }
                    (standing, shown) = (*next, step.batches);
                    draft = Draft::default();
                }
                Next::Unfit => {}
                Next::Lost => return Ok(None),
            }
        }
        self.live = live.map(|live| (standing.version, live));
        Ok(Some(standing))
    }

    /// Tries to write a version that shows the state after `step`.
    fn next(
        &mut self,
        snapshot: &Snapshot,
        standing: &Standing,
        step: &Step,
        shown_before: u64,
        draft: &Draft,
        is_last: bool,
    ) -> Result<Next> {
        let columns = self.table.as_of(AsOf::Event(step.event))?.info()?.columns;
        let schema = match DeltaSchema::of(&columns) {
            Ok(schema) => schema,
            Err(_) if !is_last => return Ok(Next::Unfit),
            Err(error) => return Err(error),
        };
        // Whether files that were live before have another type is only known of the newest state.
        if !is_last && !schema.goes_on(standing.schema())? {
            return Ok(Next::Unfit);
        }
        let version = standing.version + 1;
        let before = Before::Version { protocol: &standing.protocol, meta: &standing.meta };
        let (protocol, meta) = announce(&schema, before);
        // Both are said or none, so that one entry says what is in force.
        let is_new = protocol != standing.protocol || meta != standing.meta;
        let (adds, removes) = (draft.adds.len() as u64, draft.removes.len() as u64);
        let mark = Mark {
            event: step.event,
            chain: step.chain.clone(),
            live: standing.mark.live.saturating_add(adds).saturating_sub(removes),
            actions: standing.mark.actions.saturating_add(adds + removes),
            meta: if is_new { version } else { standing.mark.meta },
        };
        let app = Arc::clone(&self.app);
        let entry = Entry {
            app: &app,
            mark: &mark,
            ts: step.ts,
            shown_before,
            protocol: is_new.then_some(&protocol),
            meta: is_new.then_some(&meta),
            draft,
            columns: &columns,
            with_stats: standing.with_stats(),
        };
        match self.put(snapshot, version, &entry)? {
            Ok(true) => {
                let checkpoint = standing.checkpoint;
                Ok(Next::Written(Box::new(Standing { version, mark, protocol, meta, checkpoint })))
            }
            Ok(false) => Ok(Next::Lost),
            Err(_) if !is_last => Ok(Next::Unfit),
            // A compaction and a vacuum were at work since.
            Err(Unfit::Gone) => Ok(Next::Lost),
            Err(Unfit::Mixed) => one_type(&snapshot.files()?).map(|()| Next::Lost),
        }
    }

    /// Writes an entry; `false` if its version is there already.
    fn put(&mut self, snapshot: &Snapshot, version: u64, entry: &Entry<'_>) -> Result<Result<bool, Unfit>> {
        let mut unfit = None;
        let put = entry::put(self.table.store(), version, |out| {
            entry.first(out)?;
            match entry.adds(snapshot, out)? {
                Ok(()) => Ok(()),
                Err(why) => {
                    unfit = Some(why);
                    // Nothing that is staged is left behind by an error.
                    Err(Error::new(ErrorKind::Condition, entry::path(version), "files that fit", "others"))
                }
            }
        });
        match (put, unfit) {
            (Err(_), Some(why)) => Ok(Err(why)),
            (put, _) => {
                let put = put?;
                if put {
                    self.report.versions.push(version);
                    self.report.adds += entry.draft.adds.len() as u64;
                    self.report.removes += entry.draft.removes.len() as u64;
                }
                Ok(Ok(put))
            }
        }
    }

    fn know_live(&mut self, version: u64) -> Result<()> {
        if self.live.as_ref().is_none_or(|(known, _)| *known != version) {
            self.live = Some((version, Live::at(self.table.store(), version)?));
        }
        Ok(())
    }

    fn checkpoint(&mut self, standing: &Standing) -> Result<()> {
        let store = self.table.store();
        let before = match standing.checkpoint {
            Some(version) => entry::head(store, version, &self.app)?.map_or(0, |head| head.mark.actions),
            None => 0,
        };
        if !checkpoint::is_due(standing, before) {
            return Ok(());
        }
        self.know_live(standing.version)?;
        let Some((_, live)) = &self.live else { return Ok(()) };
        let now = self.table.as_of(AsOf::Event(standing.mark.event))?.ts().map_or(0, millis);
        checkpoint::prepare(store)?;
        checkpoint::write(store, &self.app, standing, live, now)?;
        self.report.checkpoint = Some(standing.version);
        Ok(())
    }
}

enum Next {
    Written(Box<Standing>),
    /// The state cannot be shown.
    Unfit,
    /// Somebody else came first.
    Lost,
}

/// An error if a column has another type in a file than in the table: [`at1_table::Files::uniform`], and what that lets pass, files
/// that agree with each other only.
fn one_type(files: &Files) -> Result<()> {
    files.uniform()?;
    let Some(MixedColumn { column, ty, others, .. }) = files.mixed.first() else { return Ok(()) };
    let others: Vec<_> = others.iter().map(|(ty, segments)| format!("{ty} in {segments}")).collect();
    let expected = format!("{ty} in every segment; compact with retype rewrites them");
    Err(Error::new(ErrorKind::Unsupported, format!("column {column}"), expected, others.join(", ")))
}
