//! `at1 ledger prove`: proofs as files.
//!
//! * Before a proof is written it is checked as its reader will check it, but for whose keys count.

use std::path::{Path, PathBuf};

use at1_table::{ProofFile, ProofOf};
use serde_json::json;

use super::{checkpoint, open};
use crate::{
    args::Prove,
    failure::Failure,
    output::{Voice, count},
    outside::{self, Readable},
};

pub(crate) fn run(args: &Prove, voice: Voice) -> Result<(), Failure> {
    let table = open(&args.table, voice, "proving")?;
    let of = match (&args.event, &args.row, &args.rows, &args.batch) {
        (Some(event), ..) => ProofOf::Event(*event),
        (_, Some(row), ..) => ProofOf::Row(*row),
        (_, _, Some(rows), _) => ProofOf::Rows(rows.clone()),
        (_, _, _, Some(batch)) => ProofOf::Batch(*batch),
        _ => {
            let proof = table.prove_growth(args.growth_from.unwrap_or(0))?;
            let size = proof.checkpoint.checkpoint().size;
            checkpoint::write(args.output.as_deref(), &proof.to_string())?;
            let json = json!({"proof": args.output, "kind": "growth", "from": proof.from, "size": size});
            return match &args.output {
                Some(path) => voice.tell(&json, |out| {
                    writeln!(out, "{}: {} began with the first {}", path.display(), count(size, "event"), proof.from)
                }),
                None => voice.tell(&json!({"proof": proof.to_string()}), |out| write!(out, "{proof}")),
            };
        }
    };
    let proofs = table.prove(&of)?;
    let Some(output) = &args.output else { return print(&proofs, voice) };
    for (i, proof) in proofs.iter().enumerate() {
        let path = if proofs.len() == 1 { output.clone() } else { numbered(output, i) };
        write(&path, proof, voice)?;
    }
    Ok(())
}

fn print(proofs: &[ProofFile], voice: Voice) -> Result<(), Failure> {
    match proofs {
        [proof] if proof.rows_beside.is_none() && proof.event_beside.is_none() => {
            let text = String::from_utf8_lossy(&proof.proof);
            voice.tell(&json!({"proof": text}), |out| write!(out, "{text}"))
        }
        [_] => Err(Failure::usage("-o FILE for a proof that is several files", "none")),
        proofs => Err(Failure::usage("-o FILE for several proofs", format!("none for {}, one a batch", proofs.len()))),
    }
}

/// `range.tlog-proof` as `range-1.tlog-proof`.
fn numbered(path: &Path, i: usize) -> PathBuf {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    match path.extension() {
        Some(extension) => path.with_file_name(format!("{stem}-{}.{}", i + 1, extension.to_string_lossy())),
        None => path.with_file_name(format!("{stem}-{}", i + 1)),
    }
}

fn write(path: &Path, proof: &ProofFile, voice: Voice) -> Result<(), Failure> {
    let write = |path: &Path, bytes: &[u8]| {
        outside::replace(path, bytes, Readable::Commonly).map_err(|e| Failure::io(path, &e))
    };
    // The proof last: whoever finds it finds what belongs to it.
    let beside = [(".rows", &proof.rows_beside), (".event", &proof.event_beside)];
    let mut others = vec![];
    for (suffix, bytes) in beside {
        if let Some(bytes) = bytes {
            let path = outside::beside(path, suffix);
            write(&path, bytes)?;
            others.push(path.display().to_string());
        }
    }
    write(path, &proof.proof)?;
    let rows = proof.rows.as_ref().map(|(batch, rows)| json!({"batch": batch, "first": rows.start, "end": rows.end}));
    let json = json!({
        "proof": path.display().to_string(), "beside": others, "event": proof.event, "rows": rows, "bytes": proof.proof.len(),
    });
    voice.tell(&json, |out| {
        let what = match &proof.rows {
            None => format!("event {}", proof.event),
            Some((batch, rows)) if rows.end - rows.start == 1 => {
                format!("row {} of batch {batch}, which event {} appended", rows.start, proof.event)
            }
            Some((batch, rows)) => {
                let (first, last) = (rows.start, rows.end - 1);
                format!("rows {first} to {last} of batch {batch}, which event {} appended", proof.event)
            }
        };
        let others = if others.is_empty() { String::new() } else { format!("; with {}", others.join(" and ")) };
        writeln!(out, "{}: {what}{others}", path.display())
    })
}
