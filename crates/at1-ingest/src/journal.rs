//! Lines that were read and are not in the table yet, on disk.
//!
//! * A journal is two files in `_at1/ingest/SOURCE`: `N.lines`, the very bytes of the batch to be, and `N.json`, which says where in the
//!   source they start. `N` is how many bytes of the source came before them, in all its life.
//! * A batch is appended under the producer's name and the number of bytes up to its end, so the ledger knows how far the
//!   source is in the table, and a batch that is offered again after a crash is recognised.
//! * There is always a journal, if an empty one: it keeps the position. It is made before the one before it is appended.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use at1_table::paths;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::position::Position;

/// Where the journals of a table's sources lie, within its folder.
const INGEST: &str = "ingest";

impl Left {
    /// Whether nothing is found.
    pub(crate) fn is_new(&self) -> bool {
        self.sealed.is_empty() && self.done.is_empty()
    }
}

/// What is found of a source that was read before.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Journals with lines that the table lacks, in order.
    pub(crate) sealed: Vec<Sealed>,
    /// Where others start: they are needed until there is a new one.
    pub(crate) done: Vec<u64>,
    /// How many bytes of the source are in the table or in a journal.
    pub(crate) end: u64,
    /// The place in the source behind these, if a journal knows it.
    pub(crate) position: Option<Position>,
}

/// What a journal's second file says.
#[derive(Debug, Serialize, Deserialize)]
struct Start {
    version: u32,
    producer: String,
    position: Option<Position>,
}

const VERSION: u32 = 1;

/// The journals of one source. Nobody else has them.
#[derive(Debug)]
pub(crate) struct Journals {
    folder: PathBuf,
    producer: String,
    _lock: File,
}

/// A journal that is being written.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// How many bytes of the source came before it.
    pub(crate) start: u64,
    /// Its bytes.
    pub(crate) bytes: u64,
    /// Its lines.
    pub(crate) lines: u64,
    /// When its first bytes came.
    pub(crate) since: Option<Instant>,
    unsynced: Option<Instant>,
    /// Whether something may stand behind its bytes.
    is_torn: bool,
    /// Whether it is known where in the source it starts.
    pub(crate) has_place: bool,
}

/// A journal that is to be appended.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) path: PathBuf,
    /// Up to which byte of the source it goes.
    pub(crate) end: u64,
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    /// When its first bytes came; of one that was left by a crash nobody knows.
    pub(crate) since: Option<Instant>,
    /// The place in the source behind it.
    pub(crate) position: Option<Position>,
}

impl Journals {
    /// The journals of `producer` in the table in `folder`.
    ///
    /// # Errors
    /// `WouldBlock` if another process has them.
    pub(crate) fn open(folder: &Path, producer: &str) -> io::Result<Self> {
        let name: String = Sha256::digest(producer).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let home = folder.join(paths::HOME);
        let all = home.join(INGEST);
        let folder = all.join(name);
        fs::create_dir_all(&folder)?;
        // A power cut must not take away the folder that lines are in.
        for parent in [&all, &home] {
            File::open(parent)?.sync_all()?;
        }
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock"))?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => io::Error::new(io::ErrorKind::WouldBlock, "another process reads this source"),
            TryLockError::Error(e) => e,
        })?;
        Ok(Self { folder, producer: producer.to_owned(), _lock: lock })
    }

    fn path(&self, start: u64, end: &str) -> PathBuf {
        self.folder.join(format!("{start:020}.{end}"))
    }

    /// What a crash, or a stop, left. `known` is how far the source is in the table.
    pub(crate) fn recover(&self, known: u64, is_file: bool) -> io::Result<Left> {
        let mut starts: Vec<u64> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            starts.extend(name.strip_suffix(".json").and_then(|start| start.parse::<u64>().ok()));
        }
        starts.sort_unstable();
        let mut left = Left { end: known, ..Left::default() };
        for start in starts {
            let told = fs::read(self.path(start, "json"))?;
            // It got its name when it was whole and synced, so what cannot be read was damaged, and lines depend on it.
            let told = serde_json::from_slice::<Start>(&told)
                .map_err(|e| io::Error::other(format!("{}: {e}", self.path(start, "json").display())))?;
            if told.version != VERSION {
                return Err(io::Error::other(format!(
                    "{}: journal of version {}, expected {VERSION}",
                    self.path(start, "json").display(),
                    told.version
                )));
            }
            let path = self.path(start, "lines");
            let (bytes, lines) = whole_lines(&path, is_file)?;
            let behind = start + bytes;
            let position = told.position.map(|at| at.behind(bytes, &path)).transpose()?;
            // One whose lines are in the table may have lost them already, and then says no more how far it went.
            if behind >= left.end {
                (left.end, left.position) = (behind, position.clone());
            }
            if behind > known && bytes > 0 {
                left.sealed.push(Sealed { path, end: behind, bytes, lines, since: None, position });
            } else {
                left.done.push(start);
            }
        }
        Ok(left)
    }

    /// Starts a journal behind `start` bytes of the source.
    pub(crate) fn start(&self, start: u64, position: Option<Position>) -> io::Result<Journal> {
        let has_place = position.as_ref().is_none_or(Position::is_somewhere);
        let told = Start { version: VERSION, producer: self.producer.clone(), position };
        let (path, staged) = (self.path(start, "json"), self.folder.join("staged"));
        let mut file = File::create(&staged)?;
        file.write_all(&serde_json::to_vec(&told)?)?;
        file.sync_all()?;
        let lines = self.path(start, "lines");
        let journal = File::create(&lines)?;
        journal.sync_all()?;
        fs::rename(&staged, path)?;
        self.sync_folder()?;
        Ok(Journal {
            path: lines,
            file: journal,
            start,
            bytes: 0,
            lines: 0,
            since: None,
            unsynced: None,
            is_torn: false,
            has_place,
        })
    }

    /// Forgets a journal whose lines are in the table.
    pub(crate) fn remove(&self, start: u64) -> io::Result<()> {
        for end in ["lines", "json"] {
            match fs::remove_file(self.path(start, end)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}

impl Sealed {
    /// How many bytes of the source came before it.
    pub(crate) fn start(&self) -> u64 {
        self.end - self.bytes
    }
}

impl Journal {
    /// Adds lines. After an error none of them is in it.
    pub(crate) fn push(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.set_len(self.bytes)?;
            self.file.seek(SeekFrom::Start(self.bytes))?;
        }
        // Of what fails a part may stand there, and what follows must not be taken for its rest.
        self.is_torn = true;
        self.file.write_all(lines)?;
        self.is_torn = false;
        let now = Instant::now();
        self.bytes += lines.len() as u64;
        self.lines += memchr::memchr_iter(b'\n', lines).count() as u64 + u64::from(!lines.ends_with(b"\n"));
        self.since.get_or_insert(now);
        self.unsynced.get_or_insert(now);
        Ok(())
    }

    /// Puts on disk what has waited for `most`.
    pub(crate) fn sync(&mut self, most: Duration) -> io::Result<()> {
        if self.unsynced.is_some_and(|since| since.elapsed() >= most) {
            self.file.sync_data()?;
            self.unsynced = None;
        }
        Ok(())
    }

    /// Ends it: it has lines, and is to be appended. `position` is the place in the source behind it.
    pub(crate) fn seal(&mut self, position: Option<Position>) -> io::Result<Sealed> {
        if self.is_torn {
            self.file.set_len(self.bytes)?;
        }
        self.sync(Duration::ZERO)?;
        let Self { path, start, bytes, lines, since, .. } = self;
        Ok(Sealed { path: path.clone(), end: *start + *bytes, bytes: *bytes, lines: *lines, since: *since, position })
    }
}

/// The bytes and the number of the lines in a journal. What a crash left of a last line is cut off if the source still has it.
fn whole_lines(path: &Path, is_file: bool) -> io::Result<(u64, u64)> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((0, 0)),
        file => file?,
    };
    let (mut bytes, mut whole, mut lines) = (0, 0, 0);
    let mut block = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            break;
        }
        lines += memchr::memchr_iter(b'\n', &block[..read]).count() as u64;
        if let Some(last) = memchr::memrchr(b'\n', &block[..read]) {
            whole = bytes + last as u64 + 1;
        }
        bytes += read as u64;
    }
    if is_file {
        file.set_len(whole)?;
        return Ok((whole, lines));
    }
    Ok((bytes, lines + u64::from(bytes > whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crash_left_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let journals = Journals::open(folder.path(), "p").unwrap();
        assert!(Journals::open(folder.path(), "p").is_err(), "somebody has it");
        assert!(Journals::open(folder.path(), "q").is_ok());
        assert!(journals.recover(0, true).unwrap().sealed.is_empty());
        let at = Position { ino: 7, offset: 100, head: (9, "of the file".to_owned()), ..Position::default() };
        let mut first = journals.start(0, Some(at.clone())).unwrap();
        first.push(b"a\nbc\n").unwrap();
        let first = first.seal(None).unwrap();
        assert_eq!((first.end, first.lines), (5, 2));
        let mut second = journals.start(5, Some(Position { offset: 105, ..at.clone() })).unwrap();
        second.push(b"d\n").unwrap();
        second.file.write_all(b"torn").unwrap();
        drop(second);

        let left = journals.recover(0, true).unwrap();
        let ends = left.sealed.iter().map(|sealed| (sealed.start(), sealed.end, sealed.lines));
        assert_eq!(ends.collect::<Vec<_>>(), [(0, 5, 2), (5, 7, 1)]);
        assert_eq!((left.end, left.position.unwrap().offset), (7, 107));
        assert_eq!(fs::read(&left.sealed[1].path).unwrap(), b"d\n", "the file has the rest still");
        // The first is in the table.
        let left = journals.recover(5, true).unwrap();
        assert_eq!((left.sealed.len(), left.done, left.end), (1, vec![0], 7));
        let left = journals.recover(7, true).unwrap();
        assert_eq!((left.sealed.len(), left.done, left.end), (0, vec![0, 5], 7));
        assert_eq!(left.position.unwrap().offset, 107);
        // A crash amid the removal of the second: the first is gone by then.
        journals.remove(0).unwrap();
        fs::remove_file(journals.path(5, "lines")).unwrap();
        let left = journals.recover(7, true).unwrap();
        assert_eq!((left.sealed.len(), left.done, left.end), (0, vec![5], 7));
        assert_eq!(left.position, None, "the ledger knows it");
    }

    #[test]
    fn a_file_that_was_begun_is_known_by_what_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.log");
        fs::write(&log, "one\ntwo\nthree\n").unwrap();
        let file = File::open(&log).unwrap();
        let journals = Journals::open(folder.path(), "p").unwrap();
        let mut journal = journals.start(0, Some(Position::start_of(&file.metadata().unwrap()))).unwrap();
        journal.push(b"one\ntwo\n").unwrap();
        drop(journal);
        let at = journals.recover(0, true).unwrap().position.unwrap();
        assert_eq!((at.offset, at.head.0), (8, 8));
        assert!(at.continues_in(&file).unwrap());
        fs::write(&log, "eno\ntwo\nthree\n").unwrap();
        assert!(!at.continues_in(&file).unwrap(), "another beginning");
    }

    #[test]
    fn a_pipe_has_no_rest() {
        let folder = tempfile::tempdir().unwrap();
        let journals = Journals::open(folder.path(), "p").unwrap();
        let mut journal = journals.start(0, None).unwrap();
        journal.push(b"a\nb").unwrap();
        drop(journal);
        let left = journals.recover(0, false).unwrap();
        assert_eq!((left.sealed[0].bytes, left.sealed[0].lines, left.end), (3, 2, 3));
    }
}
