//! `at1 verify`: does the table, or the segment, still hold together?
//!
//! * Findings go to stdout with the rest of the report: they are what was asked for.
//! * Exit codes say which kind of answer it is, so that a script needs no text.

use std::{io, io::Write, path::Path, sync::Arc};

use at1_codec::{Segment, Trust};
use at1_table::{Level, RowsCheck, Verdict, VerifyOptions, VerifyReport, verify_store};
use serde_json::json;

use crate::{
    args::{LevelArg, Verify},
    failure::{Exit, Failure},
    output::{Voice, count, size},
    progress::Progress,
    target,
    watched::{Watched, WatchedFile},
};

pub(crate) fn run(args: &Verify, voice: Voice) -> Result<(), Failure> {
    if target::is_segment(&args.source) { segment(args, voice) } else { table(args, voice) }
}

fn table(args: &Verify, voice: Voice) -> Result<(), Failure> {
    let heads = args.heads.iter().map(|head| head.parse().map_err(|e| Failure::usage_words(format!("--head: {e}"))));
    let options = VerifyOptions {
        rows: if args.rows { RowsCheck::Derive } else { RowsCheck::Skip },
        heads: heads.collect::<Result<_, Failure>>()?,
        threads: None,
    };
    let progress = Progress::new(voice, "verifying");
    let report = verify_store(Watched::new(&args.source, progress.clone()), &options)?;
    progress.clear();
    voice.tell(&report.to_json(), |out| describe(&report, args.rows, out))?;
    let exit = match report.verdict() {
        Verdict::Holds => return require(args, report.level),
        Verdict::Undecided => Exit::CouldNot,
        Verdict::Torn => Exit::Torn,
        Verdict::Rollback => Exit::Rollback,
        Verdict::Broken => Exit::Violated,
    };
    let kind = match exit {
        Exit::Violated => "integrity",
        Exit::Rollback => "rollback",
        Exit::Torn => "torn",
        _ => "undecided",
    };
    // The report has told the findings; here is only what they come to.
    let what = match exit {
        Exit::Violated => "the table was changed or damaged",
        Exit::Rollback => "the history is not the one of a receipt",
        Exit::Torn => "the ledger's last line is torn, which the next append mends",
        _ => "not everything could be checked",
    };
    let findings = count(report.findings.len() as u64, "finding");
    Err(Failure::new(exit, kind, format!("{}: {what} ({findings})", args.source.display())).at(&args.source))
}

/// Whether what was reached is what was asked for.
fn require(args: &Verify, level: Level) -> Result<(), Failure> {
    let wanted = match args.require {
        Some(LevelArg::Receipt) => Level::Receipt,
        Some(LevelArg::SelfConsistent) | None => Level::SelfConsistent,
    };
    if wanted == Level::SelfConsistent || level == wanted {
        return Ok(());
    }
    let message = format!("expected level {}, found {}", wanted.as_str(), level.as_str());
    Err(Failure::new(Exit::Untrusted, "level", message).between(wanted.as_str(), level.as_str()).at(&args.source))
}

fn describe(report: &VerifyReport, rows: bool, out: &mut dyn Write) -> io::Result<()> {
    let word = |held: Option<bool>| match held {
        Some(true) => "holds",
        Some(false) => "BROKEN",
        None => "not decided",
    };
    writeln!(out, "chain      {:<11}  {}", word(report.chain), count(report.events, "event"))?;
    let checked = format!("{}, {} hashed", count(report.segments, "segment"), size(report.bytes));
    writeln!(out, "immutable  {:<11}  {checked}", word(report.immutable))?;
    match rows {
        true => {
            writeln!(out, "rows       {:<11}  {} derived again", word(report.rows), count(report.batches, "batch"))?
        }
        false => writeln!(out, "rows       not checked  (--rows decodes every segment)")?,
    }
    if let Some(head) = &report.chain_head {
        writeln!(out, "chain head {head}")?;
    }
    for finding in &report.findings {
        writeln!(out, "  {finding}")?;
    }
    if report.verdict() == Verdict::Holds {
        match report.level {
            Level::SelfConsistent => writeln!(
                out,
                "self-consistent only: whoever can write this folder could have made it so; a receipt kept elsewhere (--head) would tell"
            )?,
            Level::Receipt => writeln!(
                out,
                "level {}: {} from outside held, so history up to there is what it was",
                report.level.as_str(),
                count(report.heads_held, "receipt")
            )?,
        }
    }
    Ok(())
}

/// A segment outside any table: it can only agree with itself.
fn segment(args: &Verify, voice: Voice) -> Result<(), Failure> {
    if !args.heads.is_empty() {
        return Err(Failure::usage("a table with --head", "a segment, which has no history").at(&args.source));
    }
    let path = &args.source;
    let progress = Progress::new(voice, "verifying");
    let checked = check(path, &progress);
    progress.clear();
    let findings = match &checked {
        Ok(_) => vec![],
        Err(failure) if failure.exit() == Exit::Violated => vec![json!({
            "code": "damaged", "place": path.display().to_string(), "message": failure.to_string(),
        })],
        // What could not be read was not verified.
        Err(_) => return checked.map(drop),
    };
    let held = checked.is_ok();
    let report = json!({
        "chain": null, "immutable": held, "rows": held, "level": Level::SelfConsistent.as_str(), "findings": findings,
    });
    voice.tell(&report, |out| match &checked {
        Ok((batches, bytes)) => writeln!(
            out,
            "{}: {}, {} of text decoded, as sealed; the seal is its own, so this finds damage, not forgery",
            path.display(),
            count(*batches, "batch"),
            size(*bytes)
        ),
        Err(_) => Ok(()),
    })?;
    checked?;
    require(args, Level::SelfConsistent)
}

/// Decodes everything; the number of batches and of their bytes.
fn check(path: &Path, progress: &Progress) -> Result<(u64, u64), Failure> {
    let refused = |e: at1_codec::Error| Failure::from(e.within(&path.display().to_string()));
    let open = || WatchedFile::open(path, progress.clone()).map(Arc::new).map_err(|e| Failure::io(path, &e));
    let mut whole = Tally(0);
    // Covers RAW files too, whose digest is compared on the way.
    at1_codec::decode_to(open()?, &mut whole).map_err(refused)?;
    let Ok(segment) = Segment::open(open()?, Trust::OwnSeal) else { return Ok((1, whole.0)) };
    let recorded = segment.batches().map_err(refused)?;
    for (batch, found) in segment.rederive(None).map_err(refused)?.iter().enumerate() {
        let recorded = recorded.get(batch).map(|batch| (batch.rows, batch.bytes, batch.sha256));
        if recorded != Some((found.rows, found.bytes, found.sha256)) {
            let place = format!("{}: batch {batch}", path.display());
            return Err(Failure::from(at1_codec::Error::corrupt(place, "the batch that was recorded", "another")));
        }
    }
    Ok((recorded.len() as u64, segment.source_bytes()))
}

struct Tally(u64);

impl Write for Tally {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
