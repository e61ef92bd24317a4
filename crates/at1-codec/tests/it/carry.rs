//! Batches that move from segment to segment: nothing of them changes, however often they move.

use std::{io::Cursor, sync::Arc};

use at1_codec::{
    BatchPlan, Buffer, ColumnType, Preamble, ReadOptions, Schema, Segment, SegmentWriter, WriteOptions, analyse,
    text::FormatOption,
};
use at1_testkit::strategies::any_input;
use proptest::prelude::*;

fn schema(width: usize) -> Schema {
    // Typed columns, so that fields are printed from values and not from text alone.
    let types = [ColumnType::Int64, ColumnType::Text, ColumnType::Float64];
    Schema::named((0..width).map(|column| (None, types[column % types.len()])))
}

/// A segment of these batches, fields mapped by position.
fn segment(sources: &[Vec<u8>]) -> Segment {
    segment_of(sources, &[FormatOption::Auto])
}

/// The same, read in these formats in turn.
fn segment_of(sources: &[Vec<u8>], formats: &[FormatOption]) -> Segment {
    let analyse = |(source, format): (&Vec<u8>, &FormatOption)| {
        let options = ReadOptions { format: format.clone(), ..ReadOptions::default() };
        analyse(&mut Cursor::new(source), &options).unwrap()
    };
    let analyses: Vec<_> = sources.iter().zip(formats.iter().cycle()).map(analyse).collect();
    let width = analyses.iter().map(|a| a.columns.len()).max().unwrap_or(1);
    let buffer = Buffer::default();
    let mut writer = SegmentWriter::new(buffer.clone(), &schema(width), WriteOptions::default()).unwrap();
    for (source, analysis) in sources.iter().zip(analyses) {
        let map = (0..analysis.columns.len()).collect();
        writer.append(&mut Cursor::new(source), BatchPlan { analysis, map, name: None }).unwrap();
    }
    writer.finish().unwrap().1.verify(Arc::new(buffer)).unwrap().segment
}

fn merge(segments: &[&Segment]) -> Segment {
    let width = segments.iter().map(|s| s.schema().columns.len()).max().unwrap_or(1);
    let buffer = Buffer::default();
    let mut writer = SegmentWriter::new(buffer.clone(), &schema(width), WriteOptions::default()).unwrap();
    for segment in segments {
        for batch in 0..segment.batches().unwrap().len() {
            writer.append_batch(segment, batch).unwrap();
        }
    }
    writer.finish().unwrap().1.verify(Arc::new(buffer)).unwrap().segment
}

fn bytes(segment: &Segment, batch: usize) -> Vec<u8> {
    let mut out = Vec::new();
    segment.write_batch(batch, &mut out).unwrap();
    out
}

pub(crate) fn check(sources: &[Vec<u8>], formats: &[FormatOption]) {
    let segments: Vec<_> = sources.chunks(2).map(|sources| segment_of(sources, formats)).collect();
    let once = merge(&segments.iter().collect::<Vec<_>>());
    let twice = merge(&[&once]);
    for (batch, source) in sources.iter().enumerate() {
        let before = &segments[batch / 2].batches().unwrap()[batch % 2];
        for merged in [&once, &twice] {
            let after = &merged.batches().unwrap()[batch];
            assert_eq!(bytes(merged, batch), *source, "batch {batch}");
            assert_eq!((after.rows, after.sha256), (before.rows, before.sha256), "batch {batch}");
            assert_eq!(
                (after.syntax, after.terminator, &after.map),
                (before.syntax, before.terminator, &before.map),
                "batch {batch}"
            );
        }
    }
}

#[test]
fn odd_batches_move_unchanged() {
    let odd: &[&[u8]] = &[
        b"a,b\n1,2\n\n3\n4,5,6\r\n7,8",
        b"",
        b"\"left open,1\n2,\"x",
        b"x\n\n\n",
        b"1,\"a\nb\",2.50\r\n\r\n9",
        b"\xef\xbb\xbfid;x\n1;\xff\n",
        b"1,2,3,4,5\n1\n,\n",
        b"n\rm\r",
    ];
    check(&odd.iter().map(|source| source.to_vec()).collect::<Vec<_>>(), &[FormatOption::Auto]);
}

#[test]
fn records_move_alone() {
    let source: String = (0..20_000)
        .map(|i| if i % 5 == 0 { format!("\n{i},x{i},0.5,more\r\n") } else { format!("{i},y,1.5\n") })
        .collect();
    let from = segment(&[b"n,m\n7,8\n".to_vec(), format!("id,name,v\n{source}").into_bytes()]);
    for rows in
        [vec![], vec![1], vec![20_000], (1..20_001).collect(), (1..20_001).step_by(7).collect(), vec![3, 19_000]]
    {
        let rows: Vec<u64> = rows;
        let buffer = Buffer::default();
        let mut writer = SegmentWriter::new(buffer.clone(), &schema(3), WriteOptions::default()).unwrap();
        writer.append_records(&from, 1, &rows, Preamble::Keep).unwrap();
        writer.append_records(&from, 0, &[0], Preamble::Drop).unwrap();
        assert!(writer.append_records(&from, 0, &[1], Preamble::Drop).is_err(), "a record of another batch");
        let moved = writer.finish().unwrap().1.verify(Arc::new(buffer)).unwrap().segment;
        let mut expected = b"id,name,v\n".to_vec();
        from.write_row_set(&rows, &mut expected).unwrap();
        assert_eq!(bytes(&moved, 0), expected);
        assert_eq!(bytes(&moved, 1), b"7,8\n");
    }
}

#[test]
fn records_of_several_batches_do_not_fuse_when_a_file_is_decoded() {
    let sources: [&[u8]; 5] = [b"1,a,2.5", b"2,b,3.5\n", b"", b"3,c,4.5\r", b"4,d,5.5"];
    let buffer = Buffer::default();
    let mut writer = SegmentWriter::new(buffer.clone(), &schema(3), WriteOptions::default()).unwrap();
    for source in sources {
        let from = segment(&[source.to_vec()]);
        writer.append_batch(&from, 0).unwrap();
    }
    let written = writer.finish().unwrap().1.verify(Arc::new(buffer.clone())).unwrap();
    // As `cat` of a table puts it; each batch alone stays as it was.
    assert_eq!(at1_codec::decode(&buffer.bytes()).unwrap(), b"1,a,2.5\n2,b,3.5\n3,c,4.5\r\n4,d,5.5");
    for (batch, source) in sources.iter().enumerate() {
        assert_eq!(bytes(&written.segment, batch), *source, "batch {batch}");
    }
}

#[test]
fn a_batch_is_refused_where_its_columns_are_not() {
    let from = segment(&[b"1,2,3\n".to_vec()]);
    let mut writer = SegmentWriter::new(Buffer::default(), &schema(2), WriteOptions::default()).unwrap();
    assert!(writer.append_batch(&from, 0).is_err());
    assert!(writer.append_batch(&from, 1).is_err());
}

#[test]
fn row_groups_hold_many_batches_and_many_row_groups_one() {
    // 70 MB in two batches: the first fills a row group and shares the second with the other.
    let line = "0123456789abcdef,".repeat(60);
    let big: Vec<u8> = (0..66_000).flat_map(|i| format!("{i},{line}\n").into_bytes()).collect();
    let small = b"1,2\n".to_vec();
    let from = segment(&[big.clone(), small.clone()]);
    let merged = merge(&[&from, &segment(std::slice::from_ref(&small))]);
    assert!(merged.metadata().metadata().num_row_groups() > 1);
    assert_eq!((bytes(&merged, 0), bytes(&merged, 1), bytes(&merged, 2)), (big, small.clone(), small));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_batches_move_unchanged(sources in prop::collection::vec(any_input(), 1..5)) {
        check(&sources, &[FormatOption::Auto]);
        check(&sources, &[FormatOption::Json, FormatOption::Auto, FormatOption::Lines(None)]);
    }
}
