//! `at1 man`: one manual page for the program and one for each command.

use std::fs;

use clap::CommandFactory as _;
use serde_json::json;

use crate::{
    args::{Cli, Man},
    failure::Failure,
    output::Voice,
};

pub(crate) fn run(args: &Man, voice: Voice) -> Result<(), Failure> {
    fs::create_dir_all(&args.dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.dir))
        .map_err(|e| Failure::io(&args.dir, &e))?;
    voice.tell(&json!({ "dir": args.dir.display().to_string() }), |out| {
        writeln!(out, "manual pages written to {}", args.dir.display())
    })
}
