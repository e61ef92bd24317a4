//! A Delta log among its readers: deltalake, Polars, Spark and DuckDB read tables through it, and see what `at1 scan` says, version by
//! version; writers are refused.
//!
//! * Tables grow as tables do: appends, compactions, vacuums, new columns, wider types; the log is brought up to date now and then.

use std::{fs, path::Path, process::Command};

use at1_testkit::{Rng, Trades};
use serde_json::{Value, json};

use super::types;
use crate::{
    at1::At1,
    sh::{self, Result},
};

/// What is done to a table.
enum Deed {
    Append(Vec<u8>),
    /// `at1 compact` with these words.
    Compact(&'static [&'static str]),
    Export,
}

use Deed::{Append, Compact, Export};

pub(super) fn check(at1: &At1, python: &Path, dir: &Path) -> Result {
    let mut jobs = String::new();
    for (name, deeds) in tables() {
        let dir = dir.join(name);
        fs::create_dir_all(&dir)?;
        jobs += &grow(at1, &dir, name, &deeds)?.to_string();
        jobs.push('\n');
    }
    let list = dir.join("jobs.jsonl");
    fs::write(&list, jobs)?;
    let script = sh::root().join("xtask/interop/delta.py");
    sh::run(Command::new(python).arg(script).arg(list))
}

fn tables() -> Vec<(&'static str, Vec<Deed>)> {
    let mut market = Trades::new(5);
    let mut trades = |rows| Append(numbered(&market.batch(rows)));
    // Without the column of nanoseconds, which Delta does not have.
    let typed = |rows| Append(without(&types(rows), "fine"));
    let text = |csv: &str| Append(csv.as_bytes().to_vec());
    let growing = vec![
        trades(400),
        Export,
        trades(300),
        trades(200),
        Export,
        Compact(&["--upto", "2"]),
        trades(100),
        Export,
        Compact(&[]),
        trades(50),
        Export,
    ];
    let widened = vec![
        text("id,v,w\n1,1,\n2,2,\n"),
        Export,
        text("id,v,w\n3,2.50,x\n"),
        Compact(&["--retype", "--grace", "0s"]),
        text("id,v,w,at,blob\n4,7,y,2024-01-31T10:00:00.000001,\n5,,z,1901-01-01T00:00:00,q\n"),
        Export,
    ];
    let mut many: Vec<_> =
        (0..130).flat_map(|i| [Append(format!("id,v\n{i},{}\n", i % 7).into_bytes()), Export]).collect();
    // Before there is a checkpoint, so that it remembers files that are gone.
    many.insert(120, Compact(&[]));
    vec![
        ("typed", vec![typed(700), Export, typed(300), Export]),
        ("edges", vec![Append(edges()), Export]),
        ("growing", growing),
        ("widened", widened),
        ("many", many),
        // Files that no version lists any more, and one that none ever did, which a vacuum of others would remove.
        ("unlisted", vec![text("id\n1\n"), text("id\n2\n"), Export, Compact(&[]), text(""), Export]),
        ("awkward", vec![text("id,a b,A B,\"x{y}\",,=\n1,2,3,4,5,6\n"), Export, text(""), Export]),
    ]
}

/// Values at which readers of statistics go wrong, each kind in files of its own rows.
fn edges() -> Vec<u8> {
    let mut rng = Rng::new(9);
    let mut csv = String::from("id,ratio,wide,long,at,instant\n");
    for id in 0..200 {
        let ratio = match id {
            0 => "NaN".to_owned(),
            1 => "inf".to_owned(),
            2 => "-0.0".to_owned(),
            _ => format!("{:?}", rng.below(1000) as f64 / 8.0 + 1e-3),
        };
        let long = ["ü", "z", "\u{10ffff}", "a"][rng.index(4)].repeat(rng.index(60));
        let micros = rng.below(1_000_000);
        csv += &format!(
            "{id},{ratio},{}{:036}.5,\"{long}\",1903-05-06T07:08:09.{micros:06},1969-12-31T23:59:59.{micros:06}Z\n",
            if rng.one_in(2) { "-" } else { "" },
            rng.below(u64::MAX)
        );
    }
    csv.into_bytes()
}

/// The same records with a number before each, so that a reader that mixes them can be compared.
fn numbered(csv: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(csv);
    let line = |(i, line): (usize, &str)| if i == 0 { format!("id,{line}\n") } else { format!("{i},{line}\n") };
    text.lines().enumerate().map(line).collect::<String>().into_bytes()
}

/// The same records without a column that has no commas in it.
fn without(csv: &[u8], column: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(csv);
    let header = text.lines().next().unwrap_or_default();
    let at = header.split(',').position(|name| name == column).unwrap_or(usize::MAX);
    let mut out = String::new();
    // Quoted fields come after that column; nothing before it has a comma or a line end.
    for line in text.split_inclusive('\n') {
        let mut fields: Vec<&str> = line.split(',').collect();
        if fields.len() > at && fields.len() >= header.split(',').count() {
            fields.remove(at);
        }
        out += &fields.join(",");
    }
    out.into_bytes()
}

fn grow(at1: &At1, dir: &Path, name: &str, deeds: &[Deed]) -> Result<Value> {
    let table = dir.join("table");
    let mut versions = vec![];
    for (number, deed) in deeds.iter().enumerate() {
        match deed {
            Append(bytes) => {
                let file = dir.join(format!("{number}.csv"));
                fs::write(&file, bytes)?;
                at1.json(["append".as_ref(), table.as_os_str(), file.as_os_str(), "--header=yes".as_ref()])?;
            }
            Compact(how) => {
                at1.json(["compact"].iter().chain(*how).map(AsRef::as_ref).chain([table.as_os_str()]))?;
            }
            Export => {
                let report = at1.json(["export".as_ref(), "delta".as_ref(), table.as_os_str()])?;
                let written = report.first().and_then(|report| report["versions"].as_array().cloned());
                versions.extend(written.unwrap_or_default().iter().filter_map(Value::as_u64));
            }
        }
    }
    let mut states = vec![];
    for version in versions {
        let entry = fs::read_to_string(table.join(format!("_delta_log/{version:020}.json")))?;
        let first: Value = serde_json::from_str(entry.lines().next().unwrap_or_default())?;
        let event = first["commitInfo"]["at1Event"].to_string();
        let arrow = dir.join(format!("{version}.arrow"));
        let words = ["scan", "--as-of", event.as_str(), "--format", "arrow"].map(AsRef::as_ref);
        fs::write(&arrow, at1.bytes(words.into_iter().chain([table.as_os_str()]))?)?;
        states.push(json!({"version": version, "event": event, "arrow": arrow}));
    }
    Ok(json!({"name": name, "table": table, "states": states}))
}
