//! `at1 X` for an X that is not built in: the program `at1-X`, beside this one or on the PATH, as git does.
//!
//! * SQL is such a program too, with a name in the list of commands: it takes DataFusion along, which nobody pays to append a file.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::PathBuf,
    process::{Command, exit},
};

use crate::{
    failure::{Exit, Failure},
    output::Voice,
};

/// The program that knows SQL.
const SQL: &str = "at1-sql";

pub(crate) fn run(words: &[OsString]) -> Result<(), Failure> {
    let Some((name, rest)) = words.split_first() else {
        return Err(Failure::usage("a command", "none"));
    };
    let mut program = OsString::from("at1-");
    program.push(name);
    become_program(&program, rest, || {
        let name = name.to_string_lossy();
        let message = format!(
            "there is no command `{name}`, and no program `at1-{name}` on the PATH; `at1 --help` lists the commands"
        );
        Failure::new(Exit::Usage, "usage", message).between("a command", name)
    })
}

/// `at1 sql` and `at1 worker`.
pub(crate) fn sql(command: &str, words: &[OsString], voice: Voice) -> Result<(), Failure> {
    let mut all = vec![OsString::from(command)];
    if voice == Voice::Json {
        all.push("--json".into());
    }
    all.extend_from_slice(words);
    become_program(OsStr::new(SQL), &all, || {
        let message = format!(
            "`at1 {command}` is done by the program {SQL}, which is neither beside at1 nor on the PATH; to get it: \
             cargo install --path crates/at1-sql"
        );
        Failure::new(Exit::CouldNot, "missing", message).between(SQL, "no such program")
    })
}

/// Runs a program in the place of this one; its exit code is ours.
fn become_program(program: &OsStr, words: &[OsString], missing: impl FnOnce() -> Failure) -> Result<(), Failure> {
    let beside = std::env::current_exe().ok().map(|exe| exe.with_file_name(program));
    let program = beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(program));
    match Command::new(&program).args(words).status() {
        // A program that a signal ended has no code.
        Ok(status) => exit(status.code().unwrap_or(Exit::CouldNot as i32)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing()),
        Err(error) => Err(Failure::io(&program, &error)),
    }
}
