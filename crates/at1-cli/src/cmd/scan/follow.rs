//! `at1 scan --follow`: records as they land.
//!
//! * The cursor is an event: what it and those before it appended has been printed, what came later has not. It is told on stderr, so
//!   whoever goes on with `--since` sees each record once.
//! * Compactions change nothing: the table's rows are the same, and their numbers too.

use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use arrow::datatypes::SchemaRef;
use at1_console::print::{Format, Printer};
use at1_table::{AsOf, Joints, ScanOptions, Snapshot, Table};
use serde_json::json;

use super::Query;
use crate::{
    args::ScanFormat,
    failure::Failure,
    interrupt,
    output::{self, Voice},
    print, watched,
    words::Since,
};

/// How often the ledger is looked at.
const POLL: Duration = Duration::from_millis(50);

pub(super) fn run(
    path: &Path,
    query: &Query,
    format: ScanFormat,
    since: Option<Since>,
    voice: Voice,
) -> Result<(), Failure> {
    let table = Table::open_in(watched::quietly(path, voice, "scanning"))?;
    let mut follower = Follower::new(&table, query, format, since)?;
    let done = loop {
        match follower.step(&table) {
            Ok(Step::Printed { rows }) => voice_cursor(voice, follower.event, rows)?,
            Ok(Step::Nothing) => thread::sleep(POLL),
            Ok(Step::Enough) => break Ok(()),
            Err(failure) => break Err(failure),
        }
        if interrupt::came() {
            break Err(Failure::interrupted());
        }
    };
    if let (Voice::Words, Some(event)) = (voice, follower.event) {
        voice.aside(|| format!("to go on from here: --since {event}"));
    }
    follower.printer.map_or(Ok(()), |printer| printer.1.finish())?;
    done
}

/// Where one has come to; words are told at the end only.
fn voice_cursor(voice: Voice, event: Option<u64>, rows: u64) -> Result<(), Failure> {
    match voice {
        Voice::Json => voice.tell_aside(&json!({ "since": event, "rows": rows }), |_| Ok(())),
        Voice::Words => Ok(()),
    }
}

enum Step {
    /// There was something new, of which so many records matched.
    Printed {
        rows: u64,
    },
    Nothing,
    /// As many as were asked for.
    Enough,
}

struct Follower<'q> {
    query: &'q Query,
    format: ScanFormat,
    /// What was printed: all rows before this one, up to this event.
    rows: u64,
    event: Option<u64>,
    left: u64,
    out: Out,
    printer: Option<(SchemaRef, Box<dyn Printer>)>,
}

impl<'q> Follower<'q> {
    fn new(table: &Table, query: &'q Query, format: ScanFormat, since: Option<Since>) -> Result<Self, Failure> {
        let snapshot = table.snapshot()?;
        let (rows, event) = match since {
            None => (rows(&snapshot)?, snapshot.event()),
            Some(Since::Start) => (0, None),
            Some(Since::Event(event)) => (rows(&table.as_of(AsOf::Event(event))?)?, Some(event)),
        };
        let mut follower = Self {
            query,
            format,
            rows,
            event,
            left: query.limit.unwrap_or(u64::MAX),
            out: Out(Arc::new(Mutex::new(output::data()))),
            printer: None,
        };
        // Columns are there before there are records.
        if let Some(batches) = format.of_batches().filter(|_| event.is_some()) {
            let schema = snapshot.scan(&follower.options(rows..rows))?.schema();
            follower.printer(batches, &schema)?;
            follower.out.flush().map_err(|e| Failure::output(&e))?;
        }
        Ok(follower)
    }

    fn options(&self, rows: std::ops::Range<u64>) -> ScanOptions {
        ScanOptions {
            predicate: self.query.predicate.clone(),
            select: self.query.select.clone(),
            rows: Some(rows),
            limit: Some(self.left),
            ..ScanOptions::default()
        }
    }

    /// Prints what is new.
    fn step(&mut self, table: &Table) -> Result<Step, Failure> {
        if self.left == 0 {
            return Ok(Step::Enough);
        }
        let snapshot = table.snapshot()?;
        if snapshot.event() == self.event {
            return Ok(Step::Nothing);
        }
        let end = rows(&snapshot)?;
        let mut printed = 0;
        if end > self.rows {
            let options = self.options(self.rows..end);
            match self.format.of_batches() {
                None => {
                    let statistics = snapshot.scan_raw(&options, Joints::LineFeed, &mut self.out)?;
                    printed = statistics.rows_matched;
                }
                Some(batches) => {
                    let scan = snapshot.scan(&options)?;
                    let schema = scan.schema();
                    for batch in scan {
                        let batch = batch?;
                        printed += batch.num_rows() as u64;
                        self.printer(batches, &schema)?.batch(&batch)?;
                    }
                }
            }
            self.out.flush().map_err(|e| Failure::output(&e))?;
        }
        (self.rows, self.event) = (end, snapshot.event());
        self.left -= printed.min(self.left);
        Ok(Step::Printed { rows: printed })
    }

    /// The printer for batches of this schema: another one where the table's columns have changed.
    fn printer(&mut self, format: Format, schema: &SchemaRef) -> Result<&mut dyn Printer, Failure> {
        if self.printer.as_ref().is_none_or(|(known, _)| known != schema) {
            if let Some((_, printer)) = self.printer.take() {
                printer.finish()?;
            }
            self.printer = Some((schema.clone(), print::printer(format, schema, self.out.clone())?));
        }
        let (_, printer) = self.printer.as_mut().expect("it was made");
        Ok(&mut **printer)
    }
}

fn rows(snapshot: &Snapshot) -> Result<u64, Failure> {
    Ok(snapshot.info()?.rows)
}

/// Stdout, which whoever holds a part of it may flush: a printer keeps its own, and prints on after that.
#[derive(Clone)]
struct Out(Arc<Mutex<dyn Write + Send>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}
