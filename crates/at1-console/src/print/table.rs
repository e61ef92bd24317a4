//! Tables for people: columns in line, numbers to the right, long values cut.
//!
//! * Control characters are shown, never sent: data cannot move the cursor or recolour the terminal.
//! * Widths come from the first rows; later rows that are wider push their line out rather than lose a value's start.

use std::io::Write;

use arrow::{array::RecordBatch, datatypes::SchemaRef};

use super::{Printer, failed};
use crate::{
    failure::Failure,
    values::{Kind, Rows},
};

/// How many rows are looked at before the first is printed.
const ROWS_MEASURED: usize = 1000;
/// The widest a value is shown.
const CELL_CHARS_MAX: usize = 48;

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Lines of cells, printed in columns.
pub struct Grid {
    heads: Vec<String>,
    aligns: Vec<Align>,
    lines: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

impl Grid {
    /// Columns under these heads.
    pub fn new(heads: impl IntoIterator<Item = (String, Align)>) -> Self {
        let (heads, aligns): (Vec<String>, _) = heads.into_iter().unzip();
        Self { heads: heads.iter().map(|h| shown(h)).collect(), aligns, lines: Vec::new(), widths: None }
    }

    /// Adds a line of cells.
    pub fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.lines.push(cells.into_iter().map(|cell| shown(&cell)).collect());
    }

    /// Prints the lines so far, after the heads if these were not printed yet.
    ///
    /// # Errors
    /// If `out` does not take them.
    pub fn print(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        let widths = match &self.widths {
            Some(widths) => widths,
            None => {
                let widest = |i: usize, head: &str| {
                    let cells = self.lines.iter().filter_map(|line| line.get(i)).map(String::as_str);
                    cells.chain([head]).map(width).max().unwrap_or(0)
                };
                let widths: Vec<usize> = self.heads.iter().enumerate().map(|(i, head)| widest(i, head)).collect();
                write_line(&self.heads, &widths, &self.aligns, out)?;
                let rules: Vec<String> = widths.iter().map(|&w| "─".repeat(w)).collect();
                write_line(&rules, &widths, &self.aligns, out)?;
                self.widths.insert(widths)
            }
        };
        for line in &self.lines {
            write_line(line, widths, &self.aligns, out)?;
        }
        self.lines.clear();
        Ok(())
    }
}

fn write_line(cells: &[String], widths: &[usize], aligns: &[Align], out: &mut dyn Write) -> std::io::Result<()> {
    let mut text = String::new();
    for ((cell, &wanted), align) in cells.iter().zip(widths).zip(aligns) {
        let pad = " ".repeat(wanted.saturating_sub(width(cell)));
        match align {
            Align::Left => text.extend([cell, pad.as_str(), "  "]),
            Align::Right => text.extend([pad.as_str(), cell, "  "]),
        }
    }
    writeln!(out, "{}", text.trim_end())
}

/// Columns on a terminal: one a character, near enough for what it is.
fn width(text: &str) -> usize {
    text.chars().count()
}

/// `text` with control characters shown and no longer than a cell.
fn shown(text: &str) -> String {
    let mut cell = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == CELL_CHARS_MAX {
            cell.pop();
            cell.push('…');
            break;
        }
        if c.is_control() || is_direction(c) { cell.extend(c.escape_default()) } else { cell.push(c) }
    }
    cell
}

/// Marks that change the direction of the text after them.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(super) struct Table<W> {
    out: W,
    schema: SchemaRef,
    grid: Option<Grid>,
    rows: u64,
}

impl<W: Write> Table<W> {
    pub(super) fn new(schema: &SchemaRef, out: W) -> Self {
        Self { out, schema: schema.clone(), grid: None, rows: 0 }
    }
}

impl<W: Write> Printer for Table<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let rows = Rows::new(batch).map_err(failed)?;
        let columns = rows.columns().map_err(failed)?;
        let grid = self.grid.get_or_insert_with(|| {
            let aligns = columns.iter().map(|c| match c.kind() {
                Kind::Number | Kind::Double => Align::Right,
                _ => Align::Left,
            });
            Grid::new(rows.names().iter().cloned().zip(aligns))
        });
        let mut value = Vec::new();
        for row in 0..rows.len() {
            let mut cells = Vec::with_capacity(columns.len());
            for column in &columns {
                value.clear();
                column.print(row, &mut value).map_err(failed)?;
                cells.push(String::from_utf8_lossy(&value).into_owned());
            }
            grid.push(cells);
            self.rows += 1;
            if grid.lines.len() == ROWS_MEASURED {
                grid.print(&mut self.out).map_err(|e| Failure::output(&e))?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        let names = self.schema.fields().iter().map(|f| (f.name().clone(), Align::Left));
        let mut grid = self.grid.take().unwrap_or_else(|| Grid::new(names));
        grid.print(&mut self.out)
            .and_then(|()| writeln!(self.out, "({})", crate::output::count(self.rows, "record")))
            .and_then(|()| self.out.flush())
            .map_err(|e| Failure::output(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_line() {
        let mut grid = Grid::new([("name".to_owned(), Align::Left), ("n".to_owned(), Align::Right)]);
        grid.push(["a".to_owned(), "1".to_owned()]);
        grid.push(["Zürich".to_owned(), "20".to_owned()]);
        let mut out = Vec::new();
        grid.print(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "name     n\n──────  ──\na        1\nZürich  20\n");
    }

    #[test]
    fn data_cannot_speak_to_the_terminal() {
        assert_eq!(shown("a\u{1b}[31m\u{202e}"), "a\\u{1b}[31m\\u{202e}");
        assert_eq!(shown(&"x".repeat(100)).chars().count(), CELL_CHARS_MAX);
    }
}
