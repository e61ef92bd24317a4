//! Segments made to do harm, under digests that hold: an error, or bytes that are what the segment's own batch table says.
//!
//! * Nothing panics, aborts or runs for ever. Memory has a bound: while a segment is read, the allocator gives out no more, and a test
//!   that asks for more aborts. `AT1_TELL=1` says before each segment which it is.
//! * Values are whatever the author wrote. What is held is that they are valid, and that a batch hashes to its digest.
//! * `AT1_DEEP=1` tries every bit and 100,000 mutations; else some of each.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is the test failing")]

use std::{
    alloc::System,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use at1_codec::{EncodeOptions, Form, HeaderOption, Profile, ReadOptions, Segment, Trust, decode, encode};
use at1_testkit::{
    Rng,
    forge::{Forgery, data_page, dictionary_page, reseal},
};
use cap::Cap;
use parquet::{arrow::arrow_reader::ParquetRecordBatchReaderBuilder, bloom_filter::Sbbf, file::reader::ChunkReader};
use parquet_format_safe::{Encoding, PageEncodingStats, PageType};
use sha2::{Digest as _, Sha256};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// What reading a small segment may take, whatever it says.
const MEMORY_MAX: usize = 64 << 20;

/// The bound is that of the whole process, so tests that share one wait for each other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_deep() -> bool {
    std::env::var_os("AT1_DEEP").is_some_and(|value| value == "1")
}

/// Does with a segment what can be done with one, and says whether it could be decoded.
fn exercise(file: &[u8]) -> at1_codec::Result<()> {
    let decoded = decode(file);
    if file.starts_with(b"AT1R") {
        return decoded.map(drop);
    }
    let segment = Segment::open(Arc::new(file.to_vec()), Trust::OwnSeal)?;
    let scanned = scan(&segment);
    let _ = segment.rejects_by_batch();
    let _ = segment.rederive(None);
    for column in 0..segment.schema().columns.len() {
        let _ = segment.read_as(0, column, &at1_codec::ColumnType::Text.into());
    }
    for (index, batch) in segment.batches()?.iter().enumerate() {
        let mut bytes = Vec::new();
        if segment.write_batch(index, &mut bytes).is_ok() {
            assert_eq!(<[u8; 32]>::from(Sha256::digest(&bytes)), batch.sha256, "a batch is what its digest says");
        }
    }
    decoded?;
    scanned
}

/// Reads every value, and looks at it.
fn scan(segment: &Segment) -> at1_codec::Result<()> {
    let builder =
        ParquetRecordBatchReaderBuilder::new_with_metadata(segment.bytes().clone(), segment.metadata().clone());
    for batch in builder.with_batch_size(1000).build()? {
        for column in batch?.columns() {
            column.to_data().validate_full().expect("arrays hold what their type says");
        }
    }
    Ok(())
}

/// As [`exercise`]; a panic fails with `what`.
#[track_caller]
fn survives(file: &[u8], what: impl std::fmt::Display) -> bool {
    if std::env::var_os("AT1_TELL").is_some() {
        eprintln!("{what}");
    }
    MEMORY.set_limit(MEMORY.allocated() + MEMORY_MAX).unwrap();
    let result = catch_unwind(AssertUnwindSafe(|| exercise(file).is_ok()));
    MEMORY.set_limit(usize::MAX).unwrap();
    result.unwrap_or_else(|_| panic!("{what}: it panicked"))
}

/// Small segments with every type, encoding, quoting and kind of record.
fn segments() -> Vec<Vec<u8>> {
    let mut typed = String::from("id,price,wide,when,day,flag,name,ratio,note\n");
    for i in 0..300_u64 {
        let note = ["plain", "with, comma", "", "long ".repeat(20).as_str(), "é😀"][i as usize % 5].to_owned();
        typed += &format!(
            "{i},{}.{:02},{}00000000000000000000{i}.5,2024-01-{:02}T10:{:02}:00.{:03}Z,19{:02}-0{}-11,{},name {},{}e{},\"{note}\"\n",
            i * 7 % 1000,
            i % 100,
            i + 1,
            i % 28 + 1,
            i % 60,
            i * 37 % 1000,
            i % 100,
            i % 9 + 1,
            i % 3 == 0,
            i * i % 97,
            i as f64 / 3.0,
            i % 5,
        );
    }
    let odd: &[u8] = b"a,b\n1,2\n\n3\n4,5,6\r\nNA,\"x\"\"y\"\n-0,\xff\n";
    let mut files = Vec::new();
    for profile in [Profile::Fast, Profile::Balanced, Profile::Max] {
        let options = EncodeOptions { form: Form::Queryable, profile, ..EncodeOptions::default() };
        files.extend([encode(typed.as_bytes(), &options).unwrap(), encode(odd, &options).unwrap()]);
    }
    files.push(encode(&b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n".repeat(9), &EncodeOptions::default()).unwrap());
    files
}

/// Changes a few bytes, more often near the end, where the footer is.
fn mutate(rng: &mut Rng, file: &mut [u8]) {
    for _ in 0..=rng.below(3) {
        let bytes = file.len();
        let from = if rng.one_in(2) { bytes - bytes.min(1500) } else { 0 };
        let at = from + rng.index(bytes - from);
        match rng.below(6) {
            0 => file[at] ^= 1 << rng.below(8),
            1 => file[at] = rng.next() as u8,
            2 => file[at] = *[0, 1, 0x7f, 0x80, 0xff].get(rng.index(5)).unwrap_or(&0),
            3 => {
                let end = bytes.min(at + 1 + rng.index(8));
                file[at..end].fill(if rng.one_in(2) { 0xff } else { 0 });
            }
            4 => {
                let (end, other) = (bytes.min(at + 1 + rng.index(32)), rng.index(bytes));
                let copied = end - at;
                file.copy_within(other..(other + copied).min(bytes), at.min(bytes - copied));
            }
            _ => {
                let value = [u64::MAX, 1 << 31, 1 << 45, 1 << 63, u64::from(u32::MAX)][rng.index(5)];
                let value = value.to_le_bytes();
                let room = value.len().min(bytes - at);
                file[at..at + room].copy_from_slice(&value[..room]);
            }
        }
    }
}

#[test]
fn mutations_under_digests_that_hold() {
    let _alone = alone();
    let (rounds, mut decoded) = (if is_deep() { 100_000 } else { 1500 }, 0_u64);
    let segments = segments();
    for round in 0..rounds {
        let mut rng = Rng::new(round);
        let mut file = segments[rng.index(segments.len())].clone();
        mutate(&mut rng, &mut file);
        reseal(&mut file);
        decoded += u64::from(survives(&file, format_args!("mutation {round}")));
    }
    println!("{rounds} mutations with repaired digests, {decoded} decoded");
    assert!(decoded > 0, "some change nothing that matters");
}

#[test]
fn mutations_as_they_are() {
    let _alone = alone();
    let segments = segments();
    let sources: Vec<Vec<u8>> = segments.iter().map(|file| decode(file).unwrap()).collect();
    let rounds = if is_deep() { 100_000 } else { 3000 };
    for round in 0..rounds {
        let mut rng = Rng::new(1 << 32 | round);
        let which = rng.index(segments.len());
        let mut file = segments[which].clone();
        mutate(&mut rng, &mut file);
        survives(&file, format_args!("mutation {round}"));
        if let Ok(found) = decode(&file) {
            assert!(found == sources[which], "mutation {round}: other bytes");
        }
    }
    println!("{rounds} mutations as they are");
}

#[test]
fn every_bit_and_every_cut() {
    let _alone = alone();
    let source = b"id,name,when\n1,ada,2024-01-01\nx,\"b\nb\",NA\n\n3,,2024-01-03";
    for profile in [Profile::Fast, Profile::Balanced] {
        let options = EncodeOptions { form: Form::Queryable, profile, ..EncodeOptions::default() };
        let good = encode(source, &options).unwrap();
        for bit in (0..good.len() * 8).step_by(if is_deep() { 1 } else { 11 }) {
            let mut file = good.clone();
            file[bit / 8] ^= 1 << (bit % 8);
            reseal(&mut file);
            survives(&file, format_args!("bit {bit}"));
        }
        for cut in 0..good.len() {
            let mut file = good[..cut].to_vec();
            reseal(&mut file);
            assert!(!survives(&file, format_args!("cut at {cut}")), "cut at {cut}");
        }
    }
}

const ROWS: i32 = 40;

/// A segment of one column of [`ROWS`] rows, none of which its type holds.
fn forgery(pin: &str) -> Forgery {
    let options = EncodeOptions {
        read: ReadOptions { header: HeaderOption::No, ..ReadOptions::default() },
        pins: vec![("c0".into(), pin.parse().unwrap())],
        form: Form::Queryable,
        ..EncodeOptions::default()
    };
    Forgery::of(&encode("x\n".repeat(ROWS as usize).as_bytes(), &options).unwrap())
}

/// Definition levels that say that no row is null.
const PRESENT: [u8; 2] = [(ROWS << 1) as u8, 1];

const PLAIN: i32 = 0;
const RLE: i32 = 3;
const DELTA: i32 = 5;
const DELTA_LENGTH: i32 = 6;
const DELTA_BYTES: i32 = 7;
const DICTIONARY: i32 = 8;

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Numbers as packed deltas: blocks of 128 with four parts, as many bits for each as they need.
fn deltas(numbers: &[i64]) -> Vec<u8> {
    let zigzag = |number: i64| varint(((number << 1) ^ (number >> 63)).cast_unsigned());
    let count = varint(numbers.len() as u64);
    let mut bytes = [varint(128), varint(4), count, zigzag(numbers.first().copied().unwrap_or(0))].concat();
    let steps: Vec<i64> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for block in steps.chunks(128) {
        let least = block.iter().copied().min().unwrap_or(0);
        bytes.extend(zigzag(least));
        bytes.extend((0..4).map(|part| if part * 32 < block.len() { 32 } else { 0 }));
        for part in block.chunks(32) {
            let padded = part.iter().map(|step| (step - least) as u32).chain(std::iter::repeat(0));
            bytes.extend(padded.take(32).flat_map(u32::to_le_bytes));
        }
    }
    bytes
}

#[track_caller]
fn refused(file: &[u8], message: &str) {
    assert!(!survives(file, message));
    let error = match Segment::open(Arc::new(file.to_vec()), Trust::OwnSeal) {
        Ok(segment) => {
            let _ = scan(&segment).expect_err("refused");
            decode(file).expect_err("refused")
        }
        Err(error) => error,
    };
    assert!(error.to_string().contains(message), "{error}");
}

/// A column with this one page.
fn page(pin: &str, dictionary: Option<&[u8]>, encoding: i32, levels: &[u8], data: &[u8]) -> Vec<u8> {
    let mut forgery = forgery(pin);
    forgery.put(0, dictionary, &data_page(encoding, ROWS, 0, levels, data));
    forgery.sealed()
}

#[test]
fn good_pages_pass() {
    let _alone = alone();
    let text = b"\x02\0\0\0ab".repeat(ROWS as usize);
    let dictionary = dictionary_page(1, b"\x02\0\0\0ab");
    let lengths = [deltas(&[2; ROWS as usize]), b"ab".repeat(ROWS as usize)].concat();
    let mut prefixes = vec![2; ROWS as usize];
    prefixes[0] = 0;
    let mut suffixes = vec![0; ROWS as usize];
    suffixes[0] = 2;
    let prefixed = [deltas(&prefixes), deltas(&suffixes), b"ab".to_vec()].concat();
    let pages = [
        page("text", None, PLAIN, &PRESENT, &text),
        page("text", Some(&dictionary), DICTIONARY, &PRESENT, &[1, PRESENT[0], 0]),
        page("text", None, DELTA_LENGTH, &PRESENT, &lengths),
        page("text", None, DELTA_BYTES, &PRESENT, &prefixed),
        page("int64", None, DELTA, &PRESENT, &deltas(&(0..i64::from(ROWS)).map(|i| i * i).collect::<Vec<_>>())),
        page("boolean", None, RLE, &PRESENT, &[2, 0, 0, 0, PRESENT[0], 1]),
        page("double", None, PLAIN, &PRESENT, &[0; 8 * ROWS as usize]),
    ];
    // The footer says that all values are in the dictionary, and they are, or are not.
    let claiming = |dictionary: Option<&[u8]>, encoding, data: &[u8]| {
        let mut forgery = forgery("text");
        forgery.put(0, dictionary, &data_page(encoding, ROWS, 0, &PRESENT, data));
        let claim = PageEncodingStats::new(PageType(3), Encoding(DICTIONARY), 1);
        forgery.chunk(0).encoding_stats = Some(vec![claim]);
        forgery.sealed()
    };
    refused(&claiming(Some(&dictionary), PLAIN, &text), "encoded as the footer says");
    refused(&claiming(None, PLAIN, &text), "encoded as the footer says");
    let pages = [claiming(Some(&dictionary), DICTIONARY, &[1, PRESENT[0], 0])].into_iter().chain(pages);
    for (number, file) in pages.enumerate() {
        let segment = Segment::open(Arc::new(file.clone()), Trust::OwnSeal).unwrap();
        scan(&segment).unwrap_or_else(|e| panic!("page {number}: {e}"));
        // Typed columns have the text of these fields in patches, whatever the values are; text is other text now, and is not
        // given out as the batch whose digest the segment has.
        match decode(&file) {
            Ok(bytes) => assert_eq!(bytes, "x\n".repeat(ROWS as usize).as_bytes(), "page {number}"),
            Err(error) => {
                assert!(error.to_string().starts_with("batch 0: corrupt: expected 80 bytes"), "{error}");
                assert!(number < 5, "page {number}");
            }
        }
    }
}

#[test]
fn lists_and_places_in_the_footer() {
    let _alone = alone();
    let mut forgery = forgery("text");
    // Row groups without end: field 4, a list of 2^31 - 1 structures.
    refused(&forgery.sealed_with(&[0x49, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07]), "Thrift's compact protocol");
    for (bytes, message) in [
        (&[0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0][..], "offset index"),
        (&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x07, 0], "offset index"),
    ] {
        let at = forgery.append(bytes);
        let chunk = &mut forgery.footer.row_groups[0].columns[0];
        (chunk.offset_index_offset, chunk.offset_index_length) = (Some(at), i32::try_from(bytes.len()).ok());
        refused(&forgery.sealed(), message);
    }
    // Bounds of two pages, where no index says where they are.
    let mut bounds = self::forgery("text");
    let at = bounds.append(&[0x19, 0x21, 1, 1, 0x19, 0x28, 0, 0, 0x19, 0x28, 0, 0, 0x15, 0, 0]);
    let chunk = &mut bounds.footer.row_groups[0].columns[0];
    (chunk.column_index_offset, chunk.column_index_length) = (Some(at), Some(15));
    refused(&bounds.sealed(), "the pages of the offset index");
    let good = self::forgery("text");
    let mut with = |edit: &dyn Fn(&mut Forgery), message: &str| {
        forgery = good.clone();
        edit(&mut forgery);
        refused(&forgery.sealed(), message);
    };
    with(&|f| f.chunk(0).dictionary_page_offset = Some(-5), "column chunk inside");
    with(&|f| f.chunk(0).dictionary_page_offset = Some(i64::MIN), "column chunk inside");
    with(&|f| f.chunk(0).data_page_offset = -1, "inside");
    with(&|f| f.chunk(0).bloom_filter_offset = Some(4), "Bloom filter inside");
    with(&|f| f.chunk(0).bloom_filter_offset = Some(-4), "Bloom filter inside");
    with(&|f| f.chunk(0).total_compressed_size = i64::MAX, "column chunk inside");
    with(&|f| f.chunk(0).total_compressed_size = 0, "pages, stored or packed");
    with(&|f| f.chunk(0).num_values = i64::MAX, "values");
    with(&|f| f.chunk(0).codec = parquet_format_safe::CompressionCodec(2), "pages, stored or packed");
    with(
        &|f| {
            f.footer.row_groups[0].num_rows = i64::MAX;
            f.chunk(0).num_values = i64::MAX;
        },
        "rows",
    );
    with(&|f| f.footer.schema[1].repetition_type = Some(parquet_format_safe::FieldRepetitionType(0)), "an optional");
    with(&|f| f.footer.row_groups[0].columns.clear(), "row groups of 1 columns");
    with(&|f| f.footer.row_groups.push(f.footer.row_groups[0].clone()), "40 rows");
    let two = |f: &mut Forgery| {
        *f = Forgery::of(
            &encode(b"1,2\n3,4\n", &EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() }).unwrap(),
        );
        let first = f.chunk(0).clone();
        f.chunk(1).dictionary_page_offset = first.dictionary_page_offset;
        f.chunk(1).data_page_offset = first.data_page_offset;
    };
    with(&two, "bytes of its own");
    // Groups in groups, until a parser that follows them runs out of stack.
    let nested = |f: &mut Forgery| {
        let mut group = f.footer.schema[0].clone();
        group.num_children = Some(1);
        group.repetition_type = Some(parquet_format_safe::FieldRepetitionType(1));
        let last = f.footer.schema.len() - 1;
        f.footer.schema.splice(1..last, vec![group; 100_000]);
        f.footer.schema[0].num_children = Some(1);
        f.footer.row_groups.clear();
    };
    with(&nested, "a schema of columns");
    // Chunks that say nothing of themselves: four bytes each.
    let empty = |f: &mut Forgery| {
        let mut chunk = f.footer.row_groups[0].columns[0].clone();
        chunk.meta_data = None;
        f.footer.row_groups[0].columns = vec![chunk; 500_000];
    };
    with(&empty, "row groups of 1 columns");
}

#[test]
fn counts_and_lengths_in_pages() {
    let _alone = alone();
    const DELTAS: &str = "as many deltas as values";
    for count in [1 << 45, 1 << 31, 41, 0] {
        let header = [varint(128), varint(4), varint(count), varint(0)].concat();
        refused(&page("int64", None, DELTA, &PRESENT, &header), DELTAS);
        refused(&page("text", None, DELTA_LENGTH, &PRESENT, &header), DELTAS);
        refused(&page("text", None, DELTA_BYTES, &PRESENT, &header), DELTAS);
    }
    let rows = u64::from(ROWS.unsigned_abs());
    for (block, minis) in [(1 << 40, 4), (128, 0), (128, 1 << 40), (100, 4), (128, 3), (0, 4)] {
        let header = [varint(block), varint(minis), varint(rows), varint(0), vec![0; 50]].concat();
        refused(&page("int64", None, DELTA, &PRESENT, &header), "blocks of 128");
    }
    let wide =
        [varint(128), varint(4), varint(rows), varint(0), varint(0), vec![65, 64, 64, 64], vec![1; 999]].concat();
    refused(&page("int64", None, DELTA, &PRESENT, &wide), "deltas of the width");
    let cut = [varint(128), varint(4), varint(rows), varint(0), varint(0), vec![64, 64]].concat();
    refused(&page("int64", None, DELTA, &PRESENT, &cut), "blocks of deltas");

    let lengths = |numbers: &[i64], text: &[u8]| [deltas(numbers), text.to_vec()].concat();
    let mut numbers = vec![0; ROWS as usize];
    numbers[3] = -1;
    refused(&page("text", None, DELTA_LENGTH, &PRESENT, &lengths(&numbers, b"")), "not negative");
    numbers[3] = i64::from(i32::MAX);
    refused(&page("text", None, DELTA_LENGTH, &PRESENT, &lengths(&numbers, b"")), "the bytes of each value");
    let zeros = deltas(&[0; ROWS as usize]);
    let mut prefixes = vec![0; ROWS as usize];
    prefixes[1] = 7;
    let data = [deltas(&prefixes), zeros.clone()].concat();
    refused(&page("text", None, DELTA_BYTES, &PRESENT, &data), "prefixes that the value before has");

    let plain = [&u32::MAX.to_le_bytes()[..], &[b'a'; 300]].concat();
    refused(&page("text", None, PLAIN, &PRESENT, &plain), "the bytes of each value");
    refused(&page("double", None, PLAIN, &PRESENT, &[0; 7]), "as many bytes");
    refused(&page("double", None, 9, &PRESENT, &[0; 321]), "as many bytes");
    refused(&page("boolean", None, RLE, &PRESENT, &[0xff, 0xff, 0xff, 0xff, 1]), "as many bytes");
    refused(&page("boolean", None, RLE, &PRESENT, &[0]), "the size of its runs");
    refused(&page("int64", None, RLE, &PRESENT, &[0]), "an encoding of its type");
}

#[test]
fn text_is_text_value_by_value() {
    let _alone = alone();
    // As a whole this is UTF-8; cut into bytes it is not.
    let whole = "é".repeat(ROWS as usize / 2);
    let data = [deltas(&[1; ROWS as usize]), whole.clone().into_bytes()].concat();
    refused(&page("text", None, DELTA_LENGTH, &PRESENT, &data), "UTF-8");
    let plain: Vec<u8> = whole.bytes().flat_map(|byte| [1, 0, 0, 0, byte]).collect();
    refused(&page("text", None, PLAIN, &PRESENT, &plain), "UTF-8");
    let data = [deltas(&[0; ROWS as usize]), data].concat();
    refused(&page("text", None, DELTA_BYTES, &PRESENT, &data), "UTF-8");
    let dictionary = dictionary_page(1, b"\x01\0\0\0\xff");
    refused(&page("text", Some(&dictionary), DICTIONARY, &PRESENT, &[1, PRESENT[0], 0]), "UTF-8");
}

#[test]
fn levels_runs_and_indices() {
    let _alone = alone();
    let text = b"\x02\0\0\0ab".repeat(ROWS as usize);
    let levels: &[&[u8]] = &[&[], &[80], &[82, 1], &[78, 1], &[80, 2], &[1], &[0xff, 0xff, 0xff, 0xff, 0x0f, 1], &[0]];
    for levels in levels {
        assert!(!survives(&page("text", None, PLAIN, levels, &text), "levels"), "{levels:?}");
    }
    refused(&page("text", None, PLAIN, &[80, 0], &text), "as many values as its levels say");
    let dictionary = dictionary_page(2, b"\x02\0\0\0ab\0\0\0\0");
    let index = |data: &[u8]| page("text", Some(&dictionary), DICTIONARY, &PRESENT, data);
    refused(&index(&[2, PRESENT[0], 2]), "indices that the dictionary has");
    refused(&index(&[32, PRESENT[0], 0xff, 0xff, 0xff, 0xff]), "indices that the dictionary has");
    refused(&index(&[33, PRESENT[0], 0]), "at most 32 bits");
    refused(&index(&[1, PRESENT[0], 2]), "numbers of their width");
    refused(&index(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f]), "runs that end");
    refused(&index(&[]), "the width of its indices");
    refused(&page("text", None, DICTIONARY, &PRESENT, &[1, PRESENT[0], 0]), "a dictionary");
    refused(&page("int64", None, DICTIONARY, &PRESENT, &[1, PRESENT[0], 0]), "a dictionary");
    for claimed in [0, 1, 3, i32::MAX, -1] {
        let dictionary = dictionary_page(claimed, b"\x02\0\0\0ab\0\0\0\0");
        assert!(!survives(&page("text", Some(&dictionary), DICTIONARY, &PRESENT, &[1, PRESENT[0], 1]), claimed));
    }
    // One value of six megabytes, forty times.
    let mut long = vec![b'a'; 6 << 20];
    long.splice(..0, (6_u32 << 20).to_le_bytes());
    let dictionary = dictionary_page(1, &long);
    let file = page("text", Some(&dictionary), DICTIONARY, &PRESENT, &[1, PRESENT[0], 0]);
    drop((long, dictionary));
    let segment = Segment::open(Arc::new(file), Trust::OwnSeal).unwrap();
    MEMORY.set_limit(MEMORY.allocated() + MEMORY_MAX).unwrap();
    let error = scan(&segment).unwrap_err();
    MEMORY.set_limit(usize::MAX).unwrap();
    let told = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
    assert!(told.contains("no more text than a row group holds"), "{told}");
}

#[test]
fn sizes_of_pages() {
    let _alone = alone();
    let good = data_page(PLAIN, ROWS, 0, &PRESENT, &[0; 320]);
    // Type, then the size when decompressed: a varint of two bytes.
    assert_eq!(good[..3], [0x15, 0x06, 0x15]);
    let huge = [&good[..3], &[0xfe, 0xff, 0xff, 0xff, 0x0f], &good[5..]].concat();
    for codec in [0, 6, 7] {
        let mut forgery = forgery("double");
        forgery.put(0, None, &huge);
        forgery.chunk(0).codec = parquet_format_safe::CompressionCodec(codec);
        refused(&forgery.sealed(), "a page no larger than");
    }
    let mut forgery = forgery("double");
    forgery.put(0, None, &[good.clone(), good.clone()].concat());
    refused(&forgery.sealed(), "no more values than");
    forgery.put(0, None, &good[..good.len() - 1]);
    refused(&forgery.sealed(), "a page inside its column chunk");
    forgery.put(0, None, &data_page(PLAIN, ROWS - 1, 0, &[78, 1], &[0; 312]));
    refused(&forgery.sealed(), "40 rows");
    for claimed in [-1, i32::MIN, i32::MAX] {
        forgery.put(0, None, &data_page(PLAIN, claimed, 0, &PRESENT, &[0; 320]));
        assert!(!survives(&forgery.sealed(), claimed));
        forgery.put(0, None, &data_page(PLAIN, ROWS, claimed, &PRESENT, &[0; 320]));
        assert!(!survives(&forgery.sealed(), claimed));
    }
    forgery.put(0, None, &[0xff; 400]);
    refused(&forgery.sealed(), "the header of");
}

/// A segment whose one column chunk has a Bloom filter, and where that lies.
fn filtered() -> (Vec<u8>, std::ops::Range<usize>) {
    // Up and down between 0 and 800, with some noise: no dictionary pays, and every page holds nearly all of it.
    let mut rng = Rng::new(7);
    let value = |i: u64, noise: u64| (i % 1600).abs_diff(800) + noise;
    let source: String = (0..600_000).map(|i| format!("{}\n", value(i, rng.below(16)))).collect();
    let segment =
        encode(source.as_bytes(), &EncodeOptions { form: Form::Queryable, ..EncodeOptions::default() }).unwrap();
    let open = Segment::open(Arc::new(segment.clone()), Trust::OwnSeal).unwrap();
    let chunk = open.metadata().metadata().row_group(0).column(0);
    let at = usize::try_from(chunk.bloom_filter_offset().expect("a filter")).unwrap();
    (segment, at..at + usize::try_from(chunk.bloom_filter_length().unwrap()).unwrap())
}

#[test]
fn bloom_filters() {
    let _alone = alone();
    let (segment, place) = filtered();
    let read = |file: &[u8], place: std::ops::Range<usize>| -> Result<Option<Sbbf>, String> {
        let open = Segment::open(Arc::new(file.to_vec()), Trust::OwnSeal).map_err(|e| e.to_string())?;
        let bytes = open.bytes().get_bytes(place.start as u64, place.len()).map_err(|e| e.to_string())?;
        Ok(Sbbf::from_bytes(&bytes).ok())
    };
    let filter = read(&segment, place.clone()).unwrap().unwrap();
    assert!((0..=800).all(|value: i64| filter.check(&value)), "what is there is found");
    let wrong = (10_000..20_000).filter(|value: &i64| filter.check(value)).count();
    assert!(wrong < 1000, "{wrong} of 10,000 values that are not there");

    // Nothing but the whole filter is given out, and none of it that was changed.
    for other in [place.start + 1..place.end, place.start..place.end - 1, place.start..place.end + 1] {
        assert!(read(&segment, other).is_err());
    }
    for at in [place.start, place.start + 20, place.end - 1] {
        let mut damaged = segment.clone();
        damaged[at] ^= 1;
        let error = read(&damaged, place.clone()).unwrap_err();
        assert!(error.contains("sha256"), "{error}");
        assert!(Segment::open(Arc::new(damaged), Trust::OwnSeal).and_then(|s| scan(&s)).is_ok(), "the pages are whole");
    }
    // Whoever can seal can write any filter, but only one that is one.
    let header = place.start..place.end - filter.num_blocks() * 32;
    for at in header.clone() {
        for bit in 0..8 {
            let mut forged = segment.clone();
            forged[at] ^= 1 << bit;
            assert!(reseal(&mut forged));
            let error = read(&forged, place.clone()).unwrap_err();
            assert!(error.contains("a split block Bloom filter"), "byte {at}, bit {bit}: {error}");
        }
    }
    let mut forged = segment;
    forged[header.end..place.end].fill(0);
    assert!(reseal(&mut forged));
    assert!(!read(&forged, place).unwrap().unwrap().check(&1_i64), "what is in a filter is up to who wrote it");
}
