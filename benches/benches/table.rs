//! What a table costs beyond its codec: small appends, a selective scan, verification. In memory, so no disk is measured.

use std::{hint::black_box, sync::Arc};

use at1_table::{AppendOptions, CreateOptions, Predicate, ScanOptions, Source, Table, VerifyOptions};
use at1_testkit::{Trades, store::MemStore};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

fn with_batches(batches: usize, rows: usize) -> Table {
    let table = Table::create_in(Arc::new(MemStore::new()), &CreateOptions::default()).expect("creates");
    let mut market = Trades::new(1);
    for _ in 0..batches {
        table.append_csv(Source::bytes(&market.batch(rows)), &AppendOptions::default()).expect("appends");
    }
    table
}

fn table(c: &mut Criterion) {
    let mut group = c.benchmark_group("table");
    group.sample_size(10);
    let small = at1_testkit::trades(2, 100);
    for events in [10, 1000] {
        let name = format!("append 100 rows after {events} events");
        let setup = || with_batches(events, 10);
        let append = |table: Table| table.append_csv(Source::bytes(&small), &AppendOptions::default()).expect("appends");
        group.bench_function(name, |b| b.iter_batched(setup, append, BatchSize::PerIteration));
    }
    let table = with_batches(200, 500);
    let predicate: Predicate = "ts between 1704067210000 and 1704067220000".parse().expect("parses");
    let options = ScanOptions { select: Some(vec!["ts".into(), "symbol".into()]), ..ScanOptions::matching(predicate) };
    group.bench_function("ten seconds of 200 segments", |b| {
        b.iter(|| table.scan(&options).expect("scans").map(|batch| batch.expect("reads").num_rows()).sum::<usize>());
    });
    group.bench_function("verify 200 segments", |b| {
        b.iter(|| black_box(table.verify(&VerifyOptions::default()).expect("verifies")));
    });
    group.finish();
}

criterion_group!(benches, table);
criterion_main!(benches);
