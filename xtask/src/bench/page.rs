//! What was measured, as benches/RESULTS.md.

use std::{fmt::Write as _, path::Path, process::Command, time::Duration};

use super::{Row, Times};
use crate::{
    report::{first_line, grouped, installed, run_of},
    sh::Result,
};

/// A ratio of a file, where it has one.
type Ratio = fn(&Row) -> Option<f64>;

/// A row of GOALS: what is measured, the goal for its geometric mean, and the ratio. Sizes count the delimited files only, as the
/// goals do; NDJSON and log lines have their own forms.
const GOALS: [(&str, &str, Ratio); 12] = [
    ("`max` / `xz -9`", "0.75", |r| Some(bytes(r.max, r.xz))),
    ("`max` / DuckDB Parquet, zstd 19", "0.80", |r| Some(bytes(r.max, r.parquet?))),
    ("`max` / Vortex compact", "1.0", |r| Some(bytes(r.max, r.vortex?))),
    ("`max` / (`zstd -19` + DuckDB Parquet)", "0.42", |r| Some(bytes(r.max, r.parquet? + r.zstd))),
    ("`balanced` / `zstd -19`", "0.95", |r| Some(bytes(r.balanced, r.zstd))),
    ("append / DuckDB COPY, one processor", "0.5", |r| Some(time(r.one.append, r.one.duckdb_write?))),
    ("append / DuckDB COPY, all", "0.5", |r| Some(time(r.all.append, r.all.duckdb_write?))),
    ("cat / `zstd -d`, one processor", "2.0", |r| Some(time(r.one.cat, r.one.unzstd))),
    ("cat / `zstd -d`, all", "1.25", |r| Some(time(r.all.cat, r.all.unzstd))),
    ("cat / `xz -d`, one processor", "0.2", |r| Some(time(r.one.cat, r.unxz))),
    ("scan to Arrow / parquet crate, one processor", "1.1", |r| Some(time(r.one.scan.0, r.one.scan.1))),
    ("scan to Arrow / DuckDB, one processor", "–", |r| Some(time(r.one.scan.0, r.one.duckdb_read?))),
];

fn bytes(a: u64, b: u64) -> f64 {
    a as f64 / b as f64
}

fn time(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

fn is_delimited(row: &Row) -> bool {
    [".csv", ".tsv", ".txt"].iter().any(|end| row.name.ends_with(end))
}

pub(super) fn page(rows: &[Row], python: &Path) -> Result<String> {
    let mut page = String::from("# Results\n\nWritten by `cargo xtask bench`; not edited by hand.\n\n");
    page += &about(python)?;
    page += &goals(rows)?;
    page += &sizes(rows)?;
    page += "## Times in seconds\n\nProfile balanced. `append` types, encodes, decodes, compares, hashes and syncs; DuckDB's `COPY` (zstd 3) does the first two.\nScans give Arrow: of the table with every byte checked, of its files by the parquet crate alone, of DuckDB's Parquet by DuckDB.\n\n";
    page += &times(rows, "One processor", |row| &row.one)?;
    page += &times(rows, "All processors", |row| &row.all)?;
    Ok(page)
}

fn goals(rows: &[Row]) -> Result<String> {
    let mut page = String::from(
        "## Goals\n\nGeometric means over the CSV and TSV files, and the three files that are furthest off.\n\n| ratio | goal | mean | worst |\n|---|--:|--:|---|\n",
    );
    for (what, goal, ratio) in GOALS {
        let mut found: Vec<(f64, &str)> =
            rows.iter().filter(|r| is_delimited(r)).filter_map(|r| Some((ratio(r)?, r.name.as_str()))).collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mean = (found.iter().map(|(ratio, _)| ratio.ln()).sum::<f64>() / found.len() as f64).exp();
        let worst: Vec<String> = found.iter().take(3).map(|(ratio, name)| format!("{name} {ratio:.2}")).collect();
        writeln!(page, "| {what} | {goal} | {mean:.3} | {} |", worst.join(", "))?;
    }
    page.push('\n');
    Ok(page)
}

fn sizes(rows: &[Row]) -> Result<String> {
    let mut page = String::from(
        "## Sizes in bytes\n\nEvery AT1 size includes what gives the exact bytes back; DuckDB's Parquet (zstd 19) and Vortex (compact) do not. A dash: DuckDB cannot read the file as CSV.\n\n",
    );
    page += "| file | records | source | at1 balanced | at1 max | `xz -9` | `zstd -19` | DuckDB | Vortex | max / xz | max / DuckDB | max / Vortex | balanced / zstd |\n";
    page += "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    let ratio = |ratio: Option<f64>| ratio.map_or_else(dash, |r| format!("{r:.3}"));
    for row in rows {
        writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            grouped(row.records),
            grouped(row.source),
            grouped(row.balanced),
            grouped(row.max),
            grouped(row.xz),
            grouped(row.zstd),
            row.parquet.map_or_else(dash, grouped),
            row.vortex.map_or_else(dash, grouped),
            ratio(Some(bytes(row.max, row.xz))),
            ratio(row.parquet.map(|p| bytes(row.max, p))),
            ratio(row.vortex.map(|v| bytes(row.max, v))),
            ratio(Some(bytes(row.balanced, row.zstd))),
        )?;
    }
    page.push('\n');
    Ok(page)
}

fn times(rows: &[Row], title: &str, of: fn(&Row) -> &Times) -> Result<String> {
    let mut page = format!("### {title}\n\n");
    page += "| file | append | DuckDB COPY | cat | `zstd -d` | `xz -d` | scan | parquet crate | DuckDB |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    let s = |time: Duration| format!("{:.3}", time.as_secs_f64());
    for row in rows {
        let times = of(row);
        writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            s(times.append),
            times.duckdb_write.map_or_else(dash, s),
            s(times.cat),
            s(times.unzstd),
            s(row.unxz),
            s(times.scan.0),
            s(times.scan.1),
            times.duckdb_read.map_or_else(dash, s),
        )?;
    }
    page.push('\n');
    Ok(page)
}

fn dash() -> String {
    "–".to_owned()
}

/// The run, and versions of peers.
pub(super) fn about(python: &Path) -> Result<String> {
    let peers = installed(python, &["duckdb", "vortex-data"])?;
    let zstd = first_line(Command::new("zstd").arg("--version"))?;
    let zstd = zstd.split_once(" v").map_or(&*zstd, |(_, rest)| rest.split(',').next().unwrap_or(rest));
    let mut page = run_of()?;
    writeln!(page, "| peers | {}, zstd {zstd}, {peers} |\n", first_line(Command::new("xz").arg("--version"))?)?;
    Ok(page)
}
