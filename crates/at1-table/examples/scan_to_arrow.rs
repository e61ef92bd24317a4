//! All columns of a table to Arrow: as a scan gives them, every byte checked, and as the parquet crate alone reads the same
//! files. Prints the seconds of both, each the best of five.
//!
//! `cargo run --release -p at1-table --example scan_to_arrow -- TABLE`
#![forbid(unsafe_code)]

use std::{env, error::Error, fs::File, hint::black_box, path::Path, time::Instant};

use at1_table::{ScanOptions, Table};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result {
    let words: Vec<String> = env::args().skip(1).collect();
    let [table] = &words[..] else { return Err("expected TABLE".into()) };
    let table = Path::new(table);
    let (ours, ours_rows) = best(|| scan(table))?;
    let (theirs, their_rows) = best(|| read(table))?;
    if ours_rows != their_rows {
        return Err(format!("the scan gave {ours_rows} rows, the files hold {their_rows}").into());
    }
    println!("{ours} {theirs}");
    Ok(())
}

fn scan(table: &Path) -> Result<usize> {
    let mut rows = 0;
    for batch in Table::open(table)?.scan(&ScanOptions::default())? {
        rows += black_box(batch?).num_rows();
    }
    Ok(rows)
}

fn read(table: &Path) -> Result<usize> {
    let mut rows = 0;
    for entry in table.join("segments").read_dir()? {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(entry?.path())?)?.with_batch_size(8 << 10);
        for batch in reader.build()? {
            rows += black_box(batch?).num_rows();
        }
    }
    Ok(rows)
}

/// The least seconds of five runs, and what the last one gave.
fn best(mut run: impl FnMut() -> Result<usize>) -> Result<(f64, usize)> {
    let (mut least, mut last) = (f64::INFINITY, 0);
    for _ in 0..5 {
        let start = Instant::now();
        last = run()?;
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok((least, last))
}
