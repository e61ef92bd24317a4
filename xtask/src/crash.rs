//! `cargo xtask crash`: kill -9 at random instants while several processes append to one table, again and again.
//!
//! * Whatever a process had acknowledged (its JSON line was printed) is in the table afterwards, once.
//! * Nothing is in the table twice, nothing is there in part, and the table opens and verifies (exit 0, or 7 for a torn last line).
//! * A process that is killed loses its own memory, not the machine's: what a power cut does is simulated by the table's own tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use at1_testkit::Rng;

use crate::{
    at1::{At1, Build, number, objects, text},
    mortal,
    report::{grouped, sha256},
    sh::{self, Args, Result},
};

const PRODUCERS: u64 = 4;
/// Files that one process appends before it ends by itself.
const FILES_PER_RUN: u64 = 12;

pub(crate) fn run(args: &mut Args) -> Result {
    let kills = args.number("--kills", 200)?;
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_nanos() as u64);
    let seed = args.number("--seed", clock)?;
    args.done()?;
    let at1 = At1::build(Build::Dev)?;
    let dir = sh::scratch("crash")?;
    let table = dir.join("table");
    println!("seed {seed}: {kills} kills among {PRODUCERS} processes");
    let acked = Mutex::new(Vec::new());
    let (killed, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    at1.bytes(["init".as_ref(), table.as_os_str()])?;
    let failed = thread::scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| {
                let job = Producer {
                    at1: &at1,
                    table: &table,
                    dir: dir.join(producer.to_string()),
                    acked: &acked,
                    killed: &killed,
                    stop: &stop,
                };
                scope.spawn(move || job.work(kills, Rng::new(seed ^ (producer << 32))))
            })
            .collect();
        let results = producers.into_iter().map(|p| p.join().unwrap_or_else(|_| Err("a producer panicked".into())));
        results.filter_map(Result::err).next()
    });
    if let Some(error) = failed {
        return Err(format!("seed {seed}: {error}").into());
    }
    let acked = acked.into_inner().unwrap_or_else(PoisonError::into_inner);
    check(&at1, &table, &acked).map_err(|error| format!("seed {seed}: {error}").into())
}

/// Starts one `at1 append` after the other, and kills most of them.
struct Producer<'a> {
    at1: &'a At1,
    table: &'a Path,
    dir: PathBuf,
    acked: &'a Mutex<Vec<String>>,
    killed: &'a AtomicU64,
    stop: &'a AtomicBool,
}

impl Producer<'_> {
    fn work(self, kills: u64, mut rng: Rng) -> Result {
        fs::create_dir_all(&self.dir)?;
        let mut made = 0;
        while self.killed.load(Ordering::SeqCst) < kills && !self.stop.load(Ordering::SeqCst) {
            if let Err(error) = self.once(&mut rng, &mut made) {
                self.stop.store(true, Ordering::SeqCst);
                return Err(error);
            }
        }
        Ok(())
    }

    fn once(&self, rng: &mut Rng, made: &mut u64) -> Result {
        let mut words = vec!["append".into(), self.table.as_os_str().to_owned(), "--json".into()];
        for _ in 0..FILES_PER_RUN {
            let path = self.dir.join(format!("{made}.csv"));
            // Every file is unlike every other, so a batch that stands there twice shows.
            let rows = 1 + rng.below(400);
            let mut csv = String::from("producer,file,row,value\n");
            for row in 0..rows {
                csv += &format!(
                    "{},{made},{row},{}.{:02}\n",
                    self.dir.file_name().unwrap_or_default().to_string_lossy(),
                    rng.below(1000),
                    rng.below(100)
                );
            }
            fs::write(&path, csv)?;
            words.push(path.into_os_string());
            *made += 1;
        }
        let patience = Duration::from_micros(rng.below(900_000));
        let start = Instant::now();
        let ended = mortal::run(&mut self.at1.command(words), || start.elapsed() >= patience)?;
        match ended.status {
            None => drop(self.killed.fetch_add(1, Ordering::SeqCst)),
            Some(status) if status.success() => {}
            Some(status) => return Err(format!("append failed by itself ({status}): {}", ended.stderr).into()),
        }
        let mut acked = self.acked.lock().unwrap_or_else(PoisonError::into_inner);
        for event in ended.objects() {
            acked.push(text(&event, "source_sha256")?.to_owned());
        }
        Ok(())
    }
}

fn check(at1: &At1, table: &Path, acked: &[String]) -> Result {
    let output = at1.output(["verify".as_ref(), table.as_os_str(), "--rows".as_ref(), "--json".as_ref()])?;
    if !matches!(output.status.code(), Some(0 | 7)) {
        return Err(format!("verify: {}: {}", output.status, String::from_utf8_lossy(&output.stdout)).into());
    }
    let info = objects(&at1.bytes(["info".as_ref(), table.as_os_str(), "--json".as_ref()])?)?.pop().ok_or("no info")?;
    let batches = number(&info, "batches")?;
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for batch in 0..batches {
        let batch = batch.to_string();
        let bytes = at1.bytes(["cat".as_ref(), table.as_os_str(), "--batch".as_ref(), batch.as_ref()])?;
        *found.entry(sha256(&bytes)).or_default() += 1;
    }
    if let Some((digest, times)) = found.iter().find(|&(_, &times)| times > 1) {
        return Err(format!("the batch with sha256 {digest} is there {times} times").into());
    }
    let distinct: BTreeSet<&String> = acked.iter().collect();
    if let Some(lost) = distinct.iter().find(|digest| !found.contains_key(**digest)) {
        return Err(format!("the batch with sha256 {lost} was acknowledged and is not there").into());
    }
    let staged = fs::read_dir(table.join("_at1/staging"))?.count();
    println!(
        "{} batches there, {} of them acknowledged, none lost, none twice; {} files wait in staging for the next writer",
        grouped(batches),
        grouped(distinct.len() as u64),
        staged
    );
    Ok(())
}
