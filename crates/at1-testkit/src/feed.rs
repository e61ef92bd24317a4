//! What several producers offer one table in the course of time: files of one kind that differ in form, and that grow.
//!
//! * Columns `producer`, `file` and `line` are numbers and hold in every file what they say, so that answers can be known beforehand.
//! * A third of the files has no final line end, some are empty or only a header, columns come in several orders, and single fields
//!   fit no type.
//! * With each stage the table changes: columns come, and integers become decimals or words.

use std::fmt::Write as _;

use crate::Rng;

/// Columns that every headed file has; files without a header have exactly these.
const BASE: [&str; 7] = ["producer", "file", "line", "price", "ts", "note", "e0"];
/// The most columns that come later.
const EXTRA_MAX: u64 = 9;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedFile {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its records, without the header.
    pub rows: u64,
    /// How it opens.
    pub opening: Opening,
}

/// How a file opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// With the names of the first file, in any order.
    KnownHeader,
    /// With names of which some may be new to the table: whoever appends the file must say that it has a header.
    NewHeader,
    /// With a record.
    Record,
    /// Not at all: no bytes.
    Empty,
}

/// The file `file` of `producer`, when the table has come to `stage`. The first file of all is that of stage 0, number 0 of producer 0.
///
/// Column `e0` holds integers in stage 0, decimals from stage 1; `e1` comes with stage 2 and holds words from stage 3; `e2` is like
/// `e0` from stage 4, and so on. Not every file of a stage shows what is new in it.
pub fn feed(seed: u64, producer: u64, file: u64, stage: u64) -> FeedFile {
    let mut rng = Rng::new(seed ^ (producer << 40) ^ (file << 8));
    let first = (producer, file) == (0, 0);
    if !first && rng.one_in(25) {
        return FeedFile { bytes: vec![], rows: 0, opening: Opening::Empty };
    }
    let extras = if first || rng.one_in(4) { 1 } else { (stage / 2 + 1).min(EXTRA_MAX) };
    let mut columns: Vec<String> = BASE.iter().map(|&name| name.to_owned()).collect();
    columns.extend((1..extras).map(|extra| format!("e{extra}")));
    let opening = match extras {
        _ if first => Opening::KnownHeader,
        1 if rng.one_in(3) => Opening::Record,
        1 => Opening::KnownHeader,
        _ => Opening::NewHeader,
    };
    // Columns are in one of four orders, as different programs might write them.
    match rng.below(4) {
        _ if first || opening == Opening::Record => {}
        0 => columns.reverse(),
        1 => columns.rotate_left(3),
        2 => columns.swap(0, 3),
        _ => {}
    }
    let rows = match rng.below(25) {
        _ if first => 3,
        0 if opening != Opening::Record => 0,
        1 => 1 + rng.below(3000),
        2..8 => 1 + rng.below(400),
        _ => 1 + rng.below(40),
    };
    let mut writer = Writer { rng, stage, producer, file, end: "\n", out: String::new(), new_kinds: false };
    writer.new_kinds = !first && writer.rng.one_in(3);
    if writer.rng.one_in(6) {
        writer.end = "\r\n";
    }
    let misfit = (rows > 150 && writer.rng.one_in(2)).then(|| writer.rng.below(rows));
    if opening != Opening::Record {
        writer.out += &columns.join(",");
        writer.out += writer.end;
    }
    for line in 0..rows {
        writer.record(&columns, line, misfit == Some(line));
    }
    let Writer { mut rng, end, mut out, .. } = writer;
    if !first && rng.one_in(3) {
        out.truncate(out.len().saturating_sub(end.len()));
    }
    FeedFile { bytes: out.into_bytes(), rows, opening }
}

struct Writer {
    rng: Rng,
    stage: u64,
    producer: u64,
    file: u64,
    end: &'static str,
    out: String,
    /// Whether this file has the values that are new in the stage.
    new_kinds: bool,
}

impl Writer {
    fn record(&mut self, columns: &[String], line: u64, misfit: bool) {
        for (i, column) in columns.iter().enumerate() {
            if i > 0 {
                self.out.push(',');
            }
            let field = match column.as_str() {
                "producer" => self.producer.to_string(),
                "file" => self.file.to_string(),
                "line" => line.to_string(),
                "price" => self.price(misfit),
                "ts" => self.ts(line),
                "note" => self.note(),
                extra => self.extra(extra[1..].parse().unwrap_or_default()),
            };
            self.out += &field;
        }
        self.out += self.end;
    }

    fn price(&mut self, misfit: bool) -> String {
        let (whole, part) = (self.rng.below(1000), self.rng.below(100));
        match self.rng.below(40) {
            _ if misfit => "on request".to_owned(),
            0 => "NA".to_owned(),
            // Printed otherwise than its neighbours.
            1 => format!("{whole}.{}", part / 10),
            _ => format!("{whole}.{part:02}"),
        }
    }

    fn ts(&mut self, line: u64) -> String {
        let (day, second) = (1 + self.file % 28, self.rng.below(60));
        format!("2026-01-{day:02} {:02}:{:02}:{second:02}", line / 60 % 24, line % 60)
    }

    fn note(&mut self) -> String {
        match self.rng.below(12) {
            0 => String::new(),
            1 => "\"one, two\"".to_owned(),
            2 => format!("\"said \"\"{}\"\"{}and left\"", self.rng.below(9), self.end),
            3 => "naïve".to_owned(),
            n => ["buy", "sell", "hold"][n as usize % 3].to_owned(),
        }
    }

    /// Even columns become decimals one stage after they came, odd ones words.
    fn extra(&mut self, extra: u64) -> String {
        let number = self.rng.below(10_000);
        let new = self.new_kinds && self.stage > extra * 2;
        let mut field = String::new();
        let written = match extra % 2 {
            0 if new => write!(field, "{number}.{}", self.rng.below(10)),
            1 if new && self.rng.one_in(2) => write!(field, "k{number}"),
            _ => write!(field, "{number}"),
        };
        written.expect("a string takes every write");
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_of_all_kinds_and_the_first_is_plain() {
        let first = feed(1, 0, 0, 0);
        assert!(first.bytes.starts_with(b"producer,file,line,price,ts,note,e0\n0,0,0,"));
        assert_eq!((first.rows, first.opening), (3, Opening::KnownHeader));
        let files: Vec<_> = (0..400).map(|file| feed(1, 1, file, file / 100)).collect();
        for opening in [Opening::KnownHeader, Opening::NewHeader, Opening::Record, Opening::Empty] {
            assert!(files.iter().any(|file| file.opening == opening), "{opening:?}");
        }
        let open = files.iter().filter(|file| !file.bytes.ends_with(b"\n")).count();
        assert!((100..200).contains(&open), "{open} without a final line end");
        let holds = |file: &FeedFile, text: &str| String::from_utf8_lossy(&file.bytes).contains(text);
        assert!(
            files[..200].iter().all(|file| !holds(file, "e1")) && files[200..].iter().any(|file| holds(file, "e1"))
        );
        assert!(files[300..].iter().any(|file| holds(file, "k")) && files.iter().any(|file| holds(file, "on request")));
    }
}
