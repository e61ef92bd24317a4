//! Whole segments: any bytes in, the same bytes out, whatever happens to the file in between.

use std::{
    io::{Cursor, Write},
    sync::Arc,
};

use arrow::array::AsArray;
use at1_codec::{
    BatchPlan, Buffer, ColumnType, EncodeOptions, ErrorKind, Form, NewRowTree, Profile, ReadAt, ReadOptions, RowTree,
    Schema, Segment, SegmentWriter, Trust, WriteOptions, Written, analyse, decode, encode, segment::layout::SEAL_BYTES,
};
use proptest::prelude::*;

fn queryable(profile: Profile) -> EncodeOptions {
    EncodeOptions { form: Form::Queryable, profile, ..EncodeOptions::default() }
}

/// A source survives alone, in every profile, as columns and as whatever is smaller.
#[track_caller]
fn check(source: &[u8]) {
    for profile in [Profile::Fast, Profile::Balanced] {
        let segment = encode(source, &queryable(profile)).unwrap();
        assert_eq!(decode(&segment).unwrap(), source, "{profile:?}");
    }
    let smaller = encode(source, &EncodeOptions::default()).unwrap();
    assert_eq!(decode(&smaller).unwrap(), source, "the smaller form");
}

/// Sums bytes, so that a record that is lost, doubled or moved shows.
#[derive(Default)]
struct SumTree(u64, u64);

impl RowTree for SumTree {
    fn push(&mut self, record: &[u8]) {
        self.0 += 1;
        let sum: u64 = record.iter().map(|&b| u64::from(b) + 1).sum();
        self.1 = self.1.wrapping_mul(31).wrapping_add(sum * self.0);
    }

    fn root(&mut self) -> [u8; 32] {
        let mut root = [0; 32];
        root[..8].copy_from_slice(&self.0.to_le_bytes());
        root[8..16].copy_from_slice(&self.1.to_le_bytes());
        *self = Self::default();
        root
    }
}

/// Batches of one segment, all columns text, fields mapped by position.
fn write(sources: &[&[u8]]) -> (Buffer, Written) {
    let new_tree: NewRowTree = || Box::new(SumTree::default());
    let plans: Vec<_> =
        sources.iter().map(|s| analyse(&mut Cursor::new(s), &ReadOptions::default()).unwrap()).collect();
    let width = plans.iter().map(|a| a.columns.len()).max().unwrap_or(1);
    let schema = Schema::named((0..width).map(|_| (None, ColumnType::Text)));
    let buffer = Buffer::default();
    let options = WriteOptions { row_tree: Some(new_tree), ..WriteOptions::default() };
    let mut writer = SegmentWriter::new(buffer.clone(), &schema, options).unwrap();
    for (source, analysis) in sources.iter().zip(plans) {
        let map = (0..analysis.columns.len()).collect();
        writer.append(&mut Cursor::new(source), BatchPlan { analysis, map, name: Some("a name".into()) }).unwrap();
    }
    let (_, draft) = writer.finish().unwrap();
    let written = draft.verify(Arc::new(buffer.clone())).unwrap();
    (buffer, written)
}

fn batch(segment: &Segment, index: usize) -> at1_codec::Result<Vec<u8>> {
    let mut out = Vec::new();
    segment.write_batch(index, &mut out)?;
    Ok(out)
}

fn open(bytes: &[u8]) -> at1_codec::Result<Segment> {
    Segment::open(Arc::new(bytes.to_vec()), Trust::OwnSeal)
}

#[test]
fn odd_sources_survive() {
    let odd: &[&[u8]] = &[
        b"",
        b"\n",
        b"\n\n\n",
        b"a",
        b"a,b\n",
        b"a,b\r\n1,2\n3,4\r\n",
        b"a\rb\n",
        b"\xef\xbb\xbfid,x\n1,2\n",
        b"a,b\n1\n1,2,3\n,\n\n4,5",
        b"\"a\nb\",\"c\"\"d\"\n\"e\"f,g\"h\n\"open,1\n2,3\n",
        b"x,y\n1,\xff\xfe\n2,\x00\n",
        b"\xff\xfea\x00,\x00b\x00\n\x00",
        b"id;price\n1;1,5\n2;2,50\n3;\n",
        b"n\n007\n7\n-0\n+5\n5.\n.5\n1e5\nNaN\n",
        b"t\n2024-02-29T12:00:00Z\n2023-02-29\nNA\n\"\"\n",
    ];
    odd.iter().for_each(|source| check(source));
}

#[test]
fn batches_keep_their_edges() {
    let sources: &[&[u8]] =
        &[b"a,b\n1,2\n\n3\n4,5,6\r\n7,8", b"", b"x,y\n", b"\n\n\n", b"9,\"a\nb\"\n", b"only\none\n", b"1;2;3\n4;5;6\n"];
    let (buffer, written) = write(sources);
    let segment = open(&buffer.bytes()).unwrap();
    assert_eq!(segment.batches().unwrap(), written.batches);
    for (index, source) in sources.iter().enumerate() {
        assert_eq!(batch(&segment, index).unwrap(), *source, "batch {index}");
    }
    let rederived = segment.rederive(Some(|| Box::new(SumTree::default()))).unwrap();
    for (info, again) in written.batches.iter().zip(rederived) {
        assert_eq!(
            (info.bytes, info.sha256, info.rows, info.rows_root),
            (again.bytes, again.sha256, again.rows, again.rows_root)
        );
    }
}

#[test]
fn any_rows_come_back_exactly() {
    let source: String = (0..20_000).map(|i| format!("{i},v{}\r\n", i % 7)).collect();
    let (buffer, _) = write(&[source.as_bytes(), b"20000,x\n20001,y"]);
    let segment = open(&buffer.bytes()).unwrap();
    let line = |i: u64| match i {
        20_000 => "20000,x\n".to_owned(),
        20_001 => "20001,y".to_owned(),
        i => format!("{i},v{}\r\n", i % 7),
    };
    for rows in [0..0, 0..1, 8_191..8_193, 19_999..20_002, 20_001..20_002, 5..20_002] {
        let mut out = Vec::new();
        segment.write_rows(rows.clone(), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), rows.map(line).collect::<String>());
    }
    for rows in [vec![0, 3, 9_000, 20_001], vec![], vec![20_000], (0..20_002).step_by(3).collect()] {
        let mut out = Vec::new();
        segment.write_row_set(&rows, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), rows.into_iter().map(line).collect::<String>());
    }
    assert!(segment.write_rows(20_002..20_003, &mut Vec::new()).is_err());
}

#[test]
fn typed_fields_give_their_own_text() {
    let source = b"n,t\n1,a\nNA,\"b\"\"c\"\n\"3\",\n4\n";
    let segment = open(&encode(source, &queryable(Profile::Balanced)).unwrap()).unwrap();
    let text = |column| {
        let texts = segment.read_as(0, column, &ColumnType::Text.into()).unwrap().array;
        texts.as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect::<Vec<_>>()
    };
    let some = |t: &str| Some(t.to_owned());
    assert_eq!(text(0), [some("1"), some("NA"), some("3"), some("4")]);
    assert_eq!(text(1), [some("a"), some("b\"c"), None, None]);
}

#[test]
fn rejects_are_counted_and_named() {
    let mut source = String::from("n\n");
    (0..5_000).for_each(|i| source += &format!("{i}\n"));
    source += "oops\n17\n";
    let segment = open(&encode(source.as_bytes(), &queryable(Profile::Balanced)).unwrap()).unwrap();
    assert_eq!(segment.schema().columns[0].ty, ColumnType::Int64);
    assert_eq!(segment.rejects(0), 1);
    assert_eq!(segment.reject_rows(0, 0).unwrap(), [5_000]);
}

#[test]
fn a_draft_with_a_changed_byte_is_no_segment() {
    let source = b"a,b\n1,2\n3,4\n";
    let analysis = analyse(&mut Cursor::new(source), &ReadOptions::default()).unwrap();
    let buffer = Buffer::default();
    let schema = Schema::named([(Some("a"), ColumnType::Int64), (Some("b"), ColumnType::Int64)]);
    let mut writer = SegmentWriter::new(buffer.clone(), &schema, WriteOptions::default()).unwrap();
    writer.append(&mut Cursor::new(source), BatchPlan { analysis, map: vec![0, 1], name: None }).unwrap();
    let (_, draft) = writer.finish().unwrap();
    let mut bytes = buffer.bytes();
    bytes[40] ^= 1;
    let error = draft.verify(Arc::new(bytes)).unwrap_err();
    assert!(error.to_string().contains("corrupt: expected sha256"), "{error}");
}

#[test]
fn a_source_that_changes_between_passes_is_refused() {
    // Larger than a chunk, so that it is read twice.
    let mut source: Vec<u8> = (0..9_000_000_u32).flat_map(|i| format!("{i}\n").into_bytes()).collect();
    let mut analysis = analyse(&mut Cursor::new(&source), &ReadOptions::default()).unwrap();
    analysis.header = None;
    let schema = Schema::named([(None, ColumnType::Int64)]);
    let mut writer = SegmentWriter::new(std::io::sink(), &schema, WriteOptions::default()).unwrap();
    let at = source.len() - 3;
    source[at] ^= 1;
    let error = writer.append(&mut Cursor::new(&source), BatchPlan { analysis, map: vec![0], name: None }).unwrap_err();
    assert!(error.to_string().contains("it changed while it was read"), "{error}");
}

#[test]
fn every_flipped_bit_and_every_cut_is_an_error_or_the_right_bytes() {
    let sources: &[&[u8]] = &[b"id,name,when\n1,ada,2024-01-01\nx,\"b\nb\",NA\n\n3,,2024-01-03", b"4,d,2024-02-01\r\n"];
    let (buffer, _) = write(sources);
    let raw = encode(&b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n".repeat(9), &EncodeOptions::default()).unwrap();
    assert!(raw.starts_with(b"AT1R"), "plain compression is smaller here");
    for good in [buffer.bytes(), raw] {
        let whole = decode(&good).unwrap();
        let harmless = |bytes: &[u8], what: String| {
            if let Ok(found) = decode(bytes) {
                assert_eq!(found, whole, "{what}");
            }
        };
        for bit in 0..good.len() * 8 {
            let mut damaged = good.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            harmless(&damaged, format!("bit {bit}"));
        }
        for cut in 0..good.len() {
            assert!(decode(&good[..cut]).is_err(), "cut at {cut}");
        }
    }
}

#[test]
fn other_files_are_named_for_what_they_are() {
    let message = |bytes: &[u8]| open(bytes).unwrap_err().to_string();
    assert_eq!(message(b""), "not readable here: expected an AT1 segment, found 0 bytes");
    let other = [b"AT1\x02".as_slice(), &[0; 200]].concat();
    assert!(message(&other).contains("another product"), "{}", message(&other));
    let raw = encode(&b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n".repeat(9), &EncodeOptions::default()).unwrap();
    assert!(message(&raw).contains("RAW segment"), "{}", message(&raw));
}

#[test]
fn a_stray_quote_far_behind_the_sample_swallows_no_records() {
    // The field that opens closes in another column, or in the same one.
    for odd in ["2\t\"open\tplace\n3\tname\tclosed\"\n", "2\t\"open\tplace\n3\tclosed\"\tplace\n"] {
        let source = "1\tname\tplace\n".repeat(100_000) + odd;
        let analysis = analyse(&mut Cursor::new(&source), &ReadOptions::default()).unwrap();
        assert_eq!((analysis.records, analysis.ragged, analysis.format.syntax().quote()), (100_002, 0, None), "{odd}");
    }
    // A line end in a field that is meant.
    let source = "1\tname\tplace\n".repeat(100_000) + "2\t\"two\nlines\"\tplace\n";
    let analysis = analyse(&mut Cursor::new(&source), &ReadOptions::default()).unwrap();
    assert_eq!((analysis.records, analysis.multiline, analysis.format.syntax().quote()), (100_001, 1, Some(b'"')));
}

/// The places in a small segment, as docs/spec/segment.md tells them.
#[test]
fn the_worked_example_of_the_spec_is_what_is_written() {
    let source = b"id,price\n1,2.50\n2,NA\n";
    let segment = encode(source, &queryable(Profile::Balanced)).unwrap();
    let number = |at: usize| u64::from_le_bytes(segment[at..at + 8].try_into().unwrap());
    let size = segment.len();
    let footer_bytes = u32::from_le_bytes(segment[size - 8..size - 4].try_into().unwrap()) as usize + 8;
    let seal_at = size - 8 - SEAL_BYTES;
    let (indexes_at, digests_at) = (number(seal_at), number(seal_at + 8));
    let at = usize::try_from(digests_at).unwrap();
    let blocks = u32::from_le_bytes(segment[at..at + 4].try_into().unwrap()) as usize;
    let block = |i: usize| u32::from_le_bytes(segment[at + 4 + 36 * i..][..4].try_into().unwrap());
    let opened = open(&segment).unwrap();
    let metadata = opened.metadata().metadata();
    let chunks: Vec<_> = metadata.row_group(0).columns().iter().map(|c| c.byte_range()).collect();
    let mut lines = format!("segment          {size} bytes, footer {footer_bytes}\n");
    for (i, (start, bytes)) in chunks.iter().enumerate() {
        lines += &format!("column chunk {i}   {start}..{}\n", start + bytes);
    }
    lines += &format!("page indexes     {indexes_at}..{digests_at}\n");
    lines += &format!("digest table     {digests_at}..{}\n", size - footer_bytes);
    lines += &format!("seal             {seal_at}..{}\n", seal_at + SEAL_BYTES);
    lines += &format!("blocks           {:?}\n", (0..blocks).map(block).collect::<Vec<_>>());
    let spec = include_str!("../../../../docs/spec/segment.md");
    assert!(spec.contains(&lines), "docs/spec/segment.md should say\n{lines}");
}

#[test]
fn a_footer_is_trusted_by_digest() {
    let (buffer, written) = write(&[b"a,b\n1,2\n"]);
    let reader: Arc<dyn ReadAt> = Arc::new(buffer.bytes());
    let trust = Trust::Footer { bytes: written.footer_bytes, sha256: written.footer_sha256 };
    assert_eq!(Segment::open(Arc::clone(&reader), trust).unwrap().rows(), 1);
    let trust = Trust::Footer { bytes: written.footer_bytes, sha256: [0; 32] };
    let error = Segment::open(reader, trust).unwrap_err();
    assert!(error.to_string().starts_with("footer: corrupt: expected sha256 0000"), "{error}");
}

/// What a reader of its own gets is the file, wherever it looks, and nothing that was changed.
#[test]
fn places_of_a_file_are_what_they_were() {
    let mut rng = at1_testkit::Rng::new(5);
    let sources: Vec<String> =
        (0..3).map(|_| (0..4_000).map(|_| format!("{:x},{:x}\n", rng.next(), rng.next())).collect()).collect();
    let (buffer, written) = write(&sources.iter().map(String::as_bytes).collect::<Vec<_>>());
    let file = buffer.bytes();
    let trust = Trust::Footer { bytes: written.footer_bytes, sha256: written.footer_sha256 };
    let open = |file: &[u8]| Segment::open(Arc::new(file.to_vec()), trust).unwrap();
    let size = file.len() as u64;
    for round in 0..300 {
        let mut place = || {
            let (a, b) = (rng.below(size + 1), rng.below(size + 1));
            // Short ones and long ones, some of them up to the end.
            let (start, end) = (a.min(b), a.max(b));
            if rng.one_in(2) { start..end.min(start + 2_000) } else { start..end }
        };
        let places: Vec<_> = (0..1 + round % 4).map(|_| place()).chain([0..0, size..size, 0..size]).collect();
        let expected: Vec<&[u8]> = places.iter().map(|p| &file[p.start as usize..p.end as usize]).collect();
        assert_eq!(open(&file).read_file(&places).unwrap(), expected, "{places:?}");
    }
    // A changed byte fails the places whose blocks hold it, and no others.
    let body = size - written.footer_bytes - 100;
    for at in (0..body).step_by(9_973) {
        let segment = {
            let mut bad = file.clone();
            bad[at as usize] ^= 1;
            open(&bad)
        };
        let error = segment.read_file(&[0..4, at..at + 1]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Corrupt { .. }) && error.to_string().contains("sha256"), "{error}");
        let far = if at < body / 2 { size - 4..size } else { 0..4 };
        assert_eq!(segment.read_file(&[far]).unwrap()[0], "PAR1");
    }
    let segment = open(&file);
    #[expect(clippy::reversed_empty_ranges, reason = "a reader may ask for nonsense")]
    for place in [0..size + 1, size + 1..size + 2, 9..3] {
        let error = segment.read_file(&[place]).unwrap_err();
        assert!(error.to_string().contains("a place inside the segment's body"), "{error}");
    }
    let alone = Segment::open(Arc::new(file), Trust::OwnSeal).unwrap();
    let error = alone.read_file(&[0..4, 4..8]).unwrap_err();
    assert!(error.to_string().contains("expected one whose footer's digest is known"), "{error}");
}

#[test]
fn a_sink_that_fails_is_an_error() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let take = bytes.len().min(self.0);
            self.0 -= take;
            if take == 0 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(take) }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let schema = Schema::named([(None, ColumnType::Text)]);
    for room in [10, 200, 400] {
        let result = SegmentWriter::new(Full(room), &schema, WriteOptions::default()).and_then(|mut writer| {
            let source = b"some text\nmore of it\n";
            let analysis = analyse(&mut Cursor::new(source), &ReadOptions::default())?;
            writer.append(&mut Cursor::new(source), BatchPlan { analysis, map: vec![0], name: None })?;
            writer.finish().map(drop)
        });
        let error = result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::StorageFull), "{error:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_survive(source in proptest::collection::vec(any::<u8>(), 0..300)) {
        check(&source);
    }

    #[test]
    fn bytes_of_csv_survive(source in "[ab1290.,\"\n\r;\t:+-]{0,200}") {
        check(source.as_bytes());
    }

    #[test]
    fn any_batches_survive(sources in proptest::collection::vec("[a12,\"\n\r]{0,60}", 0..6)) {
        let sources: Vec<&[u8]> = sources.iter().map(String::as_bytes).collect();
        let (buffer, _) = write(&sources);
        let segment = open(&buffer.bytes()).unwrap();
        for (index, source) in sources.iter().enumerate() {
            prop_assert_eq!(&batch(&segment, index).unwrap(), source);
        }
    }
}
