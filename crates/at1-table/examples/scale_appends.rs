//! What an append of a hundred records waits for, in one process with one handle, beside the least that writing a file durably
//! takes: one plain Parquet file of the same records, it and its folder synced. By turns, so that both meet the same disk.
//!
//! ```text
//! cargo run --release -p at1-table --example scale_appends -- TABLE FIRST APPENDS SECONDS
//! ```
//!
//! TABLE is one of `at1_testkit::scale`, FIRST the number of its next batch; it stops after SECONDS. Prints one JSON object.
#![forbid(unsafe_code)]

use std::{
    env,
    error::Error,
    fs::{self, File},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{
    array::RecordBatch,
    csv::ReaderBuilder,
    datatypes::{DataType, Field, Schema, TimeUnit},
};
use at1_table::{AppendOptions, Source, Table};
use at1_testkit::scale;
use parquet::arrow::ArrowWriter;
use serde_json::json;

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result {
    let words: Vec<String> = env::args().skip(1).collect();
    let [table, first, appends, seconds] = &words[..] else {
        return Err("expected TABLE FIRST APPENDS SECONDS".into());
    };
    let (first, appends): (u64, u64) = (first.parse()?, appends.parse()?);
    let limit = Duration::from_secs(seconds.parse()?);
    let plain_folder = Path::new(table).with_extension("plain");
    fs::create_dir_all(&plain_folder)?;

    let start = Instant::now();
    let handle = Table::open(table)?;
    let open = start.elapsed();
    let (mut ours, mut plain) = (vec![], vec![]);
    for n in first..first + appends {
        let text = scale::batch(n);
        let records = records(&text)?;
        let begun = Instant::now();
        handle.append_csv(Source::bytes(&text), &AppendOptions::default())?;
        ours.push(begun.elapsed());
        let path = plain_folder.join(format!("{n}.parquet"));
        let begun = Instant::now();
        write(&plain_folder, &path, &records)?;
        plain.push(begun.elapsed());
        if start.elapsed() > limit {
            break;
        }
    }
    fs::remove_dir_all(plain_folder)?;
    // The first may find out what those after it know.
    let first = ours[0];
    let rest = if ours.len() > 1 { ours.split_off(1) } else { ours };
    let (appends, [ours, plain]) = (rest.len(), [rest, plain].map(percentiles));
    println!(
        "{}",
        json!({
            "appends": appends, "open_ms": millis(open), "first_ms": millis(first),
            "p50_ms": ours[0], "p99_ms": ours[1], "most_ms": ours[2],
            "plain_p50_ms": plain[0], "plain_p99_ms": plain[1], "plain_most_ms": plain[2],
        })
    );
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// p50, p99 and the greatest.
fn percentiles(mut times: Vec<Duration>) -> [f64; 3] {
    times.sort();
    [50, 99, 100].map(|percent| millis(times[(times.len() * percent / 100).min(times.len() - 1)]))
}

fn records(text: &[u8]) -> Result<RecordBatch> {
    let fields = [
        ("time", DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))),
        ("symbol", DataType::Utf8),
        ("id", DataType::Utf8),
        ("price", DataType::Decimal128(18, 2)),
        ("size", DataType::Int64),
    ];
    let schema = Schema::new(fields.map(|(name, ty)| Field::new(name, ty, true)).to_vec());
    let mut reader = ReaderBuilder::new(Arc::new(schema)).with_header(true).build(text)?;
    Ok(reader.next().ok_or("expected records")??)
}

fn write(folder: &Path, path: &Path, records: &RecordBatch) -> Result {
    let file = File::create_new(path)?;
    let mut writer = ArrowWriter::try_new(file.try_clone()?, records.schema(), None)?;
    writer.write(records)?;
    writer.close()?;
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(())
}
