//! `at1 ledger export-tiles`: the ledger as files for a plain web server.
//!
//! * A tile that is there with these bytes is not written again; one with other bytes is of another ledger, and ends the export.
//! * The checkpoint is written last: until then the folder is what it was.

use std::{fs, io};

use at1_table::TileFile;
use serde_json::json;

use super::open;
use crate::{
    args::ExportTiles,
    failure::Failure,
    output::{Voice, count},
    outside::{self, Readable},
};

pub(crate) fn run(args: &ExportTiles, voice: Voice) -> Result<(), Failure> {
    let table = open(&args.table, voice, "exporting")?;
    fs::create_dir_all(&args.dir).map_err(|e| Failure::io(&args.dir, &e))?;
    outside::refuse_in_table(&args.dir.join("checkpoint"), "an export")?;
    let (mut files, mut written) = (0, 0);
    let checkpoint = table.export_tiles(&mut |kind, path, bytes| {
        let full = args.dir.join(path);
        if kind == TileFile::Fixed {
            files += 1;
            match fs::read(&full) {
                Ok(there) if there == bytes => return Ok(()),
                Ok(_) => {
                    let message =
                        "expected this ledger's tile, found another: the folder is of another ledger, or was changed";
                    return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
            written += 1;
        }
        if let Some(folder) = full.parent() {
            fs::create_dir_all(folder)?;
        }
        outside::replace(&full, bytes, Readable::Commonly)
    })?;
    let json =
        json!({"dir": args.dir.display().to_string(), "size": checkpoint.size, "tiles": files, "written": written});
    voice.tell(&json, |out| {
        let size = count(checkpoint.size, "event");
        writeln!(out, "{}: {size} in {}, {written} of them new", args.dir.display(), count(files, "file"))
    })
}
