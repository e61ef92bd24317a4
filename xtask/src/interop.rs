//! `cargo xtask interop`: pyarrow, polars and duckdb open every segment as the Parquet file it is, and must agree with `at1 scan`;
//! readers of Delta and Iceberg tables find what `at1 export` shows them; OpenSSL and an auditor's script check keys, signatures, ledgers and proofs.
//!
//! * The environment is made below the target folder from pinned versions, and kept for the next run.
//! * Without Python it says so; where `CI` is set that is a failure.

mod delta;
mod iceberg;
mod ledger;

use std::{fs, path::Path, process::Command};

use at1_testkit::{Rng, trades};
use serde_json::json;

use crate::{
    at1::{At1, Build},
    python,
    sh::{self, Args, Result},
    sql,
};

pub(crate) fn run(args: &mut Args) -> Result {
    args.done()?;
    all()
}

pub(crate) fn all() -> Result {
    let requirements = sh::root().join("xtask/interop/requirements.txt");
    let python = match python::environment("interop-venv", &requirements) {
        Ok(python) => python,
        Err(error) if !sh::is_ci() => {
            println!("NOT CHECKED: interop needs Python 3 with venv and pip: {error}");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let at1 = At1::build(Build::Dev)?;
    let dir = sh::scratch("interop")?;
    let mut jobs = String::new();
    for sample in samples() {
        jobs += &prepare(&at1, &dir, &sample)?.to_string();
        jobs.push('\n');
    }
    let list = dir.join("jobs.jsonl");
    fs::write(&list, jobs)?;
    let script = sh::root().join("xtask/interop/check.py");
    sh::run(Command::new(&python).arg(script).arg(list))?;
    python::interop(&python)?;
    delta::check(&at1, &python, &dir.join("delta"))?;
    iceberg::check(&at1, &python, &dir.join("iceberg"))?;
    ledger::check(&at1, &python, &dir.join("ledger"))?;
    sql::ask(&at1, &python, &sh::scratch("interop-sql")?, Build::Dev, sql::Scale { trades: 40_000, tpch: 0.01 }, None)
}

/// A table to make: its files, and whether DuckDB is to read the first one's text by itself.
struct Sample {
    name: &'static str,
    files: Vec<Vec<u8>>,
    flags: &'static [&'static str],
    oracle: bool,
    /// How the table is compacted before it is read, if it is.
    compact: Option<&'static [&'static str]>,
}

/// Lines of JSON whose keys come and go.
fn objects(numbers: std::ops::Range<u64>) -> Vec<u8> {
    let line = |n: u64| {
        let late = if n >= 900 { format!(",\"late\":{n}.5") } else { String::new() };
        let name = ["null", "\"Zo\\u00eb\"", "\"a/b\"", "\"\""][n as usize % 4];
        format!(
            "{{\"ts\":\"2024-05-01T10:{:02}:{:02}Z\",\"user\":{{\"id\":{n},\"name\":{name}}},\"px\":\"{}.{:02}\",\"ok\":{},\"tags\":[\"x\",{n}]{late}}}\n",
            n / 60 % 60,
            n % 60,
            n / 7,
            n % 100,
            n.is_multiple_of(2),
        )
    };
    numbers.flat_map(|n| line(n).into_bytes()).collect()
}

/// Lines of a web server, some of which are not.
fn log(numbers: std::ops::Range<u64>) -> Vec<u8> {
    let line = |n: u64| match n % 50 {
        49 => "  at a line of its own\n".to_owned(),
        _ => format!(
            "10.0.0.{} - - [17/May/2015:10:{:02}:{:02} +0000] \"GET /p/{n} HTTP/1.1\" {} {} \"-\" \"curl/8\"\n",
            n % 256,
            n / 60 % 60,
            n % 60,
            [200, 304, 404][n as usize % 3],
            n * 37,
        ),
    };
    numbers.flat_map(|n| line(n).into_bytes()).collect()
}

fn samples() -> Vec<Sample> {
    let sample = |name, files: Vec<Vec<u8>>| Sample { name, files, flags: &[], oracle: true, compact: None };
    vec![
        sample("trades", vec![trades(11, 20_000)]),
        sample("types", vec![types(3_000)]),
        sample("one_row", vec![b"a,b,c\n1,2.50,x\n".to_vec()]),
        sample("nulls_only", vec![b"a,b\n1,\n2,\n3,\n".to_vec()]),
        Sample { name: "objects", oracle: false, ..sample("", vec![objects(0..900), objects(900..1_000)]) },
        Sample { name: "log", oracle: false, ..sample("", vec![log(0..900), log(900..1_000)]) },
        Sample { name: "batches", oracle: false, ..sample("", vec![trades(1, 500), trades(2, 700), trades(3, 300)]) },
        Sample { name: "fast", flags: &["--profile", "fast"], ..sample("", vec![types(800)]) },
        Sample { name: "max", flags: &["--profile", "max"], ..sample("", vec![types(800)]) },
        Sample {
            name: "no_header",
            flags: &["--header", "no"],
            oracle: false,
            ..sample("", vec![b"1,x\n2,y\n".to_vec()])
        },
        Sample {
            name: "awkward_names",
            oracle: false,
            ..sample("", vec![b"a b,A B,\"x{y}\",,=\n1,2,3,4,5\n".to_vec()])
        },
        Sample { name: "ragged", oracle: false, ..sample("", vec![b"a,b\n1,2\n3\n4,5,6\n\n7,8".to_vec()]) },
        Sample { name: "empty", oracle: false, ..sample("", vec![Vec::new()]) },
        Sample {
            name: "compacted",
            oracle: false,
            compact: Some(&["--upto", "3"]),
            ..sample("", vec![trades(1, 500), trades(2, 700), Vec::new(), trades(3, 300), trades(4, 200)])
        },
        Sample {
            name: "retyped",
            oracle: false,
            compact: Some(&["--retype"]),
            ..sample(
                "",
                vec![b"a,b\n1,x\n2,y\n".to_vec(), b"a,b,c\n2.50,x,2024-01-31\n".to_vec(), b"a,b\n7,\n".to_vec()],
            )
        },
    ]
}

/// A column of each type, nulls in all of them, and the values at which readers differ.
fn types(rows: usize) -> Vec<u8> {
    let mut rng = Rng::new(42);
    let mut csv = String::from("id,big,price,small,ratio,flag,day,at,instant,fine,word,note\n");
    for id in 0..rows {
        let mut fields = vec![
            (*rng.pick(&[&"9223372036854775807", &"-9223372036854775808", &"0", &"-1"])).to_owned(),
            format!("{}{}.{:02}", *rng.pick(&[&"", &"-"]), rng.below(1_000_000), rng.below(100)),
            format!("{}.{:020}", rng.below(99), rng.below(u64::MAX)),
            format!(
                "{:?}",
                (rng.between(-1_000_000_000, 1_000_000_000) as f64) / 7e5 * 10f64.powi(rng.between(-30, 30) as i32)
            ),
            (*rng.pick(&[&"true", &"false"])).to_owned(),
            format!("{:04}-{:02}-{:02}", rng.between(1900, 2100), rng.between(1, 12), rng.between(1, 28)),
            format!("{:04}-03-{:02} {:02}:15:30", rng.between(1950, 2050), rng.between(1, 31), rng.below(24)),
            format!("2024-{:02}-11T07:{:02}:59.{:06}Z", rng.between(1, 12), rng.below(60), rng.below(1_000_000)),
            format!("2001-09-09T01:46:{:02}.{:09}", rng.below(60), rng.below(1_000_000_000)),
            (*rng.pick(&[&"buy", &"sell", &"Zürich", &"日本"])).to_owned(),
            (*rng.pick(&[&"plain", &"\"with, comma\"", &"\"say \"\"hi\"\"\"", &"\"two\nlines\""])).to_owned(),
        ];
        for field in &mut fields {
            if rng.one_in(15) {
                field.clear();
            }
        }
        csv += &format!("{id},{}\n", fields.join(","));
    }
    csv.into_bytes()
}

fn prepare(at1: &At1, dir: &Path, sample: &Sample) -> Result<serde_json::Value> {
    let dir = dir.join(sample.name);
    fs::create_dir_all(&dir)?;
    let table = dir.join("table");
    let mut words = vec!["append".into(), table.clone().into_os_string()];
    words.extend(sample.flags.iter().map(Into::into));
    for (i, bytes) in sample.files.iter().enumerate() {
        let path = dir.join(format!("{i}.csv"));
        fs::write(&path, bytes)?;
        words.push(path.into_os_string());
    }
    let events = at1.json(words)?.len();
    let mut past = vec![];
    if let Some(how) = sample.compact {
        let words = ["compact", "--grace", "0s"].into_iter().chain(how.iter().copied()).map(AsRef::as_ref);
        at1.json(words.chain([table.as_os_str()]))?;
        // What a state of then is, by AT1; and the query that is to say the same.
        for event in (0..events).map(|event| event.to_string()) {
            let of_then = |command, format| {
                let words = [command, "--as-of", event.as_str(), "--format", format].map(AsRef::as_ref);
                at1.bytes(words.into_iter().chain([table.as_os_str()]))
            };
            let arrow = dir.join(format!("{event}.arrow"));
            fs::write(&arrow, of_then("scan", "arrow")?)?;
            past.push(json!({"arrow": arrow, "duckdb": String::from_utf8(of_then("files", "duckdb")?)?.trim()}));
        }
    }
    let scan = |format: &str| at1.bytes(["scan".as_ref(), table.as_os_str(), "--format".as_ref(), format.as_ref()]);
    let (arrow, csv) = (dir.join("scan.arrow"), dir.join("scan.csv"));
    fs::write(&arrow, scan("arrow")?)?;
    fs::write(&csv, scan("csv")?)?;
    let segments = String::from_utf8(at1.bytes(["files".as_ref(), table.as_os_str()])?)?;
    let source = (sample.oracle && sample.files.len() == 1).then(|| dir.join("0.csv"));
    Ok(json!({
        "name": sample.name,
        "csv": source,
        "segments": segments.lines().collect::<Vec<_>>(),
        "arrow": arrow,
        "scan_csv": csv,
        "past": past,
    }))
}
