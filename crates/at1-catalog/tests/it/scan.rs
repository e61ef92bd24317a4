//! Scans of real segments and of plain files, by hand: what is read, and what is said about it.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray},
    compute::concat_batches,
    datatypes::{Float64Type, Int64Type},
};
use at1_catalog::{
    Candidate, Catalog, DoubleBounds, Opened, ParquetFile, Predicate, Pruning, Request, Result, RowNumbers, Scan,
    SegmentZone, Source, Totals, Verdict, View, Zones, ZonesBuilder,
};
use at1_codec::{
    Column, ColumnType, EncodeOptions, Form, Schema, Segment, Trust,
    column::{NullWords, Pin, Reading},
};
use bytes::Bytes;
use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};

/// 4,000 rows in row groups of 1,000 and pages of 100: `t` ascends, `odd` is its last bit as text, `wide` is long.
fn plain() -> (Schema, ParquetFile<Bytes>) {
    let schema = Schema::named([
        (Some("t"), ColumnType::Int64),
        (Some("odd"), ColumnType::Text),
        (Some("wide"), ColumnType::Text),
    ]);
    let t: ArrayRef = Arc::new(Int64Array::from_iter_values(0..4000));
    let odd: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..4000).map(|i| if i % 2 == 1 { "yes" } else { "no" })));
    let wide: ArrayRef = Arc::new(StringArray::from_iter_values((0..4000).map(|i| format!("{i:0>300}"))));
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(1000))
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(100)
        .set_dictionary_enabled(false)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.arrow(), Some(properties)).unwrap();
    writer.write(&RecordBatch::try_new(schema.arrow(), vec![t, odd, wide]).unwrap()).unwrap();
    (schema, ParquetFile::open(Bytes::from(writer.into_inner().unwrap()), DoubleBounds::ProveNoNan).unwrap())
}

fn all<S: Source>(scan: &mut Scan<S>) -> RecordBatch {
    let batches = scan.by_ref().collect::<Result<Vec<_>>>().unwrap();
    concat_batches(&scan.schema(), &batches).unwrap()
}

fn request(schema: &Schema, predicate: &str) -> Request {
    Request::new(predicate.parse::<Predicate>().unwrap().bind(schema).unwrap())
}

#[test]
fn reads_only_what_it_needs() {
    let (schema, file) = plain();
    let opened = file.bytes_read();
    let request = request(&schema, "t between 1234 and 1249 and odd = 'yes'").project(["wide", "t"]).unwrap();
    let mut scan = Scan::new(&file, View::same(&schema), request, 0).unwrap();
    assert_eq!(scan.verdicts(), [Verdict::Skip, Verdict::Read, Verdict::Skip, Verdict::Skip]);
    let found = all(&mut scan);
    assert_eq!(found.column(1).as_primitive::<Int64Type>().values(), &[1235, 1237, 1239, 1241, 1243, 1245, 1247, 1249]);
    assert_eq!(found.column(0).as_string::<i32>().value(0), format!("{:0>300}", 1235));
    let statistics = scan.statistics();
    assert_eq!((statistics.row_groups_total, statistics.row_groups_skipped, statistics.row_groups_scanned), (4, 3, 1));
    assert_eq!((statistics.pages_total, statistics.pages_skipped, statistics.pages_scanned), (120, 117, 3));
    assert_eq!((statistics.rows_matched, statistics.segments_total, statistics.segments_scanned), (8, 1, 1));
    // Three pages of at most 100 rows, of which one is wide.
    let read = statistics.bytes_read - opened;
    assert!(read < 100 * 350 && statistics.bytes_read < statistics.bytes_total, "{statistics:?}");
}

#[test]
fn rows_that_surely_match_are_not_tested() {
    let (schema, file) = plain();
    // Rows 1000 to 2999 match by their row groups' zones: `t` is not decoded for them.
    let request = request(&schema, "t >= 950 and t < 3050").project(["odd"]).unwrap();
    let mut scan = Scan::new(&file, View::same(&schema), request, 0).unwrap();
    assert_eq!(all(&mut scan).num_rows(), 2100);
    let statistics = scan.statistics();
    // One page of `t` in each of the outer row groups, and the pages of `odd` that hold matching rows.
    assert_eq!(statistics.pages_scanned, 2 + 1 + 10 + 10 + 1);
    assert_eq!(statistics.row_groups_scanned, 4);
}

#[test]
fn limits_and_row_ranges() {
    let (schema, file) = plain();
    let run = |request: Request, first_row| {
        let mut scan =
            Scan::new(&file, View::same(&schema), request.row_numbers(RowNumbers::Include), first_row).unwrap();
        let found = all(&mut scan);
        let ordinals = found.column_by_name("_row").unwrap().as_primitive::<arrow::datatypes::UInt64Type>();
        (ordinals.values().to_vec(), scan.statistics())
    };
    let base = || request(&schema, "odd = 'yes'").project([]).unwrap();
    assert_eq!(run(base().limit(3), 0).0, [1, 3, 5]);
    assert_eq!(run(base().limit(0), 0).0, [0u64; 0]);
    assert_eq!(run(base().limit(0), 0).1.pages_scanned, 0);
    assert_eq!(run(base().rows(998..1003), 0).0, [999, 1001]);
    assert_eq!(run(base().rows(10_998..11_003), 10_000).0, [10_999, 11_001]);
    assert_eq!(run(base().rows(0..5), 10_000).0, [0u64; 0]);
    let (rows, statistics) = run(base().rows(150..160), 0);
    assert_eq!((rows.len(), statistics.row_groups_scanned, statistics.pages_scanned), (5, 1, 1));
    let (rows, statistics) = run(request(&schema, "true").rows(3990..u64::MAX).limit(4).batch_rows(3), 0);
    assert_eq!((rows, statistics.rows_matched), (vec![3990, 3991, 3992, 3993], 4));
}

#[test]
fn segments_that_cannot_match_stay_closed() {
    let (schema, file) = plain();
    let zones = Zones::of_segment(&file, &View::same(&schema)).unwrap();
    let zones = Zones::concat(&[&zones, &zones, &zones]).unwrap();
    let catalog = Catalog::new(schema.clone());
    let scan = |predicate: &str, change: &dyn Fn(Request) -> Request, openable: &[usize]| {
        let request = change(catalog.request(&predicate.parse().unwrap()).unwrap());
        let candidates = request.verdicts(&zones).into_iter().enumerate().map(|(i, verdict)| {
            let (file, schema) = (&file, &schema);
            let open = move || {
                assert!(openable.contains(&i), "{predicate}: segment {i} was opened");
                Ok(Opened { source: file, view: View::same(schema) })
            };
            Ok(Candidate { first_row: i as u64 * 4000, rows: 4000, verdict, zones: None, open })
        });
        let totals = Totals { segments: 3, bytes: 30 };
        let mut scan = catalog.scan(request, totals, candidates);
        let rows: usize = scan.by_ref().map(|batch| batch.unwrap().num_rows()).sum();
        (rows, scan.statistics())
    };
    let (rows, statistics) = scan("t > 4000", &|r| r, &[]);
    assert_eq!((rows, statistics.segments_skipped, statistics.bytes_total, statistics.bytes_read), (0, 3, 30, 0));
    let (rows, statistics) = scan("t < 10", &|r| r.limit(15), &[0, 1]);
    assert_eq!((rows, statistics.segments_scanned, statistics.segments_skipped), (15, 2, 1));
    let (rows, _) = scan("t < 10", &|r| r.rows(4005..8000), &[1]);
    assert_eq!(rows, 5);
    let (rows, statistics) = scan("t > 4000", &|r| r.pruning(Pruning::Off), &[0, 1, 2]);
    assert_eq!((rows, statistics.pages_skipped), (0, 240), "only `t` is tested, nothing matches");
    // What plans is not asked for more than is read.
    let asked = std::cell::Cell::new(0);
    let candidates = (0..).map(|i| {
        asked.set(i + 1);
        let open = || Ok(Opened { source: &file, view: View::same(&schema) });
        Ok(Candidate { first_row: i * 4000, rows: 4000, verdict: Verdict::All, zones: None, open })
    });
    let request = catalog.request(&Predicate::TRUE).unwrap().limit(5000);
    let mut scan = catalog.scan(request, Totals::default(), candidates);
    assert_eq!(scan.by_ref().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 5000);
    assert_eq!((asked.get(), scan.first_row()), (2, Some(4000)));
    // An error of planning ends the scan.
    type Open = fn() -> Result<Opened<ParquetFile<Bytes>>>;
    let broken = || Err("nothing =".parse::<Predicate>().unwrap_err());
    let broken: [Result<Candidate<Open>>; 2] = [broken(), broken()];
    let mut scan = catalog.scan(catalog.request(&Predicate::TRUE).unwrap(), Totals::default(), broken.into_iter());
    assert!(scan.next().unwrap().unwrap_err().to_string().contains("a literal"));
    assert!(scan.next().is_none());
}

#[test]
fn views_that_do_not_fit() {
    let (schema, file) = plain();
    let other = Schema::named([(Some("t"), ColumnType::Boolean)]);
    let error = |view: View, request: Request| Scan::new(&file, view, request, 0).err().unwrap().to_string();
    let request_all = |schema: &Schema| request(schema, "true");
    assert_eq!(
        error(View::same(&other), request_all(&schema)),
        "view: expected the schema that the predicate was bound to, found another"
    );
    assert_eq!(
        error(View::same(&other), request_all(&other)),
        "column t: expected a type that widens to boolean, found Int64"
    );
    let view = View::new(&other, vec![Some(7)]).unwrap();
    assert_eq!(error(view, request_all(&other)), "view: expected a column below 3, found 7");
    assert_eq!(View::new(&other, vec![]).unwrap_err().to_string(), "view: expected 1 columns, found 0");
    let error = request_all(&schema).project(["T"]).err().unwrap();
    assert_eq!(error.to_string(), "projection: no column is named T; near it: t");
}

#[test]
fn a_value_that_does_not_survive_is_an_error() {
    let narrow = Schema::named([(Some("x"), ColumnType::Int64)]);
    let mut writer = ArrowWriter::try_new(Vec::new(), narrow.arrow(), None).unwrap();
    let values: ArrayRef = Arc::new(Int64Array::from(vec![1, (1 << 53) + 1]));
    writer.write(&RecordBatch::try_new(narrow.arrow(), vec![values]).unwrap()).unwrap();
    let file = ParquetFile::open(Bytes::from(writer.into_inner().unwrap()), DoubleBounds::ProveNoNan).unwrap();
    let wide = Schema::named([(Some("x"), ColumnType::Float64)]);
    let mut scan = Scan::new(&file, View::same(&wide), request(&wide, "true"), 0).unwrap();
    let error = scan.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "column x: expected values that survive as doubles, found 9007199254740993");
    assert!(scan.next().is_none(), "an error ends the scan");
}

/// DataFusion and others lose this row: bounds of most writers leave NaN out, though it sorts above all.
#[test]
fn a_nan_outside_the_bounds_is_found() {
    let schema = Schema::named([(Some("x"), ColumnType::Float64)]);
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.arrow(), None).unwrap();
    let values: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN, 2.0]));
    writer.write(&RecordBatch::try_new(schema.arrow(), vec![values]).unwrap()).unwrap();
    let bytes = Bytes::from(writer.into_inner().unwrap());
    for (doubles, predicate, want) in [
        (DoubleBounds::LeaveNanOut, "x > 100", 1),
        (DoubleBounds::LeaveNanOut, "x >= 1 and x <= 2", 2),
        (DoubleBounds::LeaveNanOut, "x = 'nan'", 1),
        (DoubleBounds::LeaveNanOut, "not (x < 3)", 1),
        // What goes wrong if a writer is trusted who does not keep the promise.
        (DoubleBounds::ProveNoNan, "x > 100", 0),
    ] {
        let file = ParquetFile::open(bytes.clone(), doubles).unwrap();
        let mut scan = Scan::new(file, View::same(&schema), request(&schema, predicate), 0).unwrap();
        assert_eq!(all(&mut scan).num_rows(), want, "{predicate}");
    }
}

fn segment(csv: &str) -> Segment {
    let options = EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() };
    let bytes = at1_codec::encode(csv.as_bytes(), &options).unwrap();
    Segment::open(Arc::new(bytes), Trust::OwnSeal).unwrap()
}

#[test]
fn a_segment_through_and_through() {
    let mut csv = "id,price,when,note\n".to_owned();
    for i in 0..3000 {
        csv +=
            &format!("{i},{}.{:02},2024-01-{:02}T10:00:{:02}Z,\"n{}\"\n", i % 100, i % 7, i / 100 + 1, i % 60, i % 5);
    }
    let segment = segment(&csv);
    let schema = segment.schema().clone();
    let run = |predicate: &str, pruning| {
        let request = request(&schema, predicate).pruning(pruning).project(["id", "note"]).unwrap();
        let mut scan = Scan::new(&segment, View::same(&schema), request, 0).unwrap();
        all(&mut scan)
    };
    for (predicate, want) in [
        ("id < 10", 10),
        ("price = 3.03", (0..3000).filter(|i| i % 100 == 3 && i % 7 == 3).count()),
        ("\"when\" >= '2024-01-30'", 100),
        ("\"when\" < '2024-01-01T11:00:00+01:00'", 0),
        ("note like 'n%' and note <> 'n0' and id <= 9.5", 8),
        ("id is null", 0),
        ("id > 1e6", 0),
    ] {
        let found = run(predicate, Pruning::On);
        assert_eq!(found.num_rows(), want, "{predicate}");
        assert_eq!(found, run(predicate, Pruning::Off), "{predicate}");
    }
}

#[test]
fn typed_fields_as_their_source_text() {
    let mut csv = "id,x\n".to_owned();
    for i in 0..1500 {
        csv += &format!(
            "{i},{}\n",
            if i == 700 {
                "oops".into()
            } else if i == 800 {
                "NA".into()
            } else {
                format!("{i}.50")
            }
        );
    }
    let segment = segment(&csv);
    assert_eq!(segment.schema().columns[1].ty, ColumnType::Decimal { precision: 18, scale: 2 });
    assert_eq!(Source::rejects(&segment, 1), 1);
    let typed = segment.schema().clone();
    let widened =
        Schema { columns: vec![typed.columns[0].clone(), Column { ty: ColumnType::Text, ..typed.columns[1].clone() }] };
    let run = |schema: &Schema, predicate: &str| {
        let request = request(schema, predicate).project(["x"]).unwrap();
        let mut scan = Scan::new(&segment, View::same(schema), request, 0).unwrap();
        let found = all(&mut scan);
        (found.column(0).clone(), scan.statistics())
    };
    // As numbers, a reject is NULL and counted; as text, it is what was written.
    let (found, statistics) = run(&typed, "x is null");
    assert_eq!((found.len(), found.null_count(), statistics.rejects), (2, 2, 1));
    let (found, _) = run(&widened, "x >= 'a'");
    assert_eq!(found.as_ref(), &StringArray::from(vec!["oops"]));
    let (found, _) = run(&widened, "x in ('NA', '3.50', '3.5')");
    assert_eq!(found.as_ref(), &StringArray::from(vec!["3.50", "NA"]));
    let (found, _) = run(&widened, "id between 699 and 700");
    assert_eq!(found.as_ref(), &StringArray::from(vec!["699.50", "oops"]));
    let zones = Zones::of_segment(&segment, &View::same(&widened)).unwrap();
    assert_eq!(zones.text(0, &widened)[1].as_ref().unwrap().to_json().to_string(), "[null,null,null]");
    let zones = Zones::of_segment(&segment, &View::same(&typed)).unwrap();
    assert_eq!(zones.text(0, &typed)[1].as_ref().unwrap().to_json().to_string(), r#"["0.50","1499.50",2,1]"#);
}

/// One field among many that another type, or another reading of the same type, takes for something else.
#[test]
fn the_type_that_is_asked_for_says_what_a_field_is() {
    let pinned = |word: &str| word.parse::<Pin>().unwrap();
    let plain = |word: &str| Pin { reading: Reading::default(), ..pinned(word) };
    #[rustfmt::skip]
    let cases = [
        // The field, what it is read as when written and when asked, a query, rows, rejects under the type that is asked.
        ("123456789012345678", plain("int64"), plain("double"), "x is null", 1, 1),
        ("123456789012345678", plain("int64"), plain("decimal(18,2)"), "x is null", 1, 1),
        ("123456789012345678", plain("int64"), plain("decimal(38,2)"), "x = 123456789012345678", 1, 0),
        ("12345678901234567", plain("int64"), plain("double"), "x > 1e16", 1, 0),
        ("007", plain("int64"), plain("int64"), "x is null", 1, 1),
        ("007", plain("int64"), pinned("int64"), "x = 7", 1, 0),
        ("007", plain("int64"), pinned("decimal(18,2)"), "x < 8", 1, 0),
        ("007", plain("int64"), pinned("double"), "not (x > 8)", 1, 0),
        ("NA", plain("int64"), plain("text"), "x = 'NA'", 1, 0),
        ("-0", plain("int64"), plain("double"), "x <= 0", 1, 0),
        ("oops", plain("int64"), plain("boolean"), "x is null", 1500, 1500),
        ("2024-01-01", plain("int64"), plain("date"), "x = '2024-01-01'", 1, 1499),
        ("1700000000", plain("int64"), pinned("epoch_s"), "x > '2023-01-01'", 1, 0),
    ];
    for (field, stored, asked, query, rows, rejects) in cases {
        let lines = |i| if i == 700 { format!("{i},{field}\n") } else { format!("{i},{}\n", i + 1000) };
        let segment = segment(&("id,x\n".to_owned() + &(0..1500).map(lines).collect::<String>()));
        assert_eq!(segment.schema().columns[1].ty, stored.ty, "{field}");
        let mut schema = segment.schema().clone();
        schema.columns[1].ty = asked.ty;
        let readings = |pin: Pin| vec![Reading::default(), pin.reading];
        let view =
            View::same(&schema).with_readings(readings(asked), NullWords::default()).written_with(readings(stored));
        // What a ledger would know.
        let written = Zones::of_segment(&segment, &View::same(segment.schema())).unwrap().text(0, segment.schema());
        let mut zones = ZonesBuilder::new(&schema);
        let zone = |i: usize, stored, asked| SegmentZone::seen(stored, asked, 1500, written[i].clone().unwrap());
        zones.push(1500, [zone(0, plain("int64"), plain("int64")), zone(1, stored, asked)]).unwrap();
        let zones = zones.finish().unwrap();
        for pruning in [Pruning::On, Pruning::Off] {
            let what = format!("{field} as {asked}: {query}, {pruning:?}");
            let request = request(&schema, query).project(["x"]).unwrap().pruning(pruning);
            let open = || Ok(Opened { source: &segment, view: view.clone() });
            let verdict = request.verdicts(&zones)[0];
            let candidate = Candidate { first_row: 0, rows: 1500, verdict, zones: None, open };
            let candidates = std::iter::once(Ok(candidate));
            let mut scan = Catalog::new(schema.clone()).scan(request, Totals::default(), candidates);
            let found: Vec<_> = scan.by_ref().collect::<Result<_>>().unwrap();
            assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), rows, "{what}");
            assert_eq!(scan.statistics().rejects, rejects, "{what}");
            if field == "-0" {
                let zero = found[0].column(0).as_primitive::<Float64Type>().value(0);
                assert!(zero.is_sign_negative(), "{what}: as a double it is what it says");
            }
        }
    }
}

/// Where the type that is asked for holds the stored values however they were spelled, they are converted, and zones hold.
#[test]
fn values_that_widen_are_not_read_again() {
    let segment = segment(&("x\n".to_owned() + &(1..1500).map(|i| format!("{i}\n")).collect::<String>()));
    for ty in ["decimal(18,2)", "double", "decimal(38,2)"] {
        let mut schema = segment.schema().clone();
        schema.columns[0].ty = ty.parse().unwrap();
        let scan = |predicate: &str| {
            let mut scan = Scan::new(&segment, View::same(&schema), request(&schema, predicate), 0).unwrap();
            let rows = all(&mut scan).num_rows();
            (rows, scan.statistics().pages_scanned)
        };
        assert_eq!(scan("x >= 1500"), (0, 0), "{ty}");
        assert_eq!(scan("x >= 1499"), (1, 1), "{ty}");
    }
}

#[test]
fn a_nan_takes_all_bounds_away() {
    let csv = |nan: &str| {
        let rows: String =
            (0..500).map(|i| format!("{i},{}\n", if i == 250 { nan.into() } else { format!("{i}.5e1") })).collect();
        format!("id,x\n{rows}")
    };
    for (nan, bounds, above) in [("NaN", "[null,null,null]", 1), ("1e1", "[\"5\",\"4995\",0]", 0)] {
        let segment = segment(&csv(nan));
        let schema = segment.schema().clone();
        assert_eq!(schema.columns[1].ty, ColumnType::Float64);
        let zones = Zones::of_segment(&segment, &View::same(&schema)).unwrap();
        assert_eq!(zones.text(0, &schema)[1].as_ref().unwrap().to_json().to_string(), bounds);
        let mut scan = Scan::new(&segment, View::same(&schema), request(&schema, "x > 1e6"), 0).unwrap();
        let found = all(&mut scan);
        assert_eq!(found.num_rows(), above);
        assert!(found.column(1).as_primitive::<Float64Type>().values().iter().all(|x| x.is_nan()));
    }
}

/// Zones leave this row group to every question below; what is in it does not.
#[test]
fn filters_and_dictionaries_rule_out_what_zones_leave() {
    // Even numbers, up and down with some noise; a handful of words.
    let words = ["ash", "beech", "elm", "fir", "oak", "pine", "yew"];
    let mut luck = crate::luck::Luck(7);
    let mut csv = String::from("v,word\n");
    for i in 0..500_000_u64 {
        let v = 2 * ((i % 1600).abs_diff(800) + luck.below(16));
        csv += &format!("{v},{}\n", luck.pick(&words));
    }
    let options = EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() };
    let bytes = Arc::new(at1_codec::encode(csv.as_bytes(), &options).unwrap());
    let open = || Segment::open(bytes.clone(), Trust::OwnSeal).unwrap();
    let schema = open().schema().clone();
    for (predicate, by_bloom, by_dictionary) in [
        ("v = 401", 1, 0),
        ("v in (401, 403, 99999)", 1, 0),
        ("v between 400.5 and 401.5", 1, 0),
        ("v = 401 and word <> 'oak'", 1, 0),
        ("word = 'maple'", 0, 1),
        ("word in ('maple', 'birch') or word is null", 0, 1),
        ("word like '_i%e%s'", 0, 1),
        ("not (word < 'maple' or word > 'nut')", 0, 1),
        ("word = 'maple' or v = 401", 0, 1),
        ("word = 'maple' or v = 400", 0, 0),
        ("v = 400", 0, 0),
        ("v between 400.5 and 499.5 and word = 'oak'", 0, 0),
    ] {
        let request = request(&schema, predicate);
        let mut scan = Scan::new(open(), View::same(&schema), request.clone(), 0).unwrap();
        assert_eq!(scan.verdicts(), [Verdict::Read], "{predicate}");
        let found = all(&mut scan);
        let statistics = scan.statistics();
        let ruled_out = (statistics.row_groups_skipped_by_bloom, statistics.row_groups_skipped_by_dictionary);
        assert_eq!(ruled_out, (by_bloom, by_dictionary), "{predicate}");
        assert_eq!(statistics.row_groups_skipped, by_bloom + by_dictionary, "{predicate}");
        if by_bloom == 1 {
            let ends = open().bytes_read();
            assert!(statistics.bytes_read - ends < 2000, "{predicate}: a filter of a kilobyte, not {statistics:?}");
        }
        let mut whole = Scan::new(open(), View::same(&schema), request.pruning(Pruning::Off), 0).unwrap();
        assert_eq!(found, all(&mut whole), "{predicate}");
        assert_eq!(found.num_rows() > 0, by_bloom + by_dictionary == 0, "{predicate}");
    }
}
