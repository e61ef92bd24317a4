//! Tables among readers of Iceberg: PyIceberg, Polars and fastavro, and DuckDB's extension where the package index has it.
//!
//! * A table is exported after some of its events; each snapshot must be what `at1 scan --as-of` says of its event.
//! * Filters must plan exactly the files that can match.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use at1_testkit::{Rng, trades};
use serde_json::{Value, json};

use crate::{
    at1::{self, At1},
    sh::{self, Result},
};

/// What is done to a table.
enum Step {
    /// A file is appended, its first line a header.
    Append(Vec<u8>),
    /// It is compacted, with these flags.
    Compact(&'static [&'static str]),
    /// It is exported, and must keep so many snapshots.
    Export(u64),
}
use Step::{Append, Compact, Export};

/// A table, and conditions with the number of files that can match them.
struct Sample {
    name: &'static str,
    steps: Vec<Step>,
    filters: &'static [(&'static str, u64)],
}

pub(super) fn check(at1: &At1, python: &Path, dir: &Path) -> Result {
    fs::create_dir_all(dir)?;
    let mut jobs = String::new();
    for sample in samples() {
        jobs += &prepare(at1, dir, &sample)?.to_string();
        jobs.push('\n');
    }
    let list = dir.join("jobs.jsonl");
    fs::write(&list, jobs)?;
    let scripts = sh::root().join("xtask/interop");
    sh::run(Command::new(python).arg(scripts.join("iceberg.py")).arg(&list))?;
    // Extensions are bound to one version of DuckDB, which is not the newest.
    let duckdb =
        crate::python::environment("interop-iceberg-duckdb-venv", &scripts.join("requirements-iceberg-duckdb.txt"))?;
    sh::run(Command::new(duckdb).arg(scripts.join("iceberg_duckdb.py")).arg(&list))
}

fn samples() -> Vec<Sample> {
    vec![
        Sample {
            name: "types",
            steps: vec![
                Append(types(0, 400)),
                Append(types(400, 300)),
                Export(1),
                Append(types(700, 300)),
                Export(2),
                Append(types(1000, 10)),
                Export(3),
            ],
            filters: &[
                ("id >= 0", 4),
                ("id >= 700", 2),
                ("id = 399", 1),
                ("id > 5000", 0),
                ("day < '1900-01-01'", 0),
                ("steady >= '2024-01-03' and steady < '2024-01-05'", 3),
                ("word = 'sell'", 4),
                ("word < 'A'", 0),
                ("price > 1000000.00", 0),
                ("always is null", 4),
                ("id is null", 0),
            ],
        },
        Sample {
            name: "layouts",
            steps: vec![
                Append(trades(1, 500)),
                Append(trades(2, 700)),
                Append(trades(3, 300)),
                Export(1),
                Compact(&["--upto", "2"]),
                Export(2),
                Append(trades(4, 200)),
                Compact(&[]),
                Export(3),
                Append(Vec::new()),
                Export(3),
            ],
            filters: &[("trade_id >= 0", 1)],
        },
        Sample {
            name: "schemas",
            steps: vec![
                Append(b"a,b\n1,x\n2,y\n".to_vec()),
                Export(1),
                Append(b"a,b,c\n3,x,2024-01-31\n".to_vec()),
                Export(2),
                Append(b"a,b\n7.25,\n".to_vec()),
                Compact(&["--retype"]),
                Export(3),
            ],
            filters: &[("a > 5", 1), ("b = 'x'", 1)],
        },
        Sample {
            name: "vacuumed",
            steps: vec![
                Append(b"a\n1\n".to_vec()),
                Export(1),
                Append(b"a\n2\n".to_vec()),
                Export(2),
                Compact(&["--grace", "0s"]),
                Export(1),
            ],
            filters: &[("a >= 1", 1)],
        },
        Sample {
            name: "awkward names",
            steps: vec![Append(b"a b,A B,\"x{y}\",,=,d.e\n1,2,3,4,5,6\n".to_vec()), Export(1)],
            filters: &[],
        },
        Sample {
            name: "bytes and long text",
            steps: vec![
                Append([b"x,y\n\xff\xfe,".as_slice(), "é".repeat(80).as_bytes(), b"\n\x01,b\n"].concat()),
                Append([b"x,y\n\xff,".as_slice(), "\u{10ffff}".repeat(40).as_bytes(), b"\n"].concat()),
                Export(1),
            ],
            filters: &[("y < 'c'", 1), ("y > 'z'", 2)],
        },
    ]
}

/// A column of each type that Iceberg has, with nulls, and the values at which readers differ.
fn types(first: usize, rows: usize) -> Vec<u8> {
    let mut rng = Rng::new(first as u64);
    let mut csv = String::from("id,big,price,small,ratio,odd,flag,day,at,instant,steady,word,note,always\n");
    for id in first..first + rows {
        let double = |rng: &mut Rng| (rng.between(-1_000_000_000, 1_000_000_000) as f64) / 7e5;
        let mut fields = vec![
            (*rng.pick(&[&"9223372036854775807", &"-9223372036854775808", &"0", &"-1"])).to_owned(),
            format!("{}{}.{:02}", *rng.pick(&[&"", &"-"]), rng.below(1_000_000), rng.below(100)),
            format!("{}.{:020}", rng.below(99), rng.below(u64::MAX)),
            format!("{:?}", double(&mut rng) * 10f64.powi(rng.between(-30, 30) as i32)),
            (*rng.pick(&[&"NaN", &"inf", &"-inf", &"-0.0", &"0.0", &"1.5e-300"])).to_owned(),
            (*rng.pick(&[&"true", &"false"])).to_owned(),
            format!("{:04}-{:02}-{:02}", rng.between(1900, 2100), rng.between(1, 12), rng.between(1, 28)),
            format!("{:04}-03-{:02} {:02}:15:30", rng.between(1950, 2050), rng.between(1, 31), rng.below(24)),
            format!("2024-{:02}-11T07:{:02}:59.{:06}Z", rng.between(1, 12), rng.below(60), rng.below(1_000_000)),
            format!("2024-01-{:02}", 1 + id / 300),
            (*rng.pick(&[&"buy", &"sell", &"Zürich", &"日本"])).to_owned(),
            (*rng.pick(&[&"plain", &"\"with, comma\"", &"\"say \"\"hi\"\"\"", &"\"two\nlines\""])).to_owned(),
        ];
        for (i, field) in fields.iter_mut().enumerate() {
            if i != 9 && rng.one_in(15) {
                field.clear();
            }
        }
        csv += &format!("{id},{},\n", fields.join(","));
    }
    csv.into_bytes()
}

fn prepare(at1: &At1, dir: &Path, sample: &Sample) -> Result<Value> {
    // A blank and more than ASCII in the path, as readers may meet them.
    let dir = dir.join(format!("{} ü", sample.name));
    fs::create_dir_all(&dir)?;
    let table = dir.join("table");
    let mut exported = vec![];
    let mut version = 0;
    for (i, step) in sample.steps.iter().enumerate() {
        match step {
            Append(bytes) => {
                let file = dir.join(format!("{i}.csv"));
                fs::write(&file, bytes)?;
                let header = if bytes.is_empty() { "auto" } else { "yes" };
                let words =
                    ["append".as_ref(), table.as_os_str(), file.as_os_str(), "--header".as_ref(), header.as_ref()];
                at1.json(words)?;
            }
            Compact(flags) => {
                let words = ["compact".as_ref(), table.as_os_str()];
                at1.json(words.into_iter().chain(flags.iter().map(AsRef::as_ref)))?;
            }
            Export(keeps) => {
                let report = at1.json(["export".as_ref(), "iceberg".as_ref(), table.as_os_str()])?.remove(0);
                if report["outcome"] == "written" {
                    if at1::number(&report, "snapshots")? != *keeps {
                        return Err(format!("{}: expected {keeps} snapshots, found {report}", sample.name).into());
                    }
                    exported.push(at1::number(&report, "event")?.to_string());
                    exported.drain(..exported.len() - usize::try_from(*keeps)?);
                    version = at1::number(&report, "version")?;
                }
            }
        }
    }
    let scan = |name: &str, flags: &[&str]| -> Result<PathBuf> {
        let words = ["scan".as_ref(), table.as_os_str(), "--format".as_ref(), "arrow".as_ref()];
        let path = dir.join(format!("{name}.arrow"));
        fs::write(&path, at1.bytes(words.into_iter().chain(flags.iter().map(AsRef::as_ref)))?)?;
        Ok(path)
    };
    let mut past = json!({});
    for event in &exported {
        past[event] = json!(scan(event, &["--as-of", event])?);
    }
    let mut filters = vec![];
    for (i, (filter, files)) in sample.filters.iter().enumerate() {
        let path = scan(&format!("filter-{i}"), &["--where", filter])?;
        filters.push(json!({"where": filter, "files": files, "arrow": path}));
    }
    let arrow = scan("scan", &[])?;
    Ok(json!({
        "name": sample.name, "table": table, "version": version, "arrow": arrow, "past": past, "filters": filters,
    }))
}
