//! What `at1` takes to open a table and to answer, and how many bytes each kind of question reads.

use std::process::Command;

use at1_testkit::scale;
use serde_json::{Value, json};

use super::{Run, timed};
use crate::{
    at1::objects,
    sh::{self, Result},
};

/// A kind of question.
struct Question {
    name: &'static str,
    /// The command and what follows the table.
    verb: &'static str,
    args: Vec<String>,
    /// How many lines answer it, where that follows from how the table was made.
    lines: Option<u64>,
}

/// Kinds of questions to a table of so many segments, in the order of the page.
fn questions(segments: u64, aggregates: bool) -> Vec<Question> {
    let middle = segments / 2;
    let before = middle.saturating_sub(1);
    let second = |n: u64| {
        let [first, last] = scale::second(n);
        format!("time:{first}..{last}")
    };
    let (id, block) = (scale::id(middle, scale::ROWS / 2), format!("size:{}:", scale::BLOCK_SIZE));
    let id = format!("id:{id}:{id}");
    // Event n is committed when second n is over.
    let [committed, _] = scale::second(before + 1);
    let (event, seen, middle, number) = (before.to_string(), second(before), second(middle), middle.to_string());
    let ask = |name: &'static str, verb, lines: Option<u64>, args: &[&str]| {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        Question { name, verb, args, lines }
    };
    let mut questions = vec![
        ask("open", "info", None, &["--json"]),
        ask("what info tells in words", "info", None, &[]),
        ask("clustered, first row", "scan", Some(1), &[&middle, "--limit", "1"]),
        ask("clustered, all rows", "scan", Some(scale::ROWS), &[&middle]),
        ask("unclustered, rare, first row", "scan", None, &[&block, "--limit", "1"]),
        ask("unclustered, rare, all rows", "scan", None, &[&block]),
        ask("as of the middle, first row", "scan", Some(1), &["--as-of", &event, &seen, "--limit", "1"]),
        ask("as of a time, first row", "scan", Some(1), &["--as-of", &committed, &seen, "--limit", "1"]),
        ask("the last 10", "scan", Some(10), &["--last", "10"]),
        ask("exact bytes of one batch", "cat", None, &["--batch", &number]),
        ask("id, first row", "scan", Some(1), &[&id, "--limit", "1"]),
    ];
    if aggregates {
        questions.push(ask("count of everything", "scan", None, &["--aggregate", "count(*)"]));
        questions.push(ask("least and greatest of a column", "scan", None, &["--aggregate", "min(price), max(price)"]));
    }
    questions.push(ask("one column of everything", "scan", None, &["--select", "size"]));
    questions
}

pub(super) fn measure(run: &mut Run<'_>) -> Result {
    let help = String::from_utf8(run.at1.bytes(["scan", "--help"])?)?;
    for question in questions(run.segments, help.contains("--aggregate")) {
        let command = || {
            let mut command = run.at1.command([question.verb.as_ref(), run.table.as_os_str()]);
            command.args(&question.args);
            command
        };
        let mut found = timed::measure(&command, run.options.limit, run.options.cold)?;
        if question.verb == "scan" && found["wall_ms"].is_number() {
            statistics(&mut command(), &question, &mut found)?;
        }
        run.tell("at1", question.name, found)?;
    }
    Ok(())
}

/// Adds what the scan says it did, and compares its answer with what it must be.
fn statistics(command: &mut Command, question: &Question, found: &mut Value) -> Result {
    let output = sh::output(command.args(["--stats", "--json"]))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let last = told.lines().last().unwrap_or_default();
    let statistics = objects(last.as_bytes())?;
    let statistics = statistics.first().ok_or_else(|| format!("{}: no statistics", question.name))?;
    let answer = output.stdout.iter().filter(|&&byte| byte == b'\n').count() as u64;
    if let Some(expected) = question.lines
        && answer != expected
    {
        return Err(format!("{}: expected {expected} records, found {answer}", question.name).into());
    }
    let members = [
        "bytes_read",
        "bytes_read_opening",
        "bytes_read_planning",
        "bytes_read_data",
        "bytes_total",
        "segments_scanned",
        "segments_total",
        "rows_matched",
    ];
    for member in members {
        found[member] = statistics.get(member).cloned().unwrap_or(json!(null));
    }
    Ok(())
}
