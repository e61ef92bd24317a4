//! `at1 encode`: one file becomes one segment.
//!
//! * OUT appears only when it is whole, verified and synced; before that the bytes stand in a file beside it.

use std::{
    fs::File,
    io::{self, Seek as _},
    path::Path,
    sync::Arc,
};

use at1_codec::{EncodeOptions, Encoded, Form, ReadAt};
use at1_table::store::{LocalStore, Store as _};
use serde_json::json;

use crate::{
    args::Encode,
    failure::Failure,
    interrupt::Guarded,
    output::{Voice, count, hex, size},
    part::Part,
    progress::Progress,
    reading::pins,
    watched,
};

pub(crate) fn run(args: &Encode, voice: Voice) -> Result<(), Failure> {
    let options = EncodeOptions {
        read: args.reading.options()?,
        names: args.reading.names(),
        pins: pins(&args.reading.types)?,
        profile: args.effort.profile.profile(),
        form: if args.keep_queryable { Form::Queryable } else { Form::Smaller },
        name: args.input.file_name().map(|name| name.to_string_lossy().into_owned()),
    };
    let progress = Progress::new(voice, &format!("encoding {}", args.input.display()));
    let part = Part::beside(&args.output);
    let stage = || {
        let file = File::create(part.path())?;
        let reader = watched::file(part.path(), &progress)?;
        Ok((Guarded(file), Arc::new(reader) as Arc<dyn ReadAt>))
    };
    let input = |e: &io::Error| Failure::io(&args.input, e);
    let (Guarded(file), encoded, source_bytes) = if args.input == Path::new("-") {
        // A pipe cannot be read twice, and may be longer than memory.
        let mut spool = LocalStore::new(".").spool().map_err(|e| input(&e))?;
        let bytes = io::copy(&mut Guarded(io::stdin().lock()), &mut spool).map_err(|e| input(&e))?;
        spool.rewind().map_err(|e| input(&e))?;
        let options = EncodeOptions { name: None, ..options };
        let (file, encoded) = at1_codec::encode_to(&mut Guarded(spool), stage, &options)?;
        (file, encoded, bytes)
    } else {
        let source = File::open(&args.input).map_err(|e| input(&e))?;
        let bytes = source.metadata().map_err(|e| input(&e))?.len();
        let (file, encoded) = at1_codec::encode_to(&mut Guarded(source), stage, &options)
            .map_err(|e| Failure::from(e.within(&args.input.display().to_string())))?;
        (file, encoded, bytes)
    };
    part.replace(&file)?;
    progress.clear();

    let output = args.output.display().to_string();
    match encoded {
        Encoded::Segment(written) => {
            let source_sha256 = written.batches.first().map(|batch| hex(&batch.sha256));
            let rejects: u64 =
                (0..written.segment.schema().columns.len()).map(|column| written.segment.rejects(column)).sum();
            let json = json!({
                "segment": output,
                "form": "segment",
                "rows": written.rows,
                "source_bytes": source_bytes,
                "segment_bytes": written.bytes,
                "source_sha256": source_sha256,
                "segment_sha256": hex(&written.sha256),
                "rejects": rejects,
            });
            voice.tell(&json, |out| {
                let (rows, from, to) = (count(written.rows, "record"), size(source_bytes), size(written.bytes));
                writeln!(out, "{output}: {rows}, {from} of text in {to}")
            })
        }
        Encoded::Raw { bytes } => {
            let json =
                json!({ "segment": output, "form": "raw", "source_bytes": source_bytes, "segment_bytes": bytes });
            voice.tell(&json, |out| {
                let (from, to) = (size(source_bytes), size(bytes));
                writeln!(out, "{output}: RAW, {from} in {to}; no engine can query it (--keep-queryable makes a segment of columns)")
            })
        }
    }
}
