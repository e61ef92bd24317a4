//! Real files, from the folder that the environment names: nearly nothing of them is patched.

use at1_codec::{
    column::{self, Inference, NullWords, Printed, Printer},
    text::{self, BlankLine, Completeness, DialectOptions, Input, Scanner, Tokens},
};

/// Files whose fields are as programs write them; the others only have to come back.
const TABLES: &[&str] = &["csv", "tsv", "txt"];

#[test]
fn real_columns_are_printed_by_their_forms() {
    let Ok(folder) = std::env::var("AT1_CORPUS") else {
        return println!("skipped: AT1_CORPUS names no folder");
    };
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let packed = |path: &&std::path::PathBuf| path.extension().is_some_and(|extension| extension == "zst");
    for path in paths.iter().filter(packed) {
        let bytes = zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_table = TABLES.iter().any(|extension| name.ends_with(extension));
        check_file(&name, &bytes[..bytes.len().min(1 << 20)], is_table);
    }
}

/// Every column of a file, in the type that it has by itself.
fn check_file(name: &str, bytes: &[u8], is_table: bool) {
    let dialect = text::detect(bytes, Completeness::Whole, &DialectOptions::default());
    let mut tokens = Tokens::default();
    Scanner::new(dialect, BlankLine::Record).scan(bytes, Input::End, usize::MAX, &mut tokens);
    let syntax = dialect.syntax();
    let columns = (0..tokens.records.len()).map(|r| tokens.record_fields(r).len()).max().unwrap_or(0);
    let (mut fields, mut patches) = (0, 0);
    for column in 0..columns.min(300) {
        // The first record may be a header.
        let raws = (1..tokens.records.len()).map(|r| tokens.record_fields(r).get(column).map(|span| span.of(bytes)));
        let mut seen = Inference::new(&NullWords::default());
        raws.clone().flatten().for_each(|raw| seen.observe(raw, syntax));
        let ty = seen.best();
        let encoded = column::encode(ty, seen.reading(ty), &NullWords::default(), [(syntax, raws.clone())]);
        assert_eq!(encoded.rejects, seen.misfits(ty, seen.reading(ty)), "{name} column {column}");
        fields += seen.fields();
        patches += encoded.patches;

        let mut printed = Printed::default();
        Printer::open(ty, &encoded.recovery).unwrap().print(&encoded.array, syntax, &mut printed).unwrap();
        for (row, raw) in raws.enumerate() {
            assert!(raw.is_none_or(|raw| printed.field(row) == raw), "{name} column {column} row {row}");
        }
        println!(
            "{name} {column}: {ty}, {}, {} patches of {}, {} recovery bytes",
            encoded.form,
            encoded.patches,
            seen.fields(),
            encoded.recovery.len()
        );
    }
    println!("{name}: {patches} patches of {fields}");
    assert!(!is_table || patches * 1000 <= fields, "{name}: {patches} patches of {fields} fields");
}
