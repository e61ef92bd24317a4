//! From one export to the next: what of the last one stands, and what has to be made.
//!
//! * The last export counts only if the ledger still has its event with its chain value, and its files are there.
//! * Older snapshots stay while their files do: one that names a file which a vacuum removed is dropped.

use std::{
    collections::{HashMap, HashSet},
    thread,
};

use at1_ledger::Kind;
use at1_table::{AsOf, Error, ErrorKind, FileEntry, Result, Snapshot as TableState, Table};
use serde_json::Value;

use super::{
    data_file::{DataFile, long},
    folder::{Folder, metadata_name},
    list::Listed,
    manifest::{self, Entry},
    metadata::{Metadata, Operation, SNAPSHOTS_MAX, Snapshot},
    plan::Part,
    report::Restart,
    schema::Columns,
};

/// More segments than these are opened by several threads.
const SEGMENTS_ALONE: usize = 64;
const THREADS_MAX: usize = 4;

/// An older snapshot that stays, and its manifests.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) snapshot: Snapshot,
    pub(super) listed: Vec<Listed>,
}

/// The last export, as far as it stands.
pub(super) enum Base {
    /// There is none to go on from, for a reason if there was one.
    None(Option<Restart>),
    /// Its snapshots, oldest first and the current one last.
    Of(Vec<Kept>),
}

impl Base {
    /// What of `newest` can be gone on from.
    ///
    /// # Errors
    /// `Exists` if another program committed to it.
    pub(super) fn of(table: &Table, folder: &Folder<'_>, newest: Option<&Metadata>, location: &str) -> Result<Self> {
        let Some(newest) = newest else { return Ok(Self::None(None)) };
        let (mut snapshots, current) = newest.snapshots(&format!("metadata/{}", metadata_name(newest.version)))?;
        if newest.location != location {
            return Ok(Self::None(Some(Restart::Moved(newest.location.clone()))));
        }
        let damaged = || Ok(Self::None(Some(Restart::Damaged)));
        let Some(current) = current else { return damaged() };
        // The current one last, whatever the order is.
        let current = snapshots.remove(current);
        if !is_of_ledger(table, &current)? {
            return Ok(Self::None(Some(Restart::History(current.event))));
        }
        let mut kept = vec![];
        for snapshot in snapshots {
            if let Some(listed) = folder.listed(&snapshot.list)? {
                kept.push(Kept { snapshot, listed });
            }
        }
        match folder.listed(&current.list)? {
            Some(listed) if folder.has(&listed)? => kept.push(Kept { snapshot: current, listed }),
            _ => return damaged(),
        }
        Ok(Self::Of(kept))
    }

    fn last(&self) -> Option<&Kept> {
        match self {
            Self::None(_) => None,
            Self::Of(kept) => kept.last(),
        }
    }

    /// The snapshot that is current so far.
    pub(super) fn current(&self) -> Option<&Snapshot> {
        self.last().map(|last| &last.snapshot)
    }

    /// How many snapshots there are so far.
    pub(super) fn snapshots(&self) -> u64 {
        match self {
            Self::None(_) => 0,
            Self::Of(kept) => kept.len() as u64,
        }
    }

    /// Its manifests.
    pub(super) fn listed(&self) -> &[Listed] {
        self.last().map(|last| &last.listed[..]).unwrap_or_default()
    }

    /// Whether these parts are just what there is already.
    pub(super) fn is_listed_as(&self, parts: &[Part]) -> bool {
        let same = |(part, listed): (&Part, &Listed)| matches!(part, Part::Kept(kept) if kept == listed);
        self.current().is_some() && parts.len() == self.listed().len() && parts.iter().zip(self.listed()).all(same)
    }

    pub(super) fn restart(&self) -> Option<&Restart> {
        match self {
            Self::None(restart) => restart.as_ref(),
            Self::Of(_) => None,
        }
    }

    /// What became of the current snapshot's files.
    pub(super) fn operation(&self, segments: &[FileEntry], listed: &[Listed]) -> Operation {
        let Some(before) = self.current() else { return Operation::Append };
        let stayed = segments.iter().filter(|segment| segment.event <= before.event).count() as u64;
        let rows: u64 = listed.iter().map(|listed| listed.added_rows + listed.existing_rows).sum();
        match before.files == stayed {
            true => Operation::Append,
            // Records are only ever added, so as many are the same.
            false if before.rows == rows => Operation::Replace,
            false => Operation::Overwrite,
        }
    }

    /// The older snapshots that stay beside a new one, oldest first.
    pub(super) fn kept(&self, table: &Table, folder: &Folder<'_>, new: &[Listed], id: i64) -> Result<Vec<Kept>> {
        let (Self::Of(kept), Some(current)) = (self, self.current()) else { return Ok(vec![]) };
        let kept = kept.iter().filter(|kept| kept.snapshot.id != id);
        let surplus = kept.clone().count().saturating_sub(SNAPSHOTS_MAX - 1);
        let kept = kept.skip(surplus);
        let removed = removed_since(table, current.event)?;
        if removed.is_empty() {
            return Ok(kept.cloned().collect());
        }
        // Manifests of the new state name no file that is gone.
        let mut whole: HashMap<String, bool> = new.iter().map(|listed| (listed.name.to_string(), true)).collect();
        let mut stays = |kept: &Kept| -> Result<bool> {
            for listed in &kept.listed {
                let name = listed.name.to_string();
                let is_whole = match whole.get(&name) {
                    Some(is_whole) => *is_whole,
                    None => {
                        let is_there = |entry: &Entry| !removed.contains(entry.file.name());
                        folder.entries(listed)?.is_some_and(|entries| entries.iter().all(is_there))
                    }
                };
                whole.insert(name, is_whole);
                if !is_whole {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let mut staying = vec![];
        for kept in kept {
            if stays(kept)? {
                staying.push(kept.clone());
            }
        }
        Ok(staying)
    }
}

/// Whether the ledger still has the event of a snapshot, with the chain value it had.
fn is_of_ledger(table: &Table, snapshot: &Snapshot) -> Result<bool> {
    match table.as_of(AsOf::Event(snapshot.event)) {
        Err(e) if e.kind() == ErrorKind::Invalid => Ok(false),
        state => {
            let head = state?.info()?.chain_head;
            Ok(head.is_some_and(|head| head.to_string() == snapshot.chain_head))
        }
    }
}

/// The names of segments that vacuums after `event` removed.
fn removed_since(table: &Table, event: u64) -> Result<HashSet<String>> {
    let mut limit = 64;
    let log = loop {
        let log = table.log(Some(limit))?;
        // Events may have come meanwhile, so it is asked until it reaches back far enough.
        if log.last().is_none_or(|oldest| oldest.0.n <= event + 1) {
            break log;
        }
        limit *= 4;
    };
    let later = log.into_iter().filter(|entry| entry.0.n > event);
    let names = later.flat_map(|entry| match entry.0.detail.kind {
        Kind::Vacuum { names, .. } => names,
        _ => vec![],
    });
    Ok(names.collect())
}

/// Manifests that are made now.
pub(super) struct Fresh<'f> {
    state: &'f TableState,
    folder: &'f Folder<'f>,
    location: &'f str,
    /// The event whose state the base is.
    before: Option<u64>,
    /// The base's manifests that do not stay.
    loose: Vec<Listed>,
    snapshot_id: i64,
    sequence: i64,
    /// What these said of segments, by name; read when it is first asked for.
    known: Option<HashMap<String, Entry>>,
    /// How many were written.
    pub(super) manifests: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

impl<'f> Fresh<'f> {
    pub(super) fn new(
        state: &'f TableState,
        folder: &'f Folder<'f>,
        location: &'f str,
        base: &Base,
        parts: &[Part],
        (snapshot_id, sequence): (i64, i64),
    ) -> Self {
        let before = base.current().map(|current| current.event);
        let stays =
            |listed: &&Listed| parts.iter().any(|part| matches!(part, Part::Kept(kept) if kept.name == listed.name));
        let loose = base.listed().iter().filter(|listed| !stays(listed)).cloned().collect();
        Self { state, folder, location, before, loose, snapshot_id, sequence, known: None, manifests: 0, bytes: 0 }
    }

    /// Writes a manifest of these segments; `None` if the file of one is gone by now.
    pub(super) fn write(
        &mut self,
        segments: &[FileEntry],
        columns: &Columns,
        schema: &Value,
    ) -> Result<Option<Listed>> {
        let before = self.before;
        let mut entries: Vec<Option<Entry>> = vec![None; segments.len()];
        if segments.iter().any(|segment| Some(segment.event) <= before) {
            let known = self.known()?;
            for (entry, segment) in entries.iter_mut().zip(segments) {
                let same = |entry: &Entry| (entry.file.bytes, entry.file.rows) == (segment.bytes, segment.rows);
                *entry = known.remove(&segment.name).filter(same);
            }
        }
        let unknown = entries.iter().zip(segments).filter(|(entry, _)| entry.is_none()).map(|(_, segment)| segment);
        let Some(described) = self.describe(&unknown.collect::<Vec<_>>(), columns)? else { return Ok(None) };
        let mut described = described.into_iter();
        let added = |file| Entry { snapshot_id: self.snapshot_id, sequence: None, file };
        let entries: Vec<_> =
            entries.into_iter().filter_map(|entry| entry.or_else(|| described.next().map(added))).collect();
        let first = segments.first().map_or(0, |segment| segment.event);
        let (name, bytes) = manifest::write(&entries, first, manifest::holds(self.location, segments), schema)?;
        self.folder.write(&name.to_string(), &bytes)?;
        self.manifests += 1;
        self.bytes += bytes.len() as u64;
        self.listed(name, bytes.len() as u64, &entries).map(Some)
    }

    fn listed(&self, name: manifest::Name, bytes: u64, entries: &[Entry]) -> Result<Listed> {
        let (added, added_rows) = manifest::added(entries)?;
        let natural = |count: i64| count.unsigned_abs();
        let rows: u64 = entries.iter().map(|entry| entry.file.rows).sum();
        long(rows)?;
        Ok(Listed {
            name,
            bytes,
            sequence: self.sequence,
            min_sequence: entries
                .iter()
                .map(|entry| entry.sequence.unwrap_or(self.sequence))
                .min()
                .unwrap_or(self.sequence),
            snapshot_id: self.snapshot_id,
            added: natural(added),
            existing: entries.len() as u64 - natural(added),
            added_rows: natural(added_rows),
            existing_rows: rows - natural(added_rows),
        })
    }

    /// What manifests say that do not stay.
    fn known(&mut self) -> Result<&mut HashMap<String, Entry>> {
        if self.known.is_none() {
            let mut known = HashMap::new();
            for listed in &self.loose {
                for entry in self.folder.entries(listed)?.unwrap_or_default() {
                    known.insert(entry.file.name().to_owned(), entry);
                }
            }
            self.known = Some(known);
        }
        Ok(self.known.get_or_insert_default())
    }

    /// What the footers of segments say, in order; `None` if one is gone.
    fn describe(&self, segments: &[&FileEntry], columns: &Columns) -> Result<Option<Vec<DataFile>>> {
        let one = |segment: &&FileEntry| -> Result<Option<DataFile>> {
            let Some(open) = self.state.open_file(segment)? else { return Ok(None) };
            for (index, column) in open.schema().columns.iter().enumerate() {
                if columns.ty(index) != Some(column.ty) {
                    let found = format!("{} of type {}", column.name, column.ty);
                    let expected = columns.ty(index).map_or("no such column".to_owned(), |ty| format!("type {ty}"));
                    let place = format!("{}: column {index}", segment.name);
                    return Err(Error::new(ErrorKind::Corrupt, place, expected, found));
                }
            }
            DataFile::of(segment, &open, self.location).map(Some)
        };
        let threads = thread::available_parallelism().map_or(1, |threads| threads.get().min(THREADS_MAX));
        if segments.len() <= SEGMENTS_ALONE || threads == 1 {
            return segments.iter().map(one).collect();
        }
        thread::scope(|scope| {
            let shares = segments.chunks(segments.len().div_ceil(threads));
            let work = |share: &[&FileEntry]| share.iter().map(one).collect::<Result<Option<Vec<_>>>>();
            let workers: Vec<_> = shares.map(|share| scope.spawn(move || work(share))).collect();
            let mut files = vec![];
            for worker in workers {
                match worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))? {
                    Some(share) => files.extend(share),
                    None => return Ok(None),
                }
            }
            Ok(Some(files))
        })
    }
}
