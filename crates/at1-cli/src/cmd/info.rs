//! `at1 info`: what a table or a segment is.

use std::{io, io::Write, path::Path, sync::Arc};

use at1_codec::{Segment, Trust};
use at1_table::Table;
use serde_json::json;

use crate::{
    args::Info,
    failure::Failure,
    output::{Voice, count, grouped, hex, size},
    print::{Align, Grid},
    progress::Progress,
    target,
    watched::{Watched, WatchedFile},
};

pub(crate) fn run(args: &Info, voice: Voice) -> Result<(), Failure> {
    if target::is_segment(&args.source) { segment(&args.source, voice) } else { table(&args.source, voice) }
}

fn table(folder: &Path, voice: Voice) -> Result<(), Failure> {
    let info = Table::open_in(Watched::quietly(folder, voice, "reading"))?.info()?;
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
        grid.print(out)
    })
}

fn packed(source: u64, segment: u64, out: &mut dyn Write) -> io::Result<()> {
    // Of a handful of records the footer is most.
    let percent =
        if source > segment { format!(" ({:.1} %)", 100.0 * segment as f64 / source as f64) } else { String::new() };
    writeln!(out, "{} of text in {}{percent}", size(source), size(segment))
}

fn segment(path: &Path, voice: Voice) -> Result<(), Failure> {
    let place = path.display().to_string();
    let refused = |e: at1_codec::Error| Failure::from(e.within(&place));
    let file = WatchedFile::open(path, Progress::new(voice, "reading")).map_err(|e| Failure::io(path, &e))?;
    let segment = Segment::open(Arc::new(file), Trust::OwnSeal).map_err(refused)?;
    let schema = segment.schema();
    let groups = segment.metadata().metadata().row_groups().len();
    let mut columns = Vec::new();
    for (position, column) in schema.columns.iter().enumerate() {
        let (mut forms, mut encodings, mut bytes, mut recovery, mut patches) = (Vec::new(), Vec::new(), 0, 0, 0);
        for group in 0..groups {
            let layout = segment.layout(group).map_err(refused)?.into_iter().nth(position);
            let Some(layout) = layout else { continue };
            add(&mut forms, [layout.form]);
            add(&mut encodings, layout.encodings);
            bytes += layout.bytes;
            recovery += layout.recovery_bytes;
            patches += layout.patches;
        }
        columns.push((column, position, forms, encodings, bytes, recovery, patches));
    }
    let batches = segment.batches().map_err(refused)?;
    let json = json!({
        "segment": place,
        "rows": segment.rows(),
        "row_groups": groups,
        "source_bytes": segment.source_bytes(),
        "segment_bytes": segment.size(),
        "batches": batches.iter().map(|batch| json!({
            "name": batch.name,
            "rows": batch.rows,
            "bytes": batch.bytes,
            "sha256": hex(&batch.sha256),
        })).collect::<Vec<_>>(),
        "columns": columns.iter().map(|(column, position, forms, encodings, bytes, recovery, patches)| json!({
            "name": column.name,
            "header": column.header,
            "type": column.ty.to_string(),
            "forms": forms,
            "encodings": encodings,
            "bytes": bytes,
            "recovery_bytes": recovery,
            "patches": patches,
            "rejects": segment.rejects(*position),
        })).collect::<Vec<_>>(),
    });
    voice.tell(&json, |out| {
        writeln!(out, "segment {place}")?;
        let amounts =
            [count(segment.rows(), "record"), count(batches.len() as u64, "batch"), count(groups as u64, "row group")];
        writeln!(out, "{}", amounts.join(", "))?;
        packed(segment.source_bytes(), segment.size(), out)?;
        writeln!(out)?;
        let left = ["", "column", "type", "form"].map(|head| (head.to_owned(), Align::Left));
        let right = ["bytes", "recovery", "patches", "rejects"].map(|head| (head.to_owned(), Align::Right));
        let mut grid = Grid::new(left.into_iter().chain(right));
        for (column, position, forms, _, bytes, recovery, patches) in &columns {
            let numbers = [*bytes, *recovery, *patches, segment.rejects(*position)].map(grouped);
            let words = [format!("c{position}"), column.name.clone(), column.ty.to_string(), forms.join("; ")];
            grid.push(words.into_iter().chain(numbers));
        }
        grid.print(out)
    })
}

fn add(list: &mut Vec<String>, words: impl IntoIterator<Item = String>) {
    for word in words {
        if !list.contains(&word) {
            list.push(word);
        }
    }
}
