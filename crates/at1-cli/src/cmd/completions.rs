//! `at1 completions`: the shell learns the commands and flags.

use std::io::Write as _;

use clap::CommandFactory as _;

use crate::{
    args::{Cli, Completions},
    failure::Failure,
    output,
};

pub(crate) fn run(args: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "at1", &mut script);
    let mut out = output::data();
    out.write_all(&script).and_then(|()| out.flush()).map_err(|e| Failure::output(&e))
}
