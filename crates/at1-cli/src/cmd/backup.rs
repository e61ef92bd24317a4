//! `at1 backup`: a second copy of a table, brought up to date.
//!
//! * Interrupted, it leaves a whole table of an earlier event, and the next run goes on from there.

use at1_table::{BackupOptions, Check, Table};

use crate::{
    args::{Backup, CheckArg},
    failure::Failure,
    output::{Voice, count, size},
    progress::Progress,
    watched,
};

pub(crate) fn run(args: &Backup, voice: Voice) -> Result<(), Failure> {
    let progress = Progress::new(voice, "copying");
    let table = Table::open_in(watched::quietly(&args.table, Voice::Json, "reading"))?;
    let check = match args.check {
        CheckArg::Lengths => Check::Lengths,
        CheckArg::Digests => Check::Digests,
    };
    let report = table.backup_with(watched::folder(&args.dest, &progress), &BackupOptions { check })?;
    progress.clear();
    voice.tell(&report.to_json(), |out| {
        let copied = format!("{}, {}", count(report.segments_copied, "segment"), size(report.bytes_copied));
        let there = format!("{} there already", report.segments_present);
        writeln!(
            out,
            "{}: {}, {} of them new",
            args.dest.display(),
            count(report.events, "event"),
            report.events_copied
        )?;
        writeln!(out, "  copied {copied}; {there}")?;
        if report.segments_replaced > 0 {
            let replaced = count(report.segments_replaced, "file");
            writeln!(out, "  {replaced} there did not match the ledger; what was wrong is in its _at1/torn")?;
        }
        if report.files_removed > 0 {
            writeln!(out, "  removed {}, as a vacuum of the table did", count(report.files_removed, "file"))?;
        }
        match &report.chain_head {
            Some(head) => writeln!(out, "  chain head {head}"),
            None => Ok(()),
        }
    })
}
