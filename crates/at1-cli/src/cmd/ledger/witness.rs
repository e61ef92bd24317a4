//! `at1 ledger witness-request` and `add-cosignature`: what goes to a witness, and what comes back.

use at1_ledger::{Policy, VerifierKey};
use serde_json::json;

use super::open;
use crate::{
    args::{AddCosignature, WitnessRequest},
    failure::Failure,
    output::{Voice, count},
    outside,
};

pub(crate) fn request(args: &WitnessRequest, voice: Voice) -> Result<(), Failure> {
    let table = open(&args.table, voice, "proving")?;
    let request = match args.old {
        Some(old) => table.prove_growth(old)?,
        None => {
            let policy = args.policy.as_ref().map(|path| outside::policy(path)).transpose()?;
            let name = args.witness.as_deref().unwrap_or_default();
            table.witness_request(&witness(name, policy.as_ref())?)?
        }
    };
    let json =
        json!({"from": request.from, "size": request.checkpoint.checkpoint().size, "request": request.to_string()});
    voice.tell(&json, |out| write!(out, "{request}"))
}

/// A witness by its key, or by its name in a policy.
fn witness(word: &str, policy: Option<&Policy>) -> Result<VerifierKey, Failure> {
    if let Some(policy) = policy
        && let Some(witness) = policy.witnesses().iter().find(|witness| witness.name.to_string() == word)
    {
        return Ok(witness.key.clone());
    }
    word.parse().map_err(|_| {
        let known: Vec<_> =
            policy.map_or(&[][..], Policy::witnesses).iter().map(|witness| witness.name.to_string()).collect();
        let expected = match known.is_empty() {
            true => "a witness's verifier key, or --policy and its name there".to_owned(),
            false => format!("a verifier key, or one of {}", known.join(", ")),
        };
        Failure::usage(expected, word)
    })
}

pub(crate) fn add(args: &AddCosignature, voice: Voice) -> Result<(), Failure> {
    let table = open(&args.table, voice, "reading")?;
    let keys: Vec<VerifierKey> = match (&args.policy, &args.witness) {
        (Some(policy), _) => outside::policy(policy)?.witnesses().iter().map(|witness| witness.key.clone()).collect(),
        (None, key) => key.iter().cloned().collect(),
    };
    let answer = outside::read(&args.answer)?;
    let report = table.add_cosignatures(&answer, &keys)?;
    voice.tell(&report.to_json(), |out| {
        let names: Vec<&str> = report.keys.iter().map(VerifierKey::name).collect();
        let size = report.checkpoint.checkpoint().size;
        writeln!(out, "{} cosigned the checkpoint of {}", names.join(" and "), count(size, "event"))
    })
}
