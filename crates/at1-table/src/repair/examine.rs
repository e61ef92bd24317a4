//! Looking: everything that verification and a walk through the folders find, put into words.

use std::{io, sync::Arc};

use at1_ledger::{ChainReport, SegmentRecord, parse_segment_name, split_tail, verify_chain};

use super::{Action, Diagnosis, Problem, ProblemKind, Weight, agree, segments};
use crate::{
    copy::{Check, Standing, place, standing},
    error::{Error, ErrorKind, Result},
    paths,
    store::{Store, read_whole},
    verify::{Code, Finding, VerifyOptions, VerifyReport, verify_store},
};

/// Explains what is wrong with a table, also with one that does not open. Changes nothing and takes no lock.
///
/// # Errors
/// `NoTable` if there is no sign of one, `Invalid` if `backup` is no copy of a table.
pub fn examine(store: &Arc<dyn Store>, backup: Option<&Arc<dyn Store>>) -> Result<Diagnosis> {
    let backup = backup.map(|backup| &**backup);
    if let Some(backup) = backup
        && let Err(e) = backup.list(paths::SEGMENTS)
    {
        let found = if e.kind() == io::ErrorKind::NotFound { "none".to_owned() } else { e.to_string() };
        return Err(Error::invalid(backup.place(), "a copy of a table", found));
    }
    let report = match verify_store(Arc::clone(store), &VerifyOptions::default()) {
        Err(e) if e.kind() == ErrorKind::NoTable && has_segments(&**store) => return Ok(no_ledger(&**store, backup)),
        other => other?,
    };
    // Read again: what follows needs the fold, and a newer ledger than the report's only says more.
    let text = read_whole(&**store, paths::LEDGER).map_err(|e| Error::io(place(&**store, paths::LEDGER), e))?;
    let chain = verify_chain(&text);
    let look = Look { store: &**store, backup, report: &report, text: &text, chain: &chain };
    let mut problems: Vec<Problem> = report.findings.iter().filter_map(|finding| look.problem(finding)).collect();
    problems.extend(look.folders());
    problems.extend(look.leftovers());
    // What others rest on comes first: a marker is removed once the segments are whole, a tail cut once there is no marker.
    problems.sort_by_key(|problem| order(problem.kind));
    let stays = problems.iter().any(|problem| problem.kind.weight() == Weight::Damage && !problem.is_safe());
    for problem in problems.iter_mut().filter(|problem| problem.kind == ProblemKind::Poisoned) {
        if stays || undecided(&report) {
            problem.action = None;
            problem.remedy =
                "the other problems come first; the marker stays until ledger and segments hold".to_owned();
        }
    }
    let VerifyReport { events, segments, chain_head, .. } = report;
    Ok(Diagnosis { problems, events, segments, chain_head })
}

fn order(kind: ProblemKind) -> u32 {
    match kind {
        ProblemKind::Ledger => 0,
        ProblemKind::Unknown | ProblemKind::Unreadable => 1,
        ProblemKind::Folder => 2,
        ProblemKind::Changed | ProblemKind::Missing => 3,
        ProblemKind::Poisoned => 4,
        ProblemKind::Torn => 5,
        _ => 6,
    }
}

/// The first finding that speaks against ledger or segments.
pub(super) fn unsound(report: &VerifyReport) -> Option<String> {
    let harmless =
        |code| matches!(code, Code::Torn | Code::ClockAhead | Code::Orphan | Code::Extra | Code::Gone | Code::Poisoned);
    let finding = report.findings.iter().find(|finding| !harmless(finding.code)).map(ToString::to_string);
    let checked = report.chain == Some(true) && report.immutable == Some(true);
    finding.or_else(|| (!checked).then(|| "not everything could be checked".to_owned()))
}

fn undecided(report: &VerifyReport) -> bool {
    report.findings.iter().any(|finding| matches!(finding.code, Code::Unknown | Code::Unreadable))
}

fn has_segments(store: &dyn Store) -> bool {
    let entries = store.list(paths::SEGMENTS).unwrap_or_default();
    entries.iter().any(|entry| parse_segment_name(&entry.name).is_some())
}

fn no_ledger(store: &dyn Store, backup: Option<&dyn Store>) -> Diagnosis {
    let mut remedy =
        "put back the ledger of a backup (or the whole backup); each segment alone still gives back its batches \
                      with at1 decode"
            .to_owned();
    if let Some(backup) = backup {
        let events = match read_whole(backup, paths::LEDGER) {
            Ok(bytes) => format!("has a ledger of {} events", verify_chain(&bytes).events),
            Err(e) => format!("has no readable ledger: {e}"),
        };
        remedy = format!("{remedy}; {} {events}", backup.place());
    }
    let problem = Problem {
        kind: ProblemKind::Ledger,
        place: paths::LEDGER.to_owned(),
        expected: "a ledger".to_owned(),
        found: "none, beside segments".to_owned(),
        meaning: format!("nothing says which files in {} are the table, and in which order", store.place()),
        remedy,
        action: None,
    };
    Diagnosis { problems: vec![problem], events: 0, segments: 0, chain_head: None }
}

struct Look<'a> {
    store: &'a dyn Store,
    backup: Option<&'a dyn Store>,
    report: &'a VerifyReport,
    text: &'a [u8],
    chain: &'a ChainReport,
}

impl Look<'_> {
    /// Whether the ledger is what everything else is judged by.
    fn ledger_holds(&self) -> bool {
        self.report.chain == Some(true) && self.chain.header.is_some()
    }

    fn problem(&self, finding: &Finding) -> Option<Problem> {
        let (expected, found) = split(&finding.message);
        let problem = |kind, place: &str, meaning: &str, remedy: &str| {
            let (expected, found) = (expected.clone(), found.clone());
            let (place, meaning, remedy) = (place.to_owned(), meaning.to_owned(), remedy.to_owned());
            Some(Problem { kind, place, expected, found, meaning, remedy, action: None })
        };
        let live = |name: &str| self.chain.state.as_ref()?.live().iter().find(|record| record.name == name);
        let ledger = format!("{}: {}", paths::LEDGER, finding.place);
        match finding.code {
            Code::Damaged | Code::Contradiction => Some(self.damaged_ledger(ledger, expected, found)),
            Code::Unknown => problem(
                ProblemKind::Unknown,
                &ledger,
                "the line is intact: a newer at1 wrote it, and this one cannot tell what holds after it",
                "use the newer at1",
            ),
            Code::Torn => Some(self.torn(finding)),
            // Judged by a ledger that does not hold, any file may look wrong.
            _ if !self.ledger_holds() && finding.code != Code::Poisoned && finding.code != Code::Unreadable => None,
            Code::Changed => live(&finding.place).map(|record| self.segment(record, ProblemKind::Changed, found)),
            Code::Missing => {
                live(&finding.place).map(|record| self.segment(record, ProblemKind::Missing, "no such file".to_owned()))
            }
            Code::Unreadable => match live(&finding.place) {
                Some(record) => Some(self.segment(record, ProblemKind::Unreadable, found)),
                None => problem(
                    ProblemKind::Unreadable,
                    &finding.place,
                    "nothing is known about what cannot be read",
                    "look at the disk and at the rights to read; then look again",
                ),
            },
            Code::Poisoned => Some(self.poisoned()),
            Code::Orphan => problem(
                ProblemKind::Orphan,
                &finding.place,
                "left by a crash before its event was written; no reader looks at it",
                "nothing: the event that gets the number replaces it",
            ),
            Code::Extra => problem(
                ProblemKind::Extra,
                &finding.place,
                "whatever it is, it is no part of the table, and no reader looks at it",
                "nothing; whoever knows where it came from may remove it",
            ),
            Code::Gone => problem(
                ProblemKind::Gone,
                &finding.place,
                "their batches are in the files that replaced them; a backup, or a vacuum that was cut short, looks like this",
                "nothing",
            ),
            Code::Block => Some(self.block(finding)),
            Code::ClockAhead => problem(
                ProblemKind::ClockAhead,
                &ledger,
                "some clock is wrong; nobody has tampered",
                "set this machine's clock, or wait",
            ),
            Code::CheckpointAhead | Code::CheckpointDiffers => problem(
                ProblemKind::Checkpoint,
                &finding.place,
                "either the ledger is not the one that was signed, having been cut short, put back or written again, or the checkpoint \
                 is another table's",
                "nothing is changed by itself: at1 verify --policy says whose signature it bears; if the ledger is an older copy, \
                 go back to a newer backup",
            ),
            Code::Kept | Code::AnchorDiffers => problem(
                ProblemKind::Checkpoint,
                &finding.place,
                "no record depends on it, but what it stood for is not shown any more",
                "nothing is changed by itself: put it back from a copy, or move it away; at1 ledger checkpoint signs anew",
            ),
            // Rows were not asked for; receipts, memories and policies not given.
            _ => None,
        }
    }

    fn segment(&self, record: &SegmentRecord, kind: ProblemKind, found: String) -> Problem {
        let found = match kind {
            ProblemKind::Changed if found == u64::MAX.to_string() => "something that is no regular file".to_owned(),
            _ => found,
        };
        let state = self.chain.state.as_ref().expect("it has the record");
        segments::problem(self.store, self.backup, state, record, kind, found)
    }

    fn block(&self, finding: &Finding) -> Problem {
        let bound = self.chain.state.as_ref().and_then(|state| state.manifest());
        Problem {
            kind: ProblemKind::Block,
            place: finding.place.clone(),
            expected: "a block of the manifest".to_owned(),
            found: finding.message.clone(),
            meaning: "no answer changes, but the table is opened by folding its ledger from the start".to_owned(),
            remedy: "the blocks are made again out of the ledger and the segments' footers".to_owned(),
            action: bound.map(Action::MakeBlocks),
        }
    }

    fn damaged_ledger(&self, place: String, expected: String, found: String) -> Problem {
        let chain = self.chain;
        let good = usize::try_from(chain.whole_bytes).unwrap_or(usize::MAX).min(self.text.len());
        let meaning = match (chain.events, chain.head()) {
            (0, _) | (_, None) => "not even the first event can be relied on".to_owned(),
            (events, Some(head)) => format!(
                "events 0 to {} recompute, up to receipt {head}, and {}; from there on nothing can be believed: a line was changed, \
                 or the disk damaged it",
                events - 1,
                self.intact()
            ),
        };
        let mut remedy =
            "nothing is changed by itself: keep this folder, and go back to a backup or an older copy".to_owned();
        if let Some(backup) = self.backup {
            let agreement = agree::agreement(backup, &self.text[..good], chain.events);
            remedy = format!("{remedy}; {agreement}");
        }
        Problem { kind: ProblemKind::Ledger, place, expected, found, meaning, remedy, action: None }
    }

    /// How many of the segments that the good part of the ledger has live are there.
    fn intact(&self) -> String {
        let live = self.chain.state.as_ref().map_or(&[][..], |state| state.live());
        let intact =
            live.iter().filter(|record| matches!(standing(self.store, record, Check::Digests), Ok(Standing::Right)));
        format!("{} of the {} segments that they have live are intact", intact.count(), live.len())
    }

    fn torn(&self, finding: &Finding) -> Problem {
        let (whole, tail) = split_tail(self.text);
        // Else another line is the problem, or a newer at1 has to do it.
        let action = self.ledger_holds().then_some(Action::CutTail);
        let (meaning, remedy) = match action {
            Some(_) => (
                "a crash ended a write before it was acknowledged: no event is lost, and readers look past it",
                "it is saved in _at1/torn and cut off, as the next append would",
            ),
            None if self.chain.header.is_none() => (
                "the ledger has no first line: a table whose making was cut short, or whose ledger was",
                "if it never held anything, at1 init makes it again; else go back to a backup",
            ),
            None => ("a write was cut short", "the other problems come first"),
        };
        // No table's making gets as far as a segment.
        let kind = match self.chain.header.is_none() && has_segments(self.store) {
            true => ProblemKind::Ledger,
            false => ProblemKind::Torn,
        };
        Problem {
            kind,
            place: format!("{}: {}, byte {}", paths::LEDGER, finding.place, whole.len()),
            expected: "a line feed at the end".to_owned(),
            found: format!("{} bytes without", tail.len()),
            meaning: meaning.to_owned(),
            remedy: remedy.to_owned(),
            action,
        }
    }

    fn poisoned(&self) -> Problem {
        let text = read_whole(self.store, paths::POISONED).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        Problem {
            kind: ProblemKind::Poisoned,
            place: paths::POISONED.to_owned(),
            expected: "no such marker".to_owned(),
            found: text.lines().next().unwrap_or("an empty one").to_owned(),
            meaning: "the disk failed in a way that a writer could not undo, and writers have stopped since; the newest event may be one \
                      whose append was reported as failed"
                .to_owned(),
            remedy: "once the disk is trusted again: if ledger and live segments hold, the ledger is written anew and synced, and the \
                     marker removed"
                .to_owned(),
            action: Some(Action::Unpoison),
        }
    }

    fn folders(&self) -> Vec<Problem> {
        let missing = |folder: &&str| self.store.list(folder).is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
        let problem = |folder: &'static str| Problem {
            kind: ProblemKind::Folder,
            place: folder.to_owned(),
            expected: "a folder".to_owned(),
            found: "none".to_owned(),
            meaning: "copies may leave out empty folders; readers do without".to_owned(),
            remedy: "it is made, as the next append would".to_owned(),
            action: Some(Action::MakeFolder(folder)),
        };
        [paths::STAGING, paths::SEGMENTS].into_iter().filter(missing).map(problem).collect()
    }

    fn leftovers(&self) -> Vec<Problem> {
        let problem = |place: &str, found: String, meaning: &str, remedy: &str, action| Problem {
            kind: ProblemKind::Staging,
            place: place.to_owned(),
            expected: "nothing that no living writer holds".to_owned(),
            found,
            meaning: meaning.to_owned(),
            remedy: remedy.to_owned(),
            action: Some(action),
        };
        let staged = self.store.list(paths::STAGING).unwrap_or_default().len();
        let staged = (staged > 0).then(|| {
            problem(
                paths::STAGING,
                format!("{staged} names"),
                "files that are being written, or were when their writer died; no reader looks at them",
                "those whose writer is dead are removed, as the next append would",
                Action::Sweep,
            )
        });
        let ledger = self.store.open(paths::LEDGER_NEW).is_ok().then(|| {
            problem(
                paths::LEDGER_NEW,
                "a file".to_owned(),
                "left by a backup into this folder that was cut short; no reader looks at it",
                "it is removed, as the next backup would",
                Action::RemoveNewLedger,
            )
        });
        staged.into_iter().chain(ledger).collect()
    }
}

/// `expected E, found F` as two texts.
fn split(message: &str) -> (String, String) {
    let message = message.strip_prefix("changed: ").or(message.strip_prefix("unreadable: ")).unwrap_or(message);
    match message.strip_prefix("expected ").map(|rest| rest.rsplit_once(", found ").unwrap_or((rest, "something else")))
    {
        Some((expected, found)) => (expected.to_owned(), found.to_owned()),
        None => (String::new(), message.to_owned()),
    }
}
