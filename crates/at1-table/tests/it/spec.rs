//! The worked example of `docs/spec/table.md` is what a table is.

use at1_ledger::{Verdict, verify_chain};
use at1_table::paths;
use at1_testkit::store::MemStore;

const PAGE: &str = include_str!("../../../../docs/spec/table.md");

#[test]
fn the_worked_example_folds() {
    let is_line =
        |line: &&str| line.starts_with("at1-ledger/v1 ") || line.get(64..65) == Some(" ") && line.contains("append{");
    let ledger: String = PAGE.lines().filter(is_line).map(|line| format!("{line}\n")).collect();
    let report = verify_chain(ledger.as_bytes());
    assert_eq!((report.verdict(), report.events), (Verdict::Holds, 2));
    let store = MemStore::new();
    store.put(paths::LEDGER, ledger.as_bytes());
    let info = crate::open(&store).info().unwrap();
    let columns: Vec<_> = info.columns.iter().map(|column| format!("{} {}", column.name, column.ty)).collect();
    assert_eq!((columns, info.rows), (vec!["id text".to_owned(), "price decimal(18,2)".to_owned()], 3));
    let receipt = info.chain_head.unwrap().to_string();
    assert!(PAGE.contains(&format!("`{receipt}`")), "{receipt}");
}

#[test]
fn the_example_is_made_again() {
    let (store, table) = crate::table();
    crate::append(&table, "id,price\n1,9.50\n2,10.00\n");
    crate::append(&table, "price,id\nn/a,x3\n");
    let ledger = String::from_utf8(store.files()[paths::LEDGER].clone()).unwrap();
    // Everything that does not depend on chance, the clock or the encoder.
    for line in ledger.lines().skip(1) {
        let (_, schema) = line.split_once("\"schema\":").unwrap();
        let (schema, _) = schema.split_once(",\"seg\":").unwrap();
        assert!(PAGE.contains(schema), "{schema}");
        let (_, zones) = line.split_once("\"zones\":").unwrap();
        let (zones, _) = zones.split_once("}]").unwrap();
        assert!(PAGE.contains(zones), "{zones}");
        let (_, batches) = line.split_once("\"batches\":").unwrap();
        let (batches, _) = batches.split_once(",\"manifest\"").unwrap();
        assert!(PAGE.contains(batches), "{batches}");
    }
}
