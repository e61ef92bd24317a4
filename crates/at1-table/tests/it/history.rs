//! Whatever is compacted and vacuumed, every past state answers as it did when it was the newest.
//!
//! * Recorded at every 50th event and asked again after each change of layout: bytes, all columns of all rows, two predicates,
//!   `info`, rejects; besides every batch, `has` of every file, and `restore`.
//! * `cargo xtask history` runs the same over more batches, and on a disk.

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow::{array::RecordBatch, csv::WriterBuilder};
use at1_table::{
    AppendOptions, AsOf, Choose, CompactOptions, CompactReport, CreateOptions, Extent, HeaderOption, Idempotency,
    Joints, RowsCheck, ScanOptions, Snapshot, Source, Table, Tiers, VerifyOptions, paths,
    store::{LocalStore, Store},
};
use at1_testkit::{FeedFile, Opening, feed, store::MemStore};

/// How many events lie between two answers.
const STRIDE: usize = 50;
const PRODUCERS: u64 = 3;

#[test]
fn past_states_answer_as_they_did() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |digits| digits.parse().unwrap());
    let batches = number("AT1_HISTORY_BATCHES", 200);
    let seed = number("AT1_HISTORY_SEED", 3);
    let scratch = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = match std::env::var_os("AT1_HISTORY_DIR") {
        Some(folder) => Arc::new(LocalStore::new(folder)),
        None => Arc::new(MemStore::new()),
    };
    println!("seed {seed}, table in {}", store.place());
    let table = Table::create_in(Arc::clone(&store), &CreateOptions::default()).unwrap();
    let restored = scratch.path().join("restored");
    let mut history = History { store, restored, seed, table, files: vec![], answers: vec![] };

    let usual = batches as usize;
    history.grow(usual, |i| (i * 4 / usual) as u64);
    history.compacted("all into one", Choose::All);
    history.check_batches();
    let more = (usual / 5).max(40);
    history.grow(more, |i| (4 + i * 2 / more) as u64);
    history.compacted("in the newest types", Choose::Retype);
    history.grow(usual / 10, |_| 7);
    history.compacted("by tiers", Choose::Tiered(Tiers { fan_in: 4, ..Tiers::default() }));
    history.compacted("all into one again", Choose::All);
    history.check_batches();
}

struct History {
    store: Arc<dyn Store>,
    /// Where batches are restored to.
    restored: PathBuf,
    seed: u64,
    table: Table,
    files: Vec<FeedFile>,
    answers: Vec<Answer>,
}

/// What a state answers.
#[derive(Debug)]
struct Answer {
    event: u64,
    batches: usize,
    cat: Vec<u8>,
    /// What else was asked, and the answer.
    texts: Vec<(&'static str, String)>,
}

impl History {
    /// Appends files, and asks every now and then.
    fn grow(&mut self, count: usize, stage: impl Fn(usize) -> u64) {
        let start = Instant::now();
        for i in 0..count {
            let number = self.files.len() as u64;
            let (producer, sequence) = (number % PRODUCERS, number / PRODUCERS);
            let file = feed(self.seed, producer, sequence, stage(i));
            let options = AppendOptions {
                header: if file.opening == Opening::NewHeader { HeaderOption::Yes } else { HeaderOption::Auto },
                idempotency: Some(Idempotency { producer: format!("p{producer}"), sequence }),
                ..AppendOptions::default()
            };
            let source = Source::bytes(&file.bytes).named(name(number));
            let report = self.table.append_csv(source, &options).unwrap();
            assert_eq!((report.batch, report.rows), (number, file.rows), "{}", name(number));
            self.files.push(file);
            if self.files.len().is_multiple_of(STRIDE) {
                let snapshot = self.table.snapshot().unwrap();
                let answer = ask(&snapshot, report.event, self.files.len());
                self.check_truth(&answer);
                self.answers.push(answer);
            }
        }
        let info = self.table.info().unwrap();
        let columns: Vec<_> = info.columns.iter().map(|column| column.ty.to_string()).collect();
        println!(
            "{} batches, {} rows, {} rejects, {} segments, columns {} ({:.1} s)",
            info.batches,
            info.rows,
            info.rejects,
            info.segments,
            columns.join(" "),
            start.elapsed().as_secs_f64()
        );
    }

    /// The answer against what was appended.
    fn check_truth(&self, answer: &Answer) {
        let files = &self.files[..answer.batches];
        assert!(answer.cat == joined(files), "cat as of event {}", answer.event);
        let expected: u64 = files.iter().skip(1).step_by(PRODUCERS as usize).map(|file| file.rows.min(3)).sum();
        let (question, found) = &answer.texts[1];
        assert!(found.starts_with(&format!("{expected} rows,")), "{question} as of event {}", answer.event);
    }

    /// Compacts, vacuums, and asks everything again.
    fn compacted(&mut self, what: &str, choose: Choose) {
        let start = Instant::now();
        let before = self.table.info().unwrap();
        let options = CompactOptions { choose, grace: Duration::ZERO, ..CompactOptions::default() };
        let CompactReport { steps, vacuum } = self.table.compact(&options).unwrap();
        let replaced: u64 = steps.iter().map(|step| step.replaced).sum();
        assert_eq!((vacuum.removed.len() as u64, vacuum.waiting), (replaced, 0), "{what}");
        let info = self.table.info().unwrap();
        assert_eq!(info.segments, before.segments + steps.len() as u64 - replaced, "{what}");
        let there = self.store.list(paths::SEGMENTS).unwrap().len() as u64;
        assert_eq!(there, info.segments, "{what}: files");
        let due = before.segments > 1 || choose == Choose::Retype;
        assert_eq!(!steps.is_empty(), due, "{what}");
        let took = start.elapsed();

        // As another process finds it.
        self.table = Table::open_in(Arc::clone(&self.store)).unwrap();
        for old in &self.answers {
            let snapshot = self.table.as_of(AsOf::Event(old.event)).unwrap();
            let now = ask(&snapshot, old.event, old.batches);
            assert!(now.cat == old.cat, "{what}: cat as of event {}", old.event);
            for ((question, expected), (_, found)) in old.texts.iter().zip(&now.texts) {
                assert_texts(expected, found, &format!("{what}: {question} as of event {}", old.event));
            }
            let ts = snapshot.info().unwrap().ts.unwrap();
            assert_eq!(self.table.as_of(AsOf::Time(ts)).unwrap().event(), Some(old.event), "{what}");
        }
        self.check_restored(what);
        let report = self.table.verify(&VerifyOptions { rows: RowsCheck::Derive, ..VerifyOptions::default() }).unwrap();
        assert_eq!(report.verdict().exit_code(), 0, "{what}: {}", report.to_json());
        println!(
            "{what}: {} segments became {} in {} steps ({:.1} s), {} states and {} batches are as they were",
            before.segments,
            info.segments,
            steps.len(),
            took.as_secs_f64(),
            self.answers.len(),
            self.files.len()
        );
    }

    /// Every batch as a file, under its name.
    fn check_restored(&self, what: &str) {
        let restored = self.table.restore(&self.restored).unwrap();
        assert_eq!(restored.len(), self.files.len(), "{what}");
        for (number, file) in self.files.iter().enumerate() {
            let name = name(number as u64);
            assert!(fs::read(self.restored.join(&name)).unwrap() == file.bytes, "{what}: restored {name}");
        }
        fs::remove_dir_all(&self.restored).unwrap();
    }

    /// Every batch by its number and by its bytes, in one segment.
    fn check_batches(&self) {
        assert_eq!(self.table.info().unwrap().segments, 1);
        let entries = self.table.batches().unwrap();
        for (number, file) in self.files.iter().enumerate() {
            let (name, batch) = (name(number as u64), number as u64);
            let mut bytes = vec![];
            self.table.cat(&Extent::Batch(batch), Joints::LineFeed, &mut bytes).unwrap();
            assert!(bytes == file.bytes, "batch {number}");
            let found = self.table.has(Source::bytes(&file.bytes)).unwrap();
            assert!(found.iter().any(|found| found.batch == batch), "has {name}: {found:?}");
            let entry = &entries[number];
            let key = Idempotency { producer: format!("p{}", batch % PRODUCERS), sequence: batch / PRODUCERS };
            assert_eq!(
                (entry.name.as_deref(), entry.bytes, entry.idempotency.as_ref()),
                (Some(name.as_str()), file.bytes.len() as u64, Some(&key))
            );
        }
    }
}

fn name(number: u64) -> String {
    format!("{number:05}.csv")
}

/// Files in a row, a line feed put before each (an empty one too) if what came before is not empty and lacks its last.
fn joined(files: &[FeedFile]) -> Vec<u8> {
    let mut all: Vec<u8> = vec![];
    for file in files {
        if all.last().is_some_and(|&byte| byte != b'\n') {
            all.push(b'\n');
        }
        all.extend_from_slice(&file.bytes);
    }
    all
}

fn ask(snapshot: &Snapshot, event: u64, batches: usize) -> Answer {
    assert_eq!(snapshot.event(), Some(event));
    let mut cat = vec![];
    snapshot.cat(&Extent::Everything, Joints::LineFeed, &mut cat).unwrap();
    let mut rejects = vec![];
    let visit = &mut |reject: at1_table::Reject| {
        rejects.push((reject.row, reject.to_json().to_string()));
        Ok(())
    };
    snapshot.rejects(visit).unwrap();
    rejects.sort();
    let rejects = rejects.into_iter().fold(String::new(), |all, (_, reject)| all + &reject + "\n");
    let info = snapshot.info().unwrap();
    let texts = vec![
        ("every row", rows(snapshot, "true")),
        ("producer = 1 and line < 3", rows(snapshot, "producer = 1 and line < 3")),
        ("price >= 700 or price is null", rows(snapshot, "price >= 700 or price is null")),
        ("info", info.to_json().to_string()),
        ("rejects", rejects),
    ];
    Answer { event, batches, cat, texts }
}

/// How many rows match, their types and their values.
fn rows(snapshot: &Snapshot, predicate: &str) -> String {
    let scan = snapshot.scan(&ScanOptions::matching(predicate.parse().unwrap())).unwrap();
    let schema = scan.schema();
    let batches: Vec<RecordBatch> = scan.map(|batch| batch.unwrap()).collect();
    let mut text = format!("{} rows", batches.iter().map(RecordBatch::num_rows).sum::<usize>());
    for field in schema.fields() {
        write!(text, ", {} {}", field.name(), field.data_type()).unwrap();
    }
    let mut csv = vec![];
    let mut writer = WriterBuilder::new().with_null("∅".to_owned()).build(&mut csv);
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    drop(writer);
    text + "\n" + &String::from_utf8(csv).unwrap()
}

/// Shows the first line that differs: the whole texts are too long to read.
#[track_caller]
fn assert_texts(expected: &str, found: &str, what: &str) {
    if expected == found {
        return;
    }
    let at = expected.lines().zip(found.lines()).take_while(|(a, b)| a == b).count();
    let line = |text: &str| text.lines().nth(at).unwrap_or("nothing").to_owned();
    panic!("{what}: line {at}: expected {}, found {}", line(expected), line(found));
}
