//! `at1 scan`: the records that match, from a table or from segment files.
//!
//! * Ranges and `--where` must all hold.
//! * Statistics and explanations go to stderr where stdout carries records.

mod alone;
mod follow;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use at1_console::print::Format;
use at1_table::{Explanation, Joints, Predicate, Reasons, ScanOptions, Statistics};

use crate::{
    args::{Past, Scan, ScanFormat},
    explain,
    failure::Failure,
    output::{self, Voice},
    print, state, target,
};

/// What is asked, whatever of.
pub(super) struct Query {
    pub(super) predicate: Predicate,
    pub(super) select: Option<Vec<String>>,
    pub(super) limit: Option<u64>,
    pub(super) last: Option<u64>,
    /// Instead of records, what they come to.
    pub(super) aggregate: Option<String>,
    pub(super) reasons: Reasons,
}

/// Where the answer goes.
pub(super) enum Out<'o> {
    /// Nowhere: what answering takes is to be told.
    Nowhere,
    /// There, in this format.
    Print(ScanFormat, &'o mut (dyn Write + Send)),
}

/// What answering took, and why not more.
pub(super) type Told = (Statistics, Explanation);

pub(crate) fn run(args: &Scan, voice: Voice) -> Result<(), Failure> {
    let (paths, ranges) = split(&args.targets);
    let predicate = predicate(ranges, args.filter.as_deref())?;
    let select = (!args.select.is_empty()).then(|| args.select.clone());
    let query = Query {
        predicate,
        select,
        limit: args.limit,
        last: args.last,
        aggregate: args.aggregate.clone(),
        reasons: if args.explain { Reasons::Tell } else { Reasons::Omit },
    };
    let format = args.format.unwrap_or_else(|| match voice {
        Voice::Json => ScanFormat::Jsonl,
        Voice::Words if output::is_terminal() => ScanFormat::Table,
        Voice::Words => ScanFormat::Csv,
    });
    if format.of_batches().is_some_and(Format::is_binary) && output::is_terminal() && !args.explain {
        return Err(Failure::usage("a file or a pipe for this format: at1 scan … > FILE", "a terminal"));
    }
    if format == ScanFormat::Raw && query.aggregate.is_some() {
        return Err(Failure::usage("a format of columns for what records come to", "raw"));
    }
    if args.follow {
        let [table] = &paths[..] else {
            return Err(Failure::usage("one TABLE with --follow", format!("{} paths", paths.len())));
        };
        if matches!(format, ScanFormat::Parquet) {
            return Err(Failure::usage("a format that has no end, such as csv or jsonl, with --follow", "parquet"));
        }
        let format = if format == ScanFormat::Table { ScanFormat::Csv } else { format };
        return follow::run(table, &query, format, args.since, voice);
    }
    let mut stdout = output::data();
    let out = if args.explain { Out::Nowhere } else { Out::Print(format, &mut stdout) };
    let (statistics, explanation) = answer(&paths, &query, out, &args.past, voice)?;
    if args.explain {
        let mut json = explain::json(&explanation);
        json["predicate"] = query.predicate.to_string().into();
        json["statistics"] = statistics.to_json();
        return voice.tell(&json, |out| {
            writeln!(out, "where      {}", query.predicate)?;
            explain::describe_reasons(&explanation, out)?;
            explain::describe(&statistics, out)
        });
    }
    if args.stats {
        voice.tell_aside(&statistics.to_json(), |out| explain::describe(&statistics, out))?;
    }
    Ok(())
}

/// Asks a table, or segment files.
pub(super) fn answer(
    paths: &[PathBuf],
    query: &Query,
    out: Out<'_>,
    past: &Past,
    voice: Voice,
) -> Result<Told, Failure> {
    match paths {
        [table] if !target::is_segment(table) => of_table(table, query, out, past, voice),
        segments => {
            if let Some(table) = segments.iter().find(|path| !target::is_segment(path)) {
                return Err(Failure::usage(
                    "one TABLE, or segment files, then ranges COL:LO:HI",
                    table.display().to_string(),
                ));
            }
            state::only_the_newest(past)?;
            alone::run(segments, query, out, voice)
        }
    }
}

/// What must hold: the ranges and the condition.
pub(super) fn predicate<'a>(
    ranges: impl IntoIterator<Item = &'a str>,
    filter: Option<&str>,
) -> Result<Predicate, Failure> {
    let mut predicate = Predicate::TRUE;
    for range in ranges {
        predicate = predicate.and(Predicate::range(range)?);
    }
    match filter {
        Some(filter) => Ok(predicate.and(filter.parse::<Predicate>()?)),
        None => Ok(predicate),
    }
}

/// The first word is a path; of the others those are ranges that name no file and hold a colon.
fn split(targets: &[String]) -> (Vec<PathBuf>, Vec<&str>) {
    let (mut paths, mut ranges) = (Vec::new(), Vec::new());
    for (i, word) in targets.iter().enumerate() {
        if i > 0 && word.contains(':') && !Path::new(word).exists() {
            ranges.push(word.as_str());
        } else {
            paths.push(PathBuf::from(word));
        }
    }
    (paths, ranges)
}

fn of_table(path: &Path, query: &Query, out: Out<'_>, past: &Past, voice: Voice) -> Result<Told, Failure> {
    let snapshot = state::of_table(path, past, voice, "scanning")?;
    let options = ScanOptions {
        predicate: query.predicate.clone(),
        select: query.select.clone(),
        limit: query.limit,
        last: query.last,
        reasons: query.reasons,
        ..ScanOptions::default()
    };
    if let Some(aggregate) = &query.aggregate {
        let answer = snapshot.aggregate(&options, aggregate)?;
        show(&answer.row.schema(), std::iter::once(Ok(answer.row)), out)?;
        return Ok((answer.statistics, answer.explanation));
    }
    if let Out::Print(ScanFormat::Raw, mut out) = out {
        let statistics = snapshot.scan_raw(&options, Joints::LineFeed, &mut out)?;
        out.flush().map_err(|e| Failure::output(&e))?;
        return Ok((statistics, Explanation::default()));
    }
    let mut scan = snapshot.scan(&options)?;
    let schema = scan.schema();
    let batches = scan.by_ref().map(|batch| batch.map_err(Failure::from));
    show(&schema, batches, out)?;
    Ok((scan.statistics(), scan.explanation()))
}

/// Prints batches, or only draws them where the query is to be explained.
fn show(
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, Failure>>,
    out: Out<'_>,
) -> Result<(), Failure> {
    let Out::Print(format, out) = out else {
        return batches.into_iter().try_for_each(|batch| batch.map(drop));
    };
    let format = format.of_batches().expect("raw is not of batches");
    let mut printer = print::printer(format, schema, &mut *out)?;
    for batch in batches {
        printer.batch(&batch?)?;
    }
    printer.finish()?;
    out.flush().map_err(|e| Failure::output(&e))
}
