//! What was measured, as benches/SCALE.md.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use serde_json::Value;

use crate::{
    report::{grouped, installed, run_of},
    sh::Result,
};

/// A number of a result, as it is printed.
type Cell = fn(&Value) -> Option<String>;

pub(super) fn page(rows: &[Value], python: Option<&Path>) -> Result<String> {
    let found = Found::new(rows);
    let mut page = String::from("# Scale\n\nWritten by `cargo xtask scale`; not edited by hand.\n\n");
    page += &run_of()?;
    if let Some(python) = python {
        writeln!(page, "| peers | {} |", installed(python, &["duckdb", "deltalake"])?)?;
    }
    page += "\nEvery table has one event, one batch and one segment per append, a hundred records each. Each figure is of a process of its own; a\nwall is the median of up to nine whole processes, from start to exit, files in the page cache. DuckDB reads the same segments by a glob;\ndeltalake reads them by one checkpoint that has the statistics of all. `inside` is without the start of Python.\n\n";
    found.goals(&mut page)?;
    found.table(&mut page, "Milliseconds", &["at1", "DuckDB", "deltalake"], wall)?;
    found.table(&mut page, "Milliseconds inside", &["DuckDB", "deltalake"], |v| number(v, "inside_ms", 1.0, 1))?;
    found.table(&mut page, "Milliseconds, page cache empty", &["at1", "DuckDB", "deltalake"], |v| {
        number(v, "cold_ms", 1.0, 1)
    })?;
    found.table(&mut page, "Peak memory in MB", &["at1", "DuckDB", "deltalake"], |v| {
        number(v, "peak_kb", 1024.0 / 1e6, 1)
    })?;
    found.table(&mut page, "Kilobytes read", &["at1"], |v| number(v, "bytes_read", 1e-3, 1))?;
    found.table(&mut page, "Kilobytes read to open and plan", &["at1"], |v| {
        let planned = v["bytes_read_opening"].as_f64()? + v["bytes_read_planning"].as_f64()?;
        Some(format!("{:.1}", planned / 1e3))
    })?;
    found.table(&mut page, "Segments opened", &["at1"], |v| v["segments_scanned"].as_u64().map(grouped))?;
    found.appends(&mut page)?;
    let makes = [("make", "testkit"), ("make", "deltalake")];
    found.lines(&mut page, "Making what is measured, milliseconds", &makes, wall)?;
    found.lines(&mut page, "MB of segments", &makes, |v| number(v, "segment_bytes", 1e-6, 1))?;
    found.lines(&mut page, "MB of ledger", &makes, |v| number(v, "ledger_bytes", 1e-6, 1))?;
    found.lines(&mut page, "MB of deltalake's checkpoint", &makes, |v| number(v, "checkpoint_bytes", 1e-6, 1))?;
    Ok(page.trim_end().to_owned() + "\n")
}

fn dash() -> String {
    "–".to_owned()
}

/// A wall, or why there is none.
fn wall(found: &Value) -> Option<String> {
    let stopped = || found["stopped_after_ms"].as_f64().map(|limit| format!("> {limit:.0}"));
    let failed = || found["error"].is_string().then(|| "error".to_owned());
    number(found, "wall_ms", 1.0, 1).or_else(stopped).or_else(failed)
}

fn number(found: &Value, member: &str, factor: f64, digits: usize) -> Option<String> {
    let number = found[member].as_f64()? * factor;
    // Digits that a second run would change say nothing.
    let digits = if number >= 100.0 { 0 } else { digits };
    Some(format!("{number:.digits$}"))
}

/// The newest result of each kind.
struct Found<'a> {
    rows: Vec<&'a Value>,
    sizes: BTreeSet<u64>,
}

impl<'a> Found<'a> {
    fn new(rows: &'a [Value]) -> Self {
        let key = |row: &Value| ["segments", "program", "what"].map(|member| row[member].clone());
        let is_newest = |(at, row): &(usize, &Value)| !rows[at + 1..].iter().any(|later| key(later) == key(row));
        let rows: Vec<_> = rows.iter().enumerate().filter(is_newest).map(|(_, row)| row).collect();
        let sizes = rows.iter().filter_map(|row| row["segments"].as_u64()).collect();
        Self { rows, sizes }
    }

    fn of(&self, segments: u64, program: &str, what: &str) -> Option<&'a Value> {
        let is_it = |row: &&&Value| row["segments"] == segments && row["program"] == program && row["what"] == what;
        self.rows.iter().find(is_it).copied()
    }

    /// A table of one number: a line per question and program, a column per size. Nothing, if nobody has it.
    fn table(&self, page: &mut String, title: &str, programs: &[&str], cell: Cell) -> Result {
        self.lines(page, title, &self.questions(programs), cell)
    }

    /// The same of these questions.
    fn lines(&self, page: &mut String, title: &str, questions: &[(&str, &str)], cell: Cell) -> Result {
        let mut lines = String::new();
        for &(what, program) in questions {
            let cells = self.cells(|segments| self.of(segments, program, what).and_then(cell));
            if let Some(cells) = cells {
                writeln!(lines, "| {what} | {program} |{cells}")?;
            }
        }
        if !lines.is_empty() {
            writeln!(
                page,
                "## {title}\n\n| | |{}\n|---|---|{}\n{lines}",
                self.heads(),
                "--:|".repeat(self.sizes.len())
            )?;
        }
        Ok(())
    }

    /// What was asked, in the order in which it was first asked, with each of the programs. What is no question has a table of its own.
    fn questions(&self, programs: &[&'a str]) -> Vec<(&'a str, &'a str)> {
        let mut questions: Vec<&str> = vec![];
        for what in self.rows.iter().filter_map(|row| row["what"].as_str()) {
            if !questions.contains(&what) && !["first append", "make"].contains(&what) {
                questions.push(what);
            }
        }
        questions.into_iter().flat_map(|what| programs.iter().map(move |&program| (what, program))).collect()
    }

    fn heads(&self) -> String {
        self.sizes.iter().map(|&segments| format!(" {} |", grouped(segments))).collect()
    }

    /// A cell per size; none if all are empty.
    fn cells(&self, cell: impl Fn(u64) -> Option<String>) -> Option<String> {
        let cells: Vec<_> = self.sizes.iter().map(|&segments| cell(segments)).collect();
        let text = |cell: Option<String>| format!(" {} |", cell.unwrap_or_else(dash));
        cells.iter().any(Option::is_some).then(|| cells.into_iter().map(text).collect())
    }

    /// A number of a result.
    fn figure(&self, segments: u64, program: &str, what: &str, member: &str) -> Option<f64> {
        self.of(segments, program, what)?[member].as_f64()
    }

    fn goals(&self, page: &mut String) -> Result {
        const FIRST: &str = "clustered, first row";
        const HANDLE: &str = "append, one handle";
        let ratio = |above: Option<f64>, below: Option<f64>| Some(above? / below?);
        let first = |segments, program, member| self.figure(segments, program, FIRST, member);
        let append = |events, member| self.figure(events, "at1", HANDLE, member);
        let at1 = first(10_000, "at1", "wall_ms");
        let to_plain = |&events: &u64| ratio(append(events, "p50_ms"), append(events, "plain_p50_ms"));
        let goals = [
            ("selective query, 10,000 segments: at1 / DuckDB", "0.05", ratio(at1, first(10_000, "DuckDB", "wall_ms"))),
            ("the same: at1 / deltalake", "0.33", ratio(at1, first(10_000, "deltalake", "wall_ms"))),
            ("open, plan, first row, 1,000,000 segments: milliseconds", "30", first(1_000_000, "at1", "wall_ms")),
            ("the same: peak MB", "100", first(1_000_000, "at1", "peak_kb").map(|kb| kb * 1024.0 / 1e6)),
            ("append, p50: 100,000 events / 10 events", "1.2", ratio(append(100_000, "p50_ms"), append(10, "p50_ms"))),
            (
                "append, p50: at1 / a plain Parquet file, synced; the most of all lengths",
                "2.0",
                self.sizes.iter().filter_map(to_plain).max_by(f64::total_cmp),
            ),
        ];
        page.push_str("## Goals\n\n| | goal | found |\n|---|--:|--:|\n");
        for (what, goal, found) in goals {
            writeln!(page, "| {what} | {goal} | {} |", found.map_or_else(dash, |found| format!("{found:.3}")))?;
        }
        page.push('\n');
        Ok(())
    }

    fn appends(&self, page: &mut String) -> Result {
        let lines: [(&str, &str, Cell); 8] = [
            ("one handle, p50", "append, one handle", |v| number(v, "p50_ms", 1.0, 2)),
            ("one handle, p99", "append, one handle", |v| number(v, "p99_ms", 1.0, 2)),
            ("one handle, the first", "append, one handle", |v| number(v, "first_ms", 1.0, 2)),
            ("a plain Parquet file, synced, p50", "append, one handle", |v| number(v, "plain_p50_ms", 1.0, 2)),
            ("one handle / plain file, p50", "append, one handle", |v| {
                Some(format!("{:.2}", v["p50_ms"].as_f64()? / v["plain_p50_ms"].as_f64()?))
            }),
            ("a process each, p50", "append, a process each", |v| number(v, "p50_ms", 1.0, 2)),
            ("a process each, p99", "append, a process each", |v| number(v, "p99_ms", 1.0, 2)),
            ("the first to a table without a manifest", "first append", wall),
        ];
        let mut body = String::new();
        for (title, what, cell) in lines {
            if let Some(cells) = self.cells(|segments| self.of(segments, "at1", what).and_then(cell)) {
                writeln!(body, "| {title} |{cells}")?;
            }
        }
        if !body.is_empty() {
            let sizes = "--:|".repeat(self.sizes.len());
            writeln!(
                page,
                "## Appends of 100 rows, milliseconds\n\n| events before |{}\n|---|{sizes}\n{body}",
                self.heads()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_newest_of_each_counts_and_gaps_are_shown() {
        let rows = [
            json!({"segments": 10, "program": "at1", "what": "open", "wall_ms": 9.0}),
            json!({"segments": 1000, "program": "at1", "what": "open", "stopped_after_ms": 120000.0}),
            json!({"segments": 10, "program": "at1", "what": "open", "wall_ms": 1.25}),
            json!({"segments": 10, "program": "DuckDB", "what": "open", "wall_ms": 250.4}),
        ];
        let found = Found::new(&rows);
        let mut page = String::new();
        found.table(&mut page, "Title", &["at1", "DuckDB", "deltalake"], wall).unwrap();
        let expected = "## Title\n\n| | | 10 | 1,000 |\n|---|---|--:|--:|\n\
                        | open | at1 | 1.2 | > 120000 |\n| open | DuckDB | 250 | – |\n\n";
        assert_eq!(page, expected);
    }
}
