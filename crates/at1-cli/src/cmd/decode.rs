//! `at1 decode`: the file that a segment was made from, to the last byte.

use std::{
    fs::File,
    io::{BufWriter, Write},
    sync::Arc,
};

use serde_json::json;

use crate::{
    args::Decode,
    failure::Failure,
    interrupt::Guarded,
    output::{self, Voice},
    progress::Progress,
    watched,
};

pub(crate) fn run(args: &Decode, voice: Voice) -> Result<(), Failure> {
    let progress = Progress::new(voice, &format!("decoding {}", args.input.display()));
    let file = watched::file(&args.input, &progress).map_err(|e| Failure::io(&args.input, &e))?;
    let place = args.input.display().to_string();
    let decode = |out: &mut dyn Write| -> Result<u64, Failure> {
        let mut counted = Count { out, bytes: 0 };
        at1_codec::decode_to(Arc::new(file), &mut counted).map_err(|e| Failure::from(e.within(&place)))?;
        counted.out.flush().map_err(|e| Failure::output(&e))?;
        Ok(counted.bytes)
    };
    let bytes = match &args.output {
        Some(path) => {
            let file = File::create(path).map_err(|e| Failure::io(path, &e))?;
            let mut out = BufWriter::new(Guarded(file));
            let bytes = decode(&mut out)?;
            out.get_ref().0.sync_all().map_err(|e| Failure::io(path, &e))?;
            bytes
        }
        None => decode(&mut output::data())?,
    };
    progress.clear();
    match voice {
        Voice::Json => voice.tell_aside(&json!({ "source_bytes": bytes }), |_| Ok(())),
        Voice::Words => Ok(()),
    }
}

struct Count<'a> {
    out: &'a mut dyn Write,
    bytes: u64,
}

impl Write for Count<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
