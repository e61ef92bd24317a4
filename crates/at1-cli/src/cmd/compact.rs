//! `at1 compact`: fewer and larger segments.
//!
//! * Each step is one event, and told when it is done. Interrupted, the steps that were finished stay, and the one that was not
//!   leaves nothing.

use std::io::{self, Write};

use at1_table::{Choose, CompactOptions, CompactStep, Table, Tiers, VacuumMode};
use serde_json::Value;

use crate::{
    args::Compact,
    cmd::{export, vacuum},
    failure::Failure,
    output::{Voice, count, size},
    progress::Progress,
    watched,
};

pub(crate) fn run(args: &Compact, voice: Voice) -> Result<(), Failure> {
    let progress = Progress::new(voice, "compacting");
    let table = Table::open_in(watched::folder(&args.table, &progress))?.with_clock(args.clock.rule());
    let options = CompactOptions {
        choose: choose(args),
        upto: args.upto,
        profile: args.effort.profile.profile(),
        grace: args.grace.grace,
    };
    let mut told = Ok(());
    let report = table.compact_with(&options, &mut |step| {
        if voice == Voice::Words {
            progress.clear();
            let line = voice.tell(&Value::Null, |out| describe(step, out));
            told = std::mem::replace(&mut told, Ok(())).and(line);
        }
    })?;
    told?;
    progress.clear();
    let live = table.files()?.files.len() as u64;
    let mut json = report.to_json();
    if let Some(mirror) = export::delta::follow(&table, voice) {
        json["mirror"] = mirror;
    }
    voice.tell(&json, |out| {
        let segments = count(live, "segment");
        if report.steps.is_empty() {
            writeln!(out, "{}: nothing to compact; it has {segments}", args.table.display())?;
        }
        vacuum::describe(&report.vacuum, VacuumMode::Remove, out)?;
        match report.vacuum.chain_head.or(report.steps.last().map(|step| step.chain_head)) {
            Some(head) => writeln!(out, "chain head {head}"),
            None => Ok(()),
        }
    })
}

fn describe(step: &CompactStep, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} (event {}): {}, {}, {} -> {}",
        step.segment,
        step.event,
        count(step.replaced, "segment"),
        count(step.rows, "row"),
        size(step.bytes_before),
        size(step.bytes_after)
    )
}

fn choose(args: &Compact) -> Choose {
    let tiers = Tiers::default();
    match () {
        () if args.retype => Choose::Retype,
        () if args.tiered || args.target.is_some() || args.fan_in.is_some() => Choose::Tiered(Tiers {
            target_bytes: args.target.unwrap_or(tiers.target_bytes),
            fan_in: args.fan_in.unwrap_or(tiers.fan_in),
        }),
        () => Choose::All,
    }
}
