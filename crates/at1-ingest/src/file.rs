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

/// How often one looks for files that are renamed meanwhile.
const LOOKS_MAX: usize = 20;

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

/// A file that has more, and from where. It stays the same file, whatever becomes of its name.
#[derive(Debug)]
struct Backlog {
    path: PathBuf,
    file: File,
    at: Option<Position>,
}

/// A file that was looked at.
struct Found {
    path: PathBuf,
    file: File,
    metadata: fs::Metadata,
}

impl Found {
    fn modified(&self) -> SystemTime {
        self.metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// All of these files, the oldest first.
fn by_age(mut files: Vec<Found>) -> VecDeque<Backlog> {
    files.sort_by(|a, b| (a.modified(), &a.path).cmp(&(b.modified(), &b.path)));
    files.into_iter().map(|Found { path, file, .. }| Backlog { path, file, at: None }).collect()
}

impl Followed {
    /// The file at `path`, never met before; from its end if `skips_old`.
    pub(crate) fn new(path: PathBuf, skips_old: bool) -> Self {
        let (open, backlog, happened) = (None, VecDeque::new(), Vec::new());
        Self { path, open, backlog, skips_old, left: HashSet::new(), before: None, was_missing: false, happened }
    }

    /// The file at `at`, wherever it is now, and those that came between it and the one that is followed. Nothing if it is not found.
    fn rest_of(&self, at: &Position) -> io::Result<VecDeque<Backlog>> {
        let mut files = self.files()?;
        if at.head.0 == 0 {
            // Nothing was read of it, so it may be any of those that were written to since.
            let mut since = Vec::new();
            for other in files.into_iter().filter(|other| other.path != self.path) {
                let is_left = self.left.contains(&identity(&other.metadata));
                let is_before = match &at.before {
                    Some(before) => before.is_in(&other.metadata) && before.continues_in(&other.file)?,
                    None => false,
                };
                if (at.is_in(&other.metadata) || at.is_before(&other.metadata)) && !is_left && !is_before {
                    since.push(other);
                }
            }
            return Ok(by_age(since));
        }
        let mut same = Vec::new();
        for (index, other) in files.iter().enumerate() {
            if at.continues_in(&other.file)? {
                same.push(index);
            }
        }
        // A copy has another inode and the same beginning, and is younger. Many files of a program begin alike, with a header: of
        // several the first was made of this one.
        let by_inode = same.iter().copied().find(|&index| at.is_in(&files[index].metadata));
        let by_head = || {
            let is_copy = |other: &Found| other.path != self.path && at.is_before(&other.metadata);
            same.iter().copied().filter(|&index| is_copy(&files[index])).min_by_key(|&index| files[index].modified())
        };
        let Some(index) = by_inode.or_else(by_head) else {
            return Ok(VecDeque::new());
        };
        let found = files.swap_remove(index);
        let between = if found.path == self.path {
            VecDeque::new()
        } else {
            // File systems tell times by the tick, so what came soon after may seem to be as old.
            let is_between = |other: &Found| {
                let is_left = self.left.contains(&identity(&other.metadata));
                other.path != self.path && other.modified() >= found.modified() && !is_left
            };
            files.retain(is_between);
            by_age(files)
        };
        let at = Position { offset: at.offset, head: at.head.clone(), ..Position::start_of(&found.metadata) };
        let found = Backlog { path: found.path, file: found.file, at: Some(at) };
        Ok(std::iter::once(found).chain(between).collect())
    }

    /// The file that is followed and its siblings, as they were at one instant: one that is renamed while they are opened is among them.
    fn files(&self) -> io::Result<Vec<Found>> {
        let mut names = self.names()?;
        for _ in 0..LOOKS_MAX {
            let mut files = Vec::new();
            for (path, _) in &names {
                if let Some(file) = open(path)? {
                    files.push(Found { path: path.clone(), metadata: file.metadata()?, file });
                }
            }
            let seen = std::mem::replace(&mut names, self.names()?);
            if seen == names {
                return Ok(files);
            }
        }
        let expected = "a folder in which files are not renamed all the time";
        Err(io::Error::other(format!(
            "{}: expected {expected}, found other names {LOOKS_MAX} times",
            self.path.display()
        )))
    }

    /// What lies at the path and beside it, each with its inode: files that this one may have been renamed or copied to, such as
    /// `app.log.1`, `app.log-20240501`, `app-20240501.log`.
    fn names(&self) -> io::Result<Vec<(PathBuf, (u64, u64))>> {
        let mut names = Vec::new();
        let mut add = |path: PathBuf| match fs::metadata(&path) {
            Ok(metadata) => {
                if metadata.is_file() {
                    names.push((path, (metadata.dev(), metadata.ino())));
                }
                Ok(())
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e),
        };
        add(self.path.clone())?;
        let (Some(folder), Some(name)) = (self.path.parent(), self.path.file_name()) else { return Ok(names) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let name = name.to_string_lossy();
        let entries = match fs::read_dir(folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(names),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if path.file_name().is_some_and(|other| is_rotation(&name, &other.to_string_lossy())) {
                add(path)?;
            }
        }
        names.sort();
        Ok(names)
    }

    /// Opens what is to be read next; `false` if there is nothing.
    fn open_next(&mut self) -> io::Result<bool> {
        if let Some(Backlog { path, mut file, at }) = self.backlog.pop_front() {
            let metadata = file.metadata()?;
            let at = at.unwrap_or_else(|| Position::start_of(&metadata));
            file.seek(SeekFrom::Start(at.offset))?;
            let is_followed = path == self.path;
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
    fn resume(&mut self, at: &Position) -> io::Result<bool> {
        self.before = at.before.clone();
        self.backlog = self.rest_of(at)?;
        let is_lost = self.backlog.is_empty() && at.offset > 0;
        if is_lost {
            self.happened.push(Happening::Lost { path: self.path.clone(), offset: at.offset });
        }
        Ok(!is_lost)
    }

    fn is_known(&mut self) {
        self.skips_old = false;
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
        let waiting: u64 =
            self.backlog.iter().map(|next| next.file.metadata().map_or(0, |metadata| metadata.len())).sum();
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
