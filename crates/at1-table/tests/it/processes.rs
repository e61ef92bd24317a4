//! Several threads and processes on one table of a real disk.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use at1_table::{AppendOptions, CreateOptions, Extent, Idempotency, Joints, Opened, Source, Table, VerifyOptions};

use crate::{append, batches};

fn text(writer: usize, number: usize) -> String {
    format!("writer,number,value\n{writer},{number},{}.5\n", writer * 1000 + number)
}

/// Every batch is there once, each writer's in order.
#[track_caller]
fn check_all_there(folder: &Path, writers: usize, each: usize) {
    let table = Table::open(folder).unwrap();
    let found: Vec<String> = batches(&table).into_iter().map(|batch| String::from_utf8(batch).unwrap()).collect();
    assert_eq!(found.len(), writers * each);
    for writer in 0..writers {
        let own: Vec<_> = found.iter().filter(|batch| batch.contains(&format!("\n{writer},"))).cloned().collect();
        let expected: Vec<_> = (0..each).map(|number| text(writer, number)).collect();
        assert_eq!(own, expected, "writer {writer}");
    }
    let report = table.verify(&VerifyOptions::default()).unwrap();
    assert_eq!(report.verdict().exit_code(), 0, "{:?}", report.findings);
    // Threads on one handle may share events, which only makes them fewer.
    assert!((1..=(writers * each) as u64).contains(&report.events), "{} events", report.events);
}

#[test]
fn threads_append_and_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    Table::create(&path, &CreateOptions::default()).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let table = Table::open(&path).unwrap();
            let mut before = vec![];
            while !done.load(Ordering::SeqCst) {
                let mut now = vec![];
                table.cat(&Extent::Everything, Joints::LineFeed, &mut now).unwrap();
                assert!(now.starts_with(&before), "what was read stays what it was");
                before = now;
            }
        });
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let path = &path;
                scope.spawn(move || {
                    let table = Table::open(path).unwrap();
                    for number in 0..6 {
                        append(&table, text(writer, number));
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::SeqCst);
        reader.join().unwrap();
    });
    check_all_there(&path, 3, 6);
}

#[test]
fn one_handle_serves_many_threads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    let table = Table::create(&path, &CreateOptions::default()).unwrap();
    thread::scope(|scope| {
        for writer in 0..3 {
            let table = &table;
            scope.spawn(move || (0..4).for_each(|number| drop(append(table, text(writer, number)))));
        }
    });
    check_all_there(&path, 3, 4);
}

#[test]
fn many_open_or_create_and_one_creates() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    let created: usize = thread::scope(|scope| {
        let open = || Table::open_or_create(&path, &CreateOptions::default()).unwrap().1;
        let openers: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        openers.into_iter().map(|opener| usize::from(opener.join().unwrap() == Opened::Created)).sum()
    });
    assert_eq!(created, 1);
}

/// Not a test: what the processes below run. Appends each batch of some writers, a thread each, once, whatever happened before.
#[test]
#[ignore = "run by the tests below in processes of their own"]
fn child() {
    let Ok(job) = std::env::var("AT1_CHILD") else { return };
    let words: Vec<_> = job.split('|').collect();
    let [folder, start, end, each] = words[..] else { panic!("expected folder, first writer, end, each") };
    let (table, each) = (Table::open(folder).unwrap(), each.parse::<usize>().unwrap());
    thread::scope(|scope| {
        for writer in start.parse().unwrap()..end.parse::<usize>().unwrap() {
            let table = &table;
            scope.spawn(move || {
                for number in 0..each {
                    let key = Idempotency { producer: writer.to_string(), sequence: number as u64 };
                    let options = AppendOptions { idempotency: Some(key), ..AppendOptions::default() };
                    table.append_csv(Source::bytes(&text(writer, number)), &options).unwrap();
                }
            });
        }
    });
}

fn spawn(folder: &Path, writers: Range<usize>, each: usize) -> Child {
    let program: PathBuf = std::env::current_exe().unwrap();
    Command::new(program)
        .args(["processes::child", "--exact", "--ignored"])
        .env("AT1_CHILD", format!("{}|{}|{}|{each}", folder.display(), writers.start, writers.end))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn processes_append_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    Table::create(&path, &CreateOptions::default()).unwrap();
    let children: Vec<_> = (0..3).map(|writer| spawn(&path, writer..writer + 1, 5)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    check_all_there(&path, 3, 5);
}

#[test]
fn processes_with_many_threads_append_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    Table::create(&path, &CreateOptions::default()).unwrap();
    let children: Vec<_> = (0..3).map(|child| spawn(&path, child * 4..child * 4 + 4, 5)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    check_all_there(&path, 12, 5);
}

#[test]
fn processes_are_killed_and_nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t");
    Table::create(&path, &CreateOptions::default()).unwrap();
    let each = 12;
    let mut rng = at1_testkit::Rng::new(7);
    for _ in 0..12 {
        let mut children: Vec<_> = (0..2).map(|child| spawn(&path, child * 2..child * 2 + 2, each)).collect();
        thread::sleep(std::time::Duration::from_millis(20 + rng.below(60)));
        for child in &mut children {
            let _ = child.kill();
            child.wait().unwrap();
        }
        let table = Table::open(&path).unwrap();
        assert!(matches!(table.verify(&VerifyOptions::default()).unwrap().verdict().exit_code(), 0 | 7));
    }
    for mut child in (0..2).map(|child| spawn(&path, child * 2..child * 2 + 2, each)).collect::<Vec<_>>() {
        assert!(child.wait().unwrap().success());
    }
    check_all_there(&path, 4, each);
    let staged = std::fs::read_dir(path.join("_at1/staging")).unwrap().count();
    assert_eq!(staged, 0, "what the dead left is swept");
}
