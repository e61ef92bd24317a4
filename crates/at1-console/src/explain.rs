//! What `--stats` and `--explain` print.
//!
//! * A line per level, and which part of the condition ruled out how much.

use std::io::{self, Write};

use at1_table::{Explanation, Ruled, Statistics};
use serde_json::{Value, json};

use crate::output::{count, grouped, size};

/// A line a level.
///
/// # Errors
/// If `out` does not take it.
pub fn describe(s: &Statistics, out: &mut dyn Write) -> io::Result<()> {
    let line = |scanned, total, skipped| {
        format!("{} of {} scanned, {} skipped", grouped(scanned), grouped(total), grouped(skipped))
    };
    let answered = |n| if n > 0 { format!(", of these {} answered by their zones", grouped(n)) } else { String::new() };
    let segments = line(s.segments_scanned, s.segments_total, s.segments_skipped);
    writeln!(out, "segments   {segments}{}", answered(s.segments_answered))?;
    let groups = line(s.row_groups_scanned, s.row_groups_total, s.row_groups_skipped);
    writeln!(out, "row groups {groups}{}", answered(s.row_groups_answered))?;
    writeln!(out, "pages      {}", line(s.pages_scanned, s.pages_total, s.pages_skipped))?;
    let percent = 100.0 * s.bytes_read as f64 / (s.bytes_total.max(1)) as f64;
    write!(out, "bytes      {} of {} read ({percent:.2} %)", size(s.bytes_read), size(s.bytes_total))?;
    let kinds = [
        (s.bytes_read_planning, "to plan"),
        (s.bytes_read_opening, "to open segments"),
        (s.bytes_read_data, "of data"),
    ];
    let kinds: Vec<_> = kinds.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", size(*n))).collect();
    writeln!(out, "{}{}", if kinds.is_empty() { "" } else { ": " }, kinds.join(", "))?;
    write!(out, "matched    {}", count(s.rows_matched, "record"))?;
    if s.rejects > 0 {
        write!(out, "; {} in the columns that were read cannot match", count(s.rejects, "reject"))?;
    }
    if let Some(event) = s.as_of_event {
        write!(out, "; as of event {event}")?;
    }
    writeln!(out)
}

/// The parts of the condition, and how much each ruled out.
pub fn json(e: &Explanation) -> Value {
    let ruled = |ruled: &Ruled| {
        let by_part = (0..e.parts.len()).map(|part| ruled.by_part.get(part).copied().unwrap_or(0));
        json!({"total": ruled.total, "by_part": by_part.collect::<Vec<_>>()})
    };
    let planned = &e.planned;
    json!({
        "parts": e.parts,
        "manifest_blocks_read": planned.blocks_read,
        "ruled_out": {
            "manifest_blocks": ruled(&planned.blocks),
            "segments_in_manifest_blocks": planned.segments_in_blocks,
            "segments": ruled(&planned.segments),
            "row_groups": ruled(&e.row_groups),
            "row_groups_by_bloom": ruled(&e.row_groups_by_bloom),
            "row_groups_by_dictionary": ruled(&e.row_groups_by_dictionary),
            "rows_by_pages": ruled(&e.rows_by_pages),
        },
    })
}

/// What ruled out how much, from the outside in; levels at which nothing was ruled out are left out.
///
/// # Errors
/// If `out` does not take it.
pub fn describe_reasons(e: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    if e.parts.len() > 1 {
        for (i, part) in e.parts.iter().enumerate() {
            writeln!(out, "  part {:<4} {part}", i + 1)?;
        }
    }
    let planned = &e.planned;
    if planned.blocks_read > 0 {
        writeln!(out, "manifest   {} read", count(planned.blocks_read, "block"))?;
    }
    let inside = format!(" with {} by their zones", count(planned.segments_in_blocks, "segment"));
    let levels = [
        (&planned.blocks, "manifest block", inside.as_str()),
        (&planned.segments, "segment", " by their zones"),
        (&e.row_groups, "row group", " by their zones"),
        (&e.row_groups_by_bloom, "row group", " by Bloom filters"),
        (&e.row_groups_by_dictionary, "row group", " by dictionaries"),
        (&e.rows_by_pages, "record", " by zones of pages"),
    ];
    for (ruled, noun, how) in levels.iter().filter(|(ruled, ..)| ruled.total > 0) {
        write!(out, "ruled out  {}{how}", count(ruled.total, noun))?;
        let parts = ruled.by_part.iter().enumerate().filter(|(_, n)| **n > 0 && e.parts.len() > 1);
        let parts: Vec<_> = parts.map(|(part, n)| format!("{} by part {}", grouped(*n), part + 1)).collect();
        if !parts.is_empty() {
            write!(out, ": {}", parts.join(", "))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
