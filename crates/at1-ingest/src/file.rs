//! A file that others write to, read as it grows.
//!
//! * It may be renamed and made anew, emptied, removed and made again, or be a link that turns elsewhere. What was read of the old
//!   file is never read again, and what it still has is read before the new one.
//! * Files are looked at; no notifications of the operating system are needed, which network and container file systems lose.

use std::{
    collections::{HashSet, VecDeque},
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    Happening,
    feed::{Input, Next},
    position::Position,
};

/// How long a file that has a successor must rest before it is left: its writer may still be at its last lines.
const REST: Duration = Duration::from_millis(1000);

/// A followed file.
#[derive(Debug)]
pub(crate) struct Followed {
    path: PathBuf,
    open: Option<Open>,
    /// Files to be read to their ends before the path is followed again.
    backlog: VecDeque<Backlog>,
    /// Whether a file that was never met is read from its end.
    skips_old: bool,
    /// Files that were read to their ends: two that rotate at once may have the same time.
    left: HashSet<Identity>,
    /// The one of them that was left last.
    before: Option<Box<Position>>,
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
        Self { path, open, backlog, skips_old, left: HashSet::new(), before: None, was_missing: false, happened }
    }

    /// The file at `at`, wherever it is now, and those that came between it and the one that is followed. Nothing if it is not found.
    fn rest_of(&self, at: &Position) -> io::Result<VecDeque<Backlog>> {
        let modified = |metadata: &fs::Metadata| metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        if at.head.0 == 0 {
            // Nothing was read of it, so it may be any of those that were written to since.
            let mut since = Vec::new();
            for path in self.siblings()? {
                let Some(file) = open(&path)? else { continue };
                let metadata = file.metadata()?;
                let is_left = self.left.contains(&identity(&metadata));
                let is_before = match &at.before {
                    Some(before) => before.is_in(&metadata) && before.continues_in(&file)?,
                    None => false,
                };
                if (at.is_in(&metadata) || at.is_before(&metadata)) && !is_left && !is_before {
                    since.push((modified(&metadata), path));
                }
            }
            since.sort();
            return Ok(since.into_iter().map(|(_, path)| Backlog { path, at: None }).collect());
        }
        let mut files = Vec::new();
        for path in std::iter::once(self.path.clone()).chain(self.siblings()?) {
            let Some(file) = open(&path)? else { continue };
            let (metadata, is_same) = (file.metadata()?, at.continues_in(&file)?);
            files.push((path, metadata, is_same));
        }
        // A copy has another inode and the same beginning, and is younger. Many files of a program begin alike, with a header: of
        // several the first was made of this one.
        let is_copy = |(path, metadata, is_same): &&(PathBuf, fs::Metadata, bool)| {
            *is_same && *path != self.path && at.is_before(metadata)
        };
        let by_inode = files.iter().find(|(_, metadata, is_same)| *is_same && at.is_in(metadata));
        let by_head = || files.iter().filter(is_copy).min_by_key(|(_, metadata, _)| modified(metadata));
        let Some((found, metadata, _)) = by_inode.or_else(by_head) else {
            return Ok(VecDeque::new());
        };
        let at = Position { offset: at.offset, head: at.head.clone(), ..Position::start_of(metadata) };
        let mut between: Vec<_> = Vec::new();
        if *found != self.path {
            // File systems tell times by the tick, so what came soon after may seem to be as old.
            let is_between = |(path, other, _): &&(PathBuf, fs::Metadata, bool)| {
                let is_left = self.left.contains(&identity(other));
                path != found && *path != self.path && modified(other) >= modified(metadata) && !is_left
            };
            between.extend(files.iter().filter(is_between).map(|(path, other, _)| (modified(other), path)));
            between.sort();
        }
        let between = between.into_iter().map(|(_, path)| Backlog { path: path.clone(), at: None });
        Ok(std::iter::once(Backlog { path: found.clone(), at: Some(at) }).chain(between).collect())
    }

    /// Files that this one may have been renamed or copied to: in the same folder, `app.log.1`, `app.log-20240501`, `app-20240501.log`.
    fn siblings(&self) -> io::Result<Vec<PathBuf>> {
        let (Some(folder), Some(name)) = (self.path.parent(), self.path.file_name()) else { return Ok(Vec::new()) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let entries = match fs::read_dir(folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let name = name.to_string_lossy().into_owned();
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let other = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if is_rotation(&name, &other) && path.is_file() {
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
            at = at.with_head(&file);
        }
        file.seek(SeekFrom::Start(at.offset))?;
        self.open = Some(Open { file, at, is_followed: true, was_idle: true, resting: None });
        Ok(true)
    }

    /// Reads what is there.
    fn look(&mut self, into: &mut [u8]) -> io::Result<Next> {
        if self.open.is_none() && !self.open_next()? {
            return Ok(Next::Nothing);
        }
        let Some(open) = &mut self.open else { return Ok(Next::Nothing) };
        if std::mem::take(&mut open.was_idle) && !open.at.continues_in(&open.file)? {
            open.was_idle = true;
            return Ok(Next::Boundary);
        }
        let read = open.file.read(into)?;
        if read > 0 && open.at.offset == 0 {
            // Was it emptied, or made anew, between when it was opened and now? Then there is something to be read before.
            let at = open.at.clone();
            if open.is_followed {
                // Where one cannot tell, the bytes are read again.
                let since = self.rest_of(&at).inspect_err(|_| self.open = None)?;
                if !since.is_empty() {
                    (self.backlog, self.open) = (since, None);
                    return Ok(Next::Nothing);
                }
            }
            if let Some(open) = &mut self.open {
                open.at = at.begins_with(&into[..read]);
            }
        }
        let Some(open) = &mut self.open else { return Ok(Next::Nothing) };
        if read > 0 {
            open.at.offset += read as u64;
            open.resting = None;
            open.at = std::mem::take(&mut open.at).with_head(&open.file);
            return Ok(Next::Bytes(read));
        }
        open.was_idle = true;
        if !open.is_followed {
            let written = open.file.metadata()?.modified()?;
            let rests = written.elapsed().is_ok_and(|rest| rest >= REST);
            return Ok(if rests { Next::Boundary } else { Next::Nothing });
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
}

impl Input for Followed {
    fn read(&mut self, into: &mut [u8], wait: Duration) -> io::Result<Next> {
        let next = self.look(into)?;
        if next == Next::Nothing {
            thread::sleep(wait);
        }
        Ok(next)
    }

    fn turn(&mut self) -> io::Result<bool> {
        let mut continues = false;
        if let Some(open) = &self.open {
            let at = &open.at;
            // Others may have come and gone since.
            let mut rest = self.rest_of(at)?;
            if at.continues_in(&open.file)? {
                // It has been read to its end, unless nothing of it was.
                if at.head.0 > 0 {
                    rest.pop_front();
                    self.left.insert(identity(&open.file.metadata()?));
                    self.before = Some(Box::new(Position { before: None, ..at.clone() }));
                }
                if open.is_followed {
                    self.happened.push(Happening::Rotated { path: self.path.clone() });
                }
            } else {
                // It was emptied. If that was after a copy was made, the copy has what was not read.
                continues = !rest.is_empty();
                self.happened.push(Happening::Truncated { path: self.path.clone(), offset: at.offset });
            }
            self.backlog = rest;
        }
        self.open = None;
        self.open_next()?;
        Ok(continues)
    }

    fn is_file(&self) -> bool {
        true
    }

    /// What was renamed meanwhile is read first.
    fn resume(&mut self, at: Option<&Position>) -> io::Result<()> {
        self.skips_old = false;
        if let Some(at) = at {
            self.before = at.before.clone();
            self.backlog = self.rest_of(at)?;
            if self.backlog.is_empty() && at.offset > 0 {
                self.happened.push(Happening::Lost { path: self.path.clone(), offset: at.offset });
            }
        }
        Ok(())
    }

    fn position(&self, unread: u64) -> Option<Position> {
        let before = self.before.clone();
        let Some(Open { at, .. }) = &self.open else { return Some(Position { before, ..Position::nowhere() }) };
        Some(Position { offset: at.offset.saturating_sub(unread), before, ..at.clone() })
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

/// Device and inode, and, where the file system tells it, when the file was made: inodes are used again.
type Identity = (u64, u64, Option<SystemTime>);

fn identity(metadata: &fs::Metadata) -> Identity {
    (metadata.dev(), metadata.ino(), metadata.created().ok())
}

/// Whether `other` is what a file called `name` is renamed to: with a number or a time behind it, or before its ending.
fn is_rotation(name: &str, other: &str) -> bool {
    let is_number = |text: &str| {
        text.starts_with(['.', '-', '_'])
            && text.contains(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || ".-_:TZ".contains(c))
    };
    let before_ending = || {
        let (stem, ending) = name.rsplit_once('.')?;
        other.strip_prefix(stem)?.strip_suffix(ending)?.strip_suffix('.')
    };
    other.strip_prefix(name).is_some_and(is_number) || before_ending().is_some_and(is_number)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rotated_files() {
        for other in ["a.log.1", "a.log-20240501", "a.log.2024-05-01T10:00:00Z", "a-20240501.log", "a.1.log"] {
            assert!(is_rotation("a.log", other), "{other}");
        }
        for other in ["a.log", "b.log.1", "a.log.bak", "a.log.1.gz", "a-errors.log", "a.log1", "a.log.", "a.log.lock"] {
            assert!(!is_rotation("a.log", other), "{other}");
        }
        assert!(is_rotation("messages", "messages-20240501") && !is_rotation("messages", "messages2"));
    }
}
