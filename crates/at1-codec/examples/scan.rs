//! How fast records and fields are found in the named files, in memory: MB/s under each set of instructions, and of
//! csv-core and a memchr loop beside them.
//!
//! `cargo run --release -p at1-codec --example scan -- FILE...`

use std::{env, error::Error, fs, hint::black_box, time::Instant};

use at1_codec::text::{BlankLine, Completeness, Dialect, DialectOptions, Input, Instructions, Scanner, Tokens, detect};

/// Each slice is taken so often, and its fastest run counts: one that the machine did not interrupt.
const RUNS: usize = 15;
const SLICE_BYTES: usize = 1 << 18;
/// As much as is detected from.
const SAMPLE_BYTES: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    print!("{:>9}", "MB");
    Instructions::all().for_each(|instructions| print!(" {instructions:>8}"));
    println!(" {:>8} {:>8} {:>8} {:>9}", "csv-core", "memchr", "detect", "ns/field");
    for path in env::args().skip(1) {
        let source = fs::read(&path)?;
        let sample = &source[..source.len().min(SAMPLE_BYTES)];
        let completeness = if sample.len() == source.len() { Completeness::Whole } else { Completeness::Prefix };
        let options = DialectOptions::default();
        let dialect = detect(sample, completeness, &options);

        let slices = slices(&source, dialect);
        let megabytes = source.len() as f64 / 1e6;
        print!("{megabytes:9.1}");
        let mut tokens = Tokens::default();
        let (mut fields, mut seconds) = (0, 0.0);
        for instructions in Instructions::all() {
            let scanner = Scanner::new(dialect, BlankLine::Gap).with_instructions(instructions);
            fields = 0;
            seconds = 0.0;
            for slice in &slices {
                seconds += best(|| {
                    tokens.clear();
                    scanner.clone().scan(slice, Input::End, usize::MAX, &mut tokens);
                    black_box(&tokens);
                });
                fields += tokens.fields.len();
            }
            print!(" {:8.0}", megabytes / seconds);
        }
        let csv_core: f64 = slices.iter().map(|slice| best(|| csv_core(slice, dialect))).sum();
        let memchr: f64 = slices.iter().map(|slice| best(|| memchr(slice, dialect))).sum();
        let detected = best(|| _ = black_box(detect(sample, completeness, &options)));
        let sampled = sample.len() as f64 / 1e6;
        print!(" {:8.0} {:8.0} {:8.0}", megabytes / csv_core, megabytes / memchr, sampled / detected);
        println!(" {:9.2}  {path}", seconds * 1e9 / fields as f64);
    }
    Ok(())
}

/// The source in slices of whole records.
fn slices(source: &[u8], dialect: Dialect) -> Vec<&[u8]> {
    let mut scanner = Scanner::new(dialect, BlankLine::Gap);
    let mut rest = source;
    let mut slices = Vec::new();
    while !rest.is_empty() {
        let bytes = scanner.scan(rest, Input::End, SLICE_BYTES, &mut Tokens::default());
        let (slice, others) = rest.split_at(bytes);
        slices.push(slice);
        rest = others;
    }
    slices
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
    let ends: Vec<usize> = memchr::memchr2_iter(dialect.delimiter, b'\n', source).collect();
    black_box(&ends);
}

fn best(mut work: impl FnMut()) -> f64 {
    let run = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..RUNS).map(run).fold(f64::INFINITY, f64::min)
}
