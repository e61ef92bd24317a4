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
    args: Vec<String>,
    /// How many records answer it, where that follows from how the table was made.
    records: Option<usize>,
}

/// Kinds of questions to a table of so many segments, in the order of the page.
fn questions(segments: u64, counts: bool) -> Vec<Question> {
    let middle = segments / 2;
    let ask = |name: &'static str, records: Option<usize>, args: &[&str]| Question {
        name,
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        records,
    };
    let second = |n: u64| {
        let [first, last] = scale::second(n);
        format!("time:{first}..{last}")
    };
    let (id, block) = (scale::id(middle, scale::ROWS / 2), format!("size:{}:", scale::BLOCK_SIZE));
    let (id, before) = (format!("id:{id}:{id}"), format!("{}", middle.saturating_sub(1)));
    let rows = usize::try_from(scale::ROWS).unwrap_or(usize::MAX);
    let mut questions = vec![
        ask("clustered, first row", Some(1), &[&second(middle), "--limit", "1"]),
        ask("clustered, all rows", Some(rows), &[&second(middle)]),
        ask("unclustered, rare, first row", None, &[&block, "--limit", "1"]),
        ask("unclustered, rare, all rows", None, &[&block]),
        ask(
            "as of the middle, first row",
            Some(1),
            &["--as-of", &before, &second(middle.saturating_sub(1)), "--limit", "1"],
        ),
        ask("the last 10", Some(10), &["--last", "10"]),
        ask("id, first row", Some(1), &[&id, "--limit", "1"]),
    ];
    if counts {
        questions.push(ask("count of everything", None, &["--count"]));
    }
    questions.push(ask("one column of everything", None, &["--select", "size"]));
    questions
}

pub(super) fn measure(run: &mut Run<'_>) -> Result {
    let command = |args: &[String]| {
        let mut command = run.at1.command(args);
        command.env_remove("AT1_THREADS");
        command
    };
    let table = run.table.to_string_lossy().into_owned();
    let open = ["info".to_owned(), table.clone()];
    let (limit, cold) = (run.options.limit, run.options.cold);
    let found = timed::measure(&|| command(&open), limit, cold)?;
    let help = String::from_utf8(run.at1.bytes(["scan", "--help"])?)?;
    let mut told = vec![("open", found)];
    for question in questions(run.segments, help.contains("--count")) {
        let args: Vec<String> = ["scan".to_owned(), table.clone()].into_iter().chain(question.args.clone()).collect();
        let mut found = timed::measure(&|| command(&args), limit, cold)?;
        if found["wall_ms"].is_number() {
            statistics(&mut command(&args), &question, &mut found)?;
        }
        told.push((question.name, found));
    }
    told.into_iter().try_for_each(|(name, found)| run.tell("at1", name, found))
}

/// Adds what the scan says it did, and compares its answer with what it must be.
fn statistics(command: &mut Command, question: &Question, found: &mut Value) -> Result {
    let output = sh::output(command.args(["--stats", "--json"]))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let last = told.lines().last().unwrap_or_default();
    let statistics = objects(last.as_bytes())?;
    let statistics = statistics.first().ok_or_else(|| format!("{}: no statistics", question.name))?;
    let answer = output.stdout.iter().filter(|&&byte| byte == b'\n').count();
    if let Some(expected) = question.records
        && answer != expected
    {
        return Err(format!("{}: expected {expected} records, found {answer}", question.name).into());
    }
    for member in ["bytes_read", "bytes_total", "segments_scanned", "segments_total", "rows_matched"] {
        found[member] = statistics.get(member).cloned().unwrap_or(json!(null));
    }
    Ok(())
}
