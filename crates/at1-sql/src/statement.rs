//! Runs one statement and prints what it gives.
//!
//! * Rows are printed as they come, so memory does not grow with the result.
//! * Each statement sees one state of each table. If files of it were compacted and removed before they were read, it is planned again, as
//!   long as nothing was printed.

use std::time::Instant;

use arrow::array::RecordBatch;
use at1_console::{
    failure::Failure,
    output::{self, Voice},
    print::{self, Format},
};
use at1_datafusion::{plain, plain_schema, segments, statement};
use datafusion::{
    error::DataFusionError, execution::SendableRecordBatchStream,
    physical_plan::stream::RecordBatchReceiverStreamBuilder, sql::parser::Statement,
};
use futures::StreamExt as _;

use crate::{
    error::{failure, gone, missing},
    explain,
    session::Session,
    signal,
};

/// How often a statement is planned because files went.
const PLANS_MAX: u32 = 4;

/// How what a statement gives is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling {
    pub(crate) format: Format,
    pub(crate) voice: Voice,
    pub(crate) stats: bool,
}

/// The statements of a text.
pub(crate) fn parse(text: &str) -> Result<Vec<Statement>, Failure> {
    statement::parse(text).map_err(|error| failure(&error))
}

/// Runs a statement.
pub(crate) async fn run(session: &Session, statement: &Statement, telling: Telling) -> Result<(), Failure> {
    session.tables.show_system_columns(statement::system_columns(statement));
    let (before, start) = (segments::bytes_read(), Instant::now());
    let (mut printed, mut plans) = (0, 1);
    if let Some(cluster) = &session.cluster {
        for gone in cluster.ask().await.map_err(|error| failure(&error))? {
            telling.voice.aside(|| format!("{gone} does not answer; going on without it"));
        }
    }
    let rows = loop {
        session.log.take();
        tokio::select! {
            done = answer(session, statement, telling.format, &mut printed) => match done {
                Ok(rows) => break rows,
                Err(Ended::Query(error)) if printed == 0 && gone(&error).is_some() => {
                    // A file that is gone again and again is not gone for a compaction.
                    if let Some(path) = gone(&error).filter(|_| plans == PLANS_MAX) {
                        return Err(missing(path));
                    }
                    plans += 1;
                }
                Err(Ended::Query(error)) => match &session.cluster {
                    Some(cluster) if printed == 0 => {
                        let gone = cluster.ask().await.map_err(|error| failure(&error))?;
                        if gone.is_empty() {
                            return Err(failure(&error));
                        }
                        for gone in gone {
                            telling.voice.aside(|| format!("{gone} went; the query is asked again without it"));
                        }
                    }
                    _ => return Err(failure(&error)),
                },
                Err(Ended::Output(failure)) => return Err(failure),
            },
            () = signal::came() => return Err(Failure::interrupted()),
        }
    };
    if telling.stats {
        let bytes = segments::bytes_read().saturating_sub(before);
        explain::tell(&session.log.take(), rows, bytes, start.elapsed(), telling.voice)?;
    }
    Ok(())
}

/// Why a statement ended before its time.
pub(crate) enum Ended {
    Query(DataFusionError),
    Output(Failure),
}

impl From<DataFusionError> for Ended {
    fn from(error: DataFusionError) -> Self {
        Self::Query(error)
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Output(failure)
    }
}

/// Plans and runs a statement, and prints its rows; says how many there were.
async fn answer(session: &Session, statement: &Statement, format: Format, printed: &mut u64) -> Result<u64, Ended> {
    let plan = session.context.state().statement_to_plan(statement.clone()).await?;
    let frame = session.context.execute_logical_plan(plan).await?;
    let is_explain = explain::is_explain(statement);
    let mut stream = elsewhere(frame.execute_stream().await?);
    let schema = plain_schema(&stream.schema());
    // Statements that define something give nothing.
    if schema.fields().is_empty() && !gives_rows(statement) {
        while let Some(batch) = stream.next().await {
            batch?;
        }
        return Ok(0);
    }
    if is_explain && format == Format::Table {
        return explain::print(stream, &session.log).await;
    }
    let mut printer = None;
    let mut rows = 0;
    let mut print = |batch: &RecordBatch, rows: &mut u64| -> Result<(), Ended> {
        let printer = match &mut printer {
            Some(printer) => printer,
            None => printer.insert(print::printer(format, &schema, output::data())?),
        };
        *rows += batch.num_rows() as u64;
        printer.batch(batch)?;
        Ok(())
    };
    while let Some(batch) = stream.next().await {
        let batch = plain(&batch?, &schema).map_err(DataFusionError::from)?;
        if batch.num_rows() > 0 {
            *printed += 1;
            print(&batch, &mut rows)?;
        }
    }
    if is_explain && let Some(batch) = explain::rows(&session.log, &schema)? {
        print(&batch, &mut rows)?;
    }
    match printer {
        Some(printer) => printer.finish()?,
        None => print::printer(format, &schema, output::data())?.finish()?,
    }
    Ok(rows)
}

/// The same batches, worked out by another task: this one must hear a signal while that one works.
fn elsewhere(mut stream: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let mut batches = RecordBatchReceiverStreamBuilder::new(stream.schema(), 2);
    let out = batches.tx();
    batches.spawn(async move {
        while let Some(batch) = stream.next().await {
            if out.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    });
    batches.build()
}

/// Whether a statement gives rows even where they have no columns.
fn gives_rows(statement: &Statement) -> bool {
    use datafusion::sql::sqlparser::ast::Statement as Sql;
    matches!(statement, Statement::Statement(sql) if matches!(**sql, Sql::Query(_)))
}
