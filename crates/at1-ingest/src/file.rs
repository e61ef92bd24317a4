//! A file that others write to, read as it grows.
//!
//! * It may be renamed and made anew, emptied, removed and made again, or be a link that turns elsewhere. What was read of the old
//!   file is never read again, and what it still has is read before the new one.
//! * Files are looked at; no notifications of the operating system are needed, which network and container file systems lose.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use crate::{
    Happening,
    feed::{Input, Next},
    position::Position,
};

/// How long a file that has a successor must rest before it is left: its writer may still be at its last lines.
const REST: Duration = Duration::from_millis(1000);
/// Endings of files that were packed: they hold nothing that a position could be in.
const PACKED: [&str; 5] = ["gz", "zst", "xz", "bz2", "lz4"];

/// A followed file.
#[derive(Debug)]
pub(crate) struct Followed {
    path: PathBuf,
    open: Option<Open>,
    /// Files to be read to their ends before the path is followed again.
    backlog: VecDeque<Backlog>,
    /// Whether a file that was never met is read from its end.
    skips_old: bool,
    was_missing: bool,
    happened: Vec<Happening>,
}

#[derive(Debug)]
struct Open {
    file: File,
    at: Position,
    /// Whether it is the file that is followed, or one that was.
    is_followed: bool,
    /// Whether its end was met since its beginning was last looked at.
    was_idle: bool,
    /// Since when it has had a successor and given nothing.
    resting: Option<Instant>,
}

/// A file that has more, and from where.
#[derive(Debug)]
struct Backlog {
    path: PathBuf,
    at: Option<Position>,
}

impl Followed {
    /// The file at `path`, never met before; from its end if `skips_old`.
    pub(crate) fn new(path: PathBuf, skips_old: bool) -> Self {
        let (open, backlog, happened) = (None, VecDeque::new(), Vec::new());
        Self { path, open, backlog, skips_old, was_missing: false, happened }
    }

    /// The file at `at`, wherever it is now, and those that came between it and the one that is followed.
    fn rest_of(&mut self, at: &Position) -> io::Result<VecDeque<Backlog>> {
        let mut files = Vec::new();
        for path in std::iter::once(self.path.clone()).chain(self.siblings()?) {
            let Some(file) = open(&path)? else { continue };
            let metadata = file.metadata()?;
            let is_same = at.continues_in(&file)?;
            files.push((path, metadata, is_same));
        }
        // A copy has another inode and the same beginning; where nothing was read yet, any file has that beginning.
        let by_inode = files.iter().position(|(_, metadata, is_same)| *is_same && at.is_in(metadata));
        let by_head = || files.iter().position(|(_, _, is_same)| *is_same && at.head.0 > 0);
        let Some(found) = by_inode.or_else(by_head) else {
            if at.offset > 0 {
                self.happened.push(Happening::Lost { path: self.path.clone(), offset: at.offset });
            }
            return Ok(VecDeque::new());
        };
        let (path, metadata, _) = &files[found];
        let at = Position { offset: at.offset, head: at.head.clone(), ..Position::start_of(metadata) };
        let modified = |metadata: &fs::Metadata| metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let mut backlog = vec![(SystemTime::UNIX_EPOCH, Backlog { path: path.clone(), at: Some(at) })];
        for (path, other, _) in files.iter().filter(|(other, ..)| *other != self.path && other != path) {
            // File systems tell times by the tick, so what came soon after may seem to be as old.
            if modified(other) >= modified(metadata) && *path != self.path {
                backlog.push((modified(other), Backlog { path: path.clone(), at: None }));
            }
        }
        backlog.sort_by_key(|(modified, _)| *modified);
        Ok(backlog.into_iter().map(|(_, backlog)| backlog).collect())
    }

    /// Files that this one may have been renamed to: in the same folder, with its name and more.
    fn siblings(&self) -> io::Result<Vec<PathBuf>> {
        let (Some(folder), Some(name)) = (self.path.parent(), self.path.file_name()) else { return Ok(Vec::new()) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let name = name.to_string_lossy().into_owned();
        let stem = self.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let other = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let is_packed = path.extension().is_some_and(|end| PACKED.iter().any(|packed| end == *packed));
            // `app.log.1`, `app.log-20240501`, `app-20240501.log`
            let is_sibling = other != name
                && (other.starts_with(&name)
                    || other.starts_with(&format!("{stem}-"))
                    || other.starts_with(&format!("{stem}.")));
            if is_sibling && !is_packed && path.is_file() {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// Opens what is to be read next; `false` if there is nothing.
    fn open_next(&mut self) -> io::Result<bool> {
        while let Some(next) = self.backlog.pop_front() {
            let Some(mut file) = open(&next.path)? else { continue };
            let metadata = file.metadata()?;
            let at = next.at.unwrap_or_else(|| Position::start_of(&metadata));
            file.seek(SeekFrom::Start(at.offset))?;
            let is_followed = next.path == self.path;
            self.open = Some(Open { file, at, is_followed, was_idle: true, resting: None });
            return Ok(true);
        }
        let Some(mut file) = open(&self.path)? else {
            // What comes later is new, all of it.
            self.skips_old = false;
            if !std::mem::replace(&mut self.was_missing, true) {
                self.happened.push(Happening::Missing { path: self.path.clone() });
            }
            return Ok(false);
        };
        if std::mem::take(&mut self.was_missing) {
            self.happened.push(Happening::Found { path: self.path.clone() });
        }
        let mut at = Position::start_of(&file.metadata()?);
        if std::mem::take(&mut self.skips_old) {
            at.offset = line_start(&file)?;
            at = at.with_head(&file)?;
        }
        file.seek(SeekFrom::Start(at.offset))?;
        self.open = Some(Open { file, at, is_followed: true, was_idle: true, resting: None });
        Ok(true)
    }
}

impl Input for Followed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<Next> {
        if self.open.is_none() && !self.open_next()? {
            return Ok(Next::Nothing);
        }
        let Some(open) = &mut self.open else { return Ok(Next::Nothing) };
        if std::mem::take(&mut open.was_idle) && !open.at.continues_in(&open.file)? {
            open.was_idle = true;
            return Ok(Next::Boundary);
        }
        let read = open.file.read(into)?;
        if read > 0 {
            open.at.offset += read as u64;
            open.resting = None;
            if open.at.head.0 < open.at.offset {
                open.at = std::mem::take(&mut open.at).with_head(&open.file)?;
            }
            return Ok(Next::Bytes(read));
        }
        open.was_idle = true;
        if !open.is_followed {
            let since = *open.resting.get_or_insert_with(Instant::now);
            return Ok(if since.elapsed() >= REST { Next::Boundary } else { Next::Nothing });
        }
        // The end: is this still the file that the path names?
        match fs::metadata(&self.path) {
            Ok(metadata) if open.at.is_in(&metadata) => open.resting = None,
            // A successor that nobody has written to says nothing yet: the writer may still have this one.
            Ok(metadata) if metadata.len() > 0 => {
                let since = *open.resting.get_or_insert_with(Instant::now);
                if since.elapsed() >= REST {
                    return Ok(Next::Boundary);
                }
            }
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        Ok(Next::Nothing)
    }

    fn turn(&mut self) -> io::Result<()> {
        let Some(open) = self.open.take() else { return self.open_next().map(drop) };
        if open.at.continues_in(&open.file)? {
            if open.is_followed {
                self.happened.push(Happening::Rotated { path: self.path.clone() });
            }
            return self.open_next().map(drop);
        }
        // It was emptied. If that was after a copy was made, the copy has what was not read.
        self.happened.push(Happening::Truncated { path: self.path.clone(), offset: open.at.offset });
        let copies: Vec<PathBuf> = self.siblings()?;
        for path in copies {
            let Some(file) = self::open(&path)? else { continue };
            if open.at.head.0 > 0 && open.at.continues_in(&file)? {
                let metadata = file.metadata()?;
                let at =
                    Position { offset: open.at.offset, head: open.at.head.clone(), ..Position::start_of(&metadata) };
                self.backlog.push_back(Backlog { path, at: Some(at) });
                break;
            }
        }
        self.open_next().map(drop)
    }

    fn is_file(&self) -> bool {
        true
    }

    /// What was renamed meanwhile is read first.
    fn resume(&mut self, at: Option<&Position>) -> io::Result<()> {
        self.skips_old = false;
        if let Some(at) = at {
            self.backlog = self.rest_of(at)?;
        }
        Ok(())
    }

    fn position(&self, unread: u64) -> Option<Position> {
        let at = self.open.as_ref()?.at.clone();
        Some(Position { offset: at.offset.saturating_sub(unread), ..at })
    }

    fn lag(&self) -> u64 {
        let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let open = self
            .open
            .as_ref()
            .map_or(0, |open| open.file.metadata().map_or(0, |metadata| metadata.len().saturating_sub(open.at.offset)));
        let waiting: u64 = self.backlog.iter().map(|next| size(&next.path)).sum();
        let followed = self.open.as_ref().is_none_or(|open| !open.is_followed);
        open + waiting + if followed { size(&self.path) } else { 0 }
    }

    fn happened(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happened)
    }
}

/// Opens a file; `None` if there is none, or nothing that can be followed.
fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) if file.metadata()?.is_file() => Ok(Some(file)),
        Ok(_) => Ok(None),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Where the last line that is not ended starts, or the end.
fn line_start(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::FileExt as _;
    let size = file.metadata()?.len();
    let mut block = vec![0; 1 << 16];
    let mut end = size;
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        let bytes = &mut block[..usize::try_from(end - start).unwrap_or(0)];
        file.read_exact_at(bytes, start)?;
        if let Some(at) = memchr::memrchr(b'\n', bytes) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
