//! `at1 cat`: exact source bytes on stdout.

use std::{io::Write, path::Path, sync::Arc};

use at1_codec::{Joined, ReadAt, Segment, Trust};
use at1_table::{CatReport, Extent, Joints};
use serde_json::json;

use crate::{
    args::Cat,
    failure::Failure,
    output::{self, Voice},
    progress::Progress,
    state, target, watched,
};

pub(crate) fn run(args: &Cat, voice: Voice) -> Result<(), Failure> {
    let report =
        if target::is_segment(&args.source) { segment(args, &args.source, voice)? } else { table(args, voice)? };
    match voice {
        Voice::Json => {
            let json = json!({ "batches": report.batches, "bytes": report.bytes, "line_feeds": report.line_feeds });
            voice.tell_aside(&json, |_| Ok(()))
        }
        Voice::Words => Ok(()),
    }
}

fn table(args: &Cat, voice: Voice) -> Result<CatReport, Failure> {
    let snapshot = state::of_table(&args.source, &args.past, voice, "reading")?;
    let extent = match (args.batch, &args.rows) {
        (Some(batch), _) => Extent::Batch(batch),
        (None, Some(rows)) => Extent::Rows(rows.clone()),
        (None, None) => Extent::Everything,
    };
    let joints = if args.exact { Joints::Exact } else { Joints::LineFeed };
    let mut out = output::data();
    let report = snapshot.cat(&extent, joints, &mut out)?;
    out.flush().map_err(|e| Failure::output(&e))?;
    Ok(report)
}

/// A file outside any table, RAW or with columns.
fn segment(args: &Cat, path: &Path, voice: Voice) -> Result<CatReport, Failure> {
    state::only_the_newest(&args.past)?;
    let place = path.display().to_string();
    let file = watched::file(path, &Progress::new(voice, "reading")).map_err(|e| Failure::io(path, &e))?;
    let file: Arc<dyn ReadAt> = Arc::new(file);
    let refused = |e: at1_codec::Error| Failure::from(e.within(&place));
    let mut out = Joined::new(output::data());
    let batches = match Segment::open(Arc::clone(&file), Trust::OwnSeal) {
        Ok(segment) => of_segment(args, &segment, &refused, &mut out)?,
        // RAW has no batches and no records. What is not RAW either fails here, and says why.
        Err(_) if args.batch.is_none() && args.rows.is_none() => {
            at1_codec::decode_to(file, &mut out).map_err(refused)?;
            1
        }
        Err(error) => return Err(refused(error)),
    };
    out.flush().map_err(|e| Failure::output(&e))?;
    Ok(CatReport { batches, bytes: out.bytes(), line_feeds: out.line_feeds() })
}

/// Writes what is wanted of a segment; of how many batches that was.
fn of_segment(
    args: &Cat,
    segment: &Segment,
    refused: &dyn Fn(at1_codec::Error) -> Failure,
    out: &mut Joined<impl Write>,
) -> Result<u64, Failure> {
    let batches = segment.batches().map_err(refused)?;
    if let Some(batch) = args.batch {
        let index = usize::try_from(batch).ok().filter(|&index| index < batches.len());
        let index =
            index.ok_or_else(|| Failure::usage(format!("--batch below {}", batches.len()), batch.to_string()))?;
        segment.write_batch(index, out).map_err(refused)?;
        return Ok(1);
    }
    if let Some(rows) = args.rows.as_ref().filter(|rows| rows.end > segment.rows()) {
        let expected = format!("--rows within 0..{}", segment.rows());
        return Err(Failure::usage(expected, format!("{}..{}", rows.start, rows.end)));
    }
    let mut written = 0;
    for (batch, info) in batches.iter().enumerate() {
        let own = info.row_range();
        let rows = args.rows.as_ref().map(|rows| rows.start.max(own.start)..rows.end.min(own.end));
        if rows.as_ref().is_some_and(|rows| rows.start >= rows.end) {
            continue;
        }
        if !args.exact {
            out.next_batch().map_err(|e| Failure::output(&e))?;
        }
        match rows {
            Some(rows) => segment.write_rows(rows, out),
            None => segment.write_batch(batch, out),
        }
        .map_err(refused)?;
        written += 1;
    }
    Ok(written)
}
