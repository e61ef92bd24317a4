//! Several exports at once, among appends and compactions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use at1_export::delta;
use at1_table::{AppendOptions, CompactOptions, ErrorKind, Source, Table};

use super::bench::{Bench, check};

#[test]
fn two_that_race_make_one_log() {
    let bench = Bench::with(&["id\n0\n"]);
    let over = AtomicBool::new(false);
    let exporter = || {
        let table = Table::open_in(Arc::new(bench.disk.clone())).unwrap();
        let mut versions = vec![];
        loop {
            let last = over.load(Ordering::SeqCst);
            match delta::export(&table) {
                Ok(report) => versions.extend(report.versions),
                // The other won every time; it asks to be run again.
                Err(error) => assert_eq!(error.kind(), ErrorKind::Condition, "{error:?}"),
            }
            if last {
                return versions;
            }
        }
    };
    let (first, second) = thread::scope(|scope| {
        let exporters = [scope.spawn(exporter), scope.spawn(exporter)];
        for i in 1..120 {
            bench.append(&format!("id\n{i}\n"));
            if i % 40 == 0 {
                bench.table.compact(&CompactOptions::default()).unwrap();
            }
        }
        over.store(true, Ordering::SeqCst);
        let [first, second] = exporters.map(|exporter| exporter.join().unwrap());
        (first, second)
    });
    let newest = bench.export().version.unwrap();
    let mut all: Vec<_> = first.iter().chain(&second).copied().collect();
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "each version was written by one of them: {all:?}");
    assert!(newest + 1 >= all.len() as u64 && newest > 3, "{newest}, {all:?}");
    check(&bench.disk, &bench.table);
}

#[test]
fn appends_do_not_wait_for_an_export() {
    let bench = Bench::with(&["id\n0\n"]);
    let other = Table::open_in(Arc::new(bench.disk.clone())).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| (0..50).for_each(|_| drop(delta::export(&other).unwrap())));
        for i in 0..50 {
            bench.table.append_csv(Source::bytes(&format!("id\n{i}\n")), &AppendOptions::default()).unwrap();
        }
    });
    bench.export();
}
