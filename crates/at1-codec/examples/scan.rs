//! How fast records and fields are found in the named files, in memory, beside csv-core and a memchr loop.
//!
//! `cargo run --release -p at1-codec --example scan -- FILE...`

use std::{env, error::Error, fs, hint::black_box, time::Instant};

use at1_codec::text::{BlankLine, Completeness, Dialect, DialectOptions, Input, Scanner, Tokens, detect};

/// Each is run so often, and the fastest run counts.
const RUNS: usize = 7;
/// As much as is detected from and scanned between two looks at the clock.
const SLICE_BYTES: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    println!("{:>9} {:>8} {:>8} {:>8} {:>8} {:>9}  MB/s", "MB", "scan", "csv-core", "memchr", "detect", "ns/field");
    for path in env::args().skip(1) {
        let source = fs::read(&path)?;
        let sample = &source[..source.len().min(SLICE_BYTES)];
        let completeness = if sample.len() == source.len() { Completeness::Whole } else { Completeness::Prefix };
        let options = DialectOptions::default();
        let dialect = detect(sample, completeness, &options);
        let mut fields = 0;
        let scanned = best(|| fields = scan(&source, dialect));
        let others = [best(|| csv_core(&source, dialect)), best(|| memchr(&source, dialect))];
        let detected = best(|| _ = black_box(detect(sample, completeness, &options)));
        let megabytes = source.len() as f64 / 1e6;
        print!("{megabytes:9.1} {:8.0}", megabytes / scanned);
        others.iter().for_each(|seconds| print!(" {:8.0}", megabytes / seconds));
        let sampled = sample.len() as f64 / 1e6;
        println!(" {:8.0} {:9.2}  {path}", sampled / detected, scanned * 1e9 / fields as f64);
    }
    Ok(())
}

/// The number of fields, found slice by slice into tokens that stay in the cache.
fn scan(source: &[u8], dialect: Dialect) -> usize {
    let mut scanner = Scanner::new(dialect, BlankLine::Gap);
    let mut tokens = Tokens::default();
    let (mut at, mut fields) = (0, 0);
    while at < source.len() {
        tokens.clear();
        at += scanner.scan(&source[at..], Input::End, SLICE_BYTES / 8, &mut tokens);
        fields += black_box(&tokens).fields.len();
    }
    fields
}

fn csv_core(mut source: &[u8], dialect: Dialect) {
    use csv_core::{ReadRecordResult, ReaderBuilder};
    let mut reader = ReaderBuilder::new().delimiter(dialect.delimiter).quoting(dialect.quote.is_some()).build();
    let (mut out, mut ends) = (vec![0; 1 << 20], vec![0; 1 << 16]);
    loop {
        let (result, read, _, _) = reader.read_record(source, &mut out, &mut ends);
        source = &source[read..];
        black_box(&ends);
        if result == ReadRecordResult::End {
            break;
        }
    }
}

/// No more than the separators, wherever they stand.
fn memchr(source: &[u8], dialect: Dialect) {
    let mut ends = Vec::new();
    for slice in source.chunks(SLICE_BYTES / 8) {
        ends.clear();
        ends.extend(memchr::memchr2_iter(dialect.delimiter, b'\n', slice));
        black_box(&ends);
    }
}

fn best(mut work: impl FnMut()) -> f64 {
    let run = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..RUNS).map(run).fold(f64::INFINITY, f64::min)
}
