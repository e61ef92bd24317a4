//! Finding the pattern of a log from its first lines.
//!
//! * Formats that have a name are tried first. Else the *head* of each line is read: the times, levels, numbers, brackets and tags
//!   in front of its message. Heads that come often become ways.
//! * A choice costs size and comfort only: whatever the pattern is, every line comes back.

use std::collections::HashMap;

use super::{
    super::objects,
    Cut, MESSAGE, Pattern, Rest, pairs,
    stamp::{Usual, level_len, time_len},
};

/// How many lines are looked at.
const LINES_MAX: usize = 4_000;
/// How much of a sample a format that has a name must fit to be taken,
const NAMED_MIN: f64 = 0.5;
/// and how much a pattern must fit to be sure: of a stack trace some lines are not indented.
const SURE_MIN: f64 = 0.8;
/// One line in so many must have a head, or it becomes no way.
const HEADS_ONE_IN: usize = 200;
/// How many heads become ways.
const WAYS_MAX: usize = 8;
/// How many tokens of a line are looked at.
const TOKENS_MAX: usize = 14;

const COMBINED: [&str; 2] = [
    "{host} {ident} {user} [{time:time}] \"{method} {path} {protocol}\" {status:int} {bytes} \"{referer:text}\" \"{agent:text}\"",
    "{host} {ident} {user} [{time:time}] \"{request:text}\" {status:int} {bytes} \"{referer:text}\" \"{agent:text}\"",
];
const COMMON: [&str; 2] = [
    "{host} {ident} {user} [{time:time}] \"{method} {path} {protocol}\" {status:int} {bytes}",
    "{host} {ident} {user} [{time:time}] \"{request:text}\" {status:int} {bytes}",
];
const SYSLOG: [&str; 4] = [
    "<{priority:int}>{version:int} {time:time} {host} {app} {procid} {msgid} {message:text}",
    "<{priority:int}>{time:time} {host} {program}[{pid:int}]: {message:text}",
    "<{priority:int}>{time:time} {host} {program}: {message:text}",
    "<{priority:int}>{time:time} {message:text}",
];
const PAIRS: [&str; 1] = ["{:pairs}"];

/// A pattern, and how sure it is.
#[derive(Debug)]
pub(in super::super) struct Discovery {
    pub(in super::super) pattern: Pattern,
    /// Whether nearly all lines, the first among them, are of a log and of nothing else.
    pub(in super::super) is_sure: bool,
}

/// The pattern of the log that begins with these lines.
pub(in super::super) fn discover<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Discovery {
    let mut lines = lines.filter(|line| !line.trim_ascii().is_empty()).peekable();
    // A line that is indented goes on with the one before it, as those of a stack trace do.
    let is_indented = |line: &&[u8]| matches!(line.first(), Some(b' ' | b'\t'));
    let all_are = lines.peek().is_some_and(is_indented);
    let lines: Vec<&[u8]> = lines.filter(|line| all_are || !is_indented(line)).take(LINES_MAX).collect();
    let named = [&COMBINED[..], &COMMON, &SYSLOG, &PAIRS];
    for ways in named {
        let pattern = Pattern::new(ways).expect("known patterns are well-formed");
        let (fitting, first) = fitting(&pattern, &lines);
        // One pair alone may be anything.
        let is_worth = || ways != PAIRS || lines.iter().any(|line| pairs(line, 0).is_some_and(|pairs| pairs.len() > 1));
        if fitting >= NAMED_MIN && is_worth() {
            return Discovery { pattern, is_sure: first && fitting >= SURE_MIN };
        }
    }
    let heads: Vec<Option<Head>> = lines.iter().map(|line| Head::of(line)).collect();
    let pattern = from_heads(&heads);
    let (fitting, first) = fitting(&pattern, &lines);
    // Lines that are nothing but a time are a column of times.
    let is_log = |head: &&Head| match head.rest {
        Tail::Json | Tail::Pairs => true,
        Tail::Text => head.has(Kind::Time),
        Tail::Nothing => false,
    };
    let dated = heads.iter().flatten().filter(is_log).count();
    let is_sure = first && fitting >= SURE_MIN && dated as f64 >= SURE_MIN * lines.len() as f64;
    Discovery { pattern, is_sure }
}

/// Which part of the lines fits, and whether the first does.
fn fitting(pattern: &Pattern, lines: &[&[u8]]) -> (f64, bool) {
    let numbers = pattern.numbers();
    let mut cut = Cut::default();
    let mut fits = |line: &&[u8]| {
        numbers.iter().enumerate().any(|(way, numbers)| {
            pattern.cut_by(way, line, numbers, &mut cut)
                && match cut.rest {
                    None => true,
                    Some((Rest::Json, at)) => objects::is_object(&line[at..]),
                    Some((Rest::Pairs, at)) => pairs(line, at).is_some(),
                }
        })
    };
    let first = lines.first().is_some_and(&mut fits);
    let fitting = lines.iter().filter(|line| fits(line)).count();
    (fitting as f64 / lines.len().max(1) as f64, first)
}

/// What stands in front of a line's message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Head {
    tokens: Vec<Token>,
    rest: Tail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Token {
    kind: Kind,
    /// Whether it stands in brackets.
    in_brackets: bool,
    /// What follows it without a blank.
    mark: Option<char>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Time,
    Level,
    Int,
    /// `-` by itself.
    Dash,
    /// A word that ends in a colon.
    Tag,
    /// The same with a number in brackets: `sshd[12]:`.
    TagWithPid,
    /// What stands in brackets and is nothing else.
    Group,
    Word,
}

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Tail {
    Text,
    Json,
    Pairs,
    Nothing,
}

impl Head {
    /// The head of a line, if it has one.
    fn of(line: &[u8]) -> Option<Self> {
        let (tokens, ends) = tokens(line);
        let len = head_len(&tokens, line, &ends)?;
        let at = ends[len - 1];
        let rest = line[at..].trim_ascii_start();
        let rest = match rest {
            [] => Tail::Nothing,
            [b'{', ..] if objects::is_object(rest) => Tail::Json,
            _ if pairs(rest, 0).is_some_and(|pairs| pairs.len() > 1) => Tail::Pairs,
            _ => Tail::Text,
        };
        let mut tokens = tokens[..len].to_vec();
        // In front of the time a dash is a field that says nothing, and says something in other lines.
        let before = tokens.iter().position(|token| token.kind == Kind::Time).unwrap_or(0);
        tokens[..before].iter_mut().filter(|token| token.kind == Kind::Dash).for_each(|token| token.kind = Kind::Word);
        Some(Self { tokens, rest })
    }

    fn has(&self, kind: Kind) -> bool {
        self.tokens.iter().any(|token| token.kind == kind)
    }

    /// The same up to its last time or level: what is left of it where no tag follows.
    fn core(&self) -> Option<Self> {
        let is_core = |token: &Token| matches!(token.kind, Kind::Time | Kind::Level);
        let last = self.tokens.iter().rposition(is_core)?;
        Some(Self { tokens: self.tokens[..=last].to_vec(), rest: Tail::Text })
    }

    /// It as a way of a pattern. Where lines have keys, the names in front are told from these.
    fn way(&self, has_keys: bool) -> String {
        let mut way = String::new();
        let mut used: HashMap<&str, usize> = HashMap::new();
        let under = if has_keys { "_" } else { "" };
        for (index, token) in self.tokens.iter().enumerate() {
            if index > 0 {
                way.push(' ');
            }
            if token.in_brackets {
                way.push('[');
            }
            let next = self.tokens.get(index + 1).map(|token| token.kind);
            let is_host = index > 0
                && self.tokens[index - 1].kind == Kind::Time
                && matches!(next, Some(Kind::Tag | Kind::TagWithPid));
            let (name, class) = match token.kind {
                Kind::Time => ("time", ":time"),
                Kind::Level => ("level", ":level"),
                Kind::Int if self.tokens.len() == 1 => ("time", ":int"),
                Kind::Int => ("f", ":int"),
                Kind::Tag | Kind::TagWithPid => ("program", ""),
                Kind::Group => ("f", ":text"),
                Kind::Word if is_host => ("host", ""),
                Kind::Word => ("f", ""),
                Kind::Dash => ("", ""),
            };
            if token.kind == Kind::Dash {
                way.push('-');
            } else {
                let count = used.entry(name).or_default();
                *count += 1;
                let number = if *count > 1 || name == "f" { count.to_string() } else { String::new() };
                way.push_str(&format!("{{{under}{name}{number}{class}}}"));
            }
            if token.kind == Kind::TagWithPid {
                way.push_str(&format!("[{{{under}pid:int}}]"));
            }
            if token.in_brackets {
                way.push(']');
            }
            way.extend(token.mark);
        }
        match self.rest {
            Tail::Text => way.push_str(&format!(" {{{MESSAGE}:text}}")),
            Tail::Json => way.push_str(" {:json}"),
            Tail::Pairs => way.push_str(" {:pairs}"),
            Tail::Nothing => {}
        }
        way
    }
}

/// The first tokens of a line, and where each ends.
fn tokens(line: &[u8]) -> (Vec<Token>, Vec<usize>) {
    let (mut tokens, mut ends) = (Vec::new(), Vec::new());
    let mut at = 0;
    while tokens.len() < TOKENS_MAX && at < line.len() {
        let Some((token, len)) = token(&line[at..]) else { break };
        at += len;
        tokens.push(token);
        ends.push(at);
        if line.get(at).is_some_and(|&byte| byte != b' ') {
            break;
        }
        at += line[at..].iter().take_while(|&&byte| byte == b' ').count();
    }
    (tokens, ends)
}

/// The token at the start of `rest`, which a blank follows or nothing.
fn token(rest: &[u8]) -> Option<(Token, usize)> {
    let plain = |kind, mark, len: usize| (Token { kind, in_brackets: false, mark }, len);
    let ends = |at: usize| rest.get(at).is_none_or(|&byte| byte == b' ');
    // A time or a level may have a mark behind it.
    let marked = |kind, len: usize| match rest.get(len) {
        Some(&mark @ (b':' | b',')) if ends(len + 1) => Some(plain(kind, Some(char::from(mark)), len + 1)),
        _ => ends(len).then(|| plain(kind, None, len)),
    };
    if let Some(inside) = rest.strip_prefix(b"[") {
        let close = (0..inside.len())
            .find(|&at| inside[at] == b']' && (ends(at + 2) || inside.get(at + 1) == Some(&b':') && ends(at + 3)))?;
        let mark = (inside.get(close + 1) == Some(&b':')).then_some(':');
        let inside = &inside[..close];
        let kind = if time_len(inside, &mut Usual::default()) == Some(close) {
            Kind::Time
        } else if level_len(inside) == Some(close) {
            Kind::Level
        } else if close > 0 && inside.iter().all(u8::is_ascii_digit) {
            Kind::Int
        } else {
            Kind::Group
        };
        // What is looked for behind a group must not stand in it.
        let is_clear = kind != Kind::Group || !inside.contains(&b']');
        return is_clear.then(|| (Token { kind, in_brackets: true, mark }, close + 2 + usize::from(mark.is_some())));
    }
    if let Some(found) = time_len(rest, &mut Usual::default()).and_then(|len| marked(Kind::Time, len)) {
        return Some(found);
    }
    if let Some(found) = level_len(rest).and_then(|len| marked(Kind::Level, len)) {
        return Some(found);
    }
    let word = rest.split(|&byte| byte == b' ' || byte == b'\t').next().filter(|word| !word.is_empty())?;
    let kind = match word {
        b"-" => Kind::Dash,
        [tag @ .., b':'] => match tag {
            [] => return None,
            [name @ .., b']'] => {
                let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
                let (name, _) = name.split_at(name.len() - digits);
                match name.strip_suffix(b"[") {
                    Some(name) if digits > 0 && !name.is_empty() && !name.contains(&b'[') => {
                        return Some(plain(Kind::TagWithPid, Some(':'), word.len()));
                    }
                    _ => return Some(plain(Kind::Word, None, word.len())),
                }
            }
            _ if tag.contains(&b':') => Kind::Word,
            _ => return Some(plain(Kind::Tag, Some(':'), word.len())),
        },
        _ if word.iter().all(u8::is_ascii_digit) => Kind::Int,
        _ => Kind::Word,
    };
    Some(plain(kind, None, word.len()))
}

/// How many of the tokens are the head of a line.
fn head_len(tokens: &[Token], line: &[u8], ends: &[usize]) -> Option<usize> {
    let kind = |index: usize| tokens.get(index).map(|token| token.kind);
    let is_anchor = |kind| matches!(kind, Kind::Time | Kind::Level);
    // A number in front of an object can only be when it came.
    if kind(0) == Some(Kind::Int) && line[ends[0]..].trim_ascii_start().starts_with(b"{") {
        return Some(1);
    }
    // Any words may stand before a time; before a level without one, only what is no prose.
    let anchor = match tokens.iter().position(|token| token.kind == Kind::Time) {
        Some(time) => time.min(tokens.iter().position(|token| token.kind == Kind::Level).unwrap_or(time)),
        None => tokens.iter().position(|token| token.kind == Kind::Level)?,
    };
    let has_time = tokens.iter().any(|token| token.kind == Kind::Time);
    if !has_time && tokens[..anchor].iter().any(|token| matches!(token.kind, Kind::Word | Kind::Tag)) {
        return None;
    }
    let mut len = anchor + 1;
    let mut has_level = kind(anchor) == Some(Kind::Level);
    while let Some(next) = kind(len) {
        match next {
            Kind::Time => len += 1,
            Kind::Level if !has_level => {
                has_level = true;
                len += 1;
            }
            Kind::Level => break,
            Kind::Int if has_level => break,
            Kind::Int | Kind::Dash | Kind::Group => len += 1,
            Kind::Tag | Kind::TagWithPid => return Some(len + 1),
            // A word is no message if something of a head follows it.
            Kind::Word => match kind(len + 1) {
                Some(after)
                    if is_anchor(after) || matches!(after, Kind::Dash | Kind::Group | Kind::Tag | Kind::TagWithPid) =>
                {
                    len += 1
                }
                _ => break,
            },
        }
    }
    Some(len)
}

/// A pattern of the heads that come often, the longest first; behind them what is left of each without its tag.
fn from_heads(heads: &[Option<Head>]) -> Pattern {
    let mut counts: HashMap<&Head, usize> = HashMap::new();
    for head in heads.iter().flatten() {
        *counts.entry(head).or_default() += 1;
    }
    let mut often: Vec<(&Head, usize)> =
        counts.into_iter().filter(|&(_, count)| count * HEADS_ONE_IN >= heads.len()).collect();
    // By how often they come; where that is equal, by what does not depend on the order of a map.
    often.sort_by_key(|(head, count)| (std::cmp::Reverse(*count), head.way(false)));
    often.truncate(WAYS_MAX);
    let mut chosen: Vec<Head> = often.into_iter().map(|(head, _)| head.clone()).collect();
    let cores: Vec<Head> = chosen.iter().filter_map(Head::core).collect();
    for core in cores {
        if !chosen.contains(&core) {
            chosen.push(core);
        }
    }
    let is_text = |head: &Head| head.rest == Tail::Text;
    // What takes more of a line apart comes first, as it fits fewer.
    let fields = |head: &Head| head.way(false).matches('{').count();
    chosen.sort_by_key(|head| (std::cmp::Reverse((head.tokens.len(), fields(head))), is_text(head), head.way(false)));
    let has_keys = chosen.iter().any(|head| matches!(head.rest, Tail::Json | Tail::Pairs));
    let ways: Vec<String> = chosen.iter().map(|head| head.way(has_keys)).collect();
    // A head whose fields would run into each other is no way.
    let ways: Vec<String> = ways.into_iter().filter(|way| Pattern::new([way]).is_ok()).collect();
    Pattern::new(ways).unwrap_or_else(|_| Pattern::none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lines: &str, ways: &[&str], is_sure: bool) {
        let found = discover(lines.lines().map(str::as_bytes));
        assert_eq!(found.pattern.ways().collect::<Vec<_>>(), ways, "{lines}");
        assert_eq!(found.is_sure, is_sure, "{lines}");
    }

    #[test]
    fn formats_that_have_a_name() {
        let combined = "1.2.3.4 - bob [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 12 \"-\" \"curl\"\n\
             ::1 - - [17/May/2015:10:05:03 +0000] \"-\" 400 - \"-\" \"-\"";
        check(combined, &COMBINED, true);
        check("1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 12", &COMMON, true);
        check("<34>1 2003-10-11T22:14:15.003Z host su - ID47 - 'su root' failed", &SYSLOG, true);
        check("level=info ts=2024-01-01 msg=\"a b\"\nlevel=warn", &PAIRS, true);
    }

    #[test]
    fn stack_traces_go_on_with_the_line_before() {
        let line = "2024-05-01 10:00:00,001 INFO server: request\n";
        let java = "2024-05-01 10:00:01,002 ERROR server: failed\njava.io.IOException: gone\n\
                    \tat a.B.c(B.java:1)\n\tat a.B.d(B.java:2)\n\tat a.B.e(B.java:3)\n";
        let python = "2024-05-01 10:00:01,002 ERROR server: failed\nTraceback (most recent call last):\n  \
                      File \"a.py\", line 1, in b\n    c()\nOSError: gone\n";
        let ways = ["{time:time} {level:level} {program}: {message:text}", "{time:time} {level:level} {message:text}"];
        check(&(line.repeat(5) + java), &ways, true);
        check(&(line.repeat(8) + python), &ways, true);
        check(&(line.to_owned() + &python.repeat(3)), &ways, false);
    }

    #[test]
    fn heads_of_lines() {
        check(
            "Nov 15 06:34:26 web sshd[12]: opened\nNov  5 06:34:26 web kernel: up\nNov 15 06:34:26 last message repeated",
            &[
                "{time:time} {host} {program}[{pid:int}]: {message:text}",
                "{time:time} {host} {program}: {message:text}",
                "{time:time} {message:text}",
            ],
            true,
        );
        check(
            "2015-07-29 17:41:44,747 - INFO  [main:A@774] - Notification time out\n2015-07-29 17:41:44,747 - WARN  [main:A@774] - x",
            &["{time:time} - {level:level} [{f1:text}] - {message:text}", "{time:time} - {level:level} {message:text}"],
            true,
        );
        check(
            "[10.30 16:49:06] chrome.exe - proxy:5070 close, 0 bytes",
            &["[{time:time}] {f1} - {message:text}", "[{time:time}] {message:text}"],
            true,
        );
        check("1723161255030314667 {\"a\":1}\n1723161255030314668 {\"b\":2}", &["{_time:int} {:json}"], true);
        check(
            "081109 203615 148 INFO dfs.A: got 1",
            &[
                "{f1:int} {f2:int} {f3:int} {level:level} {program}: {message:text}",
                "{f1:int} {f2:int} {f3:int} {level:level} {message:text}",
            ],
            false,
        );
        check(
            "- 1132065266 2005.11.15 bn179 Nov 15 06:34:26 bn179/bn179 snmpd[1989]: Got trap from peer on fd 13",
            &[
                "{f1} {f2:int} {f3} {f4} {time:time} {host} {program}[{pid:int}]: {message:text}",
                "{f1} {f2:int} {f3} {f4} {time:time} {message:text}",
            ],
            true,
        );
        check("2024-01-01 10:00:00\n2024-01-01 10:00:01", &["{time:time} {message:text}", "{time:time}"], false);
        check("words, and more words\nand others", &[], false);
        check("2024-01-01 10:00:00,1,2\n2024-01-01 10:00:01,1,2", &[], false);
    }
}
