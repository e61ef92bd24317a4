//! Files that are followed, pipes, restarts: every line is in the table once.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is the test failing")]

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use at1_ingest::{BatchLimits, Error, Happening, IngestOptions, Source, Stats, Told, ingest};
use at1_table::{AppendOptions, CreateOptions, Extent, FormatOption, Joints, Table};
use tempfile::TempDir;

/// A table, and a folder with logs beside it.
struct Bench {
    folder: TempDir,
    happened: Mutex<Vec<Happening>>,
}

/// Raises a flag when it goes.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), happened: Mutex::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn table(&self) -> Table {
        Table::open_or_create(self.path("table"), &CreateOptions::default()).unwrap().0
    }

    fn write(&self, name: &str, text: &str) {
        OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Reads `sources` while `meanwhile` goes on, until that ends and the table is at rest.
    fn run(&self, sources: Vec<Source>, options: &IngestOptions, meanwhile: impl FnOnce()) -> Result<(), Error> {
        let (table, stats, stop) = (self.table(), Stats::default(), AtomicBool::new(false));
        let tell = |told: Told<'_>| {
            if let Told::Happened { happening, .. } = told {
                self.happened.lock().unwrap().push(happening);
            }
        };
        let stopped = || stop.load(Ordering::Relaxed);
        thread::scope(|scope| {
            let reading =
                scope.spawn(|| ingest(&table, &self.path("table"), sources, options, &stopped, &tell, &stats));
            {
                // Also if it panics: then nothing else would end the reading.
                let _stops = Stops(&stop);
                meanwhile();
            }
            reading.join().unwrap()
        })
    }

    /// The table's text, once it has so many bytes.
    fn text(&self, bytes: usize) -> String {
        let table = self.table();
        let start = Instant::now();
        loop {
            let mut text = Vec::new();
            table.cat(&Extent::Everything, Joints::LineFeed, &mut text).unwrap();
            if text.len() >= bytes || start.elapsed() > Duration::from_secs(20) {
                return String::from_utf8(text).unwrap();
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn wait(&self, text: &str) {
        let found = self.text(text.len());
        assert!(found == text, "expected {} bytes, found {}: {found:.200}", text.len(), found.len());
    }
}

fn options() -> IngestOptions {
    let append = AppendOptions { format: FormatOption::Lines(None), ..AppendOptions::default() };
    let batch = BatchLimits { age: Duration::from_millis(30), ..BatchLimits::default() };
    IngestOptions { append, batch, poll: Duration::from_millis(5), ..IngestOptions::default() }
}

fn lines(from: u32, to: u32) -> String {
    (from..to).map(|n| format!("line {n}\n")).collect()
}

#[test]
fn a_file_that_grows() {
    let bench = Bench::new();
    bench.write("a.log", &lines(0, 10));
    let sources = vec![Source::path(bench.path("a.log"))];
    bench
        .run(sources, &options(), || {
            bench.wait(&lines(0, 10));
            bench.write("a.log", "line 1");
            thread::sleep(Duration::from_millis(100));
            assert_eq!(bench.text(0), lines(0, 10), "a line that has no end is no line yet");
            bench.write("a.log", &lines(10, 20)[6..]);
            bench.wait(&lines(0, 20));
        })
        .unwrap();
    // A restart goes on where it was.
    bench.write("a.log", &lines(20, 30));
    bench.run(vec![Source::path(bench.path("a.log"))], &options(), || bench.wait(&lines(0, 30))).unwrap();
    bench.run(vec![Source::path(bench.path("a.log"))], &options(), || bench.wait(&lines(0, 30))).unwrap();
    let newest = bench.table().snapshot().unwrap().newest_batches(1).unwrap().remove(0);
    assert!(newest.note.unwrap().contains("\"offset\":"), "the ledger says where in the file a batch ends");
}

#[test]
fn a_file_that_is_renamed_and_made_anew() {
    let bench = Bench::new();
    bench.write("a.log", &lines(0, 5));
    bench
        .run(vec![Source::path(bench.path("a.log"))], &options(), || {
            bench.wait(&lines(0, 5));
            let mut old = OpenOptions::new().append(true).open(bench.path("a.log")).unwrap();
            fs::rename(bench.path("a.log"), bench.path("a.log.1")).unwrap();
            // Its writer has not noticed yet.
            old.write_all(lines(5, 8).as_bytes()).unwrap();
            bench.wait(&lines(0, 8));
            bench.write("a.log", &lines(9, 12));
            old.write_all(lines(8, 9).as_bytes()).unwrap();
            bench.wait(&lines(0, 12));
        })
        .unwrap();
    assert_eq!(*bench.happened.lock().unwrap(), [Happening::Rotated { path: bench.path("a.log") }]);
    // Twice, while nobody reads.
    bench.write("a.log", &lines(12, 13));
    fs::rename(bench.path("a.log"), bench.path("a.log.2")).unwrap();
    bench.write("a.log", &lines(13, 15));
    thread::sleep(Duration::from_millis(20));
    fs::rename(bench.path("a.log"), bench.path("a.log.3")).unwrap();
    bench.write("a.log", &lines(15, 16));
    bench.run(vec![Source::path(bench.path("a.log"))], &options(), || bench.wait(&lines(0, 16))).unwrap();
}

#[test]
fn a_file_that_is_emptied() {
    let bench = Bench::new();
    bench.write("a.log", &lines(0, 100));
    bench
        .run(vec![Source::path(bench.path("a.log"))], &options(), || {
            bench.wait(&lines(0, 100));
            File::create(bench.path("a.log")).unwrap();
            thread::sleep(Duration::from_millis(50));
            bench.write("a.log", &lines(100, 105));
            bench.wait(&lines(0, 105));
            // Written again from its start, longer than before: its first bytes tell.
            fs::write(bench.path("a.log"), lines(105, 300)).unwrap();
            bench.wait(&lines(0, 300));
        })
        .unwrap();
    let happened = bench.happened.lock().unwrap().clone();
    assert!(
        happened.iter().all(|happening| matches!(happening, Happening::Truncated { .. })) && happened.len() == 2,
        "{happened:?}"
    );
    // Copied and emptied while nobody reads: the copy has the rest.
    bench.write("a.log", &lines(300, 310));
    fs::copy(bench.path("a.log"), bench.path("a.log.1")).unwrap();
    fs::write(bench.path("a.log"), lines(310, 311)).unwrap();
    bench.run(vec![Source::path(bench.path("a.log"))], &options(), || bench.wait(&lines(0, 311))).unwrap();
}

#[test]
fn files_that_begin_alike_are_not_taken_for_each_other() {
    let bench = Bench::new();
    let header = "# a header that all files of this program begin with\n";
    bench.write("a.log.1", &(header.to_owned() + &lines(900, 999)));
    thread::sleep(Duration::from_millis(150));
    bench.write("a.log", &(header.to_owned() + &lines(0, 5)));
    let source = || vec![Source::path(bench.path("a.log"))];
    let first = header.to_owned() + &lines(0, 5);
    bench.run(source(), &options(), || bench.wait(&first)).unwrap();
    // The file went away before anyone read its rest, and another has its name.
    bench.write("a.log", &lines(5, 7));
    fs::remove_file(bench.path("a.log")).unwrap();
    bench.write("b.log", "so that inodes differ\n");
    bench.write("a.log", &(header.to_owned() + &lines(7, 30)));
    bench.run(source(), &options(), || bench.wait(&(first + header + &lines(7, 30)))).unwrap();
    assert!(matches!(bench.happened.lock().unwrap()[..], [Happening::Lost { .. }]), "it is said");
}

#[test]
fn files_that_come_later_and_links_that_turn() {
    let bench = Bench::new();
    bench.write("one", &lines(0, 3));
    let pattern = bench.path("x*.log");
    let sources = vec![Source::path(bench.path("link.log")), Source::path(&pattern)];
    bench
        .run(sources, &options(), || {
            thread::sleep(Duration::from_millis(50));
            std::os::unix::fs::symlink(bench.path("one"), bench.path("link.log")).unwrap();
            bench.wait(&lines(0, 3));
            bench.write("two", &lines(3, 5));
            std::os::unix::fs::symlink(bench.path("two"), bench.path("new")).unwrap();
            fs::rename(bench.path("new"), bench.path("link.log")).unwrap();
            bench.wait(&lines(0, 5));
            bench.write("x1.log", &lines(5, 6));
            bench.wait(&lines(0, 6));
            bench.write("x2.log", &lines(6, 7));
            bench.wait(&lines(0, 7));
        })
        .unwrap();
    let happened = bench.happened.lock().unwrap().clone();
    let link = bench.path("link.log");
    let expected = [
        Happening::Missing { path: link.clone() },
        Happening::Found { path: link.clone() },
        Happening::Rotated { path: link },
    ];
    assert_eq!(happened, expected);
}

#[test]
fn from_the_end() {
    let bench = Bench::new();
    bench.write("a.log", &(lines(0, 5) + "line"));
    let from_end = IngestOptions { skips_old: true, ..options() };
    bench
        .run(vec![Source::path(bench.path("a.log"))], &from_end, || {
            thread::sleep(Duration::from_millis(100));
            bench.write("a.log", " 5\n");
            bench.wait("line 5\n");
        })
        .unwrap();
    bench.write("a.log", "line 6\n");
    bench.run(vec![Source::path(bench.path("a.log"))], &from_end, || bench.wait("line 5\nline 6\n")).unwrap();
}

#[test]
fn pipes_end() {
    let bench = Bench::new();
    let text = lines(0, 2000) + "no end";
    let limits = BatchLimits { lines: 300, ..options().batch };
    let few = IngestOptions { batch: limits, ..options() };
    let pipe = || vec![Source::reader("p", std::io::Cursor::new(text.clone()))];
    bench.run(pipe(), &few, || drop(bench.text(text.len()))).unwrap();
    assert_eq!(bench.text(0), text);
    // The same name again: other lines, whatever they say.
    bench.run(pipe(), &few, || drop(bench.text(2 * text.len() + 1))).unwrap();
    assert_eq!(bench.text(0), format!("{text}\n{text}"));
}

#[test]
fn two_do_not_read_one_source() {
    let bench = Bench::new();
    bench.write("a.log", &lines(0, 3));
    bench
        .run(vec![Source::path(bench.path("a.log"))], &options(), || {
            bench.wait(&lines(0, 3));
            let error = bench
                .run(vec![Source::path(bench.path("a.log"))], &options(), || thread::sleep(Duration::from_millis(50)));
            assert!(error.unwrap_err().to_string().contains("another process"));
        })
        .unwrap();
    let error = bench.run(vec![Source::File(bench.folder.path().to_owned())], &options(), || {
        thread::sleep(Duration::from_millis(20))
    });
    assert!(error.unwrap_err().to_string().contains("a folder, expected a file"));
}

#[test]
fn the_ledger_knows_the_place_if_the_journal_is_gone() {
    let bench = Bench::new();
    bench.write("a.log", &lines(0, 9));
    bench.run(vec![Source::path(bench.path("a.log"))], &options(), || bench.wait(&lines(0, 9))).unwrap();
    fs::remove_dir_all(bench.path("table/_at1/ingest")).unwrap();
    bench.write("a.log", &lines(9, 12));
    bench.run(vec![Source::path(bench.path("a.log"))], &options(), || bench.wait(&lines(0, 12))).unwrap();
}

#[test]
fn what_the_table_refuses_ends_it_and_is_kept() {
    let bench = Bench::new();
    bench.write("a.csv", "a,b\n1,2\n");
    let strict =
        |strictness| IngestOptions { append: AppendOptions { strictness, ..AppendOptions::default() }, ..options() };
    let (strict, lenient) = (strict(at1_table::Strictness::Strict), strict(at1_table::Strictness::Lenient));
    let source = || vec![Source::path(bench.path("a.csv"))];
    bench.run(source(), &strict, || bench.wait("a,b\n1,2\n")).unwrap();
    bench.write("a.csv", "x,y\n");
    let error = bench.run(source(), &strict, || thread::sleep(Duration::from_millis(300))).unwrap_err();
    assert!(error.to_string().contains("a wider type"), "{error}");
    bench.run(source(), &lenient, || bench.wait("a,b\n1,2\nx,y\n")).unwrap();
}

#[test]
fn many_small_batches_are_merged() {
    let bench = Bench::new();
    let quick = IngestOptions { batch: BatchLimits { lines: 1, ..options().batch }, ..options() };
    let path = bench.path("a.log");
    bench
        .run(vec![Source::path(&path)], &quick, || {
            for n in 0..60 {
                bench.write("a.log", &lines(n, n + 1));
                thread::sleep(Duration::from_millis(15));
            }
            bench.wait(&lines(0, 60));
        })
        .unwrap();
    assert!(Path::new(&path).exists());
    let info = bench.table().info().unwrap();
    assert!(info.batches > 16 && info.rows == 60, "{info:?}");
}
