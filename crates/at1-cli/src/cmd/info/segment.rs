//! What a segment is: where its bytes are, column by column and beside the columns.

use std::{
    io::{self, Write},
    path::Path,
};

use at1_codec::{Column, Segment, Shares};
use serde_json::{Value, json};

use super::{BATCHES_SHOWN, batch_json, open, packed, print_segment_batches};
use crate::{
    failure::Failure,
    output::{Voice, count, grouped},
    print::{Align, Grid},
};

pub(super) fn segment(path: &Path, voice: Voice) -> Result<(), Failure> {
    let place = path.display().to_string();
    let refused = |e: at1_codec::Error| Failure::from(e.within(&place));
    let segment = open(path, voice)?;
    let groups = segment.metadata().metadata().row_groups().len();
    let columns = ColumnBytes::of(&segment, groups).map_err(refused)?;
    let shares = segment.shares().map_err(refused)?;
    let batches = segment.batches().map_err(refused)?;
    let json = json!({
        "segment": place,
        "rows": segment.rows(),
        "row_groups": groups,
        "source_bytes": segment.source_bytes(),
        "segment_bytes": segment.size(),
        "parts": parts(&shares).iter().map(|&(part, bytes)| (part.to_owned(), bytes.into())).collect::<serde_json::Map<_, _>>(),
        "batches": batches.iter().map(batch_json).collect::<Vec<_>>(),
        "columns": columns.iter().map(|column| column.to_json(segment.size())).collect::<Vec<_>>(),
    });
    voice.tell(&json, |out| {
        writeln!(out, "segment {place}")?;
        let amounts =
            [count(segment.rows(), "record"), count(batches.len() as u64, "batch"), count(groups as u64, "row group")];
        writeln!(out, "{}", amounts.join(", "))?;
        packed(segment.source_bytes(), segment.size(), out)?;
        writeln!(out)?;
        print_columns(&columns, segment.size(), out)?;
        writeln!(out)?;
        print_parts(&shares, segment.size(), out)?;
        if batches.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        print_segment_batches(&batches[..batches.len().min(BATCHES_SHOWN)], out)?;
        if batches.len() > BATCHES_SHOWN {
            writeln!(
                out,
                "(the first {BATCHES_SHOWN} of {}; --batches lists all)",
                count(batches.len() as u64, "batch")
            )?;
        }
        Ok(())
    })
}

/// A column over all row groups.
struct ColumnBytes<'a> {
    column: &'a Column,
    forms: Vec<String>,
    encodings: Vec<String>,
    pages: u64,
    bytes: u64,
    unpacked_bytes: u64,
    recovery_bytes: u64,
    patches: u64,
    rejects: u64,
}

impl<'a> ColumnBytes<'a> {
    fn of(segment: &'a Segment, groups: usize) -> at1_codec::Result<Vec<Self>> {
        let new = |(position, column)| Self {
            column,
            forms: Vec::new(),
            encodings: Vec::new(),
            pages: 0,
            bytes: 0,
            unpacked_bytes: 0,
            recovery_bytes: 0,
            patches: 0,
            rejects: segment.rejects(position),
        };
        let mut columns: Vec<Self> = segment.schema().columns.iter().enumerate().map(new).collect();
        for group in 0..groups {
            for (column, layout) in columns.iter_mut().zip(segment.layout(group)?) {
                add(&mut column.forms, [layout.form]);
                add(&mut column.encodings, layout.encodings);
                column.pages += layout.pages;
                column.bytes += layout.bytes;
                column.unpacked_bytes += layout.unpacked_bytes;
                column.recovery_bytes += layout.recovery_bytes;
                column.patches += layout.patches;
            }
        }
        Ok(columns)
    }

    /// How the values are encoded, without what every column has or what follows from the rest.
    fn encoding(&self) -> String {
        let dictionary = self.encodings.iter().any(|e| e == "RLE_DICTIONARY");
        let telling = self.encodings.iter().filter(|e| match e.as_str() {
            "RLE" => self.encodings.len() == 1,
            "PLAIN" => !dictionary,
            _ => true,
        });
        let words: Vec<String> = telling.map(|e| e.to_lowercase().replace("rle_", "").replace('_', " ")).collect();
        words.join("; ")
    }

    fn to_json(&self, segment_bytes: u64) -> Value {
        json!({
            "name": self.column.name,
            "header": self.column.header,
            "type": self.column.ty.to_string(),
            "forms": self.forms,
            "encodings": self.encodings,
            "pages": self.pages,
            "bytes": self.bytes,
            "unpacked_bytes": self.unpacked_bytes,
            "share": share(self.bytes + self.recovery_bytes, segment_bytes),
            "recovery_bytes": self.recovery_bytes,
            "recovery_share": share(self.recovery_bytes, segment_bytes),
            "patches": self.patches,
            "rejects": self.rejects,
        })
    }
}

fn print_columns(columns: &[ColumnBytes<'_>], segment_bytes: u64, out: &mut dyn Write) -> io::Result<()> {
    let left = ["", "column", "type", "form", "encoding"].map(|head| (head.to_owned(), Align::Left));
    let right =
        ["pages", "bytes", "recovery", "share", "patches", "rejects"].map(|head| (head.to_owned(), Align::Right));
    let mut grid = Grid::new(left.into_iter().chain(right));
    for (position, column) in columns.iter().enumerate() {
        let ty = column.column.ty.to_string();
        let words =
            [format!("c{position}"), column.column.name.clone(), ty, column.forms.join("; "), column.encoding()];
        let sizes = [column.pages, column.bytes, column.recovery_bytes].map(grouped);
        let share = percent(column.bytes + column.recovery_bytes, segment_bytes);
        let counts = [column.patches, column.rejects].map(grouped);
        grid.push(words.into_iter().chain(sizes).chain([share]).chain(counts));
    }
    grid.print(out)
}

/// The parts of a segment, by the names that people read and scripts ask for.
fn parts(shares: &Shares) -> [(&'static str, u64); 8] {
    [
        ("columns", shares.columns),
        ("bloom_filters", shares.filters),
        ("column_recovery", shares.recovery),
        ("record_recovery", shares.records),
        ("directory", shares.directory),
        ("page_indexes", shares.indexes),
        ("digests", shares.digests),
        ("footer", shares.footer),
    ]
}

fn print_parts(shares: &Shares, segment_bytes: u64, out: &mut dyn Write) -> io::Result<()> {
    let heads = [("part", Align::Left), ("bytes", Align::Right), ("share", Align::Right)];
    let mut grid = Grid::new(heads.map(|(head, align)| (head.to_owned(), align)));
    for (part, bytes) in parts(shares) {
        grid.push([part.replace('_', " "), grouped(bytes), percent(bytes, segment_bytes)]);
    }
    let recovery = shares.recovery + shares.records + shares.directory;
    grid.push(["recovery section in all".to_owned(), grouped(recovery), percent(recovery, segment_bytes)]);
    grid.print(out)
}

/// A part of the whole, to four digits: enough to tell, and the same on every machine.
fn share(bytes: u64, whole: u64) -> f64 {
    (1e4 * bytes as f64 / whole.max(1) as f64).round() / 1e4
}

fn percent(bytes: u64, whole: u64) -> String {
    format!("{:.1} %", 100.0 * bytes as f64 / whole.max(1) as f64)
}

fn add(list: &mut Vec<String>, words: impl IntoIterator<Item = String>) {
    for word in words {
        if !list.contains(&word) {
            list.push(word);
        }
    }
}
