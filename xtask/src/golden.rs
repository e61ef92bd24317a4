//! `cargo xtask golden`: what was written once stays readable, and nobody changes the format without noticing.
//!
//! * Every segment below testdata/golden gives back the bytes of its source in testdata: delimited text as version 2 wrote it, lines of
//!   JSON and of logs as version 4 did. The table there verifies.
//! * The pinned hashes cover the segments of seeded inputs, so a changed byte anywhere in the encoder shows. That alone is no break
//!   of the format: old files must still decode. It says that somebody has to look.
//! * `--bless` writes what is missing and the new hashes; it never touches a golden file that exists.

use std::{ffi::OsStr, fs, path::Path, sync::Arc};

use at1_codec::{EncodeOptions, Form, Profile, ReadOptions, text::FormatOption};
use at1_table::{
    AppendOptions, CreateOptions, HeaderOption, RowsCheck, Source, Table, Verdict, VerifyOptions, store::LocalStore,
};
use at1_testkit::{csv_zoo, json_zoo, log_zoo, trades};
use sha2::{Digest as _, Sha256};

use crate::{
    report::grouped,
    sh::{self, Args, Result},
};

/// Sources, and where they are golden.
const FOLDERS: [(&str, &str); 2] = [("testdata/csv", "testdata/golden/v2"), ("testdata/lines", "testdata/golden/v4")];

pub(crate) fn run(args: &mut Args) -> Result {
    let bless = args.flag("--bless");
    args.done()?;
    let root = sh::root();
    let mut count = 0;
    for (sources, golden) in FOLDERS {
        for source in sh::files_below(&root.join(sources))? {
            segment(&source, &root.join(golden), bless)?;
            count += 1;
        }
    }
    let [delimited, lines] = FOLDERS.map(|(_, golden)| root.join(golden));
    table(&delimited.join("table"), bless)?;
    pinned(&delimited.join("segments-10000.sha256"), 10_000, csv_zoo, bless)?;
    let line_zoo = |seed| if seed % 2 == 0 { json_zoo(seed) } else { log_zoo(seed) };
    pinned(&lines.join("segments-4000.sha256"), 4_000, line_zoo, bless)?;
    println!("{count} golden segments and a table read as they were written; the encoder writes what it wrote");
    Ok(())
}

/// Checks the golden segment of a source.
fn segment(source: &Path, golden: &Path, bless: bool) -> Result {
    let bytes = fs::read(source)?;
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let path = golden.join(format!("{name}.at1"));
    if bless && !path.exists() {
        fs::create_dir_all(golden)?;
        // One of them RAW, whichever the encoder likes better.
        let form = if name.starts_with("raw") { Form::Smaller } else { Form::Queryable };
        // The lines are few, and too many of them are odd for a guess.
        let format = match source.extension().and_then(OsStr::to_str) {
            Some("ndjson") => FormatOption::Json,
            Some("log") => FormatOption::Lines(None),
            _ => FormatOption::Auto,
        };
        let read = ReadOptions { format, ..ReadOptions::default() };
        let options = EncodeOptions { read, form, name: Some(name.to_string()), ..EncodeOptions::default() };
        fs::write(&path, at1_codec::encode(&bytes, &options)?)?;
        println!("made {}", path.display());
    }
    let file =
        fs::read(&path).map_err(|e| format!("{}: {e} (`cargo xtask golden --bless` makes it)", path.display()))?;
    if at1_codec::decode(&file)? == bytes {
        return Ok(());
    }
    Err(format!("{} does not give back {}", path.display(), source.display()).into())
}

fn table(folder: &Path, bless: bool) -> Result {
    if bless && !folder.exists() {
        let table = Table::create(
            folder,
            &CreateOptions { origin: Some("example.org/golden".into()), ..CreateOptions::default() },
        )?;
        // The second one brings a column, so that there is a change of schema to read.
        let second = b"ts,symbol,price,qty,side,venue,trade_id,fee\n1,BTC,1.5,2,buy,alpha,1,0.1".to_vec();
        for (name, bytes) in [("first.csv", trades(7, 40)), ("second.csv", second)] {
            let options = AppendOptions { header: HeaderOption::Yes, ..AppendOptions::default() };
            table.append_csv(Source::bytes(&bytes).named(name), &options)?;
        }
        fs::remove_dir_all(folder.join("_at1/staging"))?;
        fs::remove_file(folder.join("_at1/lock"))?;
    }
    let report = Table::open_in(Arc::new(LocalStore::new(folder)))?
        .verify(&VerifyOptions { rows: RowsCheck::Derive, ..VerifyOptions::default() })?;
    if report.verdict() == Verdict::Holds {
        return Ok(());
    }
    Err(format!("{}: {}", folder.display(), report.to_json()).into())
}

/// Checks what the encoder writes of so many inputs.
fn pinned(path: &Path, inputs: u64, input: impl Fn(u64) -> Vec<u8>, bless: bool) -> Result {
    let mut digest = Sha256::new();
    for seed in 0..inputs {
        let profile = [Profile::Balanced, Profile::Fast, Profile::Max][(seed % 3) as usize];
        let options = EncodeOptions { profile, form: Form::Queryable, ..EncodeOptions::default() };
        let segment = at1_codec::encode(&input(seed), &options)?;
        digest.update((segment.len() as u64).to_le_bytes());
        digest.update(&segment);
    }
    let found: String = digest.finalize().iter().map(|b| format!("{b:02x}")).collect();
    if bless {
        fs::write(path, format!("{found}\n"))?;
    }
    let expected = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    if expected.trim() == found {
        return Ok(());
    }
    Err(format!(
        "the segments of {} seeded inputs: expected sha256 {}, found {found}. If readers still read the old ones (they were just tried), \
         the encoder merely writes other bytes: say so in CHANGELOG.md and bless. If not, the format moved: a new version, and a golden folder of its own",
        grouped(inputs),
        expected.trim()
    )
    .into())
}
