//! `at1 vacuum`: removes the files that compactions replaced.

use std::io::{self, Write};

use at1_table::{Table, VacuumMode, VacuumOptions, VacuumReport};

use crate::{
    args::Vacuum,
    failure::Failure,
    output::{Voice, count, size},
    watched,
};

pub(crate) fn run(args: &Vacuum, voice: Voice) -> Result<(), Failure> {
    let table = Table::open_in(watched::quietly(&args.table, voice, "removing"))?.with_clock(args.clock.rule());
    let mode = if args.dry_run { VacuumMode::DryRun } else { VacuumMode::Remove };
    let report = table.vacuum(&VacuumOptions { grace: args.grace.grace, mode })?;
    voice.tell(&report.to_json(), |out| {
        if report.removed.is_empty() && report.waiting == 0 && report.blocks == 0 {
            return writeln!(
                out,
                "{}: nothing to remove; every file that a compaction replaced is gone",
                args.table.display()
            );
        }
        for file in &report.removed {
            writeln!(out, "{}: {}, replaced by event {}", file.name, size(file.bytes), file.replaced_by)?;
        }
        describe(&report, mode, out)?;
        match &report.chain_head {
            Some(head) => writeln!(out, "chain head {head}"),
            None => Ok(()),
        }
    })
}

/// What went and what stays.
pub(super) fn describe(report: &VacuumReport, mode: VacuumMode, out: &mut dyn Write) -> io::Result<()> {
    if !report.removed.is_empty() {
        let verb = if mode == VacuumMode::DryRun { "would remove" } else { "removed" };
        let files = count(report.removed.len() as u64, "replaced file");
        writeln!(out, "{verb} {files}, {}; no data goes: their records are in newer segments", size(report.bytes()))?;
    }
    if report.blocks > 0 {
        let verb = if mode == VacuumMode::DryRun { "would remove" } else { "removed" };
        let blocks = count(report.blocks, "block");
        writeln!(out, "{verb} {blocks} of older manifests, {}", size(report.block_bytes))?;
    }
    if report.waiting > 0 {
        let files = count(report.waiting, "replaced file");
        let until = report.waiting_until.map(|ts| format!(", until {ts}")).unwrap_or_default();
        writeln!(out, "{files} kept for readers that may still use them{until}")?;
    }
    Ok(())
}
