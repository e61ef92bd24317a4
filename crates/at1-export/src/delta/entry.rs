//! Entries of a Delta log: the file of one version, read and written.
//!
//! * Lines stand in one order: `commitInfo`, `protocol`, `metaData`, `txn`, then files. So what a run has to know of an entry is in its
//!   first lines, however many files follow.
//! * An entry is written beside the log, synced, and given its name only if nobody has it: there is never half of one, and none is
//!   ever replaced.
//! * `commitInfo` and `txn` say which ledger event a version shows. There is no other memory of it.

use std::{
    io::{self, BufWriter, Write},
    sync::Arc,
};

use at1_codec::ReadAt;
use at1_table::{Error, ErrorKind, Result, paths, store::Store};
use serde_json::{Value, json};

/// The folder of the log, at the table's root.
pub const LOG: &str = "_delta_log";
/// What entries say of the program that wrote them.
const ENGINE: &str = concat!("at1/", env!("CARGO_PKG_VERSION"));
/// How much of an entry is read at once.
const CHUNK_BYTES: usize = 1 << 16;

/// What an entry says of the table and of the log so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The newest ledger event that it shows.
    pub(super) event: u64,
    /// The chain value after that event: which history this is of.
    pub(super) chain: String,
    /// How many files are live.
    pub(super) live: u64,
    /// How many lines about files the log has up to here.
    pub(super) actions: u64,
    /// The version with the newest schema and protocol.
    pub(super) meta: u64,
}

/// The first lines of an entry.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) mark: Mark,
    pub(super) protocol: Option<Value>,
    pub(super) meta: Option<Value>,
}

/// Where the entry of a version lies.
pub(super) fn path(version: u64) -> String {
    format!("{LOG}/{version:020}.json")
}

/// The error of a storage at `path`.
pub(super) fn failed(path: &str) -> impl Fn(io::Error) -> Error {
    move |error| Error::from(error).within(path)
}

pub(super) fn damaged(path: &str, expected: &str, found: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Corrupt, path, expected, found)
}

/// Whether a file is there.
pub(super) fn is_there(store: &dyn Store, path: &str) -> Result<bool> {
    match store.open(path) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(failed(path)(e)),
    }
}

/// `commitInfo`, whose `operation` and parameters are words that Delta readers know.
pub(super) fn commit_info(mark: &Mark, millis: i64, operation: &str, parameters: &Value, blind: bool) -> Value {
    json!({"commitInfo": {
        "timestamp": millis, "operation": operation, "operationParameters": parameters, "isBlindAppend": blind,
        "engineInfo": ENGINE, "at1Event": mark.event, "at1Chain": mark.chain, "at1Live": mark.live,
        "at1Actions": mark.actions, "at1Meta": mark.meta,
    }})
}

/// `txn`: who writes this log, and how far in its own numbers.
pub(super) fn txn(app: &str, mark: &Mark, millis: i64) -> Value {
    json!({"txn": {"appId": app, "version": mark.event, "lastUpdated": millis}})
}

/// Writes the entry of a version with what `write` writes; `false` if the version is there already.
pub(super) fn put(store: &dyn Store, version: u64, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<bool> {
    let path = path(version);
    let io = failed(&path);
    for folder in [paths::STAGING, LOG] {
        store.make_folder(folder).map_err(failed(folder))?;
    }
    let mut staged = store.stage().map_err(&io)?;
    let mut out = BufWriter::with_capacity(CHUNK_BYTES, &mut staged);
    write(&mut out)?;
    out.flush().map_err(&io)?;
    drop(out);
    staged.seal().map_err(&io)?;
    // Names before this one first: a power cut must not keep a version without the one before it.
    store.sync_folder(LOG).map_err(failed(LOG))?;
    match store.link(&*staged, &path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        linked => linked.map_err(io)?,
    }
    store.sync_folder(LOG).map_err(failed(LOG))?;
    Ok(true)
}

/// The lines of a file.
pub(super) struct Lines {
    file: Arc<dyn ReadAt>,
    path: String,
    at: u64,
    end: u64,
    read: Vec<u8>,
    used: usize,
}

impl Lines {
    /// Opens an entry; `None` if it is not there.
    pub(super) fn open(store: &dyn Store, path: &str) -> Result<Option<Self>> {
        let file = match store.open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed(path))?,
        };
        let end = file.size().map_err(failed(path))?;
        Ok(Some(Self { file, path: path.to_owned(), at: 0, end, read: vec![], used: 0 }))
    }

    /// The next line's bytes, without its LF; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        let mut searched = self.used;
        loop {
            if let Some(length) = self.read[searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.used..searched + length;
                self.used = line.end + 1;
                return Ok(Some(&self.read[line]));
            }
            if self.at == self.end {
                let rest = self.read.len() - self.used;
                return if rest == 0 { Ok(None) } else { Err(damaged(&self.path, "a line feed at the end", "none")) };
            }
            self.read.drain(..self.used);
            self.used = 0;
            searched = self.read.len();
            let more = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(CHUNK_BYTES.max(searched));
            self.read.resize(searched + more, 0);
            self.file.read_exact_at(&mut self.read[searched..], self.at).map_err(failed(&self.path))?;
            self.at += more as u64;
        }
    }

    /// The next line as what it says: the action's name, and the action.
    pub(super) fn next_action(&mut self) -> Result<Option<(String, Value)>> {
        let path = self.path.clone();
        let Some(line) = self.next()? else { return Ok(None) };
        let bad = |found: &str| damaged(&path, "an action, as JSON", found);
        let action: Value = serde_json::from_slice(line).map_err(|e| bad(&e.to_string()))?;
        match action {
            Value::Object(members) if members.len() == 1 => Ok(members.into_iter().next()),
            other => Err(bad(&other.to_string().chars().take(80).collect::<String>())),
        }
    }
}

/// The first lines of a version's entry; `None` if there is no such version.
///
/// # Errors
/// `Refused` if somebody else wrote it, `Corrupt` if it is nothing that `put` leaves.
pub(super) fn head(store: &dyn Store, version: u64, app: &str) -> Result<Option<Head>> {
    let path = path(version);
    let Some(mut lines) = Lines::open(store, &path)? else { return Ok(None) };
    let (mut info, mut protocol, mut meta, mut txn) = (None, None, None, None);
    while let Some((name, action)) = lines.next_action()? {
        match name.as_str() {
            "commitInfo" => info = Some(action),
            "protocol" => protocol = Some(action),
            "metaData" => meta = Some(action),
            "txn" => txn = Some(action),
            _ => break,
        }
    }
    let info = info.unwrap_or_default();
    let txn = txn.unwrap_or_default();
    if txn["appId"] != app {
        let engine = info["engineInfo"].as_str().unwrap_or("another program");
        let found = match txn["appId"].as_str() {
            Some(other) if other.starts_with("at1:") => format!("one of {other}"),
            _ => format!("one that {engine} wrote"),
        };
        return Err(Error::new(ErrorKind::Refused, path, format!("an entry of {app}"), found));
    }
    let number =
        |name: &str| info[name].as_u64().ok_or_else(|| damaged(&path, &format!("a number {name}"), &info[name]));
    let mark = Mark {
        event: number("at1Event")?,
        chain: info["at1Chain"].as_str().unwrap_or_default().to_owned(),
        live: number("at1Live")?,
        actions: number("at1Actions")?,
        meta: number("at1Meta")?,
    };
    if txn["version"] != mark.event {
        return Err(damaged(&path, &format!("a transaction of event {}", mark.event), &txn["version"]));
    }
    Ok(Some(Head { mark, protocol, meta }))
}
