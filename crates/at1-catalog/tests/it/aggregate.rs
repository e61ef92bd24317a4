//! Aggregates by hand: what zones can tell, and what they cannot.

use std::sync::Arc;

use arrow::{
    array::{Array, RecordBatch},
    util::display::{ArrayFormatter, FormatOptions},
};
use at1_catalog::{
    Aggregates, Candidate, Catalog, Opened, Predicate, Pruning, Request, SegmentZone, Statistics, Tally, Totals, View,
    Zones, ZonesBuilder,
};
use at1_codec::{EncodeOptions, Form, Schema, Segment, Trust, column::Pin};

fn segment(csv: &str) -> Segment {
    let options = EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() };
    let bytes = at1_codec::encode(csv.as_bytes(), &options).unwrap();
    Segment::open(Arc::new(bytes), Trust::OwnSeal).unwrap()
}

/// What an event says of a segment.
fn remembered(segment: &Segment) -> Zones {
    let schema = segment.schema();
    let texts = Zones::of_segment(segment, &View::same(schema)).unwrap().text(0, schema);
    let mut zones = ZonesBuilder::new(schema);
    let seen = texts.into_iter().zip(&schema.columns).map(|(text, column)| {
        let pin: Pin = column.ty.to_string().parse().unwrap();
        SegmentZone::seen(pin, pin, segment.rows(), text.unwrap())
    });
    zones.push(segment.rows(), seen).unwrap();
    zones.finish().unwrap()
}

fn run(
    segment: &Segment,
    asked: &str,
    query: &str,
    zones: Option<Zones>,
    pruning: Pruning,
) -> (RecordBatch, Statistics) {
    let schema = segment.schema();
    let request = Request::new(query.parse::<Predicate>().unwrap().bind(schema).unwrap()).pruning(pruning);
    let verdict = request.verdicts(&remembered(segment))[0];
    let open = || Ok(Opened { source: segment, view: View::same(schema) });
    let candidate = Candidate { first_row: 0, rows: segment.rows(), verdict, zones, open };
    let tally = Tally::new(Aggregates::parse(asked, schema).unwrap());
    let totals = Totals { segments: 1, bytes: segment.size() };
    let mut scan = Catalog::new(schema.clone()).tally(request, tally, totals, std::iter::once(Ok(candidate))).unwrap();
    scan.run().unwrap();
    let statistics = scan.statistics();
    (scan.into_tally().finish().unwrap(), statistics)
}

fn text(batch: &RecordBatch) -> String {
    let options = FormatOptions::new().with_null("NULL");
    let value = |i: usize| ArrayFormatter::try_new(batch.column(i), &options).unwrap().value(0).to_string();
    (0..batch.num_columns()).map(value).collect::<Vec<_>>().join(" ")
}

/// Where the answer comes from: the event, the footer, or pages.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Event,
    Footer,
    Pages,
}

#[track_caller]
fn check(segment: &Segment, asked: &str, query: &str, want: &str, by: By) {
    let (found, statistics) = run(segment, asked, query, Some(remembered(segment)), Pruning::On);
    assert_eq!(text(&found), want, "{asked} where {query}");
    let answered = (statistics.segments_answered, statistics.pages_scanned);
    let found_by = match answered {
        (1, 0) => By::Event,
        (0, 0) => By::Footer,
        _ => By::Pages,
    };
    assert_eq!(found_by, by, "{asked} where {query}: {statistics:?}");
    // The same without what the event says, and without zones at all.
    assert_eq!(text(&run(segment, asked, query, None, Pruning::On).0), want, "{asked} where {query}");
    let (found, statistics) = run(segment, asked, query, Some(remembered(segment)), Pruning::Off);
    assert_eq!((text(&found).as_str(), statistics.segments_answered), (want, 0), "{asked} where {query}");
}

#[test]
fn what_zones_tell_is_not_read() {
    let long = "x".repeat(70);
    let mut csv = "id,price,same,half,day,none,note,long\n".to_owned();
    for i in 0..200 {
        let price = if i % 10 == 3 { String::new() } else { format!("{i}.25") };
        let note = ["beta", "alpha", "gamma"][i % 3];
        csv += &format!("{i},{price},7.50,{}e-1,2024-01-{:02},,{note},{long}{i}\n", i * 5, i % 28 + 1);
    }
    let segment = segment(&csv);
    check(&segment, "count(*)", "true", "200", By::Event);
    check(&segment, "count(*), count(price), min(price), max(price)", "id >= 0", "200 180 0.25 199.25", By::Event);
    check(&segment, "min(day), max(day), min(half), max(half)", "true", "2024-01-01 2024-01-28 0.0 99.5", By::Event);
    check(&segment, "sum(same), count(same)", "same > 7", "1500.00 200", By::Event);
    check(&segment, "count(none), min(none), max(none)", "none is null", "0 NULL NULL", By::Event);
    // Bounds of text may have been raised, or cut, when they were written down; footers say so.
    check(&segment, "min(note)", "true", "alpha", By::Event);
    check(&segment, "min(note), max(note)", "true", "alpha gamma", By::Footer);
    check(&segment, "min(long)", "true", &format!("{long}0"), By::Pages);
    // Sums of different values, and whatever a predicate leaves open.
    check(&segment, "sum(id)", "true", "19900", By::Pages);
    check(&segment, "sum(half)", "true", "9950.0", By::Pages);
    check(&segment, "count(*), max(id)", "price < 100", "90 99", By::Pages);
    check(&segment, "count(*), max(id), sum(id), min(note)", "id > 1000", "0 NULL NULL NULL", By::Footer);
}

#[test]
fn nan_and_zeros() {
    let segment = segment("x,y\n1.5e0,-0.0e0\nNaN,0.0e0\n-inf,-0.0e0\n");
    assert_eq!(segment.schema().columns[0].ty.to_string(), "double");
    check(&segment, "min(x), max(x), sum(x)", "true", "-inf NaN NaN", By::Pages);
    check(&segment, "min(y), max(y)", "true", "0.0 0.0", By::Event);
    check(&segment, "sum(y)", "true", "0.0", By::Pages);
}

#[test]
fn sums_are_exact_or_refused() {
    let nine = "9".repeat(18);
    let segment = segment(&format!("a,b\n{nine},{nine}{nine}9.9\n{nine},{nine}{nine}9.9\n{nine},-1.0\n"));
    assert_eq!(text(&run(&segment, "sum(a)", "true", None, Pruning::On).0), "2999999999999999997");
    let schema: &Schema = segment.schema();
    assert_eq!(schema.columns[1].ty.to_string(), "decimal(38,1)");
    let mut tally = Tally::new(Aggregates::parse("sum(b)", schema).unwrap());
    let request = Request::new(at1_catalog::Bound::everything(schema)).project(["b"]).unwrap();
    let scan = at1_catalog::Scan::new(&segment, View::same(schema), request, 0).unwrap();
    let batches: Vec<RecordBatch> = scan.map(|batch| batch.unwrap()).collect();
    for _ in 0..5 {
        batches.iter().for_each(|batch| tally.batch(batch).unwrap());
    }
    let error = tally.finish().unwrap_err().to_string();
    assert!(error.starts_with("sum(b): expected a sum of at most 38 digits, found 999999"), "{error}");
}

#[test]
fn what_is_no_aggregate() {
    let schema = segment("id,the \"note\"\n1,a\n").schema().clone();
    let error = |text: &str| Aggregates::parse(text, &schema).unwrap_err().to_string();
    assert_eq!(error("count(id"), "aggregate: expected a closing parenthesis, found id");
    assert_eq!(
        error("median(id)"),
        "aggregate: expected count(*), count(COL), min(COL), max(COL) or sum(COL), found median(id)"
    );
    assert_eq!(error("count(*) min(id)"), "aggregate: expected a comma or the end, found min(id)");
    assert_eq!(error("count(ID)"), "aggregate: no column is named ID; near it: id");
    assert_eq!(error("sum(c1)"), "aggregate: sum(c1): expected a column of numbers, found text");
    assert_eq!(error(""), "aggregate: expected count(*), count(COL), min(COL), max(COL) or sum(COL), found the end");
    let fine = Aggregates::parse("Count( * ),max( \"the \"\"note\"\"\" )", &schema).unwrap();
    assert_eq!(fine.schema().field(1).name(), "max(the \"note\")");
    assert!(fine.schema().field(1).is_nullable() && !fine.schema().field(0).is_nullable());
    let none = Tally::new(fine).finish().unwrap();
    assert_eq!((text(&none).as_str(), none.column(1).null_count()), ("0 NULL", 1));
}
