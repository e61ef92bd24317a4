//! What verification says, and what only a receipt can show.

use std::sync::Arc;

use at1_table::{ChainHead, Code, Level, RowsCheck, VerifyOptions, paths, verify_store};
use at1_testkit::store::MemStore;

use crate::{append, open, table};

fn check(store: &MemStore, heads: Vec<ChainHead>) -> at1_table::VerifyReport {
    let options = VerifyOptions { heads, rows: RowsCheck::Derive, ..VerifyOptions::default() };
    verify_store(Arc::new(store.clone()), &options).unwrap()
}

#[test]
fn a_sound_table() {
    let (store, table) = table();
    let first = append(&table, "a\n1\n");
    let second = append(&table, "a\n2\n");
    let report = check(&store, vec![first.chain_head, second.chain_head]);
    assert_eq!((report.chain, report.immutable, report.rows), (Some(true), Some(true), Some(true)));
    assert_eq!((report.level(), report.heads_held, report.batches, report.segments), (Level::Receipt, 2, 2, 2));
    assert_eq!((report.verdict().exit_code(), report.chain_head), (0, Some(second.chain_head)));
    assert_eq!(check(&store, vec![]).level().as_str(), "self-consistent");
    assert!(table.verify_chain().unwrap() && table.verify_immutable().unwrap());
}

#[test]
fn an_empty_table_is_sound() {
    let (store, _) = table();
    let report = check(&store, vec![]);
    assert_eq!((report.verdict().exit_code(), report.events, report.findings.len()), (0, 0, 0));
}

#[test]
fn receipts_see_what_the_directory_cannot_show() {
    let (store, table) = table();
    let first = append(&table, "a\n1\n");
    let whole = store.files();
    let second = append(&table, "a\n2\n");
    // The tail cut off at a line: consistent by itself, shorter than the receipt.
    let cut = store.crash(at1_testkit::fault::Image::Everything);
    cut.put(paths::LEDGER, &whole[paths::LEDGER]);
    cut.take("segments/seg_000001.at1");
    assert_eq!(check(&cut, vec![first.chain_head]).verdict().exit_code(), 0);
    let report = check(&cut, vec![second.chain_head]);
    assert_eq!((report.findings[0].code, report.verdict().exit_code()), (Code::HeadMissing, 5));
    // Another history of the same length.
    let (other_store, other) = crate::table();
    append(&other, "a\n1\n");
    let report = check(&other_store, vec![first.chain_head]);
    assert_eq!((report.findings[0].code, report.verdict().exit_code()), (Code::HeadDiffers, 5));
    assert_eq!((report.level(), report.heads_held), (Level::SelfConsistent, 0));
}

#[test]
fn what_lies_among_the_segments() {
    let (store, table) = table();
    append(&table, "a\n1\n");
    store.put("segments/seg_000000-1.at1", b"x");
    store.put("segments/seg_000001.at1", b"x");
    store.put("segments/notes.txt", b"x");
    let report = check(&store, vec![]);
    let mut found: Vec<_> = report.findings.iter().map(|finding| (finding.place.as_str(), finding.code)).collect();
    found.sort_unstable_by_key(|(place, _)| *place);
    assert_eq!(
        found,
        [
            ("segments/notes.txt", Code::Extra),
            ("segments/seg_000000-1.at1", Code::Extra),
            ("segments/seg_000001.at1", Code::Orphan)
        ]
    );
    assert_eq!((report.verdict().exit_code(), report.immutable), (0, Some(true)));
}

#[test]
fn a_segment_of_another_table_is_a_change() {
    let (store, table) = table();
    append(&table, "a\n1\n");
    let (other_store, other) = crate::table();
    append(&other, "a\n2\n");
    store.put("segments/seg_000000.at1", &other_store.files()["segments/seg_000000.at1"]);
    let report = check(&store, vec![]);
    assert_eq!((report.immutable, report.verdict().exit_code()), (Some(false), 1));
    assert!(report.findings.iter().any(|finding| finding.code == Code::Changed));
    assert!(!open(&store).verify_immutable().unwrap());
    assert!(open(&store).verify_chain().unwrap());
}

#[test]
#[cfg(unix)]
fn a_link_in_a_segments_place_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let table = at1_table::Table::create(folder.path().join("t"), &at1_table::CreateOptions::default()).unwrap();
    append(&table, "a\n1\n");
    let segment = folder.path().join("t/segments/seg_000000.at1");
    std::fs::rename(&segment, folder.path().join("moved")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("moved"), &segment).unwrap();
    let report = table.verify(&VerifyOptions::default()).unwrap();
    assert_eq!((report.findings[0].code, report.verdict().exit_code()), (Code::Changed, 1));
}

#[test]
#[cfg(unix)]
fn reading_needs_no_right_to_write() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    let table = at1_table::Table::create(&path, &at1_table::CreateOptions::default()).unwrap();
    append(&table, "a\n1\n");
    let mode = |mode| {
        for entry in ["", "segments", "_at1", "_at1/staging"] {
            std::fs::set_permissions(path.join(entry), std::fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    mode(0o555);
    let table = at1_table::Table::open(&path).unwrap();
    assert_eq!(crate::batches(&table), [b"a\n1\n"]);
    assert_eq!(table.verify(&VerifyOptions::default()).unwrap().verdict().exit_code(), 0);
    assert_eq!(table.has(at1_table::Source::bytes("a\n1\n")).unwrap().len(), 1);
    mode(0o755);
}
