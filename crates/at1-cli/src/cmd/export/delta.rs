//! `at1 export delta`, and what other commands do for a log that is to follow them.
//!
//! * A log that cannot be brought up to date after an append is a warning: the append is done, and the next run catches up.

use at1_export::delta::{self, LOG, Report};
use at1_table::Table;
use serde_json::{Value, json};

use crate::{
    args::{ExportDelta, Switch},
    failure::Failure,
    output::{Voice, count},
    progress::Progress,
    watched,
};

pub(crate) fn run(args: &ExportDelta, voice: Voice) -> Result<(), Failure> {
    let progress = Progress::new(voice, "reading");
    let table = Table::open_in(watched::folder(&args.table, &progress))?;
    if args.on_append == Some(Switch::Off) {
        delta::set(&table, false)?;
        progress.clear();
        let words = format!("{}: appends leave {LOG} as it is from now on", args.table.display());
        return voice.tell(&json!({"on_append": false}), |out| writeln!(out, "{words}"));
    }
    let report = delta::export(&table)?;
    // After the first run: a table that cannot be exported is not to warn with every append.
    if args.on_append == Some(Switch::On) {
        delta::set(&table, true)?;
    }
    let on_append = delta::is_on(&table)?;
    progress.clear();
    let mut told = report.to_json();
    told["on_append"] = on_append.into();
    voice.tell(&told, |out| {
        writeln!(out, "{}: {}", args.table.display(), describe(&report))?;
        if let Some(version) = report.checkpoint {
            writeln!(out, "  a checkpoint of version {version}")?;
        }
        if args.on_append == Some(Switch::On) {
            writeln!(out, "  at1 append and at1 compact bring it up to date from now on")?;
        }
        Ok(())
    })
}

fn describe(report: &Report) -> String {
    let (Some(version), Some(event)) = (report.version, report.event) else {
        return "no columns yet, so there is nothing that a Delta log could show".to_owned();
    };
    let shows = format!("version {version} of {LOG} shows event {event}");
    if report.versions.is_empty() {
        return format!("{shows}; nothing new");
    }
    let (versions, adds) = (count(report.versions.len() as u64, "version"), count(report.adds, "file"));
    format!("{shows}; {versions} written, {adds} added, {} removed", report.removes)
}

/// Brings the log up to date if it is to follow: the report, or what was wrong, for the member `mirror`.
pub(in crate::cmd) fn follow(table: &Table, voice: Voice) -> Option<Value> {
    let followed = match delta::is_on(table) {
        Ok(false) => return None,
        Ok(true) => delta::export(table),
        Err(error) => Err(error),
    };
    Some(match followed {
        Ok(report) => report.to_json(),
        Err(error) => {
            let failure = Failure::from(error);
            voice.aside(|| format!("warning: {LOG} was not brought up to date: {failure}"));
            failure.to_json()
        }
    })
}
