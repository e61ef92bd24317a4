//! Looking at the ledger: from where the last look ended, from the newest root, or from its start.

use std::{io, sync::Arc};

use at1_codec::ReadAt;
use at1_ledger::{Digest, Header, Json, Kind, ManifestRef, SegmentRecord, Tip, parse_line};

use super::{SETTLE_EVENTS, Version};
use crate::{
    error::{Error, ErrorKind, Result},
    lines::{Lines, LinesBack},
    manifest::{self, Manifest},
    paths,
    schemas::Schemas,
    segments,
    store::{Store, read_range},
};

/// How often a look is repeated that a writer may have disturbed by cutting a torn tail.
const ATTEMPTS: usize = 3;

/// A ledger up to this length is read once and whole, instead of its start, its end and what lies between.
const SMALL_BYTES: u64 = 16 << 10;

/// What a look at the ledger found.
pub(crate) struct Look {
    pub(crate) version: Arc<Version>,
    /// What stands behind the last full line.
    pub(crate) torn: Vec<u8>,
    /// How much was read, of the ledger and of the manifest.
    pub(crate) bytes_read: u64,
}

/// Where a fold may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Footing {
    /// At the newest root that an event binds.
    Root,
    /// At the start of the ledger, whose lines are all that is needed then.
    Start,
}

/// Reads what is new since `known`, or what there is.
pub(crate) fn look(store: &Arc<dyn Store>, known: Option<Arc<Version>>, footing: Footing) -> Result<Look> {
    let (mut known, mut footing) = (known, footing);
    let mut attempt = 1;
    loop {
        match look_once(store, known.take(), footing) {
            // A block is missing: a newer root came meanwhile, or it is lost. Either way the ledger has it all.
            Err(error) if footing == Footing::Root && manifest::is_to_blame(&error) => footing = Footing::Start,
            // A writer that cuts a torn tail and writes its own line there can be met half-way.
            Err(error) if attempt < ATTEMPTS && error.kind() == ErrorKind::Corrupt => attempt += 1,
            other => return other,
        }
    }
}

fn look_once(store: &Arc<dyn Store>, known: Option<Arc<Version>>, footing: Footing) -> Result<Look> {
    let failed = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => no_table(&**store),
        _ => ledger_error(e),
    };
    let file = store.open(paths::LEDGER).map_err(failed)?;
    let size = file.size().map_err(failed)?;
    let known = match known {
        Some(known) if known.still_stands(&*file, size).map_err(failed)? => Some(known),
        _ => None,
    };
    let small = known.is_none() && size <= SMALL_BYTES;
    let file: Arc<dyn ReadAt> = if small { Arc::new(read_range(&*file, 0, size).map_err(failed)?) } else { file };
    let mut bytes_read = 0;
    let mut version = match known {
        Some(known) => known,
        None => {
            let mut first = Lines::new(&*file, 0, size);
            let line = first.next().map_err(failed)?.ok_or_else(|| no_table(&**store))?;
            bytes_read += first.bytes_read();
            let header = Header::parse(&line[..line.len() - 1]).map_err(|e| Error::from(e).within(paths::LEDGER))?;
            let bound = match footing {
                Footing::Root => newest_root(&*file, line.len() as u64, size, &mut bytes_read).map_err(failed)?,
                Footing::Start => None,
            };
            let resumed = match bound {
                Some(bound) => resume(store, &*file, size, &header, bound, &mut bytes_read)?,
                None => None,
            };
            Arc::new(resumed.unwrap_or_else(|| Version { missed: bound, ..Version::start(header, line) }))
        }
    };
    let mut torn = fold(store, &mut version, &*file, size, &mut bytes_read)?;
    // A newer root makes the tail short again, and the blocks of older ones go.
    let newer = version.tip.manifest().filter(|bound| {
        bound.events > version.tail.manifest().root().events && version.missed.is_none_or(|missed| missed != *bound)
    });
    if let Some(bound) = newer {
        let newer = match footing {
            Footing::Root => resume(store, &*file, size, &version.header, bound, &mut bytes_read),
            Footing::Start => Ok(None),
        };
        let newer = newer.and_then(|newer| match newer {
            Some(newer) => {
                let history = Arc::clone(&version.history);
                let mut newer = Arc::new(Version { history, ..newer });
                torn = fold(store, &mut newer, &*file, size, &mut bytes_read)?;
                Ok(Some(newer))
            }
            None => Ok(None),
        });
        match newer {
            Ok(Some(newer)) => version = newer,
            Ok(None) => Arc::make_mut(&mut version).missed = Some(bound),
            Err(error) if manifest::is_to_blame(&error) => Arc::make_mut(&mut version).missed = Some(bound),
            Err(error) => return Err(error),
        }
    }
    if small {
        bytes_read = size + version.tail.manifest().bytes_read();
    }
    Ok(Look { version, torn, bytes_read })
}

/// The state after the first `events` events, folded from the start of the ledger.
pub(crate) fn first(store: &Arc<dyn Store>, events: u64) -> Result<Version> {
    let file = store.open(paths::LEDGER).map_err(ledger_error)?;
    let mut lines = Lines::all(&*file, 0, file.size().map_err(ledger_error)?);
    let line = lines.next().map_err(ledger_error)?.ok_or_else(|| no_table(&**store))?;
    let header = Header::parse(&line[..line.len() - 1]).map_err(|e| Error::from(e).within(paths::LEDGER))?;
    let mut version = Version::start(header, line);
    while version.events() < events {
        let line = lines.next().map_err(ledger_error)?;
        let line = line.ok_or_else(|| Error::corrupt(paths::LEDGER, format!("{events} events"), version.events()))?;
        version.take(&**store, &line)?;
    }
    Ok(version)
}

/// Folds the lines that `version` does not know yet; what stands behind the last of them.
fn fold(
    store: &Arc<dyn Store>,
    version: &mut Arc<Version>,
    file: &dyn ReadAt,
    size: u64,
    bytes_read: &mut u64,
) -> Result<Vec<u8>> {
    let mut lines = Lines::all(file, version.whole_bytes(), size);
    while let Some(line) = lines.next().map_err(ledger_error)? {
        // No copy unless a reader still holds the old state.
        Arc::make_mut(version).take(&**store, &line)?;
    }
    *bytes_read += lines.bytes_read();
    Ok(lines.rest())
}

/// The root that the last full line names, if it names one and can be read; whatever is wrong with it, the fold will say.
fn newest_root(
    file: &dyn ReadAt,
    header_bytes: u64,
    size: u64,
    bytes_read: &mut u64,
) -> io::Result<Option<ManifestRef>> {
    let mut back = LinesBack::new(file, header_bytes, size);
    let line = match back.next() {
        // No line so far back: reading on from the start tells where the damage is.
        Err(e) if e.kind() == io::ErrorKind::InvalidData => None,
        line => line?,
    };
    *bytes_read += back.bytes_read();
    Ok(line.and_then(|line| parse_line(&line).ok()).and_then(|event| event.detail.manifest))
}

/// The state that a root describes; `None` if it is not there, or not about this ledger.
fn resume(
    store: &Arc<dyn Store>,
    file: &dyn ReadAt,
    size: u64,
    header: &Header,
    bound: ManifestRef,
    bytes_read: &mut u64,
) -> Result<Option<Version>> {
    let Some(manifest) = Manifest::open(Arc::clone(store), bound)? else { return Ok(None) };
    let root = manifest.root().clone();
    let start = root.ledger_bytes.checked_sub(root.last_line_bytes);
    let Some(start) = start.filter(|_| root.events == bound.events && root.ledger_bytes <= size) else {
        return Ok(None);
    };
    // The last line that it folds ties it to this ledger.
    let mut lines = Lines::new(file, start, root.ledger_bytes);
    let line = lines.next().map_err(ledger_error)?;
    *bytes_read += lines.bytes_read();
    let last = line.as_deref().and_then(|line| parse_line(line).ok());
    let (Some(line), Some(last)) = (line, last) else { return Ok(None) };
    let told = (last.n.checked_add(1), last.chain, Some(last.ts), last.detail.totals);
    if told != (Some(root.events), root.chain, root.ts, root.totals) || lines.offset() != root.ledger_bytes {
        return Ok(None);
    }
    let tip = Tip::resume(header, &last, root.appends);
    // Changes that do not fold: if they are the ledger's own, its fold will say so.
    let Ok(schemas) = Schemas::of(manifest.schema()?) else { return Ok(None) };
    *bytes_read += manifest.bytes_read();
    Ok(Some(Version { rests_on: Some(bound), ..Version::on(header.clone(), manifest, tip, schemas, line) }))
}

impl Version {
    /// Folds the next line, and many into a manifest in memory.
    fn take(&mut self, store: &dyn Store, line: &[u8]) -> Result<()> {
        if self.tail.events.len() >= SETTLE_EVENTS {
            self.settle(store)?;
        }
        self.push(store, line).map_err(|e| e.within(paths::LEDGER))
    }

    fn still_stands(&self, file: &dyn ReadAt, size: u64) -> io::Result<bool> {
        if size < self.whole_bytes() {
            return Ok(false);
        }
        Ok(read_range(file, self.whole_bytes() - self.last_line.len() as u64, self.whole_bytes())? == self.last_line)
    }

    /// A version to go on with after one of this one's blocks was not there; `None` if it rests on no blocks.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub(crate) fn renewed(&self, store: &Arc<dyn Store>) -> Result<Option<Look>> {
        let Some(lost) = self.rests_on else { return Ok(None) };
        let newest = look(store, None, Footing::Root)?;
        match newest.version.rests_on == Some(lost) {
            // Nobody replaced it: the block is lost, or damaged.
            true => look(store, None, Footing::Start).map(Some),
            false => Ok(Some(newest)),
        }
    }
}

/// Schema changes of an append that are too long for its event: from the footer of the segment that holds its first batch, the
/// append's own or, if that is gone, the one that compactions put in its place. `behind` is where the event's line ends.
pub(super) fn long_changes(
    store: &dyn Store,
    own: &[SegmentRecord],
    first_batch: u64,
    behind: u64,
    sha256: Digest,
) -> Result<Json> {
    let holds = |record: &&SegmentRecord| record.batch.contains(&first_batch);
    let none = || Error::corrupt("", "a segment with the event's first batch", "none");
    let own = own.iter().find(holds).ok_or_else(none)?;
    match segments::schema_text(store, own, sha256) {
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            let file = store.open(paths::LEDGER).map_err(ledger_error)?;
            let mut lines = Lines::all(&*file, behind, file.size().map_err(ledger_error)?);
            let mut newest = None;
            while let Some(line) = lines.next().map_err(ledger_error)? {
                // A line that cannot be read is reported when its turn comes.
                let Ok(event) = parse_line(&line) else { break };
                if let Kind::Compact { segments, .. } = event.detail.kind {
                    newest = segments.into_iter().find(|record| holds(&record)).or(newest);
                }
            }
            match newest {
                Some(record) => segments::schema_text(store, &record, sha256),
                None => Err(error),
            }
        }
        text => text,
    }
}

fn no_table(store: &dyn Store) -> Error {
    Error::new(ErrorKind::NoTable, store.place(), "a table", "none")
}

fn ledger_error(e: io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => Error::corrupt(paths::LEDGER, "a file that only grows", "a shorter one"),
        _ => Error::io(paths::LEDGER, e),
    }
}
