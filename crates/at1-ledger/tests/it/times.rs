//! When events happened: intervals against every statement there is, and against histories whose times are known.

use at1_ledger::{Bound, Interval, Times, Timestamp};

use crate::{keyring::Dice, standin::second};

/// A statement: a tree seen as the newest, a tree stamped, or a stamp that an event took in.
#[derive(Clone, Debug)]
enum Said {
    Saw(u64),
    Stamped(u64),
    Embedded(u64),
}

fn times(said: &[(Said, u64)]) -> Times {
    let mut times = Times::default();
    for (i, (said, time)) in said.iter().enumerate() {
        match said {
            Said::Saw(size) => times.saw(*size, second(*time), &format!("by {i}")),
            Said::Stamped(size) => times.stamped(*size, second(*time), &format!("by {i}")),
            Said::Embedded(event) => times.embedded(*event, second(*time), &format!("by {i}")),
        }
    }
    times
}

/// Whether event `n` can have happened at `time`, as each statement by itself allows.
fn possible(said: &[(Said, u64)], n: u64, time: u64) -> bool {
    said.iter().all(|(said, stated)| match said {
        Said::Saw(size) | Said::Stamped(size) if *size > n => time <= *stated,
        Said::Embedded(event) if *event <= n => time >= *stated,
        _ => true,
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
                let said = [Said::Saw, Said::Stamped, Said::Embedded][dice.roll(3)];
                (said(place), 1 + dice.roll(20) as u64)
            })
            .collect();
        let times = times(&said);
        assert_eq!(times.is_empty(), said.is_empty());
        for n in 0..8 {
            let interval = times.interval(n);
            for time in 0..25 {
                assert_eq!(is_within(&interval, second(time)), possible(&said, n, time), "{n} at {time}: {said:?}");
            }
            let unseen = said.iter().filter_map(|(said, stated)| match said {
                Said::Saw(size) if *size <= n => Some(second(*stated)),
                _ => None,
            });
            assert_eq!(interval.unseen.as_ref().map(|bound| bound.time), unseen.max(), "{n}: {said:?}");
            // Whoever is named said it.
            for Bound { time, by } in [&interval.after, &interval.unseen, &interval.before].into_iter().flatten() {
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
            match dice.roll(4) {
                // An event is there before a checkpoint has it, and may be unseen for a while.
                0 => happened.push(now),
                1 => said.push((Said::Saw(happened.len().saturating_sub(dice.roll(3)) as u64), now)),
                // A stamp may be of any older tree.
                2 => said.push((Said::Stamped(dice.roll(happened.len() + 1) as u64), now)),
                _ => {
                    // A stamp of now, which some later event takes in: that one hangs on it already.
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
    let said = [(Said::Saw(3), 10), (Said::Embedded(3), 7), (Said::Stamped(5), 20), (Said::Stamped(4), 30)];
    let times = times(&said);
    let bounds = |n| {
        let Interval { after, unseen, before } = times.interval(n);
        [after, unseen, before].map(|bound| bound.map_or(String::new(), |bound| bound.by))
    };
    let is = |n, expected: [&str; 3]| assert_eq!(bounds(n), expected, "event {n}");
    // The third event is number 2: the tree of three has it, and not the one after. The earliest and the latest words count.
    is(2, ["", "", "by 0"]);
    is(3, ["by 1", "by 0", "by 2"]);
    is(4, ["by 1", "by 0", "by 2"]);
    // A stamp says nothing of what is not in its tree.
    is(5, ["by 1", "by 0", ""]);
    is(u64::MAX, ["by 1", "by 0", ""]);
    // Whoever takes in a stamp comes after it, as all that follows; what came before is not bound.
    let mut embedded = Times::default();
    embedded.embedded(3, second(7), "stamp");
    assert_eq!([2, 3, 4].map(|n| embedded.interval(n).after.is_some()), [false, true, true]);
    assert!([2, 3, 4].iter().all(|n| embedded.interval(*n).before.is_none()));
    assert_eq!(Times::default().interval(0), Interval::default());
    let is_empty: Vec<bool> = said.iter().map(|said| self::times(std::slice::from_ref(said)).is_empty()).collect();
    assert_eq!((is_empty, Times::default().is_empty()), (vec![false; 4], true));
}
