//! The same answers, whatever is skipped: queries against what AT1 scans without pruning.

use std::{fmt::Write as _, sync::Arc};

use arrow::{
    array::{Array, ArrayRef},
    datatypes::DataType,
    util::display::{ArrayFormatter, FormatOptions},
};
use at1_datafusion::{At1Table, Split, SystemColumns};
use at1_table::{AppendOptions, Choose, CompactOptions, HeaderOption, Pruning, ScanOptions, Source};
use at1_testkit::{Opening, Rng, feed};
use datafusion::catalog::MemTable;

use crate::Fixture;

/// A table of odd values, in types that change, partly compacted.
fn odd(seed: u64) -> Fixture {
    let fixture = Fixture::new();
    let mut rng = Rng::new(seed);
    for batch in 0..6 {
        let mut csv = String::from("i,d,w,f,b,day,at,utc,word");
        let later = batch >= 3;
        csv += if later { ",late\n" } else { "\n" };
        for _ in 0..1 + rng.below(60) {
            let fields = [
                rng.between(-30, 30).to_string(),
                format!("{}.{:02}", rng.between(-9, 9), rng.below(100)),
                format!("{}{:037}.5", rng.below(9) + 1, rng.below(u64::MAX)),
                (*rng.pick(&["NaN", "-0.0", "0.0", "inf", "-inf", "1.5", "-2.25", "1e300", "5e-324"])).to_owned(),
                (*rng.pick(&["true", "false"])).to_owned(),
                format!("{:04}-03-{:02}", rng.between(1901, 2099), rng.between(1, 28)),
                format!("1969-12-31T23:59:{:02}.{:06}", rng.below(60), rng.below(1_000_000)),
                format!("2024-01-{:02}T00:00:00Z", rng.between(1, 31)),
                format!("{}{}", rng.pick(&["a", "b", "ä", "z%", "_", "\\"]), "x".repeat(rng.index(90))),
            ];
            for (i, field) in fields.iter().enumerate() {
                let separator = if i > 0 { "," } else { "" };
                let field = if rng.one_in(6) { "" } else { field };
                let _ = write!(csv, "{separator}{field}");
            }
            if later {
                // A column that comes later, first of integers, then of words.
                let word = if batch == 5 { "n/k".to_owned() } else { rng.below(50).to_string() };
                let _ = write!(csv, ",{word}");
            }
            csv.push('\n');
        }
        fixture.append(&csv);
        if batch == 3 {
            let options = CompactOptions { choose: Choose::All, upto: Some(2), ..CompactOptions::default() };
            fixture.table.compact(&options).unwrap();
        }
    }
    fixture
}

/// What several producers offer one table.
fn fed(seed: u64) -> Fixture {
    let fixture = Fixture::new();
    for file in 0..12 {
        let offered = feed(seed, 0, file, file / 2);
        let header = match offered.opening {
            Opening::KnownHeader | Opening::NewHeader => HeaderOption::Yes,
            Opening::Record | Opening::Empty => HeaderOption::No,
        };
        let options = AppendOptions { header, ..AppendOptions::default() };
        fixture.table.append_csv(Source::bytes(&offered.bytes), &options).unwrap();
    }
    fixture
}

/// A condition on some column, with a value that it holds or one near it.
fn condition(rng: &mut Rng, columns: &[(String, ArrayRef)], depth: u32) -> String {
    if depth > 0 && rng.one_in(2) {
        let (left, right) = (condition(rng, columns, depth - 1), condition(rng, columns, depth - 1));
        return match rng.below(5) {
            0 => format!("NOT ({left})"),
            1 | 2 => format!("({left}) AND ({right})"),
            _ => format!("({left}) OR ({right})"),
        };
    }
    let (name, values) = &columns[rng.index(columns.len())];
    let column = format!("\"{name}\"");
    let literal = |rng: &mut Rng| -> Option<String> {
        let at = rng.index(values.len().max(1));
        if values.is_empty() || values.is_null(at) {
            return None;
        }
        let text = ArrayFormatter::try_new(values, &FormatOptions::new()).unwrap().value(at).to_string();
        Some(match values.data_type() {
            DataType::Int64 => match rng.below(4) {
                0 => format!("{text}.5"),
                1 => format!("CAST({text} AS DOUBLE)"),
                _ => text,
            },
            DataType::Decimal128(..) => text,
            DataType::Float64 => format!("CAST('{text}' AS DOUBLE)"),
            DataType::Boolean => text,
            DataType::Date32 => format!("DATE '{text}'"),
            DataType::Timestamp(..) => format!("TIMESTAMP '{text}'"),
            _ => format!("'{}'", text.replace('\'', "''")),
        })
    };
    let Some(value) = literal(rng) else {
        return format!("{column} IS {}NULL", if rng.one_in(2) { "NOT " } else { "" });
    };
    match rng.below(8) {
        0 => {
            let other = literal(rng).unwrap_or_else(|| value.clone());
            format!("{column} {}IN ({value}, {other})", if rng.one_in(3) { "NOT " } else { "" })
        }
        1 => format!("{column} BETWEEN {value} AND {}", literal(rng).unwrap_or_else(|| value.clone())),
        2 if values.data_type() == &DataType::Utf8 => {
            let start: String = value.trim_matches('\'').chars().take(rng.index(5)).collect();
            format!("{column} {}LIKE '{start}%'", if rng.one_in(3) { "NOT " } else { "" })
        }
        3 if values.data_type() == &DataType::Boolean => column,
        n => format!("{column} {} {value}", ["=", "<>", "<", "<=", ">", ">="][n as usize % 6]),
    }
}

async fn check(fixture: Fixture, seed: u64, queries: u64) {
    let snapshot = fixture.table.snapshot().unwrap();
    let options =
        ScanOptions { pruning: Pruning::Off, system: at1_table::SYSTEM_COLUMNS.to_vec(), ..ScanOptions::default() };
    let scan = snapshot.scan(&options).unwrap();
    let schema = scan.schema();
    let batches: Vec<_> = scan.map(Result::unwrap).collect();
    let all = arrow::compute::concat_batches(&schema, &batches).unwrap();
    let width = all.num_columns() - 4;
    let columns: Vec<(String, ArrayRef)> =
        (0..width).map(|i| (schema.field(i).name().clone(), Arc::clone(all.column(i)))).collect();
    let register = |name: &str, table: At1Table| fixture.context.register_table(name, Arc::new(table)).unwrap();
    let newest = || At1Table::newest(Arc::clone(&fixture.table)).unwrap();
    register("unpruned", newest().with_pruning(Pruning::Off));
    register("pieces", newest().with_split(Split::Rows));
    register("ours", newest().with_system_columns(SystemColumns::Shown));
    let oracle = MemTable::try_new(schema, vec![vec![all]]).unwrap();
    fixture.context.register_table("oracle", Arc::new(oracle)).unwrap();
    let names = columns.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let mut rng = Rng::new(seed ^ 77);
    for _ in 0..queries {
        let filter = condition(&mut rng, &columns, 2);
        let ask = |table: &str| format!("SELECT {names} FROM {table} WHERE {filter}");
        let with_origin =
            |table: &str| format!("SELECT {names}, _row, _batch, _event, _source FROM {table} WHERE {filter}");
        let sorted = |mut rows: Vec<String>| {
            rows.sort_unstable();
            rows
        };
        let expected = sorted(fixture.rows(&ask("oracle")).await.unwrap_or_else(|e| panic!("{filter}: {e}")));
        for table in ["t", "unpruned", "pieces", "ours"] {
            let found = sorted(fixture.rows(&ask(table)).await.unwrap_or_else(|e| panic!("{filter}: {e}")));
            assert_eq!(found, expected, "seed {seed}: {table}: {filter}");
        }
        let expected = sorted(fixture.rows(&with_origin("oracle")).await.unwrap());
        assert_eq!(sorted(fixture.rows(&with_origin("ours")).await.unwrap()), expected, "seed {seed}: {filter}");
        let count = format!("SELECT count(*) FROM t WHERE {filter}");
        assert_eq!(fixture.rows(&count).await.unwrap(), [expected.len().to_string()], "seed {seed}: {count}");
    }
}

#[tokio::test]
async fn odd_values() {
    for seed in 0..3 {
        check(odd(seed), seed, 30).await;
    }
}

#[tokio::test]
async fn tables_that_grow() {
    for seed in 0..2 {
        check(fed(seed), seed, 20).await;
    }
}

/// What is known without reading must be what is there.
#[tokio::test]
async fn aggregates() {
    for seed in 0..4 {
        let fixture = odd(seed);
        let batches: Vec<_> = fixture.table.scan(&ScanOptions::default()).unwrap().map(Result::unwrap).collect();
        let oracle = MemTable::try_new(batches[0].schema(), vec![batches]).unwrap();
        fixture.context.register_table("oracle", Arc::new(oracle)).unwrap();
        for column in ["i", "d", "w", "b", "day", "at", "utc", "word", "late"] {
            let of = |table| format!("SELECT count(*), count({column}), min({column}), max({column}) FROM {table}");
            let (found, expected) = (fixture.rows(&of("t")).await, fixture.rows(&of("oracle")).await);
            assert_eq!(found.unwrap(), expected.unwrap(), "seed {seed}: {column}");
        }
    }
}
