//! `at1 info`: what a table or a segment is.

mod segment;

use std::{io, io::Write, path::Path, sync::Arc};

use at1_codec::{BatchInfo, Segment, Trust};
use at1_table::{BatchEntry, Info as TableInfo};
use segment::segment;
use serde_json::{Value, json};

use crate::{
    args::Info,
    failure::Failure,
    output::{self, Voice, count, grouped, hex, size},
    print::{Align, Grid},
    progress::Progress,
    state, target, watched,
};

/// How many of the newest batches are told of a table if not all of them are asked for.
const BATCHES_SHOWN: usize = 10;
/// Lines of a table that are measured before they are printed.
const LINES_MEASURED: usize = 1000;

pub(crate) fn run(args: &Info, voice: Voice) -> Result<(), Failure> {
    if target::is_segment(&args.source) {
        state::only_the_newest(&args.past)?;
        return if args.batches { batches_of_segment(&args.source, voice) } else { segment(&args.source, voice) };
    }
    let snapshot = state::of_table(&args.source, &args.past, voice, "reading")?;
    if args.batches {
        return tell_batches(&snapshot.batches()?, voice);
    }
    // Only people are told of batches here.
    let newest = if voice == Voice::Words { snapshot.newest_batches(BATCHES_SHOWN as u64)? } else { vec![] };
    table(&args.source, &snapshot.info()?, &newest, voice)
}

fn table(folder: &Path, info: &TableInfo, newest: &[BatchEntry], voice: Voice) -> Result<(), Failure> {
    voice.tell(&info.to_json(), |out| {
        writeln!(out, "table {} ({})", folder.display(), info.origin)?;
        let amounts = [
            count(info.rows, "record"),
            count(info.batches, "batch"),
            count(info.segments, "segment"),
            count(info.events, "event"),
        ];
        writeln!(out, "{}", amounts.join(", "))?;
        packed(info.source_bytes, info.segment_bytes, out)?;
        if info.rejects > 0 {
            writeln!(
                out,
                "{} read as null because their column cannot hold them (`at1 rejects` lists them)",
                count(info.rejects, "field")
            )?;
        }
        if let Some(head) = &info.chain_head {
            writeln!(out, "chain head {head}")?;
        }
        writeln!(out)?;
        let heads = ["", "column", "type", "header"].map(|head| (head.to_owned(), Align::Left));
        let mut grid = Grid::new(heads);
        for (i, column) in info.columns.iter().enumerate() {
            let ty = if column.pinned { format!("{} (pinned)", column.reading) } else { column.ty.to_string() };
            grid.push([format!("c{i}"), column.name.clone(), ty, column.header.clone().unwrap_or_default()]);
        }
        grid.print(out)?;
        if newest.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        print_batches(newest, out)?;
        if (newest.len() as u64) < info.batches {
            let all = count(info.batches, "batch");
            writeln!(out, "(the newest {} of {all}; --batches lists all)", newest.len())?;
        }
        Ok(())
    })
}

/// A line or a JSON object for each batch.
fn tell_batches(batches: &[BatchEntry], voice: Voice) -> Result<(), Failure> {
    let mut out = output::data();
    let told = match voice {
        Voice::Json => batches.iter().try_for_each(|batch| writeln!(out, "{}", batch.to_json())),
        Voice::Words => print_batches(batches, &mut out),
    };
    told.and_then(|()| out.flush()).map_err(|e| Failure::output(&e))
}

fn print_batches(batches: &[BatchEntry], out: &mut dyn Write) -> io::Result<()> {
    let numbers = ["batch", "event", "rows", "bytes"].map(|head| (head.to_owned(), Align::Right));
    let words = ["name", "note", "segment"].map(|head| (head.to_owned(), Align::Left));
    let mut grid = Grid::new(numbers.into_iter().chain(words));
    for lines in batches.chunks(LINES_MEASURED) {
        for batch in lines {
            let rows = format!("{}..{}", batch.rows.start, batch.rows.end);
            let numbers = [batch.batch.to_string(), batch.event.to_string(), rows, grouped(batch.bytes)];
            let words = [&batch.name, &batch.note].map(|word| word.clone().unwrap_or_default());
            grid.push(numbers.into_iter().chain(words).chain([batch.segment.clone()]));
        }
        grid.print(out)?;
    }
    Ok(())
}

fn packed(source: u64, segment: u64, out: &mut dyn Write) -> io::Result<()> {
    // Of a handful of records the footer is most.
    let percent =
        if source > segment { format!(" ({:.1} %)", 100.0 * segment as f64 / source as f64) } else { String::new() };
    writeln!(out, "{} of text in {}{percent}", size(source), size(segment))
}

fn open(path: &Path, voice: Voice) -> Result<Segment, Failure> {
    let file = watched::file(path, &Progress::new(voice, "reading")).map_err(|e| Failure::io(path, &e))?;
    Segment::open(Arc::new(file), Trust::OwnSeal).map_err(|e| e.within(&path.display().to_string()).into())
}

fn batches_of_segment(path: &Path, voice: Voice) -> Result<(), Failure> {
    let segment = open(path, voice)?;
    let batches = segment.batches().map_err(|e| e.within(&path.display().to_string()))?;
    let mut out = output::data();
    let told = match voice {
        Voice::Json => batches.iter().try_for_each(|batch| writeln!(out, "{}", batch_json(batch))),
        Voice::Words => print_segment_batches(batches, &mut out),
    };
    told.and_then(|()| out.flush()).map_err(|e| Failure::output(&e))
}

fn batch_json(batch: &BatchInfo) -> Value {
    json!({ "name": batch.name, "rows": batch.rows, "bytes": batch.bytes, "sha256": hex(&batch.sha256) })
}

fn print_segment_batches(batches: &[BatchInfo], out: &mut dyn Write) -> io::Result<()> {
    let numbers = ["batch", "rows", "bytes"].map(|head| (head.to_owned(), Align::Right));
    let mut grid = Grid::new(numbers.into_iter().chain([("name".to_owned(), Align::Left)]));
    for (number, batch) in batches.iter().enumerate() {
        let numbers = [number.to_string(), grouped(batch.rows), grouped(batch.bytes)];
        grid.push(numbers.into_iter().chain([batch.name.clone().unwrap_or_default()]));
    }
    grid.print(out)
}
