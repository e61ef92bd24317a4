//! `at1 rejects`: the fields that read as null because their column's type could not hold them.

use std::io::Write as _;

use at1_table::Reject;
use serde_json::json;

use crate::{
    args::Rejects,
    failure::Failure,
    output::{self, Voice},
    print::{Align, Grid},
    state,
};

/// Lines of a table that are measured before they are printed.
const LINES_MEASURED: u64 = 1000;

pub(crate) fn run(args: &Rejects, voice: Voice) -> Result<(), Failure> {
    let snapshot = state::of_table(&args.table, &args.past, voice, "reading")?;
    let mut out = output::data();
    let numbers = ["row", "batch", "record"].map(|head| (head.to_owned(), Align::Right));
    let words = ["column", "type", "text"].map(|head| (head.to_owned(), Align::Left));
    let mut grid = Grid::new(numbers.into_iter().chain(words));
    let mut seen = 0u64;
    snapshot.rejects(&mut |reject| {
        seen += 1;
        if voice == Voice::Json {
            writeln!(out, "{}", to_json(&reject))?;
            return Ok(());
        }
        let numbers = [reject.row, reject.batch, reject.record].map(|n| n.to_string());
        let words = [reject.column, reject.ty.to_string(), reject.text.unwrap_or_else(|| "(not UTF-8)".to_owned())];
        grid.push(numbers.into_iter().chain(words));
        if seen.is_multiple_of(LINES_MEASURED) {
            grid.print(&mut out)?;
        }
        Ok(())
    })?;
    if voice == Voice::Words && seen > 0 {
        grid.print(&mut out).map_err(|e| Failure::output(&e))?;
    }
    out.flush().map_err(|e| Failure::output(&e))?;
    voice.aside(|| output::count(seen, "reject"));
    Ok(())
}

fn to_json(reject: &Reject) -> serde_json::Value {
    json!({
        "row": reject.row,
        "batch": reject.batch,
        "record": reject.record,
        "column": reject.column,
        "type": reject.ty.to_string(),
        "text": reject.text,
    })
}
