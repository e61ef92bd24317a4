//! The fold: contradictions that hashes cannot show, each in an intact chain.

use std::io;

use at1_ledger::{
    BatchRecord, Carried, Code, Detail, Digest, ErrorKind, Event, Header, Idempotency, Json, Kind, ManifestRef,
    Produced, RowTree, SegmentRecord, State, Timestamp, Totals, Verdict, link, segment_name, verify_chain,
};
use serde_json::json;

use crate::standin::{BATCHES, Table, example, second};

/// The event that would follow `table`, with its detail changed.
fn next(table: &Table, kind: Kind, change: impl FnOnce(&mut Detail)) -> Event {
    let (mut detail, n) = (table.detail(kind), table.events.len() as u64);
    change(&mut detail);
    let prev = table.events.last().map_or(table.header.genesis(), |event| event.chain);
    link(prev, n, &detail, second(n)).unwrap().event
}

fn note() -> Kind {
    Kind::Note { text: "x".into() }
}

fn batch(rows: u64) -> BatchRecord {
    BatchRecord::new(10 * rows, Digest::of(b"batch"), rows, Some(Digest::of(b"rows")))
}

fn segment(n: u64, part: u64, batch: std::ops::Range<u64>, rows: u64) -> SegmentRecord {
    SegmentRecord {
        name: segment_name(n, part),
        bytes: 1_000,
        sha256: Digest::of(b"segment"),
        footer_bytes: 100,
        footer_sha256: Digest::of(b"footer"),
        batch,
        rows,
        zones: Carried::zones(Json::new(&json!({})).unwrap()),
        schema_at: None,
        extra: Default::default(),
    }
}

fn append(batches: Vec<BatchRecord>, segments: Vec<SegmentRecord>) -> Kind {
    Kind::Append { batches, segments, schema: None }
}

/// What the state says to the event that follows `table`; a rejected event leaves it as it was.
#[track_caller]
fn refuse(table: &Table, kind: Kind, change: impl FnOnce(&mut Detail), message: &str) {
    let event = next(table, kind, change);
    let mut state = table.state();
    let before = format!("{state:?}");
    let error = state.apply(&event).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Contradiction, message));
    assert_eq!(format!("{state:?}"), before, "a rejected event changed the state");
}

#[track_caller]
fn accept(table: &Table, kind: Kind) -> State {
    let mut state = table.state();
    state.apply(&next(table, kind, |_| ())).unwrap();
    state
}

#[test]
fn totals() {
    let table = example(BATCHES, 2);
    refuse(&table, note(), |d| d.totals.batches = 4, "event 2: batches_total: expected 3, found 4");
    refuse(&table, note(), |d| d.totals.rows = 6, "event 2: rows_total: expected 7, found 6");
    refuse(&table, note(), |d| d.totals.bytes = 46, "event 2: bytes_total: expected 45, found 46");
    let one = append(vec![batch(2)], vec![segment(2, 0, 3..4, 2)]);
    refuse(&table, one.clone(), |d| d.totals.rows = 7, "event 2: rows_total: expected 9, found 7");
    let state = accept(&table, one);
    assert_eq!(state.totals(), Totals { batches: 4, rows: 9, bytes: 65 });
}

#[test]
fn numbers_links_and_times() {
    let table = example(BATCHES, 3);
    let mut state = table.state();
    let before = format!("{state:?}");
    let detail = table.detail(note());
    let prev = table.events[2].chain;
    for (n, ts, prev, kind, message) in [
        (4, second(4), prev, ErrorKind::Contradiction, "event 4: number: expected 3, found 4"),
        (2, second(4), prev, ErrorKind::Contradiction, "event 2: number: expected 3, found 2"),
        (
            3,
            second(2),
            prev,
            ErrorKind::Contradiction,
            "event 3: expected a time after 2026-01-22T16:00:02.000000000Z, found 2026-01-22T16:00:02.000000000Z",
        ),
        (
            3,
            second(1),
            prev,
            ErrorKind::Contradiction,
            "event 3: expected a time after 2026-01-22T16:00:02.000000000Z, found 2026-01-22T16:00:01.000000000Z",
        ),
        (3, second(4), Digest([0; 32]), ErrorKind::Damaged, "event 3: expected chain value "),
    ] {
        let event = link(prev, n, &detail, ts).unwrap().event;
        let error = state.apply(&event).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().starts_with(message), "{error}");
    }
    assert_eq!(format!("{state:?}"), before);
    let after = Timestamp::from_nanos(second(2).nanos() + 1).unwrap();
    state.apply(&link(prev, 3, &detail, after).unwrap().event).unwrap();
    assert_eq!(state.ts_of(3), Some(after));
}

#[test]
fn tiling_of_an_append() {
    let table = example(BATCHES, 1);
    let two = || vec![batch(2), batch(3)];
    for (segments, message) in [
        (vec![segment(1, 0, 1..2, 2)], "seg: end of the segments' batches: expected 3, found 2"),
        (vec![segment(1, 0, 0..3, 8)], "seg[0]: batch: expected batches from 1, at most to 3, found 0..3"),
        (vec![segment(1, 0, 2..3, 3)], "seg[0]: batch: expected batches from 1, at most to 3, found 2..3"),
        (vec![segment(1, 0, 1..4, 5)], "seg[0]: batch: expected batches from 1, at most to 3, found 1..4"),
        (
            vec![segment(1, 0, 1..2, 2), segment(1, 1, 1..3, 5)],
            "seg[1]: batch: expected batches from 2, at most to 3, found 1..3",
        ),
        (vec![segment(1, 0, 1..3, 4)], "seg[0]: rows: expected 5, found 4"),
        (vec![segment(1, 0, 1..2, 3), segment(1, 1, 2..3, 2)], "seg[0]: rows: expected 2, found 3"),
        (vec![segment(2, 0, 1..3, 5)], "seg[0]: name: expected seg_000001.at1, found seg_000002.at1"),
        (
            vec![segment(1, 0, 1..2, 2), segment(1, 0, 2..3, 3)],
            "seg[1]: name: expected seg_000001-1.at1, found seg_000001.at1",
        ),
    ] {
        refuse(&table, append(two(), segments), |_| (), &format!("event 1: {message}"));
    }
    let state = accept(&table, append(two(), vec![segment(1, 0, 1..2, 2), segment(1, 1, 2..3, 3)]));
    assert_eq!(state.live().len(), 3);
    assert_eq!(state.batch_rows(2), Some(5..8));
    // A batch without rows has rows at a place all the same.
    let state = accept(&table, append(vec![batch(0)], vec![segment(1, 0, 1..2, 0)]));
    assert_eq!((state.batch_rows(1), state.segment_of(1).unwrap().rows), (Some(3..3), 0));
}

#[test]
fn tiling_of_a_compaction() {
    // Batch 0 in one segment, batches 1 and 2 in the next.
    let table = example(BATCHES, 2);
    let compact = |drop, segments| Kind::Compact { drop, segments };
    for (drop, segments, message) in [
        (0..2, vec![segment(2, 0, 0..2, 6)], "drop: expected batches from segment border to border, found 0..2"),
        (2..3, vec![segment(2, 0, 2..3, 1)], "drop: expected batches from segment border to border, found 2..3"),
        (0..4, vec![segment(2, 0, 0..4, 7)], "drop: expected batches from segment border to border, found 0..4"),
        (3..4, vec![segment(2, 0, 3..4, 0)], "drop: expected batches from segment border to border, found 3..4"),
        (0..3, vec![segment(2, 0, 0..3, 8)], "seg[0]: rows: expected 7, found 8"),
        (0..3, vec![segment(2, 0, 0..1, 3)], "seg: end of the segments' batches: expected 3, found 1"),
        (1..3, vec![segment(2, 0, 0..3, 7)], "seg[0]: batch: expected batches from 1, at most to 3, found 0..3"),
        (0..3, vec![segment(0, 0, 0..3, 7)], "seg[0]: name: expected seg_000002.at1, found seg_000000.at1"),
    ] {
        refuse(&table, compact(drop, segments), |_| (), &format!("event 2: {message}"));
    }
    let live = |state: &State| state.live().iter().map(|segment| segment.name.clone()).collect::<Vec<_>>();
    let state = accept(&table, compact(0..3, vec![segment(2, 0, 0..2, 6), segment(2, 1, 2..3, 1)]));
    assert_eq!(live(&state), ["seg_000002.at1", "seg_000002-1.at1"]);
    assert_eq!(state.replaced().count(), 2);
    let state = accept(&table, compact(1..3, vec![segment(2, 0, 1..3, 4)]));
    assert_eq!(live(&state), ["seg_000000.at1", "seg_000002.at1"]);
    assert_eq!(
        [0, 1, 2, 3].map(|k| state.segment_of(k).map(|s| s.name.as_str())),
        [Some("seg_000000.at1"), Some("seg_000002.at1"), Some("seg_000002.at1"), None]
    );
}

#[test]
fn vacuum() {
    let table = example(BATCHES, 4);
    let vacuum =
        |through, names: &[&str]| Kind::Vacuum { through, names: names.iter().map(|name| (*name).into()).collect() };
    for (through, name) in
        [(3, "seg_000003.at1"), (2, "seg_000000.at1"), (3, "seg_000002.at1"), (3, "seg_000000-1.at1"), (3, "../ledger")]
    {
        let message = format!("event 4: names: expected a segment replaced by event {through} or before, found {name}");
        refuse(&table, vacuum(through, &[name]), |_| (), &message);
    }
    refuse(&table, vacuum(4, &[]), |_| (), "event 4: through: expected a number below 4, found 4");
    let state = accept(&table, vacuum(3, &["seg_000001.at1"]));
    assert_eq!(state.replaced().map(|old| old.vacuumed).collect::<Vec<_>>(), [None, Some(4)]);
    // Removing first and logging after may log twice; the first time counts.
    let table = example(BATCHES, 5);
    let state = accept(&table, vacuum(3, &["seg_000001.at1"]));
    assert_eq!(state.replaced().map(|old| old.vacuumed).collect::<Vec<_>>(), [Some(4), Some(4)]);
}

#[test]
fn manifests_and_anchors() {
    let table = example(BATCHES, 5);
    let manifest = |events| Some(ManifestRef { events, sha256: Digest::of(b"root") });
    refuse(&table, note(), |d| d.manifest = None, "event 5: manifest: expected a manifest as before, found null");
    for events in [0, 6] {
        let message = format!("event 5: manifest: expected a manifest of 1 to 5 events, found {events}");
        refuse(&table, note(), |d| d.manifest = manifest(events), &message);
    }
    let message = "event 5: manifest: expected a manifest of at least 4 events, found 3";
    refuse(&table, note(), |d| d.manifest = manifest(3), message);
    let mut state = table.state();
    state.apply(&next(&table, note(), |d| d.manifest = manifest(5))).unwrap();
    assert_eq!(state.manifest(), manifest(5));
    let anchor = |size| Kind::Anchor { size, receipt: "rfc3161".into(), sha256: Digest::of(b""), time: None };
    refuse(&table, anchor(6), |_| (), "event 5: size: expected a number below 6, found 6");
    accept(&table, anchor(5));
}

#[test]
fn row_trees_as_the_header_says() {
    let table = example(BATCHES, 1);
    let mut bare = batch(1);
    bare.rows_root = None;
    let message = "event 1: batches[1]: expected a rows_root, as the header says";
    refuse(&table, append(vec![batch(1), bare.clone()], vec![segment(1, 0, 1..3, 2)]), |_| (), message);

    let header = Header::new([0; 16], None, RowTree::None).unwrap();
    let table = Table { header, ..Table::new() };
    let message = "event 0: batches[0]: expected no rows_root, as the header says";
    refuse(&table, append(vec![batch(1)], vec![segment(0, 0, 0..1, 1)]), |_| (), message);
    accept(&table, append(vec![bare], vec![segment(0, 0, 0..1, 1)]));
}

#[test]
fn producers() {
    let by = |producer: &str, sequence| {
        let idempotency = Some(Idempotency { producer: producer.into(), sequence });
        BatchRecord { idempotency, ..batch(1) }
    };
    let mut table = Table::new();
    table.event(append(vec![by("a", 1), by("b", 1), by("a", 5)], vec![segment(0, 0, 0..3, 3)]));
    assert_eq!(table.state().produced("a"), Some(Produced { sequence: 5, batch: 2 }));
    assert_eq!(table.state().produced("b"), Some(Produced { sequence: 1, batch: 1 }));
    assert_eq!(table.state().produced("c"), None);
    for (again, found) in [(5, 5), (4, 4)] {
        let message = format!("event 1: batch 3: idempotency: expected a sequence above 5, found {found}");
        refuse(&table, append(vec![by("a", again)], vec![segment(1, 0, 3..4, 1)]), |_| (), &message);
    }
    let message = "event 1: batch 4: idempotency: expected a sequence above 7, found 7";
    refuse(&table, append(vec![by("b", 7), by("b", 7)], vec![segment(1, 0, 3..5, 2)]), |_| (), message);
    accept(&table, append(vec![by("a", 6), batch(1)], vec![segment(1, 0, 3..5, 2)]));
}

#[test]
fn schema_changes() {
    let short = Json::new(&json!([{"kind": "add", "column": "c0", "to": "int64"}])).unwrap();
    let long = Json::new(&json!([{"kind": "add", "name": "x".repeat(20_000)}])).unwrap();
    let bringing = |schema: &Json, n| Kind::Append {
        batches: vec![batch(1)],
        segments: vec![segment(n, 0, n..n + 1, 1)],
        schema: Some(Carried::schema(schema.clone())),
    };
    let mut table = Table::new();
    table.event(bringing(&short, 0));
    table.event(bringing(&long, 1));
    table.event(Kind::Schema { changes: short.clone() });

    let state = table.state();
    let changes: Vec<_> = state.schema().iter().map(|schema| (schema.event, schema.changes.inline())).collect();
    assert_eq!(changes, [(0, Some(&short)), (1, None), (2, Some(&short))]);
    assert_eq!(state.schema()[1].changes.sha256(), long.sha256());

    let mut state = State::new(&table.header);
    let mut asked = Vec::new();
    for event in &table.events {
        let resolve = |sha256| {
            asked.push(sha256);
            Ok(long.as_str().into())
        };
        state.apply_with(event, resolve).unwrap();
    }
    assert_eq!(asked, [long.sha256()], "only what is elsewhere is asked for");
    assert_eq!(state.schema()[1].changes, Carried::Inline(long.clone()));

    // A text that is not the one, that is no change, or that cannot be read.
    let mut state = State::new(&table.header);
    state.apply(&table.events[0]).unwrap();
    let before = format!("{state:?}");
    let error = state.apply_with(&table.events[1], |_| Ok(short.as_str().into())).unwrap_err();
    let message = format!("event 1: schema: expected hash {}, found {}", long.sha256(), short.sha256());
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::Damaged, message));
    let error = state.apply_with(&table.events[1], |_| Err(io::Error::other("gone"))).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Io, "event 1: schema: could not be read"));
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "gone");
    assert_eq!(format!("{state:?}"), before);
    let short_elsewhere = Kind::Append {
        batches: vec![batch(1)],
        segments: vec![segment(1, 0, 1..2, 1)],
        schema: Some(Carried::InFooter(short.sha256())),
    };
    let mut table = Table::new();
    table.event(bringing(&short, 0));
    let event = next(&table, short_elsewhere, |_| ());
    let error = state.apply_with(&event, |_| Ok(short.as_str().into())).unwrap_err();
    let message = "event 1: schema: expected more than 16384 bytes outside the event, found 43";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Damaged, message));
}

/// The chain goes on past contradictions and unknown operations; the fold does not.
#[test]
fn in_an_intact_chain() {
    let mut table = example(BATCHES, 2);
    let lie = next(&table, note(), |d| d.totals.rows = 8);
    let mut ledger = table.ledger.clone();
    ledger.extend(link(lie.prev, 2, &lie.detail, lie.ts).unwrap().line);
    let report = verify_chain(&ledger);
    let said: Vec<_> = report.findings.iter().map(|finding| (finding.code, finding.to_string())).collect();
    assert_eq!(said, [(Code::Contradiction, "event 2: rows_total: expected 7, found 8".to_owned())]);
    assert_eq!((report.verdict(), report.events), (Verdict::Broken, 3));
    assert_eq!(report.head().unwrap().chain, lie.chain);
    assert_eq!(report.state.unwrap().events(), 2);

    let prev = table.events[1].chain;
    let seal = format!("{prev}seal{{\"n\":2}}{}", second(2));
    let chain = Digest::of(seal.as_bytes());
    let mut ledger = table.ledger.clone();
    ledger.extend(format!("{chain} {seal}\n").into_bytes());
    let detail = table.detail(note());
    table.events.clear();
    let last = link(chain, 3, &detail, second(3)).unwrap();
    ledger.extend_from_slice(&last.line);
    let report = verify_chain(&ledger);
    let said: Vec<_> = report.findings.iter().map(|finding| (finding.code, finding.to_string())).collect();
    let message = "event 2: op: expected an operation of this version, found seal";
    assert_eq!(said, [(Code::Unknown, message.to_owned())]);
    assert_eq!((report.verdict(), report.events), (Verdict::Undecided, 4));
    assert_eq!(report.head(), Some(last.event.head()));
    // Damage after it is still damage, and so is time that runs backwards.
    let mut damaged = ledger.clone();
    let at = damaged.len() - 100;
    damaged[at] ^= 1;
    assert_eq!(verify_chain(&damaged).verdict(), Verdict::Broken);
    ledger.extend(link(last.chain, 4, &detail, second(3)).unwrap().line);
    let report = verify_chain(&ledger);
    assert_eq!(report.findings[1].to_string(), "event 4: expected a later time than the event before");
    assert_eq!(report.verdict(), Verdict::Broken);
}

#[test]
fn a_clock_in_the_future() {
    let report = example(BATCHES, 6).verify_chain();
    let before = |nanos| Timestamp::from_nanos(second(5).nanos() - nanos).unwrap();
    assert_eq!(report.clock_ahead(before(300_000_000_000)), None);
    let finding = report.clock_ahead(before(300_000_000_001)).unwrap();
    assert_eq!(finding.code, Code::ClockAhead);
    let message =
        "event 5: expected a time before 2026-01-22T15:55:04.999999999Z, found 2026-01-22T16:00:05.000000000Z";
    assert_eq!(finding.to_string(), message);
}

#[test]
fn what_was_live_then() {
    // Events 0 and 1 append three batches in two segments, 2 is a key, 3 a compaction, 4 a vacuum.
    let table = example(BATCHES, 5);
    let state = table.state();
    let names = |events: u64| state.live_after(events).iter().map(|record| record.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(0), Vec::<String>::new());
    assert_eq!(names(1), ["seg_000000.at1"]);
    assert_eq!(names(3), ["seg_000000.at1", "seg_000001.at1"]);
    assert_eq!(names(4), ["seg_000003.at1"]);
    assert_eq!(names(9), ["seg_000003.at1"]);
    assert_eq!((0..4).map(|events| state.appends_after(events)).collect::<Vec<_>>(), [0, 1, 2, 2]);
    let replaced = state.replaced_segment("seg_000001.at1").unwrap();
    assert_eq!((replaced.by, replaced.vacuumed), (3, Some(4)));
    assert!(state.replaced_segment("seg_000003.at1").is_none());
}

#[test]
fn a_compaction_says_which_schema_it_was_written_in() {
    let table = example(BATCHES, 3);
    let merged = |schema_at: Option<u64>| Kind::Compact {
        drop: 0..3,
        segments: vec![SegmentRecord { schema_at, ..segment(3, 0, 0..3, 7) }],
    };
    let state = accept(&table, merged(Some(1)));
    assert_eq!(state.live()[0].schema_at, Some(1));
    let line = next(&table, merged(Some(1)), |_| ());
    assert_eq!(line.detail.kind.segments()[0].schema_at, Some(1), "it is in the line");
    refuse(&table, merged(Some(3)), |_| (), "event 3: seg[0]: schema_at: expected a number below 3, found 3");
}
