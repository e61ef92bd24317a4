//! `at1 ledger rotate`: one key hands over to the next.
//!
//! In place, interrupted at any point, the same command completes it:
//!
//! ```text
//! KEY.next written              a key that nobody knows
//! handover signed by both       the ledger is the new key's; KEY is the old one's, which can sign nothing more
//! KEY overwritten, KEY.next     the new key alone
//!   renamed to KEY
//! ```

use std::path::Path;

use at1_ledger::{KeyType, Memory, Signer as _};
use at1_table::{HandoverReport, Table};
use serde_json::json;

use super::open;
use crate::{
    args::Rotate,
    failure::Failure,
    keys,
    output::{Voice, count},
    outside,
};

pub(crate) fn run(args: &Rotate, voice: Voice) -> Result<(), Failure> {
    let table = open(&args.table, voice, "signing")?;
    match (&args.new, &args.signer.key) {
        (Some(new), _) => {
            let mut old = keys::signing(&args.signer, &table.origin()?)?;
            let next = keys::load(new, &table.origin()?)?;
            // Before its lock is taken, which the old one has.
            if next.key().public() == old.signer.key().public() {
                return Err(Failure::usage("another key than the one that hands over", next.key().to_string()).at(new));
            }
            let mut memory = keys::memory_of(new)?;
            let report = table.hand_over(&*old.signer, &mut old.memory, &next, &mut memory)?;
            tell(&report, &next.key().to_string(), voice)
        }
        (None, Some(key)) => in_place(&table, args, key, voice),
        (None, None) => Err(Failure::usage("--new, or --in-place with --key", "neither")),
    }
}

fn in_place(table: &Table, args: &Rotate, path: &Path, voice: Voice) -> Result<(), Failure> {
    let origin = table.origin()?;
    let next_path = outside::beside(path, ".next");
    // The old key is overwritten only after the handover was signed and published: what is left is to put the new one in its place.
    if keys::complete_replacement(path, &next_path)? {
        let key = keys::load(path, &origin)?.key().to_string();
        let json = json!({"event": null, "verifier_key": key});
        return voice
            .tell(&json, |out| writeln!(out, "an interrupted rotation is complete; the key from now on is\n  {key}"));
    }
    if let Some(least) = args.min_events
        && !next_path.exists()
    {
        let since = table.events_since_key(keys::load(path, &origin)?.key())?;
        if since < least {
            let json = json!({"event": null, "events_since": since});
            return voice.tell(&json, |out| {
                writeln!(out, "{} since the key took over, fewer than {least}: nothing done", count(since, "event"))
            });
        }
    }
    // From here on no other rotation goes on beside this one.
    let mut old = keys::signing(&args.signer, &origin)?;
    // A key that an interrupted rotation left is used, for the ledger may name it already.
    if !next_path.exists() {
        keys::save(&next_path, &keys::generate(&origin, KeyType::Ed25519)?)?;
    }
    let next = keys::load(&next_path, &origin)?;
    // Both keys remember the same, in the file that stays beside the key.
    let report = table.hand_over(&*old.signer, &mut old.memory, &next, &mut None::<Memory>)?;
    keys::destroy_and_replace(path, &next_path).map_err(|e| Failure::io(path, &e))?;
    voice.aside(|| {
        format!("{}: the old key was overwritten; what copies there are of it is yours to know", path.display())
    });
    tell(&report, &next.key().to_string(), voice)
}

fn tell(report: &HandoverReport, key: &str, voice: Voice) -> Result<(), Failure> {
    let mut json = report.to_json();
    json["verifier_key"] = key.into();
    voice.tell(&json, |out| {
        let size = report.checkpoint.checkpoint().size;
        writeln!(out, "event {} hands over; both keys signed {}", report.event, count(size, "event"))?;
        writeln!(out, "the key from now on is\n  {key}")
    })
}
