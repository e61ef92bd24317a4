//! The folder: segments by several threads in any order, the ledger by one in order.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, SyncSender},
    },
    thread,
};

use at1_codec::Schema;
use at1_ledger::{BatchRecord, Detail, Digest, Header, Kind, RowTree, SegmentRecord, Totals, link, parse_line};
use at1_table::{AppendOptions, CreateOptions, Source, Table, paths};

use super::{Result, batch, committed, segment};
use crate::store::MemStore;

/// Batches that a thread takes at a time.
const BATCHES_AT_ONCE: u64 = 64;
/// So that tables of the same number of segments are the same.
pub(super) const NONCE: [u8; 16] = *b"at1-testkit:made";

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Segments, batches and events.
    pub segments: u64,
    /// The sizes of the segments' files.
    pub segment_bytes: u64,
    /// The size of the ledger.
    pub ledger_bytes: u64,
}

/// Makes the table of `segments` segments in `folder`, which holds none yet, on so many threads. What a making that was cut short left
/// there goes.
///
/// # Errors
/// If there is a table already, or the disk refuses.
pub fn make(folder: &Path, segments: u64, threads: usize) -> Result<Made> {
    let ledger = folder.join(paths::LEDGER);
    if ledger.exists() {
        return Err(format!("{}: expected no table, found one", folder.display()).into());
    }
    let unfinished = ledger.with_extension("unfinished");
    if unfinished.exists() {
        remove_folder(&folder.join(paths::SEGMENTS))?;
    }
    fs::create_dir_all(folder.join(paths::STAGING))?;
    let first = First::append()?;
    let mut writer = Ledger::new(&unfinished, &first)?;
    // After the name that says that what is in there is ours.
    fs::create_dir_all(folder.join(paths::SEGMENTS))?;
    let next = AtomicU64::new(0);
    thread::scope(|scope| -> Result {
        // Few, so that nobody runs far ahead of the ledger.
        let (sender, receiver) = mpsc::sync_channel(4 * threads.max(1));
        let workers: Vec<_> = (0..threads.max(1))
            .map(|_| {
                let sender = sender.clone();
                let (first, next) = (&first, &next);
                scope.spawn(move || work(folder, segments, first, next, &sender))
            })
            .collect();
        drop(sender);
        let mut waiting = BTreeMap::new();
        for (start, records) in receiver {
            waiting.insert(start, records);
            while let Some(records) = waiting.remove(&writer.events) {
                for (batch, segment) in records {
                    writer.append(batch, segment)?;
                }
            }
        }
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a thread panicked")?)
    })?;
    let made = writer.finish()?;
    fs::rename(unfinished, ledger)?;
    Ok(made)
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    fs::remove_dir_all(folder).or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
}

type Records = Vec<(BatchRecord, SegmentRecord)>;

/// Writes files until there are enough, and tells what events are to say about them.
fn work(folder: &Path, segments: u64, first: &First, next: &AtomicU64, to: &SyncSender<(u64, Records)>) -> Result {
    loop {
        let start = next.fetch_add(BATCHES_AT_ONCE, Ordering::Relaxed);
        if start >= segments {
            return Ok(());
        }
        let mut records = vec![];
        for n in start..segments.min(start + BATCHES_AT_ONCE) {
            let (file, batch, segment) = if n == 0 {
                (Arc::clone(&first.file), first.batch.clone(), first.segment.clone())
            } else {
                let segment::Made { file, batch, segment } = segment::make(n, &batch(n), &first.schema)?;
                (file, batch, segment)
            };
            write_segment(&folder.join(paths::segment_path(&segment.name)), &file)?;
            records.push((batch, segment));
        }
        if to.send((start, records)).is_err() {
            // Whoever writes the ledger failed, and says so.
            return Ok(());
        }
    }
}

fn write_segment(path: &Path, bytes: &[u8]) -> Result {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o444);
    options.open(path).and_then(|mut file| file.write_all(bytes)).map_err(|e| format!("{}: {e}", path.display()).into())
}

/// Event 0, as the table itself appends it: it fixes the schema.
pub(super) struct First {
    detail: Detail,
    batch: BatchRecord,
    pub(super) segment: SegmentRecord,
    file: Arc<Vec<u8>>,
    schema: Schema,
}

impl First {
    pub(super) fn append() -> Result<Self> {
        let store = MemStore::new();
        let table = Table::create_in(Arc::new(store.clone()), &CreateOptions::default())?;
        table.append_csv(Source::bytes(&batch(0)), &AppendOptions::default())?;
        let files = store.files();
        let read = |path: &str| files.get(path).ok_or_else(|| format!("no {path} after an append"));
        let ledger = read(paths::LEDGER)?;
        let line = ledger.split_inclusive(|&byte| byte == b'\n').nth(1).ok_or("no event after an append")?;
        let detail = parse_line(line)?.detail;
        let Kind::Append { batches, segments, .. } = &detail.kind else { return Err("expected an append".into()) };
        let ([batch], [segment]) = (&batches[..], &segments[..]) else { return Err("expected one segment".into()) };
        let (batch, segment) = (batch.clone(), segment.clone());
        let file = read(&paths::segment_path(&segment.name))?.clone();
        let schema = segment::schema_of(file.clone(), &segment)?;
        Ok(Self { detail, batch, segment, file: Arc::new(file), schema })
    }
}

/// The ledger while it grows.
struct Ledger<'a> {
    file: BufWriter<File>,
    first: &'a First,
    chain: Digest,
    events: u64,
    totals: Totals,
    made: Made,
}

impl<'a> Ledger<'a> {
    fn new(path: &Path, first: &'a First) -> Result<Self> {
        let header = Header::new(NONCE, None, RowTree::SourceBytes)?;
        let line = header.line() + "\n";
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        file.write_all(line.as_bytes())?;
        let made = Made { ledger_bytes: line.len() as u64, ..Made::default() };
        Ok(Self { file, first, chain: header.genesis(), events: 0, totals: Totals::default(), made })
    }

    fn append(&mut self, batch: BatchRecord, segment: SegmentRecord) -> Result {
        let totals = self.totals.plus(std::slice::from_ref(&batch)).ok_or("more than numbers of 64 bits hold")?;
        let schema = match &self.first.detail.kind {
            Kind::Append { schema, .. } if self.events == 0 => schema.clone(),
            _ => None,
        };
        self.made.segment_bytes += segment.bytes;
        let kind = Kind::Append { batches: vec![batch], segments: vec![segment], schema };
        let detail = Detail {
            totals,
            manifest: None,
            kind,
            actor: None,
            tool: self.first.detail.tool.clone(),
            text: None,
            clk: None,
            extra: Default::default(),
        };
        let link = link(self.chain, self.events, &detail, committed(self.events))?;
        self.file.write_all(&link.line)?;
        self.made.ledger_bytes += link.line.len() as u64;
        (self.chain, self.totals, self.events) = (link.chain, totals, self.events + 1);
        Ok(())
    }

    fn finish(self) -> Result<Made> {
        let file = self.file.into_inner().map_err(|e| e.into_error())?;
        file.sync_all()?;
        Ok(Made { segments: self.events, ..self.made })
    }
}
