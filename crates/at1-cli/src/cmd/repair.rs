//! `at1 repair`: what is wrong, in words, and what can be done about it.
//!
//! * Nothing is changed without consent: a `y` on the terminal for each repair, or `--yes` for all.
//! * Problems go to stdout: they are what was asked for. Questions go to stderr.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write},
    path::Path,
    sync::Arc,
};

use at1_table::{
    repair::{self, Diagnosis, Problem, Weight},
    store::Store,
};

use crate::{
    args::Repair,
    failure::{Exit, Failure},
    interrupt,
    output::{Voice, count},
    watched,
};

/// What became of a problem.
enum Fate {
    Repaired,
    /// Nobody agreed to the repair.
    Declined,
    /// There is no repair that loses nothing.
    Left,
    Failed(Failure),
}

pub(crate) fn run(args: &Repair, voice: Voice) -> Result<(), Failure> {
    let store: Arc<dyn Store> = watched::quietly(&args.table, voice, "looking");
    let backup: Option<Arc<dyn Store>> =
        args.from.as_ref().map(|from| -> Arc<dyn Store> { watched::quietly(from, voice, "looking") });
    let diagnosis = repair::examine(&store, backup.as_ref())?;
    if diagnosis.problems.is_empty() {
        // With --json one object a problem, so there is none.
        voice.aside(|| fine(&args.table, &diagnosis));
        return Ok(());
    }
    let mut fates = vec![];
    for (problem, number) in diagnosis.problems.iter().zip(1..) {
        if voice == Voice::Words {
            describe(problem, number).map_err(|e| Failure::output(&e))?;
        }
        let fate = match problem.is_safe() {
            false => Fate::Left,
            true if !(args.yes || agreed(voice)?) => Fate::Declined,
            true => match repair::apply(&store, backup.as_ref(), problem) {
                Ok(()) => Fate::Repaired,
                Err(error) => Fate::Failed(error.into()),
            },
        };
        let json = problem.to_json(matches!(fate, Fate::Repaired));
        voice.tell(&json, |out| match &fate {
            Fate::Repaired => writeln!(out, "   repaired"),
            Fate::Declined => writeln!(out, "   not repaired: --yes, or y on a terminal, would"),
            Fate::Left => writeln!(out, "   left as it is"),
            Fate::Failed(failure) => writeln!(out, "   not repaired: {failure}"),
        })?;
        fates.push((problem, fate));
    }
    end(args, &fates)
}

fn fine(table: &Path, diagnosis: &Diagnosis) -> String {
    let events = count(diagnosis.events, "event");
    format!("{}: nothing is wrong ({events}, {})", table.display(), count(diagnosis.segments, "segment"))
}

fn describe(problem: &Problem, number: usize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{number}. {}: {}", problem.kind.word(), problem.place)?;
    let lines = [
        ("expected", &problem.expected),
        ("found", &problem.found),
        ("meaning", &problem.meaning),
        ("remedy", &problem.remedy),
    ];
    for (word, text) in lines.into_iter().filter(|(_, text)| !text.is_empty()) {
        writeln!(out, "   {word:<8}  {text}")?;
    }
    out.flush()
}

/// Asks a person, if there is one.
fn agreed(voice: Voice) -> Result<bool, Failure> {
    if voice == Voice::Json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    let asked = write!(io::stderr(), "   repair? [y/N] ").and_then(|()| {
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    let answer = asked
        .and_then(|answer| interrupt::check().map(|()| answer))
        .map_err(|e| Failure::io(Path::new("terminal"), &e))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// What it comes to.
fn end(args: &Repair, fates: &[(&Problem, Fate)]) -> Result<(), Failure> {
    let open = || fates.iter().filter(|(_, fate)| !matches!(fate, Fate::Repaired));
    let has = |weight| open().any(|(problem, _)| problem.kind.weight() == weight);
    let failed = fates.iter().any(|(_, fate)| matches!(fate, Fate::Failed(_)));
    let (exit, kind, what) = if has(Weight::Damage) {
        (Exit::Violated, "integrity", "damage remains")
    } else if failed {
        (Exit::CouldNot, "could_not", "not everything could be repaired")
    } else if has(Weight::Torn) {
        (Exit::Torn, "torn", "the ledger's last line is torn, and was left so")
    } else if has(Weight::Stopped) {
        (Exit::CouldNot, "undecided", "writers are stopped, or something could not be decided")
    } else {
        return Ok(());
    };
    let left = count(open().count() as u64, "problem");
    Err(Failure::new(exit, kind, format!("{}: {what} ({left} left)", args.table.display())).at(&args.table))
}
