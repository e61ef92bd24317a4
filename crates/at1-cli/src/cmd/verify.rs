//! `at1 verify`: does the table, or the segment, still hold together?
//!
//! * Findings go to stdout with the rest of the report: they are what was asked for.
//! * Exit codes say which kind of answer it is, so that a script needs no text.

use std::{
    io,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use at1_codec::{Segment, Trust};
use at1_ledger::{Bound, Interval, SignedCheckpoint};
use at1_table::{Hashing, Level, RowsCheck, StampCheck, Verdict, VerifyOptions, VerifyReport, verify_store};
use serde_json::{Value, json};

use crate::{
    args::Verify,
    failure::{Exit, Failure},
    keys,
    output::{Voice, count, size},
    outside::{self, Readable},
    progress::Progress,
    stamps::StampCommand,
    target, watched,
};

pub(crate) fn run(args: &Verify, voice: Voice) -> Result<(), Failure> {
    if target::is_segment(&args.source) { segment(args, voice) } else { table(args, voice) }
}

fn table(args: &Verify, voice: Voice) -> Result<(), Failure> {
    let options = options(args)?;
    let progress = Progress::new(voice, "verifying");
    let report = verify_store(watched::folder(&args.source, &progress), &options)?;
    progress.clear();
    let evidence = write_evidence(args, &report)?;
    let mut json = report.to_json();
    if args.times {
        json["times"] = times(&report);
    }
    json["evidence_file"] = json!(evidence.as_ref().map(|path| path.display().to_string()));
    voice.tell(&json, |out| {
        describe(&report, args, out)?;
        match &evidence {
            Some(path) => writeln!(out, "what cannot both be true was written to {}", path.display()),
            None => Ok(()),
        }
    })?;
    let (exit, kind, what) = match report.verdict() {
        Verdict::Holds => {
            require(args, &report)?;
            return remember(args, &report);
        }
        Verdict::Undecided => (Exit::CouldNot, "undecided", "not everything could be checked"),
        Verdict::Torn => (Exit::Torn, "torn", "the ledger's last line is torn, which the next append mends"),
        Verdict::Stale => (Exit::Stale, "stale", "what vouches for the table is too old, or leaves too much out"),
        Verdict::Untrusted => (Exit::Untrusted, "untrusted", "what the policy asks for is not there"),
        Verdict::Rollback => {
            (Exit::Rollback, "rollback", "the history is not the one that is remembered: a rollback or a fork")
        }
        Verdict::Broken => (Exit::Violated, "integrity", "the table was changed or damaged"),
    };
    // The report has told the findings; here is only what they come to.
    let findings = count(report.findings.len() as u64, "finding");
    Err(Failure::new(exit, kind, format!("{}: {what} ({findings})", args.source.display())).at(&args.source))
}

/// What the verifier brings along.
fn options(args: &Verify) -> Result<VerifyOptions, Failure> {
    let heads = args.heads.iter().map(|head| head.parse().map_err(|e| Failure::usage_words(format!("--head: {e}"))));
    let memory = match &args.memory {
        Some(path) => {
            outside::refuse_in_table(path, "a memory")?;
            keys::recall(path).map_err(|e| Failure::io(path, &e))?
        }
        None => None,
    };
    let seen = args
        .seen
        .iter()
        .map(|path| SignedCheckpoint::parse(&outside::read(path)?).map_err(|error| Failure::from(error).within(path)));
    let stamps = args.stamp_check.clone().map(|command| Arc::new(StampCommand(command)) as Arc<dyn StampCheck>);
    Ok(VerifyOptions {
        rows: if args.rows { RowsCheck::Derive } else { RowsCheck::Skip },
        heads: heads.collect::<Result<_, Failure>>()?,
        policy: args.policy.as_ref().map(|path| outside::policy(path)).transpose()?,
        memory,
        hashing: if args.new_only { Hashing::New } else { Hashing::All },
        seen: seen.collect::<Result<_, Failure>>()?,
        stamps,
        max_unsigned: args.max_unsigned,
        max_age: args.max_age,
        ..VerifyOptions::default()
    })
}

/// Moves the memory forward; called only when all that was asked for held.
fn remember(args: &Verify, report: &VerifyReport) -> Result<(), Failure> {
    match (&args.memory, &report.memory) {
        (Some(path), Some(memory)) => {
            outside::replace(path, memory.to_text().as_bytes(), Readable::Commonly).map_err(|e| Failure::io(path, &e))
        }
        _ => Ok(()),
    }
}

/// Writes what cannot both be true, if anything, where it was asked for or beside the memory; says where.
fn write_evidence(args: &Verify, report: &VerifyReport) -> Result<Option<PathBuf>, Failure> {
    let path =
        args.evidence.clone().or_else(|| args.memory.as_ref().map(|memory| outside::beside(memory, ".evidence")));
    let (Some(path), false) = (path, report.evidence.is_empty()) else { return Ok(None) };
    outside::refuse_in_table(&path, "evidence")?;
    let lines: String = report.evidence.iter().map(|evidence| format!("{}\n", evidence.to_json())).collect();
    outside::replace(&path, lines.as_bytes(), Readable::Commonly).map_err(|e| Failure::io(&path, &e))?;
    Ok(Some(path))
}

/// Between which times each event happened.
fn times(report: &VerifyReport) -> Value {
    let bound = |bound: Option<Bound>| bound.map(|bound| json!({"time": bound.time.to_string(), "by": bound.by}));
    let interval = |n| {
        let Interval { after, unseen, before } = report.interval(n);
        json!({"event": n, "after": bound(after), "unseen": bound(unseen), "before": bound(before)})
    };
    (0..report.events).map(interval).collect()
}

/// Whether what was reached is what was asked for.
fn require(args: &Verify, report: &VerifyReport) -> Result<(), Failure> {
    for wanted in &args.require {
        if !report.levels.contains(wanted) {
            let found: Vec<_> = report.levels.iter().map(|level| level.as_str()).collect();
            let found = found.join(", ");
            let message = format!("{}: expected level {}, found {found}", args.source.display(), wanted.as_str());
            let failure = Failure::new(Exit::Untrusted, "level", message);
            return Err(failure.between(wanted.as_str(), found).at(&args.source));
        }
    }
    Ok(())
}

fn describe(report: &VerifyReport, args: &Verify, out: &mut dyn Write) -> io::Result<()> {
    let word = |held: Option<bool>| match held {
        Some(true) => "holds",
        Some(false) => "BROKEN",
        None => "not decided",
    };
    writeln!(out, "chain      {:<11}  {}", word(report.chain), count(report.events, "event"))?;
    let hashed = report.segments - report.segments_remembered;
    let mut checked = format!("{}, {} hashed", count(hashed, "segment"), size(report.bytes));
    if report.segments_remembered > 0 {
        let remembered = report.segments_remembered;
        checked += &format!("; {remembered} not hashed again, only their length is as it was");
    }
    writeln!(out, "immutable  {:<11}  {checked}", word(report.immutable))?;
    match args.rows {
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
    if args.times {
        describe_times(report, out)?;
    }
    if report.verdict() == Verdict::Holds { describe_levels(report, out) } else { Ok(()) }
}

/// What it amounts to, one line for each level, and what that does not say.
fn describe_levels(report: &VerifyReport, out: &mut dyn Write) -> io::Result<()> {
    for level in &report.levels {
        match level {
            Level::SelfConsistent if report.levels.len() == 1 => writeln!(
                out,
                "self-consistent only: whoever can write this folder could have made it so; a receipt kept elsewhere (--head) would tell"
            )?,
            Level::SelfConsistent => {}
            Level::Receipt => writeln!(
                out,
                "level {}: {} from outside held, so history up to there is what it was",
                level.as_str(),
                count(report.heads_held, "receipt")
            )?,
            Level::Signed => {
                let covered = report.trusted.as_ref().map_or(0, |trusted| trusted.size);
                let keys = report.trusted.as_ref().map(|trusted| trusted.signed.join(" and ")).unwrap_or_default();
                writeln!(out, "level {}: {} signed by {keys}", level.as_str(), count(covered, "event"))?;
                if !report.levels.contains(&Level::ExtendsMemory) && !report.levels.contains(&Level::Witnessed) {
                    writeln!(
                        out,
                        "  an older copy with its older signature would pass too: a memory or witnesses would tell"
                    )?;
                }
            }
            Level::ExtendsMemory => {
                writeln!(out, "level {}: it goes on from what was seen before", level.as_str())?;
            }
            Level::Witnessed => {
                let witnesses = report.trusted.as_ref().map(|trusted| trusted.cosigned.join(", ")).unwrap_or_default();
                writeln!(out, "level {}: cosigned by {witnesses}", level.as_str())?;
            }
            Level::TimeAnchored => writeln!(
                out,
                "level {}: the first {} were there when a receipt was given that held",
                level.as_str(),
                count(report.anchored.unwrap_or(0), "event")
            )?,
        }
    }
    Ok(())
}

fn describe_times(report: &VerifyReport, out: &mut dyn Write) -> io::Result<()> {
    if report.times.is_empty() {
        return writeln!(out, "times      no cosignature and no receipt that held shows any");
    }
    for n in 0..report.events {
        let Interval { after, unseen, before } = report.interval(n);
        let bounds = [("after", after), ("not yet seen at", unseen), ("before", before)];
        let told = bounds.into_iter().filter_map(|(word, bound)| {
            let Bound { time, by } = bound?;
            Some(format!("{word} {time} ({by})"))
        });
        let told: Vec<_> = told.collect();
        let told = if told.is_empty() { "nobody else has stated anything".to_owned() } else { told.join(", ") };
        writeln!(out, "event {n}: {told}")?;
    }
    Ok(())
}

/// A segment outside any table: it can only agree with itself.
fn segment(args: &Verify, voice: Voice) -> Result<(), Failure> {
    let outside = !args.heads.is_empty() || !args.seen.is_empty() || args.policy.is_some() || args.memory.is_some();
    if outside || args.stamp_check.is_some() || args.max_age.is_some() {
        let expected = "a table with --head, --seen, --policy, --memory, --stamp-check and --max-age";
        return Err(Failure::usage(expected, "a segment, which has no history").at(&args.source));
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
    match args.require.iter().find(|level| **level != Level::SelfConsistent) {
        None => Ok(()),
        Some(_) => {
            let message = format!("expected a level from outside, found {}", Level::SelfConsistent.as_str());
            Err(Failure::new(Exit::Untrusted, "level", message).at(&args.source))
        }
    }
}

/// Decodes everything; the number of batches and of their bytes.
fn check(path: &Path, progress: &Progress) -> Result<(u64, u64), Failure> {
    let refused = |e: at1_codec::Error| Failure::from(e.within(&path.display().to_string()));
    let open = || watched::file(path, progress).map(Arc::new).map_err(|e| Failure::io(path, &e));
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
