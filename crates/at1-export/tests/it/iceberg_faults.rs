//! An export that fails at any step, loses its power, or meets another one.
//!
//! * Whatever happens, readers find a whole state: the one before or the new one.
//! * The next export goes through, and leaves what an export that nothing happened to leaves.
//! * The table itself goes on: it can be appended to.

use std::collections::BTreeMap;

use at1_export::iceberg::{self, IcebergOptions, Outcome};
use at1_table::{Result, Table};
use at1_testkit::{fault::Then, matrix, store::MemStore};

use serde_json::Value;

use crate::{
    iceberg_bench::{append, open, table},
    iceberg_reader::{LOCATION, current, segments_of, snapshot},
};

fn export(table: &Table) -> Result<iceberg::IcebergReport> {
    iceberg::export(table, &IcebergOptions { location: LOCATION.to_owned() })
}

/// The rows that readers find, all of them checked to be there.
fn rows(disk: &MemStore) -> Option<u64> {
    let (_, metadata) = current(disk)?;
    let snapshots = metadata["snapshots"].as_array().unwrap();
    let counts: Vec<_> = snapshots.iter().map(|snapshot| segments_of(disk, snapshot).1).collect();
    assert!(counts.is_sorted(), "{counts:?}");
    Some(segments_of(disk, snapshot(&metadata)).1)
}

/// The metadata file with the highest number, whether the hint names it or not.
fn newest(disk: &MemStore) -> Option<Value> {
    let number =
        |path: &str| -> Option<u64> { path.strip_prefix("metadata/v")?.strip_suffix(".metadata.json")?.parse().ok() };
    let files = disk.files();
    let (_, bytes) = files.iter().filter_map(|(path, bytes)| Some((number(path)?, bytes))).max()?;
    Some(serde_json::from_slice(bytes).unwrap())
}

/// The names and bytes of the metadata that readers may come to.
fn metadata(disk: &MemStore) -> BTreeMap<String, Vec<u8>> {
    disk.files().into_iter().filter(|(path, _)| path.starts_with("metadata/")).collect()
}

/// Fails at every step of an export that makes `after` rows out of a disk that shows `before`.
fn check(disk: &MemStore, before: Option<u64>, after: u64) {
    let expected = {
        let disk = disk.killed();
        export(&open(&disk)).unwrap();
        assert_eq!(rows(&disk), Some(after));
        metadata(&disk)
    };
    let points = matrix::matrix(disk, open, export, |point| {
        let what = point.what();
        let told = point.result.as_ref().map(|report| report.rows);
        let found = |disk: &MemStore| {
            let found = rows(disk);
            assert!(found == before || found == Some(after), "{what}: {found:?}");
            assert!(told.is_err() || found == Some(after), "{what}: what was told is not there");
            // Some readers look beyond the hint.
            if let Some(newest) = newest(disk) {
                segments_of(disk, snapshot(&newest));
            }
        };
        // What the power leaves does not depend on how often later steps fail.
        let cut = matches!(point.schedule.then, Then::Recovers | Then::Dies);
        let cuts = point.disk.power_cuts(32, point.schedule.step).map(|cut| cut.disk).filter(|_| cut);
        for (i, disk) in [point.disk.clone()].into_iter().chain(cuts).enumerate() {
            found(&disk);
            if i % 8 > 0 {
                continue;
            }
            let table = open(&disk);
            let again = export(&table).unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!((again.rows, rows(&disk)), (after, Some(after)), "{what}");
            // A new metadata file is swept behind; after a hint that was put right there may be leftovers.
            if again.outcome == Outcome::Written {
                assert_eq!(metadata(&disk), expected, "{what}");
            }
            append(&table, "a\n99\n");
            assert_eq!(export(&table).map(|report| report.rows).ok(), Some(after + 1), "{what}");
            assert_eq!(rows(&disk), Some(after + 1), "{what}");
        }
    });
    assert!(points > 100, "only {points} failures");
}

#[test]
fn the_first_export_fails_at_every_step() {
    let (disk, table) = table();
    append(&table, "a\n1\n");
    append(&table, "a\n2\n");
    check(&disk, None, 2);
}

#[test]
fn a_later_export_fails_at_every_step() {
    let (disk, table) = table();
    for n in 0..3 {
        append(&table, format!("a\n{n}\n"));
        export(&table).unwrap();
    }
    append(&table, "a\n3\n");
    check(&disk, Some(3), 4);
}

#[test]
fn exports_at_once_agree() {
    for _ in 0..20 {
        let (disk, table) = table();
        append(&table, "a\n0\n");
        std::thread::scope(|scope| {
            let exporters = (0..3).map(|_| {
                let table = open(&disk);
                scope.spawn(move || {
                    for _ in 0..5 {
                        let report = export(&table).unwrap();
                        assert!(report.rows >= 1);
                    }
                })
            });
            let exporters: Vec<_> = exporters.collect();
            for n in 1..6 {
                append(&table, format!("a\n{n}\n"));
            }
            exporters.into_iter().for_each(|exporter| exporter.join().unwrap());
        });
        export(&table).unwrap();
        assert_eq!(rows(&disk), Some(6));
        let (version, metadata) = current(&disk).unwrap();
        let versions = disk.files().keys().filter(|path| path.ends_with("metadata.json")).count() as u64;
        assert_eq!(versions, version.min(10));
        let sequences: Vec<_> =
            metadata["snapshots"].as_array().unwrap().iter().map(|s| s["sequence-number"].as_u64().unwrap()).collect();
        assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    }
}
