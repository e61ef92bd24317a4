//! Queries in SQL, asked of `at1 sql` and of DuckDB: the same answers (`interop`), and how long they take (`bench --sql`).
//!
//! * The tables are generated: trades, and two of TPC-H. `AT1_CORPUS` adds flights and connections.
//! * DuckDB reads Parquet that it wrote from the same text in the types that AT1 found, and so does DataFusion beside AT1.

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use at1_testkit::Trades;
use serde_json::{Value, json};
use tpchgen::{
    csv::{LineItemCsv, OrderCsv},
    generators::{LineItemGenerator, OrderGenerator},
};

use crate::{
    at1::{At1, Build},
    sh::{self, Result},
};

/// How much is generated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Trades.
    pub(crate) trades: usize,
    /// TPC-H's scale factor.
    pub(crate) tpch: f64,
}

/// Files of the corpus that queries know, and by what name.
const CORPUS: [(&str, &str); 2] = [("flights", "nycflights13_flights.csv"), ("connections", "kddcup99_10pct.csv")];

/// Asks every query; `page` is where times go, if they are taken.
pub(crate) fn ask(at1: &At1, python: &Path, dir: &Path, build: Build, scale: Scale, page: Option<&Path>) -> Result {
    let (profile, folder) = build.profile();
    sh::run(sh::cargo().arg("build").args(build.features_of("at1-sql")).args([
        "--bin",
        "at1-sql",
        "--profile",
        profile,
    ]))?;
    let mut tables = vec![trades(at1, dir, scale.trades)?];
    tables.extend(tpch(at1, dir, scale.tpch)?);
    match std::env::var_os("AT1_CORPUS") {
        None => println!("AT1_CORPUS names no folder: queries over flights and connections are left out"),
        Some(corpus) => {
            for (name, file) in CORPUS {
                tables.push(table(at1, dir, name, &[PathBuf::from(&corpus).join(file)], &[])?);
            }
        }
    }
    let interop = sh::root().join("xtask/interop");
    let job = json!({
        "at1_sql": sh::target().join(folder).join("at1-sql"),
        "queries": interop.join("queries.sql"),
        "scratch": dir,
        "tables": tables,
        "page": page,
    });
    let file = dir.join("job.json");
    fs::write(&file, job.to_string())?;
    sh::run(Command::new(python).arg(interop.join("sql.py")).arg(file))
}

/// Trades in batches whose times follow each other.
fn trades(at1: &At1, dir: &Path, rows: usize) -> Result<Value> {
    let mut trades = Trades::new(29);
    let batches = 8;
    let files = (0..batches).map(|batch| {
        let path = dir.join(format!("trades_{batch}.csv"));
        fs::write(&path, trades.batch(rows / batches)).map(|()| path)
    });
    table(at1, dir, "trades", &files.collect::<std::io::Result<Vec<_>>>()?, &["--type", "ts=epoch_ms"])
}

fn tpch(at1: &At1, dir: &Path, factor: f64) -> Result<Vec<Value>> {
    let (items, orders) = (dir.join("lineitem.csv"), dir.join("orders.csv"));
    let mut out = BufWriter::new(fs::File::create(&items)?);
    writeln!(out, "{}", LineItemCsv::header())?;
    for item in LineItemGenerator::new(factor, 1, 1).iter() {
        writeln!(out, "{}", LineItemCsv::new(item))?;
    }
    out.flush()?;
    let mut out = BufWriter::new(fs::File::create(&orders)?);
    writeln!(out, "{}", OrderCsv::header())?;
    for order in OrderGenerator::new(factor, 1, 1).iter() {
        writeln!(out, "{}", OrderCsv::new(order))?;
    }
    out.flush()?;
    Ok(vec![table(at1, dir, "lineitem", &[items], &[])?, table(at1, dir, "orders", &[orders], &[])?])
}

/// A table of some files, as the script knows it.
fn table(at1: &At1, dir: &Path, name: &str, files: &[PathBuf], flags: &[&str]) -> Result<Value> {
    let folder = dir.join("tables").join(name);
    let mut words = vec!["append".into(), folder.clone().into_os_string()];
    words.extend(flags.iter().map(Into::into));
    words.extend(files.iter().map(|file| file.clone().into_os_string()));
    at1.bytes(words)?;
    let info = at1.json(["info".as_ref(), folder.as_os_str()])?;
    let info = info.first().ok_or("at1 info told nothing")?;
    let header = info["columns"].as_array().is_some_and(|columns| columns.iter().any(|c| !c["header"].is_null()));
    Ok(json!({"name": name, "folder": folder, "csv": files, "header": header, "columns": info["columns"]}))
}
