//! `at1 cat`: exact source bytes on stdout.

use std::{io::Write as _, path::Path, sync::Arc};

use at1_table::{CatReport, Extent, Joints, Table};
use serde_json::json;

use crate::{
    args::Cat,
    failure::Failure,
    output::{self, Voice},
    progress::Progress,
    target,
    watched::{Watched, WatchedFile},
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
    let table = Table::open_in(Watched::quietly(&args.source, voice, "reading"))?;
    let extent = match (args.batch, &args.rows) {
        (Some(batch), _) => Extent::Batch(batch),
        (None, Some(rows)) => Extent::Rows(rows.clone()),
        (None, None) => Extent::Everything,
    };
    let joints = if args.exact { Joints::Exact } else { Joints::LineFeed };
    let mut out = output::data();
    let report = table.cat(&extent, joints, &mut out)?;
    out.flush().map_err(|e| Failure::output(&e))?;
    Ok(report)
}

/// A file outside any table, RAW or with columns.
fn segment(args: &Cat, path: &Path, voice: Voice) -> Result<CatReport, Failure> {
    let place = path.display().to_string();
    let file = WatchedFile::open(path, Progress::new(voice, "reading")).map_err(|e| Failure::io(path, &e))?;
    let refused = |e: at1_codec::Error| Failure::from(e.within(&place));
    let mut out = output::data();
    if args.batch.is_none() && args.rows.is_none() {
        at1_codec::decode_to(Arc::new(file), &mut out).map_err(refused)?;
    } else {
        let segment = at1_codec::Segment::open(Arc::new(file), at1_codec::Trust::OwnSeal).map_err(refused)?;
        match (args.batch, &args.rows) {
            (Some(batch), _) => {
                let batches = segment.batches().map_err(refused)?.len();
                let index = usize::try_from(batch).ok().filter(|&index| index < batches);
                let index =
                    index.ok_or_else(|| Failure::usage(format!("--batch below {batches}"), batch.to_string()))?;
                segment.write_batch(index, &mut out).map_err(refused)?;
            }
            (None, Some(rows)) if rows.end <= segment.rows() => {
                segment.write_rows(rows.clone(), &mut out).map_err(refused)?
            }
            (None, Some(rows)) => {
                return Err(Failure::usage(
                    format!("--rows within 0..{}", segment.rows()),
                    format!("{}..{}", rows.start, rows.end),
                ));
            }
            (None, None) => {}
        }
    }
    out.flush().map_err(|e| Failure::output(&e))?;
    Ok(CatReport { batches: 1, ..CatReport::default() })
}
