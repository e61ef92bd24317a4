//! Real files, where the machine has some.

use at1_table::{AppendOptions, Extent, Joints, RowsCheck, ScanOptions, Source, VerifyOptions};

use crate::table;

/// Unoptimised builds are slow; the large files belong to `cargo xtask roundtrip`.
const BYTES_MAX: u64 = 5_000_000;

#[test]
fn real_files_come_back_out_of_one_table() {
    let Some(folder) = std::env::var_os("AT1_CORPUS") else { return eprintln!("skipped: AT1_CORPUS is not set") };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.metadata().is_ok_and(|found| found.is_file() && found.len() <= BYTES_MAX));
    files.sort();
    let (_, table) = table();
    for path in &files {
        table
            .append_csv(Source::path(path), &AppendOptions::default())
            .unwrap_or_else(|e| panic!("{}: {e:?}", path.display()));
    }
    for (batch, path) in (0..).zip(&files) {
        let mut bytes = vec![];
        table.cat(&Extent::Batch(batch), Joints::Exact, &mut bytes).unwrap();
        let expected = std::fs::read(path).unwrap();
        let plain = at1_table::Packing::of(&expected).is_none();
        assert!(!plain || bytes == expected, "{}", path.display());
    }
    let report = table.verify(&VerifyOptions { rows: RowsCheck::Derive, ..VerifyOptions::default() }).unwrap();
    assert_eq!((report.findings, report.rows), (vec![], Some(true)));
    let rows: usize = table.scan(&ScanOptions::default()).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows as u64, table.info().unwrap().rows);
    eprintln!("{} files, {rows} rows", files.len());
}
