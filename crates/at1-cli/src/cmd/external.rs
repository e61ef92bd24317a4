//! `at1 X` for an X that is not built in: the program `at1-X`, beside this one or on the PATH, as git does.

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::{Command, exit},
};

use crate::failure::{Exit, Failure};

pub(crate) fn run(words: &[OsString]) -> Result<(), Failure> {
    let Some((name, rest)) = words.split_first() else {
        return Err(Failure::usage("a command", "none"));
    };
    let mut program = OsString::from("at1-");
    program.push(name);
    let beside = std::env::current_exe().ok().map(|exe| exe.with_file_name(&program));
    let program = beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from(&program));
    match Command::new(&program).args(rest).status() {
        // Its exit code is ours; a program that a signal ended has none.
        Ok(status) => exit(status.code().unwrap_or(Exit::CouldNot as i32)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = name.to_string_lossy();
            let message = format!(
                "there is no command `{name}`, and no program `at1-{name}` on the PATH; `at1 --help` lists the commands"
            );
            Err(Failure::new(Exit::Usage, "usage", message).between("a command", name))
        }
        Err(error) => Err(Failure::io(&program, &error)),
    }
}
