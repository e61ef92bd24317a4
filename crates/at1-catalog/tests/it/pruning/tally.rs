//! Aggregates that zones answer equal those of everything read, and those of the model.

use arrow::array::{AsArray, RecordBatch};
use at1_catalog::{Aggregates, Candidate, Catalog, Opened, Pruning, Request, Statistics, Tally, Totals, Zones};
use at1_codec::ColumnType;

use super::{
    question::predicate,
    remember,
    table::{Case, case},
};
use crate::{
    luck::Luck,
    model::{self, Value},
};

/// What a ledger knows of the columns that are stored as they are asked for. Bounds of text are cut shorter here than a ledger
/// cuts them.
fn known(case: &Case) -> Zones {
    let segment = Zones::of_segment(&case.source, &case.view).unwrap();
    let zones = remember(&segment, case);
    let columns = zones.columns().iter().enumerate().map(|(i, zones)| {
        let same = case.stored[i].is_none_or(|stored| stored == case.asked[i]);
        let short = matches!(case.schema.columns[i].ty, ColumnType::Text | ColumnType::Binary);
        zones.clone().filter(|_| same && !short)
    });
    Zones::new(zones.rows().clone(), columns.collect()).unwrap()
}

#[test]
fn zones_answer_what_reading_would() {
    let (mut answered, mut groups, mut pages) = (0, 0, [0; 2]);
    for seed in 1..=40 {
        let mut luck = Luck(seed);
        let subject = case(None, &mut luck);
        let cases = [case(Some(&subject.schema), &mut luck), case(Some(&subject.schema), &mut luck), subject];
        let schema = &cases[2].schema;
        let mut asked = vec!["count(*)".to_owned()];
        for (i, column) in schema.columns.iter().enumerate() {
            let number = matches!(column.ty, ColumnType::Int64 | ColumnType::Float64 | ColumnType::Decimal { .. });
            let functions = ["count", "min", "max", "sum"];
            let functions = functions.iter().filter(|f| number || **f != "sum").filter(|_| luck.one_in(2));
            asked.extend(functions.map(|function| format!("{function}(c{i})")).collect::<Vec<_>>());
        }
        let asked = asked.join(", ");
        for _ in 0..8 {
            let simple = luck.one_in(3);
            let predicate = if simple { "true".parse().unwrap() } else { predicate(&cases[2], 1, &mut luck) };
            let range = if luck.one_in(3) { luck.below(200)..luck.below(600) } else { 0..u64::MAX };
            let run = |pruning| -> (Result<RecordBatch, String>, Statistics) {
                let request = Request::new(predicate.bind(schema).unwrap()).pruning(pruning).rows(range.clone());
                let mut first_row = 0;
                let candidates = cases.iter().map(|case| {
                    let zones = Zones::of_segment(&case.source, &case.view).unwrap();
                    let (rows, verdict) = (zones.rows().value(0), request.verdicts(&zones)[0]);
                    let open = || Ok(Opened { source: &case.source, view: case.view.clone() });
                    first_row += rows;
                    Ok(Candidate { first_row: first_row - rows, rows, verdict, zones: Some(known(case)), open })
                });
                let tally = Tally::new(Aggregates::parse(&asked, schema).unwrap());
                let catalog = Catalog::new(schema.clone());
                let mut scan = catalog.tally(request.clone(), tally, Totals::default(), candidates).unwrap();
                scan.run().unwrap();
                let statistics = scan.statistics();
                (scan.into_tally().finish().map_err(|e| e.to_string()), statistics)
            };
            let (found, statistics) = run(Pruning::On);
            let (read, everything) = run(Pruning::Off);
            let what = format!("seed {seed}: {asked} where {predicate}, rows {range:?}");
            // What they print tells all values apart but NaN from NaN.
            assert_eq!(format!("{found:?}"), format!("{read:?}"), "{what}");
            assert_eq!(statistics.rows_matched, everything.rows_matched, "{what}");
            let Ok(found) = found else { continue };
            let count = found.column(0).as_primitive::<arrow::datatypes::UInt64Type>().value(0);
            assert_eq!(count, statistics.rows_matched, "{what}");
            let rows = cases.iter().flat_map(|case| (0..case.columns[0].len()).map(move |row| (case, row)));
            let matching = rows.enumerate().filter(|(at, (case, row))| {
                let values: Vec<Value> = case.columns.iter().map(|column| column[*row].clone()).collect();
                range.contains(&(*at as u64)) && model::evaluate(&predicate, schema, &values) == Some(true)
            });
            assert_eq!(count, matching.count() as u64, "{what}");
            answered += statistics.segments_answered;
            groups += statistics.row_groups_answered;
            pages[0] += statistics.pages_scanned;
            pages[1] += everything.pages_scanned;
        }
    }
    println!("{answered} segments, {groups} row groups answered; {} pages of {} read", pages[0], pages[1]);
    assert!(answered > 40 && groups > 40 && pages[0] < pages[1], "too little was answered");
}
