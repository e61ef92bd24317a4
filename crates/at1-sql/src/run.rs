//! What the commands begin with: threads, a session, and where queries come from: the command line, standard input, or a prompt.

use std::io::{self, IsTerminal as _, Read as _};

use at1_console::{
    failure::{Exit, Failure},
    output::{self, Voice},
    print::Format,
};
use tokio::runtime::{Builder, Runtime};

use crate::{
    args::{Sql, Worker},
    prompt,
    session::Session,
    statement::{self, Telling},
    worker,
};

pub(crate) fn sql(args: &Sql, voice: Voice) -> Result<(), Failure> {
    let format = args.format.unwrap_or_else(|| match voice {
        Voice::Json => Format::Jsonl,
        Voice::Words if output::is_terminal() => Format::Table,
        Voice::Words => Format::Csv,
    });
    if format.is_binary() && output::is_terminal() {
        return Err(Failure::usage("a file or a pipe for this format: at1 sql … > FILE", "a terminal"));
    }
    let telling = Telling { format, voice, stats: args.stats };
    let mut runtime = runtime(args.threads.map(Into::into))?;
    let done =
        runtime.block_on(async { Session::new(args) }).and_then(|session| ask(args, &mut runtime, &session, telling));
    // What a query that was given up still works on is not waited for.
    runtime.shutdown_background();
    done
}

fn ask(args: &Sql, runtime: &mut Runtime, session: &Session, telling: Telling) -> Result<(), Failure> {
    if let Some(query) = &args.query {
        return all(runtime, session, query, telling);
    }
    if io::stdin().is_terminal() {
        return prompt::run(runtime, args, session, telling);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(|error| Failure::io("standard input".as_ref(), &error))?;
    all(runtime, session, &text, telling)
}

pub(crate) fn worker(args: &Worker, voice: Voice) -> Result<(), Failure> {
    worker::run(args, &runtime(args.threads.map(Into::into))?, voice)
}

/// Runs the statements of a text, up to the first that fails.
pub(crate) fn all(runtime: &Runtime, session: &Session, text: &str, telling: Telling) -> Result<(), Failure> {
    let statements = statement::parse(text)?;
    if statements.is_empty() {
        return Err(Failure::usage("a query", "none"));
    }
    statements.iter().try_for_each(|statement| runtime.block_on(statement::run(session, statement, telling)))
}

/// Threads anew, in the place of those that may still work on what was given up.
pub(crate) fn renew(runtime: &mut Runtime, args: &Sql) -> Result<(), Failure> {
    let fresh = self::runtime(args.threads.map(Into::into))?;
    std::mem::replace(runtime, fresh).shutdown_background();
    Ok(())
}

fn runtime(threads: Option<usize>) -> Result<Runtime, Failure> {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    builder.build().map_err(|error| Failure::new(Exit::CouldNot, "io", format!("threads: {error}")))
}
