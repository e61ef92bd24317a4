//! Times and levels as programs write them in front of a line.

use crate::column::MONTHS;

/// Layouts of dates and times, of which no text fits two: `#` is a digit, `_` a digit or a blank, `M` the name of a
/// month, `W` that of a day of the week, all else itself.
const LAYOUTS: [&str; 18] = [
    "####-##-##T##:##:##",
    "####-##-## ##:##:##",
    "####/##/## ##:##:##",
    "####.##.## ##:##:##",
    "####-##-##-##.##.##",
    "##/##/#### ##:##:##",
    "##/##/## ##:##:##",
    "##-##-## ##:##:##",
    "##-##-#### ##:##:##",
    "##/M/####:##:##:##",
    "W, ## M #### ##:##:##",
    "W M _# ##:##:## ####",
    "## M #### ##:##:##",
    "M _# ##:##:##",
    "M # ##:##:##",
    "##-## ##:##:##",
    "##.## ##:##:##",
    "##:##:##",
];

const DAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

/// The layout that was met last, which comes first: the times of one log mostly look alike.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usual(usize);

/// The length of the time at the start of `text`, with its fraction and its zone. It is no part of a longer word.
pub(super) fn time_len(text: &[u8], usual: &mut Usual) -> Option<usize> {
    // Nearly all start with a digit, and all have one soon.
    if !text.first()?.is_ascii_alphanumeric() {
        return None;
    }
    let len_by = |layout: usize| layout_len(text, LAYOUTS[layout].as_bytes());
    let len = match len_by(usual.0) {
        Some(len) => len,
        None => (0..LAYOUTS.len()).find_map(|layout| len_by(layout).inspect(|_| usual.0 = layout))?,
    };
    let len = len + fraction_len(&text[len..]);
    let len = len + zone_len(&text[len..]);
    ends_word(&text[len..]).then_some(len)
}

fn ends_word(rest: &[u8]) -> bool {
    !rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-+/".contains(byte))
}

fn layout_len(text: &[u8], layout: &[u8]) -> Option<usize> {
    let mut at = 0;
    for &wanted in layout {
        let rest = text.get(at..)?;
        at += match (wanted, rest) {
            (b'#', [b'0'..=b'9', ..]) | (b'_', [b'0'..=b'9' | b' ', ..]) => 1,
            (b'M', name) if MONTHS.iter().any(|month| name.starts_with(month)) => 3,
            (b'W', name) if DAYS.iter().any(|day| name.starts_with(*day)) => 3,
            (b'#' | b'_' | b'M' | b'W', _) => return None,
            (byte, [found, ..]) if *found == byte => 1,
            _ => return None,
        };
    }
    Some(at)
}

/// `.123` or `,123`
fn fraction_len(text: &[u8]) -> usize {
    match text {
        [b'.' | b',', digits @ ..] => match digits.iter().take_while(|byte| byte.is_ascii_digit()).count() {
            len @ 1..=9 => 1 + len,
            _ => 0,
        },
        _ => 0,
    }
}

/// `Z`, `+00:00`, ` +0000`, ` UTC`
fn zone_len(text: &[u8]) -> usize {
    let blank = usize::from(text.first() == Some(&b' '));
    let zone = &text[blank..];
    let len = ["+##:##", "-##:##", "+####", "-####", "UTC", "GMT"]
        .iter()
        .find_map(|layout| zone_layout_len(zone, layout.as_bytes()))
        .or_else(|| (blank == 0 && zone.first() == Some(&b'Z')).then_some(1));
    len.filter(|&len| ends_word(&zone[len..])).map_or(0, |len| blank + len)
}

fn zone_layout_len(text: &[u8], layout: &[u8]) -> Option<usize> {
    let fits = |(wanted, found): (&u8, &u8)| if *wanted == b'#' { found.is_ascii_digit() } else { wanted == found };
    (text.len() >= layout.len() && layout.iter().zip(text).all(fits)).then_some(layout.len())
}

/// Words for how grave a line is, in lower case.
const LEVELS: [&str; 25] = [
    "info", "debug", "error", "warn", "warning", "trace", "fatal", "notice", "critical", "crit", "alert", "emerg",
    "panic", "severe", "fine", "finer", "finest", "verbose", "err", "d", "i", "w", "e", "f", "v",
];

/// The length of the level at the start of `text`.
pub(super) fn level_len(text: &[u8]) -> Option<usize> {
    let len = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = text[..len].to_ascii_lowercase();
    // One letter says so only in upper case.
    let is_known = LEVELS.iter().any(|level| level.as_bytes() == word) && (len > 1 || text[0].is_ascii_uppercase());
    (is_known && ends_word(&text[len..])).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for time in [
            "2015-03-17T10:05:03",
            "2015-03-17 10:05:03,123",
            "2015-03-17T10:05:03.123456Z",
            "2015-03-17T10:05:03+02:00",
            "2015-03-17 10:05:03 +0200",
            "2015/05/17 10:05:03",
            "17/May/2015:10:05:03 +0000",
            "Nov  5 06:34:26",
            "Nov 15 06:34:26",
            "Sun Dec 04 04:47:44 2005",
            "Wed, 04 Dec 2005 04:47:44 GMT",
            "17/06/09 20:10:40",
            "03-17 16:13:38.811",
            "10.30 16:49:06",
            "06:34:26.5",
        ] {
            for after in ["", " x", "] x", ": x", ", x"] {
                for usual in 0..LAYOUTS.len() {
                    let len = time_len(format!("{time}{after}").as_bytes(), &mut Usual(usual));
                    assert_eq!(len, Some(time.len()), "{time}{after}");
                }
            }
        }
        for other in
            ["", "x", "2015-03-17", "10:05", "Nov 15", "2015-03-17 10:05:03x", "10:05:03-7", "1:2:3", "Nov 15 06:34"]
        {
            assert_eq!(time_len(other.as_bytes(), &mut Usual::default()), None, "{other}");
        }
    }

    #[test]
    fn levels() {
        for (text, len) in [
            ("INFO x", Some(4)),
            ("warn:", Some(4)),
            ("E x", Some(1)),
            ("[INFO]", None),
            ("i x", None),
            ("information", None),
            ("INFO_x", None),
        ] {
            assert_eq!(level_len(text.as_bytes()), len, "{text}");
        }
    }
}
