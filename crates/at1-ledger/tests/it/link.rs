//! Lines: framing, the typed detail, limits.

use at1_ledger::{
    BatchRecord, Carried, ChainHead, Clock, ClockLag, Detail, Digest, EVENT_BYTES_MAX, ErrorKind, Frame, Header,
    Idempotency, Json, Kind, Members, Op, RowTree, SegmentRecord, link, parse_line, segment_name,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::standin::second;

const PREV: Digest = Digest([0xab; 32]);

/// A line with a right hash, whatever else it says.
fn sealed(event: impl AsRef<[u8]>) -> Vec<u8> {
    let event = event.as_ref();
    [format!("{} ", Digest::of(event)).as_bytes(), event, b"\n"].concat()
}

fn event_text(op: &str, detail: &str) -> String {
    format!("{PREV}{op}{detail}{}", second(1))
}

fn note(text: &str) -> Detail {
    Detail::after(None, Kind::Note { text: text.into() }).unwrap()
}

fn segment(n: u64, zones: Value) -> SegmentRecord {
    SegmentRecord {
        name: segment_name(n, 0),
        bytes: 1_000,
        sha256: Digest::of(b"segment"),
        footer_bytes: 100,
        footer_sha256: Digest::of(b"footer"),
        batch: 0..1,
        rows: 3,
        zones: Carried::zones(Json::new(&zones).unwrap()),
        schema_at: None,
        extra: Members::new(),
    }
}

/// An append with every member that there is.
fn full() -> Detail {
    let extra = |key: &str| Members::from_iter([(key.to_owned(), json!({"later": [1, "x"]}))]);
    let mut batch = BatchRecord::new(24, Digest::of(b"batch"), 3, Some(Digest::of(b"rows")));
    batch.name = Some("trades \"2026\".csv".into());
    batch.packed_sha256 = Some(Digest::of(b"packed"));
    batch.note = Some("first\nday".into());
    batch.rejects = 2;
    batch.idempotency = Some(Idempotency { producer: "feed-1".into(), sequence: 7 });
    batch.extra = extra("batch_later");
    let mut segment = segment(0, json!({"c0": ["1", null, 0, 2]}));
    segment.extra = extra("segment_later");
    let schema = json!([
        {"kind": "add", "column": "c0", "name": "id", "header": "Id ", "to": "int64"},
        {"kind": "dialect", "delimiter": ",", "quote": "\"", "terminator": "lf", "header": true, "nulls": ["NA", ""]},
    ]);
    let schema = Some(Carried::schema(Json::new(&schema).unwrap()));
    let mut detail =
        Detail::after(None, Kind::Append { batches: vec![batch], segments: vec![segment], schema }).unwrap();
    detail.actor = Some("ada".into());
    detail.tool = Some("at1 0.1.0".into());
    detail.text = Some("from the archive".into());
    detail.clk = Some(Clock { wall: second(0), lag: ClockLag::Forced });
    detail.extra = extra("detail_later");
    detail
}

fn text_of(detail: &Detail) -> String {
    let line = link(PREV, 0, detail, second(1)).unwrap().line;
    Frame::parse(&line).unwrap().detail.to_owned()
}

#[test]
fn every_kind_comes_back() {
    let digest = Digest::of(b"x");
    let some = |text: &str| Some(text.to_owned());
    let kinds = [
        Kind::Compact { drop: 0..2, segments: vec![segment(9, json!({}))] },
        Kind::Vacuum { through: 8, names: vec!["seg_000001.at1".into(), "seg_000001-1.at1".into()] },
        Kind::Vacuum { through: 8, names: vec![] },
        Kind::Schema { changes: Json::new(&json!([{"kind": "pin", "column": "c1", "to": "text"}])).unwrap() },
        Kind::Anchor { size: 9, receipt: "rfc3161".into(), sha256: digest, time: some("2026-01-22T16:00:05Z") },
        Kind::Anchor { size: 9, receipt: "opentimestamps".into(), sha256: digest, time: None },
        Kind::Key { add: some("name+00000000+key"), retire: None, checkpoint: None },
        Kind::Key { add: some("a"), retire: some("b"), checkpoint: some("origin\n9\nroot\n") },
        Kind::Note { text: String::new() },
    ];
    let mut details: Vec<_> = kinds.into_iter().map(|kind| Detail::after(None, kind).unwrap()).collect();
    details.push(full());
    for detail in details {
        let link = link(PREV, 9, &detail, second(1)).unwrap();
        assert_eq!(link.event.detail, detail);
        assert_eq!((link.event.n, link.event.ts, link.event.prev), (9, second(1), PREV));
        assert_eq!(link.event.op(), detail.kind.op());
        assert_eq!(parse_line(&link.line).unwrap(), link.event);
    }
    assert_eq!(Op::ALL.map(Op::as_str).join(" "), "append compact vacuum schema anchor key note");
}

#[test]
fn text_of_an_append() {
    let text = text_of(&full());
    let start = concat!(
        r#"{"actor":"ada","batches":[{"batch_later":{"later":[1,"x"]},"bytes":24,"#,
        r#""idempotency":{"producer":"feed-1","sequence":7},"name":"trades \"2026\".csv","note":"first\nday","#,
    );
    assert!(text.starts_with(start), "{text}");
    for member in [
        r#""clk":{"forced":true,"wall":"2026-01-22T16:00:00.000000000Z"}"#,
        r#""n":0"#,
        r#""rejects":2"#,
        r#""zones":{"c0":["1",null,0,2]}"#,
        r#""schema":[{"column":"c0","header":"Id ","kind":"add","name":"id","to":"int64"},{"delimiter":","#,
    ] {
        assert!(text.contains(member), "{text}");
    }
}

/// An intact line whose detail breaks the types: found, and named.
#[track_caller]
fn refuse(from: &str, to: &str, message: &str) {
    let text = text_of(&full());
    assert!(text.contains(from), "{from} is in no append");
    let value: Value = serde_json::from_str(&text.replacen(from, to, 1)).unwrap();
    let canonical = at1_ledger::json::encode(&value).unwrap();
    let error = parse_line(&sealed(event_text("append", &canonical))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    assert_eq!(error.to_string(), format!("append detail: {message}"));
}

#[test]
fn known_members_are_typed() {
    refuse(r#""n":0"#, r#""n":"0""#, "n: expected an integer, found \"0\"");
    refuse(r#""n":0,"#, "", "n: expected this member, found none");
    refuse(r#""manifest":null,"#, "", "manifest: expected this member, found none");
    refuse(r#""manifest":null"#, r#""manifest":{"events":1}"#, "manifest: sha256: expected this member, found none");
    refuse(r#""actor":"ada""#, r#""actor":null"#, "actor: expected a string, found null");
    refuse(r#""forced":true"#, r#""forced":false"#, "clk: forced: expected true or no member, found false");
    refuse(r#""forced":true"#, r#""drift":1"#, "clk: drift: expected no such member");
    refuse(r#""rejects":2"#, r#""rejects":0"#, "batches[0]: rejects: expected a number above 0 or no member, found 0");
    refuse(r#""name":"trades"#, r#""name":0,"x":"trades"#, "batches[0]: name: expected a string, found 0");
    refuse(
        r#""sequence":7"#,
        r#""sequence":[7]"#,
        "batches[0]: idempotency: sequence: expected an integer, found an array",
    );
    refuse(
        r#""batch":[0,1]"#,
        r#""batch":[1,1]"#,
        "seg[0]: batch: expected a range [first,end] that is not empty, found an array",
    );
    refuse(
        r#""footer_bytes":100"#,
        r#""footer_bytes":1001"#,
        "seg[0]: footer_bytes: expected at most the length of the file, found 1001",
    );
    for name in
        ["../seg_000000.at1", "seg_0.at1", "seg_000000-0.at1", "seg_0000000.at1", "seg_000000.at1/", "seg_+00000.at1"]
    {
        let message = format!("seg[0]: name: expected seg_NNNNNN.at1 or seg_NNNNNN-P.at1, found \"{name}\"");
        refuse("seg_000000.at1", name, &message);
    }
    refuse(r#""zones":{"c0":["1",null,0,2]}"#, r#""x":0"#, "seg[0]: expected zones or zones_sha256, found neither");
    refuse(r#""zones":{"c0":["1",null,0,2]}"#, r#""zones":[]"#, "seg[0]: zones: expected an object, found an array");
    let both = format!(r#""zones_sha256":"{PREV}","zones""#);
    refuse(r#""zones""#, &both, "seg[0]: expected zones or zones_sha256, found both");
    refuse(r#""kind":"dialect""#, r#""kind":0"#, "schema: [1]: expected an object with a kind, found an object");
    let upper = Digest::of(b"batch").to_string().to_uppercase();
    refuse(
        &Digest::of(b"batch").to_string(),
        &upper,
        &format!("batches[0]: sha256: expected 64 lower-case hexadecimal digits, found \"{upper}\""),
    );
}

#[test]
fn other_kinds_are_typed() {
    let common = r#""batches_total":0,"bytes_total":0,"manifest":null,"n":0,"rows_total":0"#;
    for (op, members, message) in [
        (
            "append",
            r#","batches":[],"seg":[]"#,
            "append detail: batches: expected an array of at least one object, found an array",
        ),
        (
            "compact",
            r#","drop":[2,2],"seg":[]"#,
            "compact detail: drop: expected a range [first,end] that is not empty, found an array",
        ),
        (
            "compact",
            r#","drop":[0,2],"seg":[]"#,
            "compact detail: seg: expected an array of at least one object, found an array",
        ),
        (
            "vacuum",
            r#","names":["a",1],"through":0"#,
            "vacuum detail: names: expected an array of strings, found an array",
        ),
        (
            "schema",
            r#","changes":[]"#,
            "schema detail: changes: expected an array of at least one object, found an array",
        ),
        (
            "schema",
            r#","changes":{}"#,
            "schema detail: changes: expected an array of at least one object, found an object",
        ),
        ("anchor", r#","size":1"#, "anchor detail: kind: expected this member, found none"),
        ("key", "", "key detail: expected add or retire, found neither"),
        ("note", "", "note detail: text: expected this member, found none"),
    ] {
        let object: Value = serde_json::from_str(&format!("{{{common}{members}}}")).unwrap();
        let detail = at1_ledger::json::encode(&object).unwrap();
        let error = parse_line(&sealed(event_text(op, &detail))).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Damaged, message));
    }
}

/// Operations of other versions are told from damage, but only if the line is intact.
#[test]
fn unknown_operations() {
    for op in ["seal", "retract", "expire", "erase", "abc", "some_other_word_"] {
        let line = sealed(event_text(op, r#"{"n":0}"#));
        let error = parse_line(&line).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unknown);
        assert_eq!(error.to_string(), format!("op: expected an operation of this version, found {op}"));
        let frame = Frame::parse(&line).unwrap();
        assert_eq!((frame.op, frame.detail, frame.ts), (op, r#"{"n":0}"#, second(1)));
        let mut damaged = line;
        damaged[140] ^= 1;
        assert_eq!(parse_line(&damaged).unwrap_err().kind(), ErrorKind::Damaged);
        let error = parse_line(&sealed(event_text(op, r#"{"n": 0}"#))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
    }
}

#[test]
fn framing() {
    let detail = text_of(&note("x"));
    let good = event_text("note", &detail);
    parse_line(&sealed(&good)).unwrap();
    for (event, message) in [
        (good.replacen("ab", "AB", 1), "line: expected 64 lower-case hexadecimal digits before the operation"),
        (event_text("no", &detail), "line: expected an operation of 3 to 16 of a-z _"),
        (event_text("Note", &detail), "line: expected an operation of 3 to 16 of a-z _"),
        (event_text("note ", &detail), "line: expected an operation of 3 to 16 of a-z _"),
        (event_text(&"x".repeat(17), &detail), "line: expected an operation of 3 to 16 of a-z _"),
        (event_text("note", "[0, \"long enough to be an event\"]"), "line: expected an object after the operation"),
        (
            event_text("note", &format!("{detail} ")),
            "detail: expected canonical JSON, found another spelling at byte 83",
        ),
        (
            event_text("note", &format!("{detail}{{}}")),
            "detail: expected JSON, found trailing characters at line 1 column 84",
        ),
        (good.replace(":01.", ":60."), "line: expected a time YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ at the end"),
        (good.replace("-22T", "-32T"), "line: expected a time YYYY-MM-DDTHH:MM:SS.nnnnnnnnnZ at the end"),
    ] {
        let error = parse_line(&sealed(&event)).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Damaged, message), "{event}");
    }
    let not_utf8 = good.as_bytes().iter().map(|byte| if *byte == b'x' { 0xff } else { *byte }).collect::<Vec<_>>();
    assert_eq!(parse_line(&sealed(not_utf8)).unwrap_err().to_string(), "line: expected UTF-8");
    let line = sealed(&good);
    let torn = parse_line(&line[..line.len() - 1]).unwrap_err();
    assert_eq!(torn.kind(), ErrorKind::Torn);
    assert_eq!(parse_line(b"").unwrap_err().kind(), ErrorKind::Torn);
    for (at, byte) in [(0, b'g'), (64, b'\t'), (64, b'0')] {
        let mut other = line.clone();
        other[at] = byte;
        assert_eq!(parse_line(&other).unwrap_err().kind(), ErrorKind::Damaged);
    }
    // Two lines are not one.
    assert_eq!(parse_line(&[&line[..], &line].concat()).unwrap_err().kind(), ErrorKind::Damaged);
}

/// The detail may contain what looks like another operand.
#[test]
fn operands_delimit_themselves() {
    for op in Op::ALL {
        for detail in
            [r#"{"a":1}"#, r#"{"a":"append{"}"#, r#"{"append":{}}"#, r#"{"z":"2026-01-22T16:00:01.000000000Z"}"#]
        {
            let line = sealed(event_text(op.as_str(), detail));
            let frame = Frame::parse(&line).unwrap();
            assert_eq!((frame.prev, frame.op, frame.detail, frame.ts), (PREV, op.as_str(), detail, second(1)));
        }
    }
}

#[test]
fn longest_event() {
    let length = |text: usize| {
        let line = link(PREV, 0, &note(&"x".repeat(text)), second(1)).map(|link| link.line.len())?;
        Ok::<_, at1_ledger::Error>(line - 66)
    };
    let base = length(0).unwrap();
    assert_eq!(length(EVENT_BYTES_MAX - base).unwrap(), EVENT_BYTES_MAX);
    let error = length(EVENT_BYTES_MAX - base + 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(error.to_string(), "event 0: expected at most 65535 bytes, found 65536");
    // A reader refuses what a writer would not write.
    let detail = text_of(&note("q")).replace('q', &"q".repeat(EVENT_BYTES_MAX - base + 1));
    let error = parse_line(&sealed(event_text("note", &detail))).unwrap_err();
    assert_eq!(error.to_string(), "line: expected 164 to 65600 bytes, found 65601");
}

#[test]
fn writers_are_refused_what_readers_would_refuse() {
    let mut two_texts = note("x");
    two_texts.text = Some("y".into());
    let mut hidden = full();
    hidden.extra = Members::from_iter([("rows_total".to_owned(), json!(9))]);
    let mut float = full();
    float.extra = Members::from_iter([("price".to_owned(), json!(1.5))]);
    let mut null_actor = note("x");
    null_actor.extra = Members::from_iter([("actor".to_owned(), json!(null))]);
    let mut huge = note("x");
    huge.totals.rows = u64::MAX;
    let empty = Kind::Append { batches: vec![], segments: vec![], schema: None };
    for (detail, message) in [
        (two_texts, "event 0: text: expected the text of a note once, found two"),
        (hidden, "event 0: rows_total: expected this member once, found it among the unknown ones too"),
        (float, "event 0: price: expected an integer 0 to 9007199254740991, found 1.5"),
        (null_actor, "event 0: note detail: actor: expected a string, found null"),
        (huge, "event 0: rows_total: expected an integer 0 to 9007199254740991, found 18446744073709551615"),
        (
            Detail::after(None, empty).unwrap(),
            "event 0: append detail: batches: expected an array of at least one object, found an array",
        ),
    ] {
        let error = link(PREV, 0, &detail, second(1)).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Invalid, message));
    }
}

#[test]
fn long_texts_go_to_the_footer() {
    let zones = |bytes: usize| Json::new(&json!({"c0": "x".repeat(bytes - 9)})).unwrap();
    assert_eq!(zones(4096).as_str().len(), 4096);
    assert_eq!(Carried::zones(zones(4096)), Carried::Inline(zones(4096)));
    assert_eq!(Carried::zones(zones(4097)), Carried::InFooter(Digest::of(zones(4097).as_str().as_bytes())));
    assert_eq!(Carried::zones(zones(4096)).sha256(), zones(4096).sha256());
    let changes = |bytes: usize| Json::new(&json!([{"kind": "x".repeat(bytes - 13)}])).unwrap();
    assert_eq!(changes(16_384).as_str().len(), 16_384);
    assert_eq!(Carried::schema(changes(16_384)), Carried::Inline(changes(16_384)));
    assert_eq!(Carried::schema(changes(16_385)), Carried::InFooter(changes(16_385).sha256()));
    // An event that carries more itself than it may is refused.
    let mut detail = full();
    if let Kind::Append { segments, .. } = &mut detail.kind {
        segments[0].zones = Carried::Inline(zones(4097));
    }
    let error = link(PREV, 0, &detail, second(1)).unwrap_err();
    assert_eq!(error.to_string(), "event 0: append detail: seg[0]: zones: expected at most 4096 bytes, found 4097");
    if let Kind::Append { segments, .. } = &mut detail.kind {
        segments[0].zones = Carried::zones(zones(4097));
    }
    let event = link(PREV, 0, &detail, second(1)).unwrap().event;
    assert_eq!(event.detail.kind.segments()[0].zones.inline(), None);
}

#[test]
fn receipts() {
    let text = format!("5:{PREV}");
    let head: ChainHead = text.parse().unwrap();
    assert_eq!((head, head.to_string()), (ChainHead { n: 5, chain: PREV }, text));
    for text in ["", "5", "5:", ":ab", "05:", "+5:", "-1:", " 5:", "5: ", "5:", "18446744073709551616:"] {
        assert!(text.parse::<ChainHead>().is_err());
        assert!(format!("{text}{PREV}x").parse::<ChainHead>().is_err());
    }
    for number in ["05", "+5", "-1", " 5", "", "18446744073709551616"] {
        assert!(format!("{number}:{PREV}").parse::<ChainHead>().is_err(), "{number}");
    }
    assert!(format!("5:{}", PREV.to_string().to_uppercase()).parse::<ChainHead>().is_err());
}

#[test]
fn headers() {
    let nonce = [0x0f; 16];
    let header = Header::new(nonce, Some("example.com/trades"), RowTree::None).unwrap();
    let line = header.line();
    assert!(line.ends_with(r#""origin":"example.com/trades","row":"none"}"#));
    assert_eq!(Header::parse(line.as_bytes()).unwrap(), header);
    for origin in ["", "a b", "a+b", "a\nb", "a\u{85}b", "a\u{2003}b", &"x".repeat(256)] {
        assert_eq!(Header::new(nonce, Some(origin), RowTree::None).unwrap_err().kind(), ErrorKind::Invalid, "{origin}");
    }
    for (from, to, kind, message) in [
        ("/v1 ", "/v2 ", ErrorKind::Unknown, "header: expected at1-ledger/v1, found at1-ledger/v2 "),
        ("none", "raw/1", ErrorKind::Unknown, "header: row: expected source-bytes/1 or none, found \"raw/1\""),
        ("null", "\"key\"", ErrorKind::Unknown, "header: log: expected null, found \"key\""),
        ("{", "{\"hash\":\"x\",", ErrorKind::Unknown, "header: hash: expected no such member"),
        (
            "\"0f",
            "\"0F",
            ErrorKind::Damaged,
            "header: nonce: expected 32 lower-case hexadecimal digits, found \"0F0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f\"",
        ),
        (":", ": ", ErrorKind::Damaged, "header: expected canonical JSON, found another spelling at byte 7"),
        (
            "example",
            "exam ple",
            ErrorKind::Damaged,
            "header: origin: expected 1 to 255 bytes without white space, control characters and +, found exam ple.com/trades",
        ),
    ] {
        let error = Header::parse(line.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, message));
    }
    assert_eq!(Header::parse(b"").unwrap_err().kind(), ErrorKind::Unknown);
}

proptest! {
    /// Any bytes, sealed with a right hash so that the inner checks are reached.
    #[test]
    fn sealed_bytes_never_panic(middle in prop::collection::vec(any::<u8>(), 0..80), op in "[a-z_]{3,6}", text in "\\PC{0,20}") {
        let _ = parse_line(&sealed([PREV.to_string().as_bytes(), op.as_bytes(), b"{", &middle, b"}", second(1).to_string().as_bytes()].concat()));
        let _ = parse_line(&sealed(event_text(&op, &text)));
        let _ = parse_line(&middle);
        let _ = Header::parse(&middle);
    }

    /// What is read from a line is what a writer would write.
    #[test]
    fn texts_come_back(text in ".{0,40}", actor in prop::option::of(".{0,10}"), n in 0..1_u64 << 53) {
        let mut detail = note(&text);
        detail.actor = actor;
        let link = link(PREV, n, &detail, second(1)).unwrap();
        prop_assert_eq!(&link.event.detail, &detail);
        prop_assert_eq!(at1_ledger::link(PREV, n, &link.event.detail, second(1)).unwrap().line, link.line);
    }
}
