//! The prompt: lines until a semicolon, history, completion.
//!
//! * A failure is told, and the prompt comes back. Ctrl-C ends the query that runs, or drops the line that is typed; Ctrl-D ends the prompt.
//! * Words that begin with a dot are for the prompt itself; `.help` tells them.

use std::{
    borrow::Cow,
    io::{Write as _, stderr},
    time::Instant,
};

use at1_console::{
    failure::{Exit, Failure},
    interrupt,
    print::Format,
};
use clap::ValueEnum as _;
use datafusion::{catalog::SchemaProvider as _, sql::sqlparser::keywords::ALL_KEYWORDS};
use rustyline::{
    Context, Editor, Helper,
    completion::Completer,
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::DefaultHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};
use tokio::runtime::Runtime;

use crate::{
    args::Sql,
    history, run,
    session::{FIRST, Session},
    statement::Telling,
};

const HELP: &str = "\
SELECT …;            a query, over as many lines as it takes
.tables              the tables
.schema [TABLE]      a table's columns
.format FORMAT       table, csv, jsonl
.timing on|off       tell how long each query took
.stats on|off        tell what each query read and skipped
.quit                or Ctrl-D";

/// Reads and runs queries until there are no more.
pub(crate) fn run(runtime: &mut Runtime, args: &Sql, session: &Session, mut telling: Telling) -> Result<(), Failure> {
    let broken = |error: ReadlineError| Failure::new(Exit::CouldNot, "io", format!("terminal: {error}"));
    let mut editor = Editor::<Words, DefaultHistory>::new().map_err(broken)?;
    editor.set_helper(Some(Words::of(runtime, session)));
    let kept = history::file();
    if let Some(file) = &kept {
        // The first time there is none.
        let _ = editor.load_history(file);
    }
    let mut timing = false;
    telling.voice.aside(|| format!("{FIRST} is the table; .help tells more"));
    loop {
        let line = match editor.readline("at1> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(broken(error)),
        };
        let text = line.trim();
        if text.is_empty() {
            continue;
        }
        // History is a convenience. It is kept line by line, so that a prompt that is killed loses none.
        let _ = editor.add_history_entry(text);
        if let Some(file) = &kept {
            let _ = editor.append_history(file);
        }
        let done = match text.strip_prefix('.') {
            Some("quit" | "exit" | "q") => break,
            Some(words) => own(runtime, session, words, &mut telling, &mut timing),
            None => {
                let start = Instant::now();
                let done = run::all(runtime, session, text, telling);
                if timing && done.is_ok() {
                    telling.voice.aside(|| format!("({:.3} s)", start.elapsed().as_secs_f64()));
                }
                done
            }
        };
        if interrupt::came() {
            run::renew(runtime, args)?;
            interrupt::forget();
        }
        if let Err(failure) = done {
            // Nobody is left to tell if stderr is gone.
            let _ = writeln!(stderr(), "error: {failure}");
        }
        if let Some(words) = editor.helper_mut() {
            *words = Words::of(runtime, session);
        }
    }
    Ok(())
}

/// Does what a word for the prompt says.
fn own(
    runtime: &Runtime,
    session: &Session,
    words: &str,
    telling: &mut Telling,
    timing: &mut bool,
) -> Result<(), Failure> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let switch = |word: &str| match word {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(Failure::usage("on or off", other)),
    };
    match words.as_slice() {
        ["help"] => telling.voice.aside(|| HELP.to_owned()),
        ["tables"] => telling.voice.aside(|| session.tables.table_names().join("\n")),
        ["schema"] => return schema(runtime, session, FIRST, *telling),
        ["schema", table] => return schema(runtime, session, table, *telling),
        ["format", format] => {
            telling.format = Format::from_str(format, true)
                .ok()
                .filter(|format| !format.is_binary())
                .ok_or_else(|| Failure::usage("table, csv or jsonl", *format))?;
        }
        ["timing", word] => *timing = switch(word)?,
        ["stats", word] => telling.stats = switch(word)?,
        other => return Err(Failure::usage("a word that .help tells", format!(".{}", other.join(" ")))),
    }
    Ok(())
}

fn schema(runtime: &Runtime, session: &Session, table: &str, telling: Telling) -> Result<(), Failure> {
    let quoted = table.replace('\'', "''");
    run::all(runtime, session, &format!("SELECT name, header, type FROM at1_columns('{quoted}')"), telling)
}

/// What can be completed, and when a query is whole.
struct Words(Vec<String>);

impl Words {
    fn of(runtime: &Runtime, session: &Session) -> Self {
        let mut words = vec![];
        for name in session.tables.table_names() {
            let table = runtime.block_on(session.tables.table(&name)).ok().flatten();
            words.extend(table.iter().flat_map(|table| {
                table.schema().fields().iter().map(|field| quoted(field.name())).collect::<Vec<_>>()
            }));
            words.push(quoted(&name));
        }
        let state = session.context.state();
        words.extend(state.scalar_functions().keys().cloned());
        words.extend(state.aggregate_functions().keys().cloned());
        words.extend(state.table_functions().keys().cloned());
        words.extend(ALL_KEYWORDS.iter().map(|&word| word.to_owned()));
        words.sort_unstable();
        words.dedup();
        Self(words)
    }
}

/// A name as it stands in SQL.
fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !ALL_KEYWORDS.contains(&name.to_ascii_uppercase().as_str());
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Where the word that ends at `end` begins, and what of `words` begins like it: names as they are, keywords in either case.
fn complete(words: &[String], line: &str, end: usize) -> (usize, Vec<String>) {
    let typed = &line[..end];
    let start = typed
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(0, |at| at + typed[at..].chars().next().map_or(0, char::len_utf8));
    let word = &typed[start..];
    if word.is_empty() {
        return (end, vec![]);
    }
    let starts = |candidate: &&String| {
        let bare = candidate.trim_start_matches('"');
        bare.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let mut found: Vec<String> = words.iter().filter(starts).cloned().collect();
    // What is spelled as it was typed comes first.
    found.sort_by_key(|candidate| !candidate.trim_start_matches('"').starts_with(word));
    (start, found)
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, end: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(&self.0, line, end))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        prompt.into()
    }
}

impl Validator for Words {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_whole(context.input()) { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Helper for Words {}

/// Whether a text is for the prompt itself, or ends with a semicolon that is none of a string's or a comment's.
fn is_whole(text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() || text.starts_with('.') {
        return true;
    }
    let tokens =
        datafusion::sql::sqlparser::tokenizer::Tokenizer::new(&at1_datafusion::dialect::At1Dialect, text).tokenize();
    use datafusion::sql::sqlparser::tokenizer::Token;
    let last = |tokens: Vec<Token>| tokens.into_iter().rev().find(|token| !matches!(token, Token::Whitespace(_)));
    // What cannot be cut into words lacks the end of a string.
    tokens.is_ok_and(|tokens| last(tokens) == Some(Token::SemiColon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_end_with_a_semicolon() {
        for (text, expected) in [
            ("SELECT 1", false),
            ("SELECT 1;", true),
            ("SELECT 1; -- done", true),
            ("SELECT 1 -- ;", false),
            ("SELECT ';", false),
            ("SELECT ';'", false),
            (".help", true),
            ("", true),
        ] {
            assert_eq!(is_whole(text), expected, "{text}");
        }
    }

    #[test]
    fn words_are_completed() {
        let words: Vec<String> = ["Price", "\"a b\"", "price", "PRIMARY", "über"].map(str::to_owned).into();
        assert_eq!(complete(&words, "SELECT pri", 10), (7, vec!["price".into(), "Price".into(), "PRIMARY".into()]));
        assert_eq!(complete(&words, "SELECT ü", 9), (7, vec!["über".into()]));
        assert_eq!(complete(&words, "SELECT ", 7), (7, vec![]));
        assert_eq!(complete(&words, "x(a", 3), (2, vec!["\"a b\"".into()]));
    }

    #[test]
    fn names_that_are_no_plain_words_stand_in_quotes() {
        for (name, expected) in
            [("price", "price"), ("a b", "\"a b\""), ("select", "\"select\""), ("a\"b", "\"a\"\"b\""), ("1a", "\"1a\"")]
        {
            assert_eq!(quoted(name), expected);
        }
    }
}
