//! A store that tells of steps before it takes them, so that a test can make them slow, or worse.

use std::{fmt, io, sync::Arc};

use at1_codec::ReadAt;
use at1_table::store::{Entry, Guard, Spool, Staged, Store};

/// `inner`, with `before` called before each step that changes something.
pub(super) struct Watched<S, F> {
    inner: S,
    before: F,
}

impl<S: Store, F: Fn(&str) + Send + Sync> Watched<S, F> {
    pub(super) fn new(inner: S, before: F) -> Self {
        Self { inner, before }
    }

    fn step(&self, what: &str, path: &str) -> &S {
        (self.before)(&format!("{what} {path}"));
        &self.inner
    }
}

impl<S: Store, F> fmt::Debug for Watched<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<S: Store, F: Fn(&str) + Send + Sync> Store for Watched<S, F> {
    fn place(&self) -> &str {
        self.inner.place()
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn ReadAt>> {
        self.inner.open(path)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        self.inner.list(folder)
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.step("make_folder", folder).make_folder(folder)
    }

    fn create(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.step("create", path).create(path, bytes)
    }

    fn stage(&self) -> io::Result<Box<dyn Staged>> {
        self.step("stage", at1_table::paths::STAGING).stage()
    }

    fn spool(&self) -> io::Result<Box<dyn Spool>> {
        self.inner.spool()
    }

    fn sweep_staging(&self) -> io::Result<usize> {
        self.inner.sweep_staging()
    }

    fn link(&self, staged: &dyn Staged, path: &str) -> io::Result<()> {
        self.step("link", path).link(staged, path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.step("rename", from).rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.step("remove", path).remove(path)
    }

    fn write_at(&self, path: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.step("write_at", path).write_at(path, offset, bytes)
    }

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        self.step("truncate", path).truncate(path, bytes)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        self.step("sync", path).sync(path)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.step("sync_folder", folder).sync_folder(folder)
    }

    fn lock(&self) -> io::Result<Box<dyn Guard>> {
        self.step("lock", "").lock()
    }
}
