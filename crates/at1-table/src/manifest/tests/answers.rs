//! A manifest and its tail give the answers of plain lists.

use std::{
    ops::Range,
    sync::{Arc, Mutex},
};

use arrow::array::UInt64Array;
use at1_catalog::{Aggregates, Bound, Predicate, Pruning, SegmentZone, Tally, Verdict, ZoneText, Zones, ZonesBuilder};
use at1_codec::{ColumnType, column::Pin};
use at1_testkit::Rng;

use super::world::{World, fold, nothing, schema_of};
use crate::{
    manifest::{Entry, LiveSegments, Placed, Question, Sums, Tail, columns::Column},
    schema::decimal_digits,
};

/// The state after a history, of which the first `folded` events are in a manifest.
fn state(world: &World, folded: usize) -> Tail {
    let mut tail = nothing();
    for (n, step) in world.steps.iter().enumerate() {
        if n == folded / 2 || n == folded {
            tail = Tail::new(tail.advance().unwrap());
        }
        fold(&mut tail, step);
    }
    tail
}

fn placed(live: &[Entry]) -> Vec<Placed> {
    let mut sums = Sums::default();
    let place = |entry: &Entry| {
        let before = sums;
        sums = sums + entry.live.sums();
        Placed { live: entry.live.clone(), index: before.segments, first_row: before.rows }
    };
    live.iter().map(place).collect()
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}

/// Histories, each with several places where the manifest ends.
fn each_state(mut check: impl FnMut(&mut World, &Tail)) {
    for seed in 0..6 {
        let mut world = World::of(seed, [12, 60, 300][seed as usize % 3]);
        for part in [0, 1, 3, 4] {
            let tail = state(&world, world.steps.len() * part / 4);
            check(&mut world, &tail);
        }
    }
}

#[test]
fn segments_are_where_a_list_has_them() {
    each_state(|world, tail| {
        let all = placed(&world.live);
        let live = &tail.live;
        assert_eq!(live.batches(), world.totals.batches);
        assert_eq!(live.sums(), world.live.iter().map(|entry| entry.live.sums()).sum());
        let every = 0..u64::MAX;
        assert_eq!(live.range(every.clone()).collect::<Result<Vec<_>, _>>().unwrap(), all);
        let digests: Vec<_> = live.range_with_digests(every).map(|found| found.unwrap().1).collect();
        assert_eq!(digests, world.live.iter().map(|entry| entry.sha256).collect::<Vec<_>>());

        for _ in 0..30 {
            let batch = world.rng.below(world.totals.batches + 2);
            let at = all.iter().find(|placed| placed.live.batch.contains(&batch));
            assert_eq!(live.at_batch(batch).unwrap().as_ref(), at, "batch {batch}");
            let before = all.iter().filter(|placed| placed.live.batch.start < batch);
            assert_eq!(live.sums_before(batch).unwrap(), before.map(|placed| placed.live.sums()).sum(), "{batch}");

            let row = world.rng.below(world.totals.rows + 2);
            let holds = |placed: &&Placed| (placed.first_row..placed.first_row + placed.live.rows).contains(&row);
            assert_eq!(live.at_row(row).unwrap().as_ref(), all.iter().find(holds), "row {row}");

            let end = batch + world.rng.below(40);
            let some: Vec<_> = live.range(batch..end).collect::<Result<_, _>>().unwrap();
            let expected = all.iter().filter(|placed| overlap(&placed.live.batch, &(batch..end)));
            assert_eq!(some, expected.cloned().collect::<Vec<_>>(), "batches {batch}..{end}");
        }
    });
}

#[test]
fn events_and_lists_are_as_they_were() {
    each_state(|world, tail| {
        let events: Vec<_> = world.steps.iter().map(|step| step.event).collect();
        let mut unsettled = nothing();
        world.steps.iter().for_each(|step| fold(&mut unsettled, step));
        let counts = unsettled.counts;
        for (n, event) in (0..).zip(&events) {
            assert_eq!(tail.event(n).unwrap(), *event, "event {n}");
            assert_eq!(tail.counts(n).unwrap(), counts[n as usize], "event {n}");
            assert_eq!(tail.event_at(event.ts).unwrap(), Some(n));
            let earlier = at1_ledger::Timestamp::from_nanos(event.ts.nanos() - 1).unwrap();
            assert_eq!(tail.event_at(earlier).unwrap(), n.checked_sub(1));
        }
        assert!(tail.event(events.len() as u64).is_err());
        // One after the other, then in any order.
        let any: Vec<_> = (0..40).map(|_| world.rng.below(world.totals.batches + 2)).collect();
        for batch in (0..world.totals.batches + 2).chain(any) {
            let event = events.iter().position(|event| event.totals.batches > batch);
            assert_eq!(tail.event_of_batch(batch).unwrap(), event.map(|event| event as u64), "batch {batch}");
        }
        assert_eq!(tail.schema().unwrap(), world.schema);
        assert_eq!(tail.replaced().unwrap(), world.replaced);
        for name in ["p0", "p1", "p2", "p3", "p4", "nobody"] {
            assert_eq!(tail.producer(name).unwrap(), world.producers.get(name).copied(), "{name}");
        }
    });
}

/// What a list of all zones says.
fn verdicts(live: &[Entry], bound: &Bound, asked: &[Pin]) -> Vec<Verdict> {
    let mut builder = ZonesBuilder::new(bound.schema());
    for entry in live {
        let zones =
            asked.iter().enumerate().map(|(column, asked)| match (entry.pins.get(column), entry.zones.get(column)) {
                (None, _) => SegmentZone::Missing,
                (Some(stored), Some(Some(zone))) => SegmentZone::seen(*stored, *asked, entry.live.rows, zone.clone()),
                (Some(_), _) => SegmentZone::Unknown,
            });
        builder.push(entry.live.rows, zones).unwrap();
    }
    bound.verdicts(&builder.finish().unwrap())
}

#[test]
fn a_plan_finds_what_a_list_of_all_zones_finds() {
    let (mut skipped, mut skipped_by_blocks, mut kept, mut sure) = (0, 0, 0, 0);
    each_state(|world, tail| {
        let all = placed(&world.live);
        for _ in 0..16 {
            let asked = Arc::clone(&world.pins[world.rng.index(world.pins.len())]);
            let text = world.predicate(&asked);
            let predicate: Predicate = text.parse().unwrap();
            let bound = predicate.bind(&schema_of(&asked)).unwrap();
            let some = |rng: &mut Rng, end: u64| match rng.below(3) {
                0 => rng.below(end / 2 + 1)..end / 2 + rng.below(end / 2 + 1),
                _ => 0..end,
            };
            let (batches, rows) = (some(&mut world.rng, world.totals.batches), some(&mut world.rng, world.totals.rows));
            let expected = |pruning| {
                let wanted = |(placed, verdict): &(Placed, Verdict)| {
                    overlap(&placed.live.batch, &batches)
                        && overlap(&(placed.first_row..placed.first_row + placed.live.rows), &rows)
                        && *verdict != Verdict::Skip
                };
                let verdicts = match pruning {
                    Pruning::On => verdicts(&world.live, &bound, &asked),
                    Pruning::Off => vec![Verdict::Read; all.len()],
                };
                all.iter().cloned().zip(verdicts).filter(wanted).collect::<Vec<_>>()
            };
            for pruning in [Pruning::On, Pruning::Off] {
                let (bound, asked) = (bound.clone(), Arc::clone(&asked));
                let question = Question { bound, asked, batches: batches.clone(), rows: rows.clone(), pruning };
                let mut plan = tail.live.plan(question.clone());
                let found: Vec<_> = plan.by_ref().collect::<Result<_, _>>().unwrap();
                assert_eq!(found, expected(pruning), "{text} of {batches:?}, rows {rows:?}, {pruning:?}");
                let backwards = tail.live.plan(question).backwards();
                let mut found: Vec<_> = backwards.collect::<Result<_, _>>().unwrap();
                found.reverse();
                assert_eq!(found, expected(pruning), "backwards: {text}");
                let counts = plan.counts();
                assert_eq!(counts.segments_kept, found.len() as u64);
                if pruning == Pruning::On {
                    skipped += counts.segments_skipped_by_zones;
                    skipped_by_blocks += counts.segments_skipped_by_blocks;
                    kept += counts.segments_kept;
                    sure += found.iter().filter(|(_, verdict)| *verdict == Verdict::All).count();
                }
            }
        }
    });
    for (what, count) in
        [("by zones", skipped), ("by blocks", skipped_by_blocks), ("kept", kept), ("sure", sure as u64)]
    {
        assert!(count > 500, "{what}: {count} segments tell too little");
    }
}

/// The digits that a column needs, as a widening asks: `None` if that is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Held {
    Nothing,
    Digits(u32),
    Unknown,
}

fn hold(held: Held, pin: Option<Pin>, zone: &ZoneText, rows: u64) -> Held {
    let is_number = pin.is_some_and(|pin| matches!(pin.ty, ColumnType::Int64 | ColumnType::Decimal { .. }));
    let digits = |bound: &Option<String>| bound.as_deref().and_then(decimal_digits).filter(|_| is_number);
    match (held, digits(&zone.min), digits(&zone.max)) {
        _ if rows == 0 || (zone.nulls == Some(rows) && zone.rejects == 0) => held,
        (Held::Unknown, ..) => held,
        (Held::Nothing, ..) if zone.nulls == Some(rows) => Held::Digits(0),
        _ if zone.nulls == Some(rows) => held,
        (Held::Nothing, Some(min), Some(max)) => Held::Digits(min.max(max)),
        (Held::Digits(most), Some(min), Some(max)) => Held::Digits(most.max(min).max(max)),
        _ => Held::Unknown,
    }
}

fn held(live: &LiveSegments, column: usize) -> (Held, u64) {
    let (mut found, mut rows_seen) = (Held::Nothing, 0);
    live.visit_zones(column, &mut |pin, zone, rows| {
        (found, rows_seen) = (hold(found, pin, &zone, rows), rows_seen + rows);
        Ok(true)
    })
    .unwrap();
    (found, rows_seen)
}

#[test]
fn zones_are_visited_in_large_stretches() {
    let mut known = 0;
    each_state(|world, tail| {
        for column in 0..world.pins.last().unwrap().len() + 1 {
            let expected = world.live.iter().fold(Held::Nothing, |held, entry| {
                let rows = entry.live.rows;
                let zone = entry.zones.get(column).cloned().flatten().unwrap_or_default();
                entry.pins.get(column).map_or(held, |pin| hold(held, Some(*pin), &zone, rows))
            });
            let (found, rows) = held(&tail.live, column);
            assert_eq!(rows, world.totals.rows, "column {column}");
            assert_eq!(found, expected, "column {column}");
            known += usize::from(expected != Held::Unknown);
            let mut first = 0;
            tail.live
                .visit_zones(column, &mut |_, _, _| {
                    first += 1;
                    Ok(false)
                })
                .unwrap();
            assert!(first <= 1);
        }
    });
    assert!(known > 5, "{known} columns tell too little");
}

#[test]
fn a_selective_plan_reads_one_path() {
    let mut world = World::new(5);
    (0..900).for_each(|_| world.step());
    let tail = Tail::new(state(&world, 0).advance().unwrap());
    let pins = Arc::new(vec!["int64".parse::<Pin>().unwrap()]);
    let at = |batch: u64, width: u64| {
        let bound = format!("c0 between {} and {}", batch * 3, (batch + width) * 3).parse::<Predicate>().unwrap();
        let bound = bound.bind(&schema_of(&pins)).unwrap();
        let batches = batch..batch + width;
        let mut plan = tail.live.plan(Question {
            bound,
            asked: Arc::clone(&pins),
            batches,
            rows: 0..u64::MAX,
            pruning: Pruning::On,
        });
        plan.by_ref().for_each(|found| _ = found.unwrap());
        plan.counts()
    };
    let height = 1 + u64::from(tail.manifest().tops().segments.as_ref().unwrap().level);
    assert!(height > 2, "{height} levels tell too little");
    let counts = at(world.totals.batches / 2, 1);
    assert!((1..=height).contains(&counts.blocks_read), "{counts:?}");
    assert!(at(0, world.totals.batches).blocks_read > 10 * height);
}

#[test]
fn what_is_no_border_is_refused() {
    each_state(|world, tail| {
        for _ in 0..30 {
            let (start, end) = (world.rng.below(world.totals.batches), world.rng.below(world.totals.batches) + 1);
            if start >= end {
                continue;
            }
            let borders = world.live.iter().any(|entry| entry.live.batch.start == start)
                && world.live.iter().any(|entry| entry.live.batch.end == end);
            let mut entry = world.live[0].clone();
            entry.live.batch = start..end;
            let mut live = tail.live.clone();
            assert_eq!(live.replace(start..end, vec![entry.clone()]).is_ok(), borders, "{start}..{end}");
            let end = world.totals.batches;
            entry.live.batch = end + 1..end + 2;
            assert!(live.push(vec![entry]).is_err());
        }
    });
}

/// What zones of whole blocks tell is what those of their segments tell, one by one.
#[test]
fn aggregates_of_blocks_are_those_of_their_segments() {
    let (mut answered, mut by_blocks) = (0, 0);
    each_state(|world, tail| {
        for turn in 0..16 {
            let asked = Arc::clone(&world.pins[world.rng.index(world.pins.len())]);
            let schema = schema_of(&asked);
            let text = if turn % 2 == 0 { "true".to_owned() } else { world.predicate(&asked) };
            let bound = text.parse::<Predicate>().unwrap().bind(&schema).unwrap();
            let column = world.rng.index(asked.len());
            let aggregates = match world.rng.below(3) {
                0 => "count(*)".to_owned(),
                1 => format!("count(*), count(c{column})"),
                _ => format!("count(c{column}), min(c{column}), max(c{column})"),
            };
            let tally = Tally::new(Aggregates::parse(&aggregates, &schema).unwrap());
            let columns = tally.aggregates().columns().to_vec();
            let end = world.totals.rows;
            let rows = if turn % 3 == 0 { world.rng.below(end + 1) / 2..end } else { 0..end };
            let question = Question {
                bound: bound.clone(),
                asked: Arc::clone(&asked),
                batches: 0..world.totals.batches,
                rows: rows.clone(),
                pruning: Pruning::On,
            };

            let told = Arc::new(Mutex::new((tally.clone(), 0)));
            let telling = Arc::clone(&told);
            let plan = tail.live.plan(question.clone()).answering(
                columns.clone(),
                Box::new(move |zones, stretches| {
                    let mut telling = telling.lock().unwrap();
                    let taken = stretches.iter().map(|&at| telling.0.zones(&zones.uncut(), at).unwrap());
                    let taken: Vec<bool> = taken.collect();
                    telling.1 += taken.iter().filter(|taken| **taken).count() as u64;
                    Ok(taken)
                }),
            );
            let mut plan = plan.with_reasons();
            let found: Vec<_> = plan.by_ref().collect::<Result<_, _>>().unwrap();

            let mut naive = tally;
            let mut expected = vec![];
            for (placed, verdict) in tail.live.plan(question).map(Result::unwrap) {
                let place = placed.first_row..placed.first_row + placed.live.rows;
                let is_sure = verdict == Verdict::All && rows.start <= place.start && place.end <= rows.end;
                let entry = world.live.iter().find(|entry| entry.live == placed.live).unwrap();
                let mut known = vec![None; asked.len()];
                for &column in &columns {
                    let zone = entry.zones.get(column).and_then(Option::as_ref);
                    let rows_of = UInt64Array::from(vec![entry.live.rows]);
                    let segment = (entry.live.rows, entry.pins.get(column).copied(), zone);
                    let zones = Column::of_segments(std::iter::once(segment)).unwrap();
                    known[column] = Some(zones.exactly(asked[column], &rows_of).unwrap());
                }
                let zones = Zones::new(UInt64Array::from(vec![entry.live.rows]), known).unwrap();
                if !is_sure || !naive.zones(&zones.uncut(), 0).unwrap() {
                    expected.push((placed, verdict));
                }
            }
            let what = format!("{aggregates} where {text}, rows {rows:?}");
            assert_eq!(found, expected, "{what}");
            let (told, stretches) = told.lock().unwrap().clone();
            assert_eq!(told.finish().unwrap(), naive.finish().unwrap(), "{what}");
            let (counts, (blocks, segments)) = (plan.counts(), plan.ruled());
            assert!(stretches <= counts.segments_answered, "{what}");
            answered += counts.segments_answered;
            by_blocks += counts.segments_answered - stretches;
            // Every block and segment that was ruled out is counted for a part.
            assert_eq!(blocks.total, counts.blocks_skipped, "{what}");
            assert_eq!(segments.total, counts.segments_skipped_by_zones, "{what}");
            for ruled in [blocks, segments] {
                assert_eq!(ruled.by_part.iter().sum::<u64>(), ruled.total, "{what}: {ruled:?}");
            }
        }
    });
    assert!(answered > 500 && by_blocks > 100, "{answered} segments, {by_blocks} by blocks tell too little");
}
