//! The table's storage with a person in front of it: bytes are counted for the progress line, and Ctrl-C ends the work.

use std::{io, path::Path, sync::Arc};

use at1_table::store::{self, LocalStore, Watch};

use crate::{interrupt, output::Voice, progress::Progress};

/// A folder on this machine, watched.
pub(crate) type Watched = store::Watched<Progress>;

/// A file that is read.
pub(crate) type WatchedFile = store::WatchedFile<Progress>;

/// A folder with a line for its progress.
pub(crate) fn folder(folder: &Path, progress: &Progress) -> Arc<Watched> {
    Arc::new(Watched::new(LocalStore::new(folder), Arc::new(progress.clone())))
}

/// The storage of a table that is read, with a progress line of its own.
pub(crate) fn quietly(folder: &Path, voice: Voice, what: &str) -> Arc<Watched> {
    self::folder(folder, &Progress::new(voice, what))
}

/// A file beside any table: a stand-alone segment.
pub(crate) fn file(path: &Path, progress: &Progress) -> io::Result<WatchedFile> {
    WatchedFile::open(path, Arc::new(progress.clone()))
}

impl Watch for Progress {
    fn check(&self) -> io::Result<()> {
        interrupt::check()
    }

    fn moved(&self, bytes: u64) {
        self.add(bytes);
    }
}
