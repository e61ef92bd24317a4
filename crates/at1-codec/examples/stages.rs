//! Where the time goes: each stage of encoding and decoding the named files, in memory, by one caller.
//!
//! `cargo run --release -p at1-codec --example stages -- [fast|balanced|max] FILE...`

use std::{env, error::Error, fs, hint::black_box, io::Cursor, sync::Arc, time::Instant};

use at1_codec::{
    Analysis, BatchPlan, Profile, ReadOptions, Schema, SegmentWriter, WriteOptions, analyse,
    column::{Inference, Reading},
};

/// Each stage is run so often, and the fastest run counts.
const RUNS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut profile = Profile::default();
    println!(
        "{:>9} {:>8} {:>8} {:>8} {:>8} {:>8}  MB/s of source",
        "MB", "analyse", "encode", "verify", "decode", "size"
    );
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "fast" => profile = Profile::Fast,
            "balanced" => profile = Profile::Balanced,
            "max" => profile = Profile::Max,
            path => stages(path, profile)?,
        }
    }
    Ok(())
}

fn stages(path: &str, profile: Profile) -> Result<(), Box<dyn Error>> {
    let source = fs::read(path)?;
    let mut best = [f64::INFINITY; 4];
    let mut size = 0;
    for _ in 0..RUNS {
        let (analysis, analysed) = timed(|| analyse(&mut Cursor::new(&source), &ReadOptions::default()));
        let analysis = analysis?;
        let (schema, readings) = schema(&analysis);
        let options = WriteOptions { profile, readings, ..WriteOptions::default() };
        let map = (0..schema.columns.len()).collect();
        let (written, encoded) = timed(|| {
            let mut writer = SegmentWriter::new(Vec::new(), &schema, options)?;
            writer.append(&mut Cursor::new(&source), BatchPlan { analysis, map, name: None })?;
            writer.finish()
        });
        let (bytes, draft) = written?;
        size = bytes.len();
        let (written, verified) = timed(|| draft.verify(Arc::new(bytes)));
        let segment = written?.segment;
        let mut out = Vec::with_capacity(source.len());
        let (back, decoded) = timed(|| segment.write_batch(0, &mut out));
        back?;
        assert!(black_box(&out) == &source, "{path} came back otherwise");
        for (best, now) in best.iter_mut().zip([analysed, encoded, verified, decoded]) {
            *best = best.min(now);
        }
    }
    let megabytes = source.len() as f64 / 1e6;
    print!("{megabytes:9.1}");
    best.iter().for_each(|seconds| print!(" {:8.0}", megabytes / seconds));
    println!(" {:8.4}  {path}", size as f64 / source.len() as f64);
    Ok(())
}

/// The columns as their own fields say.
fn schema(analysis: &Analysis) -> (Schema, Vec<Reading>) {
    let types: Vec<_> = analysis.columns.iter().map(Inference::best).collect();
    let readings = analysis.columns.iter().zip(&types).map(|(column, &ty)| column.reading(ty)).collect();
    let header = |index| analysis.header.as_ref()?.get(index).map(String::as_str);
    (Schema::named((0..).map(header).zip(types)), readings)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed().as_secs_f64())
}
