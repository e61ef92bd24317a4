//! A table in memory, its log as a reader sees it, and what must hold of any log.
//!
//! * The log is replayed here by a reader of its own, which knows the protocol and nothing of how the log was made.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use at1_export::delta::{self, Report};
use at1_table::{
    AppendOptions, AsOf, Choose, CompactOptions, CreateOptions, HeaderOption, Source, Table, store::Store,
};
use at1_testkit::store::MemStore;
use serde_json::Value;

/// A table, and the disk it is on.
pub(super) struct Bench {
    pub(super) disk: MemStore,
    pub(super) table: Table,
}

impl Bench {
    pub(super) fn new() -> Self {
        let options = CreateOptions { origin: Some("example.org/t".into()), ..CreateOptions::default() };
        let disk = MemStore::new();
        Self { table: Table::create_in(Arc::new(disk.clone()), &options).unwrap(), disk }
    }

    pub(super) fn with(batches: &[&str]) -> Self {
        let bench = Self::new();
        batches.iter().for_each(|batch| bench.append(*batch));
        bench
    }

    pub(super) fn append(&self, csv: &(impl AsRef<[u8]> + ?Sized)) {
        let options = AppendOptions { header: HeaderOption::Yes, ..AppendOptions::default() };
        self.table.append_csv(Source::bytes(csv), &options).unwrap();
    }

    #[track_caller]
    pub(super) fn export(&self) -> Report {
        let report = delta::export(&self.table).unwrap();
        check(&self.disk, &self.table);
        report
    }

    #[track_caller]
    pub(super) fn refuses(&self) -> String {
        let before = log_files(&self.disk);
        let error = delta::export(&self.table).unwrap_err();
        assert_eq!(log_files(&self.disk), before, "a refusal changes nothing");
        format!("{error:?}")
    }

    /// Merges the first `upto` batches; what was replaced stays.
    pub(super) fn compact(&self, upto: Option<u64>) {
        self.table.compact(&CompactOptions { upto, ..CompactOptions::default() }).unwrap();
    }

    /// Writes segments of older types again; what was replaced goes at once.
    pub(super) fn retype(&self) {
        self.table
            .compact(&CompactOptions { choose: Choose::Retype, grace: Duration::ZERO, ..CompactOptions::default() })
            .unwrap();
    }

    /// Merges all and removes what was replaced.
    pub(super) fn compact_and_vacuum(&self) {
        self.table.compact(&CompactOptions { grace: Duration::ZERO, ..CompactOptions::default() }).unwrap();
    }

    pub(super) fn entry(&self, version: u64) -> Vec<(String, Value)> {
        entry(&self.disk, version).unwrap_or_else(|| panic!("no version {version}"))
    }

    /// The actions of a version with this name.
    pub(super) fn actions(&self, version: u64, name: &str) -> Vec<Value> {
        self.entry(version).into_iter().filter(|(found, _)| found == name).map(|(_, action)| action).collect()
    }

    /// The event that a version says it shows.
    pub(super) fn event(&self, version: u64) -> u64 {
        self.actions(version, "txn")[0]["version"].as_u64().unwrap()
    }

    /// Names and types of the newest schema at a version.
    pub(super) fn schema(&self, version: u64) -> Vec<(String, String)> {
        let meta = (0..=version).rev().find_map(|version| self.actions(version, "metaData").pop()).unwrap();
        let schema: Value = serde_json::from_str(meta["schemaString"].as_str().unwrap()).unwrap();
        let field =
            |field: &Value| (field["name"].as_str().unwrap().to_owned(), field["type"].as_str().unwrap().to_owned());
        schema["fields"].as_array().unwrap().iter().map(field).collect()
    }
}

/// The lines of a version.
pub(super) fn entry(disk: &MemStore, version: u64) -> Option<Vec<(String, Value)>> {
    let file = disk.open(&format!("_delta_log/{version:020}.json")).ok()?;
    let mut bytes = vec![0; usize::try_from(file.size().unwrap()).unwrap()];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let line = |line: &str| {
        let action: BTreeMap<String, Value> = serde_json::from_str(line).unwrap();
        assert_eq!(action.len(), 1, "one action a line: {line}");
        action.into_iter().next().unwrap()
    };
    Some(text.lines().map(line).collect())
}

/// Everything in the log's folder.
pub(super) fn log_files(disk: &MemStore) -> BTreeMap<String, Vec<u8>> {
    disk.files().into_iter().filter(|(path, _)| path.starts_with("_delta_log/")).collect()
}

/// Replays the log: the live files after each version, by path, with their `add`.
#[track_caller]
pub(super) fn replay(disk: &MemStore) -> Vec<BTreeMap<String, Arc<Value>>> {
    let mut versions: Vec<BTreeMap<String, Arc<Value>>> = vec![];
    while let Some(lines) = entry(disk, versions.len() as u64) {
        let mut live = versions.last().cloned().unwrap_or_default();
        let version = versions.len();
        assert_eq!(lines[0].0, "commitInfo", "version {version} begins with what happened");
        for (name, action) in lines {
            let path = action["path"].as_str().unwrap_or_default().to_owned();
            match name.as_str() {
                "add" => {
                    assert!(live.insert(path.clone(), Arc::new(action)).is_none(), "{path} is added twice in {version}")
                }
                "remove" => assert!(live.remove(&path).is_some(), "{path} is removed in {version} without being there"),
                "commitInfo" | "protocol" | "metaData" | "txn" => {}
                other => panic!("an action {other}"),
            }
        }
        versions.push(live);
    }
    versions
}

/// What holds of every log: versions without holes, each of them the state after the event that it names, the last one the newest.
#[track_caller]
pub(super) fn check(disk: &MemStore, table: &Table) {
    let versions = replay(disk);
    let names = log_files(disk);
    let entries = names.keys().filter(|name| name.ends_with(".json")).count();
    assert_eq!(entries, versions.len(), "entries without holes: {:?}", names.keys());
    let mut last = None;
    for (version, live) in versions.iter().enumerate() {
        let lines = entry(disk, version as u64).unwrap();
        let find = |name: &str| lines.iter().find(|(found, _)| found == name).map(|(_, action)| action.clone());
        let txn = find("txn").unwrap();
        let event = txn["version"].as_u64().unwrap();
        assert_eq!(find("commitInfo").unwrap()["at1Event"], event, "both name one event");
        assert!(last.is_none_or(|last| last < event), "events go forward: {last:?}, {event}");
        last = Some(event);
        let rows: u64 = live.values().map(|add| rows(add)).sum();
        let then = table.as_of(AsOf::Event(event)).unwrap().info().unwrap();
        assert_eq!(rows, then.rows, "rows of version {version}, event {event}");
    }
    let Some(live) = versions.last() else { return };
    let event = last.unwrap();
    let then = table.as_of(AsOf::Event(event)).unwrap();
    if then.event() == table.snapshot().unwrap().event() {
        let files = table.files().unwrap().files;
        let expected: Vec<_> =
            files.iter().filter(|file| file.rows > 0).map(|file| format!("segments/{}", file.name)).collect();
        let mut found: Vec<_> = live.keys().cloned().collect();
        let mut expected_sorted = expected.clone();
        expected_sorted.sort();
        found.sort();
        assert_eq!(found, expected_sorted, "the newest version has the live segments");
        for path in live.keys() {
            assert!(disk.has(path), "{path} is there");
            assert!(path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-.".contains(&b)), "{path} needs no escapes");
        }
    }
}

/// The rows that an `add` says a file has.
pub(super) fn rows(add: &Value) -> u64 {
    stats(add)["numRecords"].as_u64().unwrap()
}

/// The statistics of an `add`.
pub(super) fn stats(add: &Value) -> Value {
    serde_json::from_str(add["stats"].as_str().unwrap()).unwrap()
}
