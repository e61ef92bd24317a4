//! `cargo xtask soak`: many processes append, compact, vacuum, back up and read one table at once, and one of them is killed every second.
//!
//! * Every file that was ever offered is kept, so what each batch and each past state must be is known without asking the table.
//! * What a process had acknowledged (its JSON line was printed) is there, once, as it was. What was not is there once or not at all.
//! * A past state answers a question as it did when it was first asked, whatever was compacted and removed since.
//! * `--seed S` repeats the files and the intentions; when whom the system lets run, it does not. A failure keeps the folder.

mod end;
mod reader;
mod truth;
mod workers;

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use at1_testkit::Rng;

use crate::{
    at1::{At1, Build},
    mortal::{self, Ended},
    report::{grouped, seconds},
    sh::{self, Args, Result},
};
use truth::Truth;

/// How often something is killed, on average.
const KILL_EVERY: Duration = Duration::from_secs(1);
const TELL_EVERY: Duration = Duration::from_secs(30);

pub(crate) fn run(args: &mut Args) -> Result {
    let time = Duration::from_secs(args.number("--seconds", 600)?);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_nanos() as u64);
    let seed = args.number("--seed", clock)?;
    let (appenders, readers) = (args.number("--appenders", 4)?, args.number("--readers", 4)?);
    args.done()?;
    let at1 = At1::build(Build::Dev)?;
    let dir = sh::scratch("soak")?;
    let soak = Soak::new(at1, dir, seed, time);
    println!(
        "seed {seed}: {} of {appenders} appenders, a compactor, a vacuum, a backup and {readers} readers; kill -9 every {}",
        seconds(time),
        seconds(KILL_EVERY)
    );
    let told = soak.all(appenders, readers).map_err(|error| {
        format!(
            "seed {seed}: {error}\n  everything is in {}; files that were offered are in files/",
            soak.dir.display()
        )
    })?;
    println!("{told}");
    fs::remove_dir_all(&soak.dir)?;
    Ok(())
}

/// What all share.
struct Soak {
    at1: At1,
    dir: PathBuf,
    table: PathBuf,
    seed: u64,
    start: Instant,
    time: Duration,
    stop: AtomicBool,
    truth: Truth,
    /// What was done, by name.
    counts: Mutex<BTreeMap<&'static str, u64>>,
    segments_most: AtomicU64,
}

/// One of the workers, which has at most one process at a time.
struct Role {
    kind: &'static str,
    running: AtomicBool,
    dies: AtomicBool,
    /// Who waits for the process.
    thread: Mutex<Option<Thread>>,
}

/// A worker, at work.
struct Worker<'a> {
    soak: &'a Soak,
    role: &'a Role,
    rng: Rng,
}

impl Soak {
    fn new(at1: At1, dir: PathBuf, seed: u64, time: Duration) -> Self {
        Self {
            table: dir.join("table"),
            at1,
            dir,
            seed,
            start: Instant::now(),
            time,
            stop: AtomicBool::new(false),
            truth: Truth::default(),
            counts: Mutex::default(),
            segments_most: AtomicU64::new(0),
        }
    }

    fn all(&self, appenders: u64, readers: u64) -> Result<String> {
        let kinds = (0..appenders).map(|_| "appender").chain(["compactor", "vacuum", "backup"]);
        let kinds = kinds.chain((0..readers).map(|_| "reader"));
        let new = |kind| Role {
            kind,
            running: AtomicBool::new(false),
            dies: AtomicBool::new(false),
            thread: Mutex::default(),
        };
        let roles: Vec<Role> = kinds.map(new).collect();
        workers::first(&mut self.worker(&roles[0], u64::MAX))?;
        let failed = thread::scope(|scope| {
            let work = |(number, role)| {
                let mut worker = self.worker(role, number);
                scope.spawn(move || {
                    let result = match role.kind {
                        "appender" => workers::append(&mut worker, number),
                        "compactor" => workers::compact(&mut worker),
                        "vacuum" => workers::vacuum(&mut worker),
                        "backup" => workers::backup(&mut worker),
                        _ => reader::read(&mut worker),
                    };
                    // Whatever goes wrong, the others need not go on.
                    self.stop.fetch_or(result.is_err(), Ordering::SeqCst);
                    result.map_err(|error| format!("{} {number}: {error}", role.kind))
                })
            };
            let workers: Vec<_> = (0..).zip(&roles).map(work).collect();
            self.kill(&roles);
            self.stop.store(true, Ordering::SeqCst);
            let results = workers.into_iter().map(|w| w.join().unwrap_or_else(|_| Err("a worker panicked".into())));
            results.filter_map(Result::err).collect::<Vec<_>>()
        });
        if !failed.is_empty() {
            return Err(failed.join("\n  ").into());
        }
        let worker = self.worker(&roles[0], u64::MAX / 2);
        let verdict = end::check(worker)?;
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<_> = counts.iter().map(|(name, n)| format!("  {name:<28}{:>9}", grouped(*n))).collect();
        let kills: u64 = counts.iter().filter(|(name, _)| name.ends_with("killed")).map(|(_, n)| n).sum();
        Ok(format!("{}\n{} kills; {verdict} ({})", lines.join("\n"), grouped(kills), seconds(self.start.elapsed())))
    }

    fn worker<'a>(&'a self, role: &'a Role, number: u64) -> Worker<'a> {
        Worker { soak: self, role, rng: Rng::new(self.seed ^ number.wrapping_mul(0x9e37_79b9)) }
    }

    /// Kills what runs until the time is over or something failed; tells now and then how far things are.
    fn kill(&self, roles: &[Role]) {
        let mut rng = Rng::new(!self.seed);
        let mut told = Instant::now();
        while !self.stopped() && self.start.elapsed() < self.time {
            let pause = KILL_EVERY / 2 + KILL_EVERY.mul_f64(rng.below(1000) as f64 / 1000.0);
            thread::sleep(pause.min(self.time.saturating_sub(self.start.elapsed())));
            // Just after an event was written, death is most dangerous to those who write.
            let aimed = rng.one_in(2) && self.wait_for_an_event();
            let writes = |role: &&Role| !aimed || matches!(role.kind, "appender" | "compactor" | "vacuum");
            let running = roles.iter().filter(|role| role.running.load(Ordering::SeqCst)).filter(writes);
            let running: Vec<_> = running.collect();
            if !running.is_empty() {
                running[rng.index(running.len())].die();
            }
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                let (at, counts) =
                    (seconds(self.start.elapsed()), self.counts.lock().unwrap_or_else(PoisonError::into_inner));
                let counts: Vec<_> = counts.iter().map(|(name, n)| format!("{} {name}", grouped(*n))).collect();
                println!("  {at}: {}", counts.join(", "));
            }
        }
    }

    /// Waits for somebody to write an event, for a while.
    fn wait_for_an_event(&self) -> bool {
        let length = || fs::metadata(self.table.join("_at1/ledger")).map_or(0, |ledger| ledger.len());
        let (before, start) = (length(), Instant::now());
        while length() == before {
            if start.elapsed() > KILL_EVERY / 4 {
                return false;
            }
            thread::sleep(Duration::from_micros(200));
        }
        true
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn count(&self, what: &'static str, n: u64) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += n;
    }

    /// How far the columns have come: all changes fall into the time that there is.
    fn stage(&self) -> u64 {
        (self.start.elapsed().as_secs_f64() / self.time.as_secs_f64().max(1.0) * 18.0) as u64
    }
}

impl Role {
    fn die(&self) {
        self.dies.store(true, Ordering::SeqCst);
        if let Some(thread) = &*self.thread.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.unpark();
        }
    }
}

impl Worker<'_> {
    /// Runs `at1` until it ends or is killed; that it fails by itself is an error.
    fn at1(&self, words: &[&str]) -> Result<Ended> {
        self.at1_expecting(words, &[0])
    }

    /// [`Worker::at1`] that may end with any of these codes.
    fn at1_expecting(&self, words: &[&str], codes: &[i32]) -> Result<Ended> {
        *self.role.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        self.role.dies.store(false, Ordering::SeqCst);
        self.role.running.store(true, Ordering::SeqCst);
        let mut command = self.soak.at1.command(words);
        let ended = mortal::run(&mut command, || self.role.dies.load(Ordering::SeqCst));
        self.role.running.store(false, Ordering::SeqCst);
        let ended = ended?;
        match ended.status {
            None => self.soak.count(killed(self.role.kind), 1),
            Some(status) if status.code().is_some_and(|code| codes.contains(&code)) => {}
            Some(status) => {
                let out: String = String::from_utf8_lossy(&ended.stdout).chars().take(2000).collect();
                return Err(format!(
                    "`{}`: expected to end by itself with {codes:?}, found {status}: {}{out}",
                    sh::words(&command),
                    ended.stderr
                )
                .into());
            }
        }
        Ok(ended)
    }

    fn table(&self) -> &str {
        self.soak.table.to_str().unwrap_or_default()
    }

    fn pause(&mut self, milliseconds: u64) {
        thread::sleep(Duration::from_millis(self.rng.below(milliseconds)));
    }
}

fn killed(kind: &str) -> &'static str {
    match kind {
        "appender" => "appenders killed",
        "compactor" => "compactors killed",
        "vacuum" => "vacuums killed",
        "backup" => "backups killed",
        _ => "readers killed",
    }
}
