//! `at1 ingest`: lines become batches as they are written.
//!
//! * On stdout is what was appended: a line of JSON for each batch with `--json`, else the sum at the end. What happens to files, and
//!   what the disk refuses, is told on stderr as it happens.
//! * The first signal seals what was read; the second ends the process, and the journal has it.

mod metrics;

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use at1_ingest::{BatchLimits, IngestOptions, Source, Stats, Told, ingest};
use at1_table::{CreateOptions, Opened, Table, store::LocalStore};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::{
    args::{Ingest, IngestFrom, Switch},
    failure::{Exit, Failure},
    interrupt,
    output::{Voice, count, grouped, size},
};

/// How often the status line and the counters are renewed.
const STATUS: Duration = Duration::from_millis(500);
const METRICS: Duration = Duration::from_secs(5);

pub(crate) fn run(args: &Ingest, voice: Voice) -> Result<(), Failure> {
    let sources = sources(args)?;
    let options = options(args)?;
    // Not a store that Ctrl-C ends: what was read is still to be appended then.
    let (table, opened) =
        Table::open_or_create_in(std::sync::Arc::new(LocalStore::new(&args.table)), &CreateOptions::default())?;
    if opened == Opened::Created {
        voice.aside(|| format!("created a table in {}", args.table.display()));
    }
    let (stats, began) = (Stats::default(), Instant::now());
    let status = Status::new(voice);
    let output = Mutex::new(None);
    let ended = AtomicBool::new(false);
    let stop = || interrupt::came() || output.lock().unwrap_or_else(PoisonError::into_inner).is_some();
    let done = thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let mut written = Instant::now();
            while !ended.load(Ordering::Relaxed) {
                thread::park_timeout(STATUS);
                status.show(&stats);
                if let Some(path) = args.metrics.as_ref().filter(|_| written.elapsed() >= METRICS) {
                    if let Err(e) = metrics::write(path, &stats, &table) {
                        status.say(&format!("{}: {e}", path.display()));
                    }
                    written = Instant::now();
                }
            }
        });
        let tell = |told: Told<'_>| {
            if let Err(failure) = self::tell(&told, voice, &status) {
                output.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
            }
        };
        let done = ingest(&table, &args.table, sources, &options, &stop, &tell, &stats);
        ended.store(true, Ordering::Relaxed);
        beside.thread().unpark();
        done
    });
    status.clear();
    if let Some(path) = &args.metrics {
        metrics::write(path, &stats, &table).map_err(|e| Failure::io(path, &e))?;
    }
    done.map_err(failure)?;
    if let Some(failure) = output.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(failure);
    }
    let (lines, batches) = (stats.sum(|s| &s.lines), stats.sum(|s| &s.batches));
    let bytes = stats.sum(|s| &s.table_bytes);
    let json = json!({ "told": "ended", "lines": lines, "bytes": bytes, "batches": batches, "seconds": began.elapsed().as_secs_f64() });
    voice.tell(&json, |out| {
        let (lines, batches) = (
            count(lines, "line"),
            if batches == 1 { "1 batch".to_owned() } else { format!("{} batches", grouped(batches)) },
        );
        writeln!(out, "{lines}, {} of text in {batches}", size(bytes))
    })
}

fn sources(args: &Ingest) -> Result<Vec<Source>, Failure> {
    if !args.follow.is_empty() {
        return Ok(args.follow.iter().map(Source::path).collect());
    }
    if io::stdin().is_terminal() {
        return Err(Failure::usage("--follow FILE, or lines on standard input", "a terminal"));
    }
    Ok(vec![Source::reader(&args.name, io::stdin())])
}

fn options(args: &Ingest) -> Result<IngestOptions, Failure> {
    let append = args.reading.append(&args.effort)?;
    let batch = BatchLimits { lines: args.batch_lines, bytes: args.batch_bytes, age: args.batch_secs };
    let defaults = IngestOptions::default();
    let mut compact = defaults.compact.clone().filter(|_| args.compact == Switch::On);
    if let Some(compact) = &mut compact {
        compact.profile = append.profile;
    }
    Ok(IngestOptions { append, batch, skips_old: args.from == IngestFrom::End, compact, ..defaults })
}

fn failure(error: at1_ingest::Error) -> Failure {
    use at1_ingest::Error as E;
    match error {
        E::Table { source, error } => Failure::from(error).at(source),
        E::Journal { error, source } if error.kind() == io::ErrorKind::WouldBlock => {
            Failure::new(Exit::CouldNot, "busy", format!("{source}: {error}"))
        }
        other => Failure::new(Exit::CouldNot, "io", other.to_string()),
    }
}

/// Tells what happened, as it happens.
fn tell(told: &Told<'_>, voice: Voice, status: &Status) -> Result<(), Failure> {
    match told {
        Told::Appended { source, lines, report, took, delay } => {
            let mut json = report.to_json();
            json["told"] = "appended".into();
            json["source"] = (*source).into();
            json["lines"] = (*lines).into();
            json["append_ms"] = millis(*took).into();
            json["delay_ms"] = delay.map(millis).into();
            if voice == Voice::Json {
                return voice.tell(&json, |_| Ok(()));
            }
            for column in &report.columns_added {
                status.say(&format!("{source}: new column {column}"));
            }
            for note in &report.notes {
                status.say(&format!("{source}: {note}"));
            }
            for widened in &report.columns_widened {
                status.say(&format!("{source}: column {} is {} now, was {}", widened.column, widened.to, widened.from));
            }
            Ok(())
        }
        Told::Compacted { report } => {
            let json = || {
                let mut json = report.to_json();
                json["told"] = "compacted".into();
                json
            };
            if voice == Voice::Json { voice.tell(&json(), |_| Ok(())) } else { Ok(()) }
        }
        Told::Recovered { source, lines } => aside(
            voice,
            status,
            "recovered",
            source,
            &format!("{} of an earlier run are appended first", count(*lines, "line")),
        ),
        Told::Happened { source, happening } => aside(voice, status, "happened", source, &happening.to_string()),
        Told::Refused { source, error } => aside(voice, status, "refused", source, &format!("{error}; trying again")),
    }
}

fn aside(voice: Voice, status: &Status, told: &str, source: &str, words: &str) -> Result<(), Failure> {
    match voice {
        Voice::Json => voice.tell(&json!({ "told": told, "source": source, "what": words }), |_| Ok(())),
        Voice::Words => {
            status.say(&if words.contains(source) { words.to_owned() } else { format!("{source}: {words}") });
            Ok(())
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The line that says how it goes, if a person is looking.
struct Status {
    bar: ProgressBar,
    is_words: bool,
    last: Mutex<(Instant, u64)>,
}

impl Status {
    fn new(voice: Voice) -> Self {
        let is_words = voice == Voice::Words;
        let shown = is_words && io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { bar, is_words, last: Mutex::new((Instant::now(), 0)) }
    }

    fn show(&self, stats: &Stats) {
        let lines = stats.sum(|s| &s.lines);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let per_second = (lines - last.1) as f64 / last.0.elapsed().as_secs_f64().max(0.001);
        *last = (Instant::now(), lines);
        let (lag, journal) = (stats.sum(|s| &s.lag_bytes), stats.sum(|s| &s.journal_bytes));
        let batches = stats.sum(|s| &s.batches);
        self.bar.set_message(format!(
            "{} lines, {} lines/s; {} behind, {} in the journal; {} batches",
            grouped(lines),
            grouped(per_second as u64),
            size(lag),
            size(journal),
            grouped(batches),
        ));
        self.bar.tick();
    }

    /// A line above it.
    fn say(&self, words: &str) {
        if self.is_words {
            self.bar.suspend(|| {
                // Nobody is left to tell if stderr is gone.
                let _ = writeln!(io::stderr(), "{words}");
            });
        }
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
