//! When events happened: intervals against every statement there is, and against histories whose times are known.

use at1_ledger::{Bound, Interval, Times, Timestamp};

use crate::{keyring::Dice, standin::second};

/// A statement: a tree seen as the newest, or a stamp that an event took in.
#[derive(Clone, Debug)]
enum Said {
    Saw(u64),
    Embedded(u64),
}

fn times(said: &[(Said, u64)]) -> Times {
    let mut times = Times::default();
    for (i, (said, time)) in said.iter().enumerate() {
        match said {
            Said::Saw(size) => times.saw(*size, second(*time), &format!("by {i}")),
            Said::Embedded(event) => times.embedded(*event, second(*time), &format!("by {i}")),
        }
    }
    times
}

/// Whether event `n` can have happened at `time`, as each statement by itself allows.
fn possible(said: &[(Said, u64)], n: u64, time: u64) -> bool {
    said.iter().all(|(said, stated)| match said {
        Said::Saw(size) if *size > n => time <= *stated,
        Said::Saw(_) => time >= *stated,
        Said::Embedded(event) if *event < n => time >= *stated,
        Said::Embedded(_) => true,
    })
}

fn is_within(interval: &Interval, time: Timestamp) -> bool {
    interval.after.as_ref().is_none_or(|bound| bound.time <= time)
        && interval.before.as_ref().is_none_or(|bound| time <= bound.time)
}

/// Random statements, contradictions among them: the interval is what all of them leave, no more and no less.
#[test]
fn against_every_statement() {
    let mut dice = Dice::new(3);
    for _ in 0..200 {
        let said: Vec<(Said, u64)> = (0..dice.roll(8))
            .map(|_| {
                let place = dice.roll(7) as u64;
                let said = [Said::Saw, Said::Embedded][dice.roll(2)];
                (said(place), 1 + dice.roll(20) as u64)
            })
            .collect();
        let times = times(&said);
        assert_eq!(times.is_empty(), said.is_empty());
        // Whether the event that took a stamp in is bound by it too is not asked here.
        for n in (0..8).filter(|n| said.iter().all(|(said, _)| !matches!(said, Said::Embedded(event) if event == n))) {
            let interval = times.interval(n);
            for time in 0..25 {
                assert_eq!(is_within(&interval, second(time)), possible(&said, n, time), "{n} at {time}: {said:?}");
            }
            // Whoever is named said it.
            for Bound { time, by } in [&interval.after, &interval.before].into_iter().flatten() {
                let of: usize = by[3..].parse().unwrap();
                assert_eq!(*time, second(said[of].1), "{said:?}");
            }
        }
    }
}

/// Histories as they happen, seen by honest witnesses: every event's own time is in its interval.
#[test]
fn against_histories() {
    let mut dice = Dice::new(4);
    let mut narrow = 0;
    for _ in 0..200 {
        let (mut happened, mut said, mut now) = (vec![], vec![], 0);
        while now < 50 {
            now += dice.roll(4) as u64;
            match dice.roll(3) {
                0 => happened.push(now),
                1 => said.push((Said::Saw(happened.len() as u64), now)),
                _ => {
                    // A stamp of now, which some later event takes in: what follows hangs on it.
                    let stamp = now;
                    now += dice.roll(4) as u64;
                    said.push((Said::Embedded(happened.len() as u64), stamp));
                    happened.push(now);
                }
            }
        }
        let times = times(&said);
        for (n, time) in happened.iter().enumerate() {
            let interval = times.interval(n as u64);
            assert!(is_within(&interval, second(*time)), "event {n} at {time}: {said:?}");
            narrow += usize::from(interval.after.is_some() && interval.before.is_some());
        }
    }
    assert!(narrow > 1_000, "{narrow}");
}

#[test]
fn borders() {
    let said = [(Said::Saw(3), 10), (Said::Embedded(3), 7), (Said::Saw(5), 20), (Said::Saw(4), 30)];
    let times = times(&said);
    let bounds = |n| {
        let Interval { after, before } = times.interval(n);
        (after.map_or(String::new(), |bound| bound.by), before.map_or(String::new(), |bound| bound.by))
    };
    let is = |n, after: &str, before: &str| assert_eq!(bounds(n), (after.to_owned(), before.to_owned()), "event {n}");
    // The third event is number 2: the tree of three has it, and not the one after. The earliest and the latest words count.
    is(2, "", "by 0");
    is(3, "by 0", "by 2");
    is(4, "by 3", "by 2");
    is(5, "by 3", "");
    is(u64::MAX, "by 3", "");
    // What follows a stamp that was taken in comes after it; what came before is not bound.
    let mut embedded = Times::default();
    embedded.embedded(3, second(7), "stamp");
    assert_eq!([2, 4].map(|n| embedded.interval(n).after.is_some()), [false, true]);
    assert!([2, 3, 4].iter().all(|n| embedded.interval(*n).before.is_none()));
    assert_eq!(Times::default().interval(0), Interval::default());
    let is_empty: Vec<bool> = said.iter().map(|said| self::times(std::slice::from_ref(said)).is_empty()).collect();
    assert_eq!((is_empty, Times::default().is_empty()), (vec![false; 4], true));
}
