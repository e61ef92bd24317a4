//! `at1-check PROOF --policy POLICY`: does this proof hold?
//!
//! For whoever was given a proof and trusts nobody who can write the table. It needs the proof, a policy that came from somewhere
//! else, and nothing more: no table, no network, no clock.
//!
//! * All that is decided is decided by [`at1_ledger::check_proof`]. To know what that rests on, read in `crates/at1-ledger/src`,
//!   in this order, some 1,600 lines of code and 900 of comments: `check.rs` (the order of the checks), `policy.rs` (whose signatures
//!   count), `note.rs`, `checkpoint.rs`, `key.rs` (what is signed), `tlog_proof.rs`, `claim.rs`, `growth.rs` (the files), `proof.rs`
//!   and `tree.rs` (the hashes), `link.rs` and `json.rs` (what an event is). SHA-256, Ed25519, base64 and the JSON parser are the
//!   crates `sha2`, `ed25519-dalek`, `base64ct` and `serde_json`.
//! * Exit 0: it holds. 1: it does not prove what it claims, or was changed. 2: usage, or the policy makes no sense. 3: unreadable, or
//!   of a newer version. 4: a signature or the quorum is missing.
#![forbid(unsafe_code)]

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use at1_ledger::{Beside, Error, ErrorKind, Policy, Shown, check_proof};

const USAGE: &str = "\
usage: at1-check PROOF --policy POLICY [--old NOTE] [--rows FILE] [--event FILE] [--print-rows]

Checks a proof of an AT1 ledger: a tlog-proof of an event, a row or a range of rows; a growth proof, with --old and the older
checkpoint; or a signed checkpoint. POLICY is a C2SP tlog-policy file that you were given by someone whom you trust.
PROOF.rows and PROOF.event are taken if they are there. --print-rows writes the proved rows, byte for byte, to stdout,
and what is proved to stderr.";

/// What the command line says.
struct Args {
    proof: PathBuf,
    policy: PathBuf,
    old: Option<PathBuf>,
    rows: Option<PathBuf>,
    event: Option<PathBuf>,
    print_rows: bool,
}

/// Why it does not hold, or could not be found out.
struct Failure {
    exit: u8,
    message: String,
}

fn main() -> ExitCode {
    let done = Args::parse(std::env::args_os().skip(1)).and_then(|args| match args {
        Some(args) => run(&args),
        None => print(&mut io::stdout(), format!("{USAGE}\n").as_bytes()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { exit, message }) => {
            eprintln!("at1-check: {message}");
            ExitCode::from(exit)
        }
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    let policy = read(&args.policy)?;
    let policy = Policy::parse(&policy).map_err(|e| usage(format!("{}: {e}", args.policy.display())))?;
    let proof = read(&args.proof)?;
    let rows = beside(args.rows.as_deref(), &args.proof, ".rows")?;
    let event = beside(args.event.as_deref(), &args.proof, ".event")?;
    let old = args.old.as_deref().map(read).transpose()?;
    let beside = Beside { rows: rows.as_deref(), event: event.as_deref() };
    let proved = check_proof(&proof, beside, old.as_deref(), &policy).map_err(|e| refused(&args.proof, &e))?;
    if let Some(weakness) = policy.weakness() {
        eprintln!("note: {weakness}");
    }
    match &proved.what {
        Shown::Rows(_, shown) if args.print_rows => {
            eprintln!("{proved}");
            print(&mut io::stdout().lock(), &shown.rows.concat())
        }
        _ => print(&mut io::stdout(), format!("{proved}\n").as_bytes()),
    }
}

impl Args {
    /// `None` if help was asked for.
    fn parse(words: impl Iterator<Item = std::ffi::OsString>) -> Result<Option<Self>, Failure> {
        let (mut proof, mut policy, mut old, mut rows, mut event, mut print_rows) =
            (None, None, None, None, None, false);
        let mut words = words;
        while let Some(word) = words.next() {
            let place = match word.to_str() {
                Some("-h" | "--help") => return Ok(None),
                Some("--print-rows") => {
                    print_rows = true;
                    continue;
                }
                Some("--policy") => &mut policy,
                Some("--old") => &mut old,
                Some("--rows") => &mut rows,
                Some("--event") => &mut event,
                Some(flag) if flag.starts_with('-') => return Err(usage(format!("expected no flag {flag}\n{USAGE}"))),
                _ if proof.is_none() => {
                    proof = Some(PathBuf::from(word));
                    continue;
                }
                _ => return Err(usage(format!("expected one proof, found {} too\n{USAGE}", word.to_string_lossy()))),
            };
            let value =
                words.next().ok_or_else(|| usage(format!("expected a file after {}", word.to_string_lossy())))?;
            *place = Some(PathBuf::from(value));
        }
        match (proof, policy) {
            (Some(proof), Some(policy)) => Ok(Some(Self { proof, policy, old, rows, event, print_rows })),
            _ => Err(usage(format!("expected a proof and --policy\n{USAGE}"))),
        }
    }
}

fn usage(message: String) -> Failure {
    Failure { exit: 2, message }
}

fn refused(proof: &Path, error: &Error) -> Failure {
    let exit = match error.kind() {
        ErrorKind::Untrusted => 4,
        ErrorKind::Unknown | ErrorKind::Io => 3,
        ErrorKind::Invalid => 2,
        _ => 1,
    };
    Failure { exit, message: format!("{}: {error}", proof.display()) }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|e| Failure { exit: 3, message: format!("{}: {e}", path.display()) })
}

/// What belongs to a proof: the file that was named, or the one that lies beside it.
fn beside(named: Option<&Path>, proof: &Path, suffix: &str) -> Result<Option<Vec<u8>>, Failure> {
    let mut guess = proof.as_os_str().to_owned();
    guess.push(suffix);
    match named {
        Some(path) => read(path).map(Some),
        None if Path::new(&guess).exists() => read(Path::new(&guess)).map(Some),
        None => Ok(None),
    }
}

fn print(out: &mut dyn io::Write, bytes: &[u8]) -> Result<(), Failure> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Whoever reads may have read enough.
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Failure { exit: 3, message: format!("stdout: {e}") }),
        _ => Ok(()),
    }
}
