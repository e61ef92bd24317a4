//! `at1 ledger keygen`: a signing key in a file, its verifier key on stdout.

use at1_ledger::{KeyType, Signer as _};
use serde_json::json;

use super::open;
use crate::{args::Keygen, failure::Failure, keys, output::Voice};

pub(crate) fn run(args: &Keygen, voice: Voice) -> Result<(), Failure> {
    let name = match (&args.table, &args.origin) {
        (Some(table), _) => open(table, voice, "reading")?.origin()?,
        (None, origin) => origin.clone().unwrap_or_default(),
    };
    let kind = if args.witness { KeyType::Cosignature } else { KeyType::Ed25519 };
    let key = keys::generate(&name, kind)?;
    keys::save(&args.output, &key)?;
    let key = key.key().to_string();
    let path = args.output.display().to_string();
    voice.aside(|| {
        let line = if args.witness { format!("witness NAME {key}") } else { format!("log {key}") };
        format!("{path}: a new key for {name}; keep it and a copy of it safe\na policy that trusts it has the line\n  {line}")
    });
    voice.tell(&json!({"key": path, "name": name, "verifier_key": key}), |out| writeln!(out, "{key}"))
}
