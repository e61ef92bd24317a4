//! `at1 ledger check`: a proof, a policy, and nothing else.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use at1_ledger::{Beside, Proved, Quorum, RowsShown, Shown, check_proof};
use serde_json::{Value, json};

use crate::{
    args::Check,
    failure::Failure,
    output::Voice,
    outside::{self, Readable},
};

pub(crate) fn run(args: &Check, voice: Voice) -> Result<(), Failure> {
    let policy = outside::policy(&args.policy)?;
    let proof = outside::read(&args.proof)?;
    let rows = beside(args.rows.as_ref(), &args.proof, ".rows")?;
    let event = beside(args.event.as_ref(), &args.proof, ".event")?;
    let old = args.old.as_ref().map(|path| outside::read(path)).transpose()?;
    let beside = Beside { rows: rows.as_deref(), event: event.as_deref() };
    let proved = check_proof(&proof, beside, old.as_deref(), &policy).map_err(|error| {
        let failure = Failure::from(error);
        failure.within(&args.proof)
    })?;
    if let Some(weakness) = policy.weakness() {
        voice.aside(|| format!("note: {weakness}"));
    }
    if let (Some(path), Shown::Rows(_, shown)) = (&args.output, &proved.what) {
        outside::replace(path, &shown.rows.concat(), Readable::Commonly).map_err(|e| Failure::io(path, &e))?;
    }
    let mut json = to_json(&proved);
    json["weakness"] = json!(policy.weakness());
    voice.tell(&json, |out| {
        writeln!(out, "{}", proved)?;
        match &proved.what {
            Shown::Rows(_, shown) if args.output.is_none() => print_rows(shown, out),
            _ => Ok(()),
        }
    })
}

/// What belongs to a proof: the file that was named, or the one that lies beside it.
fn beside(named: Option<&PathBuf>, proof: &Path, suffix: &str) -> Result<Option<Vec<u8>>, Failure> {
    let guess = outside::beside(proof, suffix);
    match named {
        Some(path) => outside::read_large(path).map(Some),
        None if guess.exists() => outside::read_large(&guess).map(Some),
        None => Ok(None),
    }
}

/// How many rows are shown to people.
const ROWS_SHOWN: usize = 20;

fn print_rows(shown: &RowsShown, out: &mut dyn Write) -> io::Result<()> {
    for row in shown.rows.iter().take(ROWS_SHOWN) {
        writeln!(out, "  {}", printable(row))?;
    }
    match shown.rows.len().saturating_sub(ROWS_SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  … and {more} more; --output FILE writes them all, byte for byte"),
    }
}

/// A row on one line: what would move the cursor is spelled out.
fn printable(row: &[u8]) -> String {
    let mut text = String::new();
    for c in String::from_utf8_lossy(row).chars() {
        if c.is_control() { text.extend(c.escape_default()) } else { text.push(c) }
    }
    text
}

fn to_json(proved: &Proved) -> Value {
    let Proved { checkpoint, trust, what } = proved;
    let mut json = json!({
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.to_string(),
        "signed": trust.signed.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "cosigned": trust.cosigned.iter().map(|cosigned| cosigned.name.to_string()).collect::<Vec<_>>(),
        "quorum": trust.quorum != Quorum::Missing,
        "seen_by": match trust.quorum {
            Quorum::Met { seen_by, .. } => Some(seen_by),
            _ => None,
        },
    });
    let more = match what {
        Shown::Checkpoint => json!({"kind": "checkpoint"}),
        Shown::Event(event) => json!({
            "kind": "event", "event": event.n, "op": event.op().as_str(), "ts": event.ts.to_string(), "chain": event.chain.to_string(),
        }),
        Shown::Rows(event, rows) => json!({
            "kind": "rows", "event": event.n, "ts": event.ts.to_string(), "batch": rows.batch, "name": rows.record.name,
            "first": rows.first, "first_in_table": rows.first_in_table, "rows": rows.rows.len(), "batch_rows": rows.record.rows,
            "text": rows.rows.iter().map(|row| String::from_utf8(row.clone()).ok()).collect::<Vec<_>>(),
        }),
        Shown::Growth { old, .. } => json!({"kind": "growth", "from": old.size}),
    };
    if let (Value::Object(json), Value::Object(more)) = (&mut json, more) {
        json.extend(more);
    }
    json
}
