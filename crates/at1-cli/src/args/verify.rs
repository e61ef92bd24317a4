//! `at1 verify`: its flags, which say what the verifier brings along.

use std::{path::PathBuf, time::Duration};

use at1_table::{Level, MaxUnsigned};
use clap::Args;

use crate::words;

/// Check that nothing was changed
///
/// Recomputes the hash chain and the digest of every live segment. Without something from outside the table, it can only say that the
/// table agrees with itself: whoever can write the folder could have made it so. What can be brought along: receipts (`--head`), a
/// trust policy (`--policy`), a memory of one's own (`--memory`), checkpoints seen elsewhere (`--seen`), a program that knows time
/// stamps (`--stamp-check`).
///
/// Exit 0: everything that was asked for was checked and held. 1: tampered or damaged. 3: could not be decided. 4: not trusted enough.
/// 5: rollback or fork. 6: stale. 7: torn tail.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  at1 verify trades
  at1 verify trades --rows --head 19:5644cb9b7d0c1b0a4f2f3a0d9c8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e
  at1 verify trades --policy trades.policy --require witnessed --max-age 2d
  at1 verify trades --policy trades.policy --memory ~/trades.memory --max-unsigned 1000
  at1 verify trades --stamp-check 'openssl ts -verify -in \"$AT1_RECEIPT\" -data \"$AT1_STAMPED\" -CAfile tsa.pem'
  at1 verify trades/segments/seg_000000.at1")]
pub(crate) struct Verify {
    /// The table's folder, or a segment file
    #[arg(value_name = "TABLE|SEGMENT")]
    pub(crate) source: PathBuf,
    /// Also decode every segment and derive each batch's digest and row tree again
    #[arg(long)]
    pub(crate) rows: bool,
    /// A receipt that an append returned as `chain_head`; the table must still hold it (repeat for more)
    #[arg(long = "head", value_name = "N:HEX")]
    pub(crate) heads: Vec<String>,
    /// Whose signatures count: a C2SP tlog-policy file, which must not lie in the table
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// What this verifier remembers of the table; made at the first time, moved forward whenever all holds
    #[arg(long, value_name = "FILE")]
    pub(crate) memory: Option<PathBuf>,
    /// Hash only segments that came since the memory was last moved forward; of the others, look at the length
    #[arg(long, requires = "memory")]
    pub(crate) new_only: bool,
    /// A signed checkpoint that came from elsewhere; the table must begin with it (repeat for more)
    #[arg(long, value_name = "NOTE")]
    pub(crate) seen: Vec<PathBuf>,
    /// A shell command that checks a time stamper's receipt: it finds the receipt's path in AT1_RECEIPT, that of what was stamped in
    /// AT1_STAMPED, the kind in AT1_KIND, and exits with 0 if the receipt is good
    #[arg(long, value_name = "COMMAND")]
    pub(crate) stamp_check: Option<String>,
    /// Fail (exit 4) unless verification reaches this level (repeat for more)
    #[arg(long, value_name = "LEVEL", value_parser = words::levels())]
    pub(crate) require: Vec<Level>,
    /// Fail (exit 6) if more events than this are not covered by a checkpoint that satisfies the policy, or one that is older than
    /// this
    #[arg(long, value_name = "N|DURATION", value_parser = words::max_unsigned, requires = "policy")]
    pub(crate) max_unsigned: Option<MaxUnsigned>,
    /// Fail (exit 6) unless a quorum's cosignatures, or a receipt that held, are not older than this
    #[arg(long, value_name = "DURATION", value_parser = words::duration)]
    pub(crate) max_age: Option<Duration>,
    /// Tell between which times each event is shown to have happened
    #[arg(long)]
    pub(crate) times: bool,
    /// Where to write evidence of a fork or a rollback; beside the memory if not given
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,
}
