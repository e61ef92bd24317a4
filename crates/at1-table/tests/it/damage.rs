//! Every byte of every file of a small table, changed: noticed, and never a wrong row.

use std::sync::Arc;

use arrow::{array::RecordBatch, compute::concat_batches};
use at1_table::{ScanOptions, Table, VerifyOptions, paths, verify_store};
use at1_testkit::{fault::Image, store::MemStore};

use crate::{append, table};

fn small() -> MemStore {
    let (store, table) = table();
    append(&table, "a,b\n1,x\n2,\"y\"\n");
    append(&table, "a,b\n3.5,z\n");
    store
}

/// All rows, or the error that stands between.
fn rows(store: &MemStore) -> Result<Option<RecordBatch>, at1_table::Error> {
    let table = Table::open_in(Arc::new(store.clone()))?;
    let scan = table.scan(&ScanOptions::default())?;
    let schema = scan.schema();
    let batches = scan.collect::<Result<Vec<_>, _>>()?;
    Ok((!batches.is_empty()).then(|| concat_batches(&schema, &batches).unwrap()))
}

#[test]
fn every_flipped_byte_is_noticed() {
    let store = small();
    let whole = rows(&store).unwrap().unwrap();
    let ledger_bytes = store.files()[paths::LEDGER].len();
    for (path, bytes) in store.files() {
        for at in 0..bytes.len() {
            for mask in [0x01, 0x80] {
                let place = format!("{path} byte {at} ^ {mask:#x}");
                let disk = store.crash(Image::Everything);
                let mut damaged = bytes.clone();
                damaged[at] ^= mask;
                disk.put(&path, &damaged);
                let report = verify_store(Arc::new(disk.clone()), &VerifyOptions::default()).unwrap();
                let exit = report.verdict().exit_code();
                let last = path == paths::LEDGER && at == ledger_bytes - 1;
                // The format's own name: then it is some other format, of which nothing is known.
                let version = path == paths::LEDGER && at < b"at1-ledger/v1 ".len();
                // `row` and `log` in the header name versions too.
                let header = path == paths::LEDGER && at < bytes.iter().position(|&b| b == b'\n').unwrap();
                match exit {
                    7 => assert!(last, "{place}: torn"),
                    3 => assert!(version || header, "{place}: undecided: {:?}", report.findings),
                    _ => assert_eq!(exit, 1, "{place}"),
                }
                match rows(&disk) {
                    Err(_) => {}
                    Ok(found) if last => {
                        assert_eq!(found, Some(whole.slice(0, 2)).map(|part| retyped(&part, &found)), "{place}")
                    }
                    Ok(found) => assert_eq!(found.as_ref(), Some(&whole), "{place}"),
                }
            }
        }
    }
}

/// Without the last event the first column is still of integers.
fn retyped(_part: &RecordBatch, found: &Option<RecordBatch>) -> RecordBatch {
    let found = found.clone().expect("the first batch is there");
    assert_eq!(found.num_rows(), 2);
    assert_eq!(found.column(0).data_type(), &arrow::datatypes::DataType::Int64);
    found
}

#[test]
fn every_cut_file_is_noticed() {
    let store = small();
    for (path, bytes) in store.files() {
        // A torn tail is looked at several times, so of the ledger's only some are tried.
        let step = if path == paths::LEDGER { 5 } else { 1 };
        for cut in (0..bytes.len()).step_by(step) {
            let disk = store.crash(Image::Everything);
            disk.put(&path, &bytes[..cut]);
            let exit = verify_store(Arc::new(disk.clone()), &VerifyOptions::default()).unwrap().verdict().exit_code();
            let line_end = path == paths::LEDGER && cut > 0 && bytes[cut - 1] == b'\n';
            let expected: &[u8] = match path.as_str() {
                // A shorter history is a history; only a receipt can tell.
                paths::LEDGER if line_end => &[0],
                paths::LEDGER => &[7],
                _ => &[1],
            };
            assert!(expected.contains(&exit), "{path} cut at {cut}: {exit}");
        }
    }
}

#[test]
fn a_missing_segment_is_told_from_a_changed_one() {
    let store = small();
    store.take("segments/seg_000000.at1");
    let report = verify_store(Arc::new(store.clone()), &VerifyOptions::default()).unwrap();
    assert_eq!((report.findings[0].code.as_str(), report.immutable), ("missing", Some(false)));
    assert_eq!(report.findings[0].message, "missing: deleted, or not copied yet");
    assert_eq!(report.verdict().exit_code(), 1);
    // The other segment still answers where zones rule the missing one out.
    let table = Table::open_in(Arc::new(store)).unwrap();
    let found = table.scan(&ScanOptions::matching("a > 3".parse().unwrap())).unwrap();
    assert_eq!(found.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 1);
}
