//! Small files of lines of JSON: every spelling, order, depth and mistake we know of.
//!
//! * Most lines are objects of one program, which has its habits; keys come, go and change their type.
//! * All are small (a few kilobytes at most), so that tests can afford thousands.

use std::fmt::Write as _;

use crate::Rng;

/// The file that belongs to `seed`.
pub fn json_zoo(seed: u64) -> Vec<u8> {
    let rng = &mut Rng::new(seed);
    let style = Style::new(rng);
    let keys: Vec<Key> = (0..=rng.below(8)).map(|number| Key::new(rng, number)).collect();
    let mut file = Vec::new();
    for _ in 0..rng.below(40) {
        let mut line = String::new();
        match rng.below(60) {
            0 => line.push_str(rng.pick(&[
                "killed",
                "[1,2]",
                "\"text\"",
                "null",
                " ",
                "{\"a\":1",
                "{\"a\":1}}",
                "{\"a\":\"\u{1}\"}",
            ])),
            1 => line.push_str("{}"),
            2 => line.push_str("{\"k0\":1,\"k0\":[2],\"k1\":{\"k0\":3},\"k1.k0\":4}"),
            _ => object(rng, &style, &keys, 0, &mut line),
        }
        file.extend_from_slice(line.as_bytes());
        file.extend_from_slice(if rng.one_in(50) { b"\r\n\n" } else { style.line_end });
    }
    if rng.one_in(4) {
        file.pop();
    }
    if rng.one_in(12) && !file.is_empty() {
        let at = rng.index(file.len());
        file[at] = rng.next() as u8;
    }
    file
}

/// How a program writes.
struct Style {
    after_colon: &'static str,
    after_comma: &'static str,
    line_end: &'static [u8],
    shuffles: bool,
    escapes: u64,
}

impl Style {
    fn new(rng: &mut Rng) -> Self {
        Self {
            after_colon: rng.pick(&["", "", " ", " \t"]),
            after_comma: rng.pick(&["", "", " "]),
            line_end: if rng.one_in(5) { b"\r\n" } else { b"\n" },
            shuffles: rng.one_in(4),
            escapes: rng.below(4),
        }
    }
}

/// A key, what it holds, and how often it is there.
struct Key {
    name: String,
    kind: u64,
    rare: bool,
}

impl Key {
    fn new(rng: &mut Rng, number: u64) -> Self {
        let name = match rng.below(12) {
            0 => format!("a.{number}"),
            1 => "\\u006b\\\"".to_owned(),
            2 => "ключ".to_owned(),
            3 => String::new(),
            _ => format!("k{number}"),
        };
        Self { name, kind: rng.below(14), rare: rng.one_in(3) }
    }
}

fn object(rng: &mut Rng, style: &Style, keys: &[Key], depth: u64, out: &mut String) {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    if style.shuffles {
        for at in (1..order.len()).rev() {
            order.swap(at, rng.index(at + 1));
        }
    }
    out.push('{');
    let mut is_first = true;
    for key in order.into_iter().map(|at| &keys[at]) {
        if key.rare && rng.one_in(2) {
            continue;
        }
        if !std::mem::take(&mut is_first) {
            out.push(',');
            out.push_str(style.after_comma);
        }
        let _ = write!(out, "\"{}\":{}", key.name, style.after_colon);
        // Now and then a value of another kind.
        let kind = if rng.one_in(40) { rng.below(14) } else { key.kind };
        value(rng, style, keys, kind, depth, out);
    }
    out.push('}');
}

fn value(rng: &mut Rng, style: &Style, keys: &[Key], kind: u64, depth: u64, out: &mut String) {
    let number = rng.between(-500, 100_000);
    let _ = match kind {
        0 | 1 => write!(out, "{number}"),
        2 => write!(out, "\"{number}\""),
        3 => write!(out, "{}.{:02}", number / 100, number.unsigned_abs() % 100),
        4 => write!(out, "{}", number as f64 / 7.0),
        5 => write!(out, "{}", rng.one_in(2)),
        6 => write!(out, "\"2024-05-{:02}T10:{:02}:00.{:03}Z\"", 1 + rng.below(28), rng.below(60), rng.below(1000)),
        7 => write!(
            out,
            "{}",
            rng.pick(&["null", "\"\"", "\"null\"", "\"NA\"", "0", "-0", "1e5", "1.50E+3", "18446744073709551616"])
        ),
        8 if depth < 3 => {
            object(rng, style, keys, depth + 1, out);
            Ok(())
        }
        9 => write!(out, "[{number},\"a]\\\"\", {{\"b\":[{number}]}}]"),
        10 => write!(out, "{}", rng.pick(&["[]", "{}", "{ }", "[ ]", "[[],[{}]]"])),
        _ => {
            string(rng, style, out);
            Ok(())
        }
    };
}

fn string(rng: &mut Rng, style: &Style, out: &mut String) {
    out.push('"');
    for _ in 0..rng.below(12) {
        let character = *rng.pick(&[
            &'a',
            &'b',
            &' ',
            &',',
            &'/',
            &'"',
            &'\\',
            &'\n',
            &'\u{8}',
            &'é',
            &'😀',
            &'\u{2028}',
            &'<',
            &'\u{7f}',
        ]);
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\u{8}' => out.push_str(if style.escapes == 3 { "\\u0008" } else { "\\b" }),
            '/' if style.escapes == 1 => out.push_str("\\/"),
            c if (style.escapes == 2 && !c.is_ascii()) || rng.one_in(60) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
