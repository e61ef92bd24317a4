//! Wrong command lines and wrong inputs: exit codes and words.

use crate::bench::Bench;

#[test]
fn wrong_words_end_with_2() {
    let bench = Bench::with_trades();
    for (words, told) in [
        (&["frobnicate"][..], "there is no command `frobnicate`, and no program `at1-frobnicate` on the PATH"),
        (&["scan"], "required arguments"),
        (&["scan", "trades", "--where", "price >"], "expected"),
        (&["scan", "trades", "--where", "prise > 1"], "price"),
        (&["scan", "trades", "nosuch:1:2"], "nosuch"),
        (&["scan", "trades", "c0:1:2:3"], "expected COL:LO..HI"),
        (&["scan", "trades", "--select", "nosuch"], "nosuch"),
        (&["scan", "trades", "--format", "xml"], "possible values"),
        (&["append", "trades", "a.csv", "--delimiter", "ab"], "one ASCII character"),
        (&["append", "trades", "a.csv", "b.csv", "--idempotency-key", "p:1"], "one FILE"),
        (&["append", "trades", "a.csv", "--type", "ts"], "COL=TYPE"),
        (&["cat", "trades", "--rows", "9..3"], "A..B"),
    ] {
        let err = bench.run(words).fails(2);
        assert!(err.contains(told), "{words:?}: {err}");
    }
}

#[test]
fn what_cannot_be_read_ends_with_3() {
    let bench = Bench::with_trades();
    bench.file("text.at1", b"this is no segment at all, but longer than a footer\n");
    for words in [
        &["scan", "nowhere"][..],
        &["info", "nowhere"],
        &["verify", "nowhere"],
        &["append", "trades", "nowhere.csv"],
        &["init", "trades"],
        &["encode", "nowhere.csv", "-o", "x.at1"],
        &["encode", "a.csv", "-o", "no/such/folder/x.at1"],
        &["decode", "nowhere.at1"],
    ] {
        let err = bench.run(words).fails(3);
        assert!(err.starts_with("error: "), "{words:?}: {err}");
    }
    assert!(bench.run(&["decode", "text.at1"]).fails_somehow());
}

#[test]
fn failures_are_json_where_json_is_asked_for() {
    let bench = Bench::with_trades();
    for (words, kind) in [
        (&["cat", "trades", "--batch", "7", "--json"][..], "invalid"),
        (&["scan", "nowhere", "--json"], "no_table"),
        (&["scan", "--json"], "usage"),
        (&["init", "trades", "--json"], "exists"),
    ] {
        let run = bench.run(words);
        let error: serde_json::Value = serde_json::from_str(run.err().trim()).unwrap();
        let error = error["error"].as_object().unwrap();
        assert_eq!(error["kind"], kind, "{words:?}");
        for key in ["path", "expected", "found", "message"] {
            assert!(error.contains_key(key), "{words:?} has no {key}");
        }
        assert_eq!(run.out(), "", "a failure puts nothing on stdout");
    }
}

#[test]
fn a_command_that_is_not_built_in_is_looked_for_on_the_path() {
    let bench = Bench::new();
    bench.file("at1-hello", b"#!/bin/sh\necho \"hello $1\"\nexit 9\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(bench.path("at1-hello"), executable).unwrap();
    let output = bench.command(&["hello", "there"]).env("PATH", bench.path("")).output().unwrap();
    // The shell that runs it is named in full, so the PATH needs nothing else.
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(9), &b"hello there\n"[..]));
}

#[test]
fn help_manual_and_completions() {
    let bench = Bench::new();
    assert!(bench.run(&["--help"]).text().contains("Exit codes: 0 done and held; 1 integrity violated"));
    assert!(
        bench.run(&["scan", "--help"]).text().contains("at1 scan trades c0:1704067200000:1704067210000 --select c0,c1")
    );
    bench.run(&["man", "man1"]).ok();
    assert!(String::from_utf8(bench.read("man1/at1-append.1")).unwrap().contains("idempotency"));
    assert!(bench.run(&["completions", "bash"]).text().contains("complete -F _at1"));
}

#[test]
fn an_interrupted_append_leaves_nothing_behind() {
    use std::{io::Write as _, process::Stdio};
    let bench = Bench::with_trades();
    let mut child =
        bench.command(&["append", "trades", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // More than a pipe holds: when it is written, the program is reading, and so listening.
    stdin.write_all(&b"1,2\n".repeat(1 << 18)).unwrap();
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    // It may have to be given something to notice, and may be gone before that.
    let _ = stdin.write_all(&b"1,2\n".repeat(1 << 18));
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_dir(bench.path("trades/_at1/staging")).unwrap().count(), 0);
    assert_eq!(bench.run(&["info", "trades", "--json"]).json()[0]["batches"], 2);
}
