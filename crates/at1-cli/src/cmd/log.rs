//! `at1 log`: the ledger's events, the newest last, as they happened.

use at1_table::Table;

use crate::{
    args::Log,
    failure::Failure,
    output::{self, Voice, count, size},
    watched::Watched,
};

pub(crate) fn run(args: &Log, voice: Voice) -> Result<(), Failure> {
    let table = Table::open_in(Watched::quietly(&args.table, voice, "reading"))?;
    let mut entries = table.log(args.limit)?;
    entries.reverse();
    let mut out = output::data();
    for entry in entries {
        let json = entry.to_json();
        let told = match voice {
            Voice::Json => std::io::Write::write_fmt(&mut out, format_args!("{json}\n")),
            Voice::Words => describe(&json, &mut out),
        };
        told.map_err(|e| Failure::output(&e))?;
    }
    std::io::Write::flush(&mut out).map_err(|e| Failure::output(&e))
}

/// One line: number, time, what was done.
fn describe(entry: &serde_json::Value, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    // Nanoseconds are for machines.
    let ts = text("ts");
    let ts = ts.get(..19).unwrap_or(&ts);
    write!(out, "{:>6}  {ts}Z  {:<8}", entry["event"].as_u64().unwrap_or(0), text("op"))?;
    for batch in entry["batches"].as_array().into_iter().flatten() {
        let name = batch["name"].as_str().unwrap_or("(no name)").escape_debug().to_string();
        let number = |key: &str| batch[key].as_u64().unwrap_or(0);
        write!(out, "  {name}: {}, {}", count(number("rows"), "record"), size(number("bytes")))?;
        if number("rejects") > 0 {
            write!(out, ", {}", count(number("rejects"), "reject"))?;
        }
        if let Some(note) = batch["note"].as_str() {
            write!(out, "  ({})", note.escape_debug())?;
        }
    }
    for key in ["drop", "names", "changes", "kind", "text"] {
        if !entry[key].is_null() {
            write!(out, "  {}", entry[key])?;
        }
    }
    writeln!(out)
}
