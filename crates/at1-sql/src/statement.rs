//! Runs one statement and prints what it gives.
//!
//! * Rows are printed as they come, so memory does not grow with the result.
//! * Each statement sees one state of each table. If files of it were compacted and removed before they were read, it is planned again, as
//!   long as nothing was printed.

use std::{sync::Arc, time::Instant};

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    compute::cast,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use at1_console::{
    failure::Failure,
    output::{self, Voice},
    print::{self, Format},
};
use at1_datafusion::{SystemColumns, dialect::At1Dialect, segments};
use at1_table::SYSTEM_COLUMNS;
use datafusion::{
    error::DataFusionError,
    execution::SendableRecordBatchStream,
    physical_plan::stream::RecordBatchReceiverStreamBuilder,
    sql::{
        parser::{DFParserBuilder, Statement},
        sqlparser::tokenizer::{Token, Tokenizer},
    },
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
    let parse = || DFParserBuilder::new(text).with_dialect(&At1Dialect).build()?.parse_statements();
    let statements = parse().map_err(|error: DataFusionError| failure(&error))?;
    Ok(statements.into())
}

/// Runs a statement.
pub(crate) async fn run(session: &Session, statement: &Statement, telling: Telling) -> Result<(), Failure> {
    let system = if names_system_columns(statement) { SystemColumns::Shown } else { SystemColumns::Hidden };
    session.tables.show_system_columns(system);
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
        let batch = plain(&batch?, &schema)?;
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

/// Whether a statement names a system column anywhere.
fn names_system_columns(statement: &Statement) -> bool {
    let text = statement.to_string();
    let words = Tokenizer::new(&At1Dialect, &text).tokenize().unwrap_or_default();
    let is_system = |word: &str| SYSTEM_COLUMNS.iter().any(|column| column.name() == word);
    words.iter().any(|token| matches!(token, Token::Word(word) if is_system(&word.value)))
}

/// Views as plain text and bytes, which more readers know.
fn plain_schema(schema: &SchemaRef) -> SchemaRef {
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8View => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        DataType::BinaryView => Arc::new(field.as_ref().clone().with_data_type(DataType::Binary)),
        _ => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, DataFusionError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(array, field)| {
        if array.data_type() == field.data_type() { Ok(Arc::clone(array)) } else { cast(array, field.data_type()) }
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect::<Result<_, _>>()?, &options)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_columns_are_seen_where_they_are_named() {
        for (text, expected) in [
            ("SELECT _row FROM t", true),
            ("SELECT x FROM t ORDER BY t._batch", true),
            ("SELECT \"_event\" FROM t", true),
            ("SELECT '_row' FROM t", false),
            ("SELECT x FROM t -- _row", false),
            ("EXPLAIN SELECT count(*) FROM t WHERE _source = 'a'", true),
            ("SELECT my_row FROM t", false),
        ] {
            assert_eq!(names_system_columns(&parse(text).unwrap()[0]), expected, "{text}");
        }
    }

    #[test]
    fn several_statements() {
        assert_eq!(parse("SELECT 1; SELECT 2;").unwrap().len(), 2);
        assert_eq!(parse(" ; ").unwrap().len(), 0);
        let error = parse("SELEC 1").unwrap_err();
        assert!(error.to_string().contains("SELEC"), "{error}");
    }
}
