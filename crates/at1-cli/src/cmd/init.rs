//! `at1 init`: an empty table, with the choices that must stand before its first record.

use at1_table::{CreateOptions, RowTree, Table};
use serde_json::json;

use crate::{
    args::{Init, Switch},
    failure::Failure,
    output::Voice,
    reading::pins,
    watched,
};

pub(crate) fn run(args: &Init, voice: Voice) -> Result<(), Failure> {
    let options = CreateOptions {
        origin: args.origin.clone(),
        pins: pins(&args.types)?,
        row_tree: match args.row_tree {
            Switch::On => RowTree::SourceBytes,
            Switch::Off => RowTree::None,
        },
    };
    Table::create_in(watched::quietly(&args.table, voice, "creating"), &options)?;
    let table = args.table.display().to_string();
    voice.tell(&json!({ "table": table }), |out| writeln!(out, "created an empty table in {table}"))
}
