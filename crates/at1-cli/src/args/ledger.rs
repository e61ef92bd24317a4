//! `at1 ledger …`: keys, checkpoints, proofs, witnesses, time stamps, exports.

use std::{ops::Range, path::PathBuf};

use at1_ledger::VerifierKey;
use clap::{ArgGroup, Args, Subcommand};

use crate::words;

/// Sign a table's ledger, prove its records to others, have it witnessed and stamped
#[derive(Debug, Subcommand)]
pub(crate) enum Ledger {
    Keygen(Keygen),
    Checkpoint(Checkpoint),
    Rotate(Rotate),
    Prove(Prove),
    Check(Check),
    WitnessRequest(WitnessRequest),
    AddCosignature(AddCosignature),
    Anchor(Anchor),
    ExportTiles(ExportTiles),
}

/// Make a signing key
///
/// Writes an Ed25519 key as PKCS#8 in PEM, which OpenSSL reads too, for nobody but its owner to read; prints its verifier key, which
/// goes into the policies of those who are to trust it. A key is named like the table's origin.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 ledger keygen --table trades -o ~/keys/trades.pem
  at1 ledger keygen --origin example.org/trades -o trades.pem
  at1 ledger keygen --origin witness.example/w1 --witness -o w1.pem")]
#[command(group = ArgGroup::new("name").required(true))]
pub(crate) struct Keygen {
    /// The table whose ledger it is to sign
    #[arg(long, value_name = "TABLE", group = "name")]
    pub(crate) table: Option<PathBuf>,
    /// The name of the key, if not that of a table
    #[arg(long, value_name = "NAME", group = "name")]
    pub(crate) origin: Option<String>,
    /// A witness's key, which signs cosignatures, rather than a log's
    #[arg(long, requires = "origin")]
    pub(crate) witness: bool,
    /// The file to write; there must be no such file yet, and it must not lie in a table
    #[arg(short, long, value_name = "KEY")]
    pub(crate) output: PathBuf,
}

/// Who signs.
#[derive(Debug, Args)]
pub(crate) struct SignerArgs {
    /// The key file; only its owner may have the right to read it
    #[arg(long, value_name = "KEY", required_unless_present = "signer_cmd", conflicts_with = "signer_cmd")]
    pub(crate) key: Option<PathBuf>,
    /// A shell command that signs, for keys in hardware or a cloud: it is given what to sign on stdin and prints the 64 bytes of the
    /// Ed25519 signature
    #[arg(long, value_name = "COMMAND", requires_all = ["signer_key", "signer_memory"])]
    pub(crate) signer_cmd: Option<String>,
    /// The verifier key of the command's key
    #[arg(long, value_name = "VKEY", value_parser = words::verifier_key)]
    pub(crate) signer_key: Option<VerifierKey>,
    /// Where to keep what was signed last; KEY.signed if not given
    #[arg(long, value_name = "FILE")]
    pub(crate) signer_memory: Option<PathBuf>,
}

/// Sign where the ledger stands
///
/// Writes a C2SP checkpoint: the ledger's size and root, signed. The first one also names the key in a ledger event. What was signed
/// last is remembered beside the key, and nothing that does not continue it is ever signed: not an older copy that was put back, not
/// a ledger that was changed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 ledger checkpoint trades --key ~/keys/trades.pem
  at1 ledger checkpoint trades --key ~/keys/trades.pem -o latest.note
  at1 ledger checkpoint trades --signer-cmd 'my-hsm sign' --signer-key VKEY --signer-memory trades.signed")]
pub(crate) struct Checkpoint {
    /// The table's folder
    pub(crate) table: PathBuf,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    /// Also write the checkpoint to this file
    #[arg(short, long, value_name = "NOTE")]
    pub(crate) output: Option<PathBuf>,
}

/// Hand over from one signing key to the next
///
/// Writes a `key` event and a checkpoint that ends with it, signed by both keys: who trusts the old key can follow to the new one,
/// which signs from then on. With --in-place the new key takes the old one's file, and the old secret is destroyed: whoever breaks in
/// later cannot sign the past again (not even the owner can). Done from a timer, that makes epochs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 ledger rotate trades --key old.pem --new new.pem
  at1 ledger rotate trades --key trades.pem --in-place --min-events 10000   # from a timer: forward-secure epochs")]
#[command(group = ArgGroup::new("successor").required(true))]
pub(crate) struct Rotate {
    /// The table's folder
    pub(crate) table: PathBuf,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    /// The key that takes over
    #[arg(long, value_name = "KEY", group = "successor")]
    pub(crate) new: Option<PathBuf>,
    /// Make the key that takes over, put it in the place of the old one, and destroy that
    #[arg(long, group = "successor", requires = "key")]
    pub(crate) in_place: bool,
    /// Do nothing unless the old key signed, or could sign, so many events since it took over
    #[arg(long, value_name = "N", requires = "in_place")]
    pub(crate) min_events: Option<u64>,
}

/// Prove an event, records, or growth to whoever trusts the newest checkpoint
///
/// Writes a C2SP tlog-proof file that is checked offline, by `at1 ledger check` or `at1-check`. A record stays provable after any
/// compaction and vacuum. Rows that do not fit are written beside it, as FILE.rows; likewise a large event as FILE.event. A proof
/// shows the record's neighbours' hashes: short records that can be guessed are no secret.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 ledger prove trades --row 1234 -o row.tlog-proof
  at1 ledger prove trades --rows 1000..2000 -o range.tlog-proof       # and that none between is missing
  at1 ledger prove trades --batch 3 -o batch.tlog-proof               # the whole batch
  at1 ledger prove trades --event 17 -o event.tlog-proof
  at1 ledger prove trades --growth-from 1000 -o growth.proof          # that it began with an older checkpoint of 1000 events")]
#[command(group = ArgGroup::new("what").required(true))]
pub(crate) struct Prove {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// A ledger event
    #[arg(long, value_name = "N", group = "what")]
    pub(crate) event: Option<u64>,
    /// A record, by its number in the table (`_row` in `at1 scan`)
    #[arg(long, value_name = "N", group = "what")]
    pub(crate) row: Option<u64>,
    /// Records A up to, not including, B; one proof for each batch that they are in
    #[arg(long, value_name = "A..B", value_parser = words::row_range, group = "what")]
    pub(crate) rows: Option<Range<u64>>,
    /// All records of a batch
    #[arg(long, value_name = "N", group = "what")]
    pub(crate) batch: Option<u64>,
    /// That the ledger began with its first N events as they were
    #[arg(long, value_name = "N", group = "what")]
    pub(crate) growth_from: Option<u64>,
    /// The file to write; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Check a proof, offline
///
/// Needs nothing but the proof and a policy; no table. Also takes growth proofs, with the older checkpoint, and checkpoints alone.
///
/// Exit 0: it holds. 1: it does not prove what it claims, or was changed. 2: the policy makes no sense. 3: unreadable, or of a newer
/// version. 4: a signature or the quorum is missing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 ledger check row.tlog-proof --policy trades.policy
  at1 ledger check range.tlog-proof --policy trades.policy --output rows.csv
  at1 ledger check growth.proof --old older.note --policy trades.policy")]
pub(crate) struct Check {
    /// The proof, or a signed checkpoint
    #[arg(value_name = "FILE")]
    pub(crate) proof: PathBuf,
    /// Whose signatures count: a C2SP tlog-policy file
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// The rows that did not fit into the proof; FILE.rows if that is there
    #[arg(long, value_name = "FILE")]
    pub(crate) rows: Option<PathBuf>,
    /// The event that did not fit into the proof; FILE.event if that is there
    #[arg(long, value_name = "FILE")]
    pub(crate) event: Option<PathBuf>,
    /// The older checkpoint that a growth proof goes on from
    #[arg(long, value_name = "NOTE")]
    pub(crate) old: Option<PathBuf>,
    /// Write the exact bytes of the proved rows to this file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Print what to send to a witness
///
/// The body of an `add-checkpoint` request (C2SP tlog-witness): the newest checkpoint, and the proof that it goes on from the one that
/// the witness cosigned last. Nothing is sent; curl or anything else does that. If the witness answers 409, it prints the size that it
/// knows: ask again with --old. If that is larger than the table's, the table was rolled back.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  at1 ledger witness-request trades --policy trades.policy --witness w1 |
    curl --data-binary @- https://witness.example/add-checkpoint > answer
  at1 ledger add-cosignature trades answer --policy trades.policy")]
pub(crate) struct WitnessRequest {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// The witness: its name in the policy, or its verifier key
    #[arg(long, value_name = "NAME|VKEY", required_unless_present = "old")]
    pub(crate) witness: Option<String>,
    /// The policy that knows the witness
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The size that the witness knows, if it said so
    #[arg(long, value_name = "N")]
    pub(crate) old: Option<u64>,
}

/// Add a witness's answer to the checkpoint that it is of
///
/// Takes the lines that verify under a known witness key, and passes over all others.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 ledger add-cosignature trades answer --policy trades.policy")]
#[command(group = ArgGroup::new("known").required(true))]
pub(crate) struct AddCosignature {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// The answer; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) answer: PathBuf,
    /// The policy that knows the witness
    #[arg(long, value_name = "FILE", group = "known")]
    pub(crate) policy: Option<PathBuf>,
    /// The witness's verifier key
    #[arg(long, value_name = "VKEY", value_parser = words::verifier_key, group = "known")]
    pub(crate) witness: Option<VerifierKey>,
}

/// Take in a time stamper's receipt for a checkpoint
///
/// Stamp the bytes of a checkpoint with any service of RFC 3161 or OpenTimestamps, then give both files here. The receipt is kept
/// beside the ledger and its digest goes into an event: so the events that the checkpoint covers are shown to be older than the
/// receipt, and all later ones to be younger. Who gave the receipt is checked by `at1 verify --stamp-check`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  at1 ledger checkpoint trades --key trades.pem -o cp.note
  openssl ts -query -data cp.note -sha256 -cert -out cp.tsq
  curl -H 'Content-Type: application/timestamp-query' --data-binary @cp.tsq https://tsa.example/ > cp.tsr
  at1 ledger anchor trades --checkpoint cp.note --receipt cp.tsr")]
pub(crate) struct Anchor {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// What was stamped: a signed checkpoint of the table, byte for byte
    #[arg(long, value_name = "NOTE")]
    pub(crate) checkpoint: PathBuf,
    /// The receipt: a time-stamp response or token (RFC 3161), or an OpenTimestamps proof
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: PathBuf,
}

/// Write the ledger as static tiles
///
/// Files of C2SP tlog-tiles, up to the newest checkpoint, which a plain web server can serve and any tlog client can audit. Run again,
/// it brings the folder up to date. Entries are the events: they show names, sizes, digests and column bounds, not records.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  at1 ledger export-tiles trades /srv/www/trades")]
pub(crate) struct ExportTiles {
    /// The table's folder
    pub(crate) table: PathBuf,
    /// The folder to write to; made if it is not there
    pub(crate) dir: PathBuf,
}
