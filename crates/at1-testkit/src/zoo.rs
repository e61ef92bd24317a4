//! Small text files of every kind we have met: dialects, types, spellings, line ends, and the mistakes people make.
//!
//! * About half of the files are well-formed CSV; the rest carry one or more faults, up to noise.
//! * All are small (a few kilobytes at most), so that tests can afford thousands.

use std::io::Write as _;

use crate::Rng;

/// The file that belongs to `seed`.
pub fn csv_zoo(seed: u64) -> Vec<u8> {
    let rng = &mut Rng::new(seed);
    let mut file = match rng.below(24) {
        0 => noise(rng),
        1 => soup(rng),
        _ => table(rng),
    };
    if rng.one_in(3) {
        for _ in 0..=rng.below(3) {
            damage(rng, &mut file);
        }
    }
    file
}

/// Any bytes at all.
fn noise(rng: &mut Rng) -> Vec<u8> {
    (0..rng.below(300)).map(|_| rng.next() as u8).collect()
}

/// Structural bytes in any order.
fn soup(rng: &mut Rng) -> Vec<u8> {
    (0..rng.below(120))
        .map(|_| *rng.pick(&[&b'a', &b'1', &b',', &b'"', &b'\n', &b'\r', &b';', &b'\0', &b' ']))
        .collect()
}

/// How one file is written.
struct Style {
    delimiter: u8,
    quote: u8,
    line_end: &'static [u8],
    quoting: Quoting,
}

#[derive(Clone, Copy, PartialEq)]
enum Quoting {
    Never,
    WhereNeeded,
    Always,
    Sometimes,
}

/// What a column holds; `u64` is a parameter of the kind: a width, a scale, a style.
#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Integer,
    Huge,
    Padded(usize),
    Decimal(usize),
    Trimmed,
    Float,
    Odd,
    Boolean(u64),
    Date(u64),
    Time(u64),
    Epoch,
    Word,
    Prose,
    Unicode,
    Bytes,
    Empty,
    Hex,
}

fn table(rng: &mut Rng) -> Vec<u8> {
    let style = Style {
        delimiter: *rng.pick(&[&b',', &b',', &b',', &b'\t', &b';', &b'|']),
        quote: if rng.one_in(12) { b'\'' } else { b'"' },
        line_end: rng.pick(&[&b"\n"[..], b"\n", b"\r\n", b"\r"]),
        quoting: [Quoting::WhereNeeded, Quoting::WhereNeeded, Quoting::Never, Quoting::Always, Quoting::Sometimes]
            [rng.index(5)],
    };
    let width = if rng.one_in(30) { 1 + rng.index(120) } else { 1 + rng.index(8) };
    let kinds: Vec<Kind> = (0..width).map(|_| kind(rng)).collect();
    let rows = if rng.one_in(20) { rng.index(3) } else { rng.index(if width > 20 { 8 } else { 80 }) };
    let mut out = Vec::new();
    if rng.one_in(10) {
        out.extend_from_slice(b"\xef\xbb\xbf");
    }
    if !rng.one_in(4) {
        let names: Vec<Vec<u8>> = (0..width).map(|i| header(rng, i)).collect();
        record(rng, &style, &names, &mut out);
    }
    let null = *rng.pick(&[&"", &"", &"NA", &"NULL", &"\\N", &"null", &"-", &"?"]);
    let null_rate = 1 + rng.below(40);
    for row in 0..rows {
        let fields: Vec<Vec<u8>> = kinds
            .iter()
            .map(
                |&kind| if rng.one_in(null_rate + 1) { null.as_bytes().to_vec() } else { field(rng, kind, row as u64) },
            )
            .collect();
        record(rng, &style, &fields, &mut out);
        if rng.one_in(150) {
            out.extend_from_slice(style.line_end);
        }
    }
    if rng.one_in(5) {
        out.truncate(out.len().saturating_sub(style.line_end.len()));
    }
    out
}

fn header(rng: &mut Rng, position: usize) -> Vec<u8> {
    let name = *rng.pick(&[
        &"id",
        &"ts",
        &"price",
        &"Price",
        &"qty",
        &"side",
        &"",
        &"with space",
        &"a,b",
        &"grün",
        &"x{y}",
        &"_row",
        &"c0",
        &"name",
        &"1",
        &"select",
    ]);
    if rng.one_in(3) { format!("{name}_{position}").into_bytes() } else { name.as_bytes().to_vec() }
}

fn kind(rng: &mut Rng) -> Kind {
    match rng.below(20) {
        0 => Kind::Counter,
        1 | 2 => Kind::Integer,
        3 => Kind::Huge,
        4 => Kind::Padded(1 + rng.index(9)),
        5 => Kind::Decimal(1 + rng.index(5)),
        6 => Kind::Decimal(1 + rng.index(20)),
        7 => Kind::Trimmed,
        8 => Kind::Float,
        9 => Kind::Odd,
        10 => Kind::Boolean(rng.next()),
        11 => Kind::Date(rng.next()),
        12 | 13 => Kind::Time(rng.next()),
        14 => Kind::Epoch,
        15 => Kind::Word,
        16 => Kind::Prose,
        17 => Kind::Unicode,
        18 => *[Kind::Bytes, Kind::Empty].get(rng.index(2)).unwrap_or(&Kind::Empty),
        _ => Kind::Hex,
    }
}

fn field(rng: &mut Rng, kind: Kind, row: u64) -> Vec<u8> {
    let text = match kind {
        Kind::Counter => row.to_string(),
        Kind::Integer => rng.between(-50, 5000).to_string(),
        Kind::Huge => match rng.below(6) {
            0 => i64::MIN.to_string(),
            1 => i64::MAX.to_string(),
            2 => "9223372036854775808".into(),
            3 => "99999999999999999999999999999999999999".into(),
            4 => format!("{}{:019}", rng.below(1_000_000_000), rng.below(u64::MAX / 2)),
            _ => (rng.next() as i64).to_string(),
        },
        Kind::Padded(width) => format!("{:0width$}", rng.below(1000)),
        Kind::Decimal(scale) => {
            format!("{}{}.{:0scale$}", sign(rng), rng.below(100_000), rng.below(10u64.pow(scale.min(18) as u32)))
        }
        Kind::Trimmed => {
            let text = format!("{}.{:04}", rng.below(300), rng.below(10_000));
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        Kind::Float => match rng.below(5) {
            0 => format!("{:e}", f64::from_bits(rng.next())),
            1 => format!("{:?}", f64::from_bits(rng.next())),
            2 => format!("{}", rng.between(-1_000_000, 1_000_000) as f64 / 7.0),
            3 => format!("{:E}", rng.below(1 << 40) as f64),
            _ => format!("{:.17}", rng.below(1 << 20) as f64 / 3.0),
        },
        Kind::Odd => (*rng.pick(&[
            &"-0",
            &"+1",
            &"-0.0",
            &"1.",
            &".5",
            &"1e5",
            &"1E+05",
            &"NaN",
            &"nan",
            &"inf",
            &"-Infinity",
            &"0x1F",
            &"1_000",
            &"1,234.5",
            &" 7",
            &"7 ",
            &"1e999",
            &"--1",
            &"TRUE",
            &"00",
            &"١٢",
        ]))
        .to_owned(),
        Kind::Boolean(style) => {
            let (yes, no) =
                [("true", "false"), ("True", "False"), ("TRUE", "FALSE"), ("t", "f"), ("yes", "no"), ("1", "0")]
                    [(style % 6) as usize];
            (if rng.one_in(2) { yes } else { no }).to_owned()
        }
        Kind::Date(style) => {
            let (y, m, d) = day(rng);
            match style % 6 {
                0 | 1 => format!("{y:04}-{m:02}-{d:02}"),
                2 => format!("{m}/{d}/{y}"),
                3 => format!("{d:02}.{m:02}.{y}"),
                4 => format!("{y}{m:02}{d:02}"),
                _ => format!("{d:02}/{m:02}/{y}"),
            }
        }
        Kind::Time(style) => {
            let (y, m, d) = day(rng);
            let seconds = if rng.one_in(99) { 61 } else { 60 };
            let (h, min, s) = (rng.below(24), rng.below(60), rng.below(seconds));
            let fraction = match style / 8 % 5 {
                0 => format!(".{:03}", rng.below(1000)),
                1 => format!(".{:06}", rng.below(1_000_000)),
                2 => format!(".{:09}", rng.below(1_000_000_000)),
                _ => String::new(),
            };
            match style % 6 {
                0 => format!("{y:04}-{m:02}-{d:02}T{h:02}:{min:02}:{s:02}{fraction}Z"),
                1 => format!("{y:04}-{m:02}-{d:02} {h:02}:{min:02}:{s:02}{fraction}"),
                2 => format!("{m}/{d}/{y} {h}:{min:02}:{s:02}"),
                3 => format!("{y:04}-{m:02}-{d:02}T{h:02}:{min:02}:{s:02}{fraction}+{:02}:00", rng.below(14)),
                4 => format!("{h:02}:{min:02}:{s:02}"),
                _ => format!("{d:02}/{m:02}/{y} {h:02}:{min:02}"),
            }
        }
        Kind::Epoch => (1_704_067_200_000 + row * 250 + rng.below(200)).to_string(),
        Kind::Word => (*rng.pick(&[&"buy", &"sell", &"alpha", &"beta", &"BTC", &"ETH", &"NA", &"ok"])).to_owned(),
        Kind::Prose => (0..rng.below(6))
            .map(|_| {
                *rng.pick(&[
                    &"plain",
                    &"with,comma",
                    &"say \"hi\"",
                    &"two\nlines",
                    &"cr\rhere",
                    &"tab\there",
                    &"semi;colon",
                    &"'single'",
                    &"end\"",
                ])
            })
            .collect::<Vec<_>>()
            .join(" "),
        Kind::Unicode => {
            (*rng.pick(&[&"Zürich", &"naïve", &"日本語", &"🦀", &"e\u{301}", &"\u{feff}bom", &"\u{2028}", &"Ωmega"]))
                .to_owned()
        }
        Kind::Bytes => return (0..rng.below(6)).map(|_| rng.next() as u8).collect(),
        Kind::Empty => String::new(),
        Kind::Hex => format!("{:016x}", rng.next()),
    };
    text.into_bytes()
}

fn sign(rng: &mut Rng) -> &'static str {
    if rng.one_in(6) { "-" } else { "" }
}

fn day(rng: &mut Rng) -> (i64, u64, u64) {
    let year = if rng.one_in(20) { rng.between(1, 9999) } else { rng.between(1968, 2026) };
    let days = if rng.one_in(30) { 31 } else { 28 };
    (year, 1 + rng.below(12), 1 + rng.below(days))
}

fn record(rng: &mut Rng, style: &Style, fields: &[Vec<u8>], out: &mut Vec<u8>) {
    for (i, field) in fields.iter().enumerate() {
        if i > 0 {
            out.push(style.delimiter);
        }
        let special = field.iter().any(|&b| b == style.delimiter || b == style.quote || b == b'\n' || b == b'\r');
        let quoted = match style.quoting {
            Quoting::Never => false,
            Quoting::WhereNeeded => special,
            Quoting::Always => true,
            Quoting::Sometimes => special || rng.one_in(3),
        };
        if !quoted {
            out.extend_from_slice(field);
            continue;
        }
        out.push(style.quote);
        for &byte in field {
            if byte == style.quote {
                out.push(byte);
            }
            out.push(byte);
        }
        out.push(style.quote);
    }
    out.extend_from_slice(style.line_end);
}

/// One fault: of the writer, of the transport, or of the person who edited the file.
fn damage(rng: &mut Rng, file: &mut Vec<u8>) {
    let at = rng.index(file.len() + 1);
    let insert = |file: &mut Vec<u8>, bytes: &[u8]| drop(file.splice(at..at, bytes.iter().copied()));
    match rng.below(14) {
        0 => file.truncate(at),
        1 => drop(file.drain(..at)),
        2 => insert(file, b"\""),
        3 => insert(file, b"\0"),
        4 => insert(file, b"\xff\xfe"),
        5 => insert(file, b"\n\n"),
        6 => insert(file, b"\r"),
        7 => insert(file, b",,,"),
        8 => insert(file, b"# a comment, here\n"),
        9 => insert(file, b"\"\"\""),
        10 => {
            for byte in file.iter_mut().filter(|b| **b == b'\n') {
                if rng.one_in(4) {
                    *byte = b'\r';
                }
            }
        }
        11 => {
            // The same file, pasted below itself, header and all.
            let copy = file.clone();
            file.extend_from_slice(&copy);
        }
        12 => *file = file.iter().flat_map(|&b| [b, 0]).collect(),
        _ => {
            if let Some(byte) = file.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            } else {
                writeln!(file, "trailing words without a home").expect("a vector takes every write");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_file_again() {
        for seed in 0..200 {
            assert_eq!(csv_zoo(seed), csv_zoo(seed), "seed {seed}");
        }
    }

    #[test]
    fn the_zoo_has_every_animal() {
        let files: Vec<Vec<u8>> = (0..2000).map(csv_zoo).collect();
        let has = |what: &str, found: &dyn Fn(&[u8]) -> bool| assert!(files.iter().any(|f| found(f)), "no file {what}");
        has("is empty", &|f| f.is_empty());
        has("opens with a BOM", &|f| f.starts_with(b"\xef\xbb\xbf"));
        has("holds NUL", &|f| f.contains(&0));
        has("is not UTF-8", &|f| std::str::from_utf8(f).is_err());
        has("lacks a final line end", &|f| f.last().is_some_and(|&b| b != b'\n' && b != b'\r'));
        has("ends its lines with CR alone", &|f| f.contains(&b'\r') && !f.contains(&b'\n'));
        has("ends its lines with CRLF", &|f| f.windows(2).any(|w| w == b"\r\n"));
        has("has an odd number of quotes", &|f| f.iter().filter(|&&b| b == b'"').count() % 2 == 1);
        assert!(files.iter().all(|f| f.len() < 100_000), "small enough for thousands");
    }
}
