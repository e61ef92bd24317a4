//! The tip: the same checks with and without the history before.

use std::ops::Range;

use at1_ledger::{
    Detail, Error, ErrorKind, Event, Kind, ManifestRef, Past, Produced, State, Tip, link, parse_segment_name,
};

use crate::standin::{BATCHES, Table, example, second};

/// A past that a whole fold answers for.
struct Told<'a>(&'a State);

impl Past for Told<'_> {
    type Error = Error;

    fn produced(&self, producer: &str) -> Result<Option<Produced>, Error> {
        Ok(self.0.produced(producer))
    }

    fn is_bordered(&self, batches: &Range<u64>) -> Result<bool, Error> {
        let live = self.0.live();
        Ok(live.iter().any(|segment| segment.batch.start == batches.start)
            && live.iter().any(|segment| segment.batch.end == batches.end))
    }

    fn rows_of(&self, batches: Range<u64>) -> Result<u64, Error> {
        Ok(batches.map(|batch| self.0.batch_rows(batch).map_or(0, |rows| rows.end - rows.start)).sum())
    }

    fn replaced_by(&self, id: (u64, u64)) -> Result<Option<u64>, Error> {
        let replaced = self.0.replaced().find(|replaced| parse_segment_name(&replaced.segment.name) == Some(id));
        Ok(replaced.map(|replaced| replaced.by))
    }
}

fn state_after(table: &Table, events: usize) -> State {
    let mut state = State::new(&table.header);
    table.events[..events].iter().for_each(|event| state.apply(event).unwrap());
    state
}

#[test]
fn resumed_anywhere_it_goes_on_as_if_it_had_begun_at_the_start() {
    let table = example(BATCHES, 6);
    for from in 0..=table.events.len() {
        let mut tip = match from.checked_sub(1) {
            None => Tip::new(&table.header),
            Some(last) => {
                let last = &table.events[last];
                Tip::resume(&table.header, last, state_after(&table, from).appends_after(from as u64))
            }
        };
        for (n, event) in table.events.iter().enumerate().skip(from) {
            let before = state_after(&table, n);
            assert_eq!(&tip, before.tip(), "resumed at {from}, before event {n}");
            tip.apply(event, &Told(&before)).unwrap();
        }
        assert_eq!(&tip, table.state().tip(), "resumed at {from}");
    }
    let tip = table.state().tip().clone();
    assert_eq!((tip.events(), tip.appends(), tip.totals().batches), (6, 2, 3));
    assert_eq!(tip.head(), table.events.last().map(Event::head));
}

#[test]
fn a_rejected_event_leaves_it_as_it_was() {
    let table = example(BATCHES, 5);
    let state = table.state();
    let last = table.events.last().unwrap();
    let tip = Tip::resume(&table.header, last, state.appends_after(5));
    let refused = |kind: Kind, change: fn(&mut Detail), expected: &str| {
        let mut detail = table.detail(kind);
        change(&mut detail);
        let event = link(last.chain, 5, &detail, second(5)).unwrap().event;
        let mut after = tip.clone();
        let error = after.apply(&event, &Told(&state)).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Contradiction, expected));
        assert_eq!(after, tip);
    };
    let note = || Kind::Note { text: "x".into() };
    refused(note(), |d| d.totals.rows = 8, "rows_total: expected 7, found 8");
    refused(note(), |d| d.manifest = None, "manifest: expected a manifest as before, found null");
    let older = |d: &mut Detail| d.manifest = d.manifest.map(|newest| ManifestRef { events: 3, ..newest });
    refused(note(), older, "manifest: expected a manifest of at least 4 events, found 3");
    let inside = |drop: Range<u64>| Kind::Compact { drop, segments: vec![state.live()[0].clone()] };
    let expected = "drop: expected batches from segment border to border, found 1..3";
    refused(inside(1..3), |_| (), expected);
    let live = Kind::Vacuum { through: 4, names: vec!["seg_000003.at1".into()] };
    let expected = "names: expected a segment replaced by event 4 or before, found seg_000003.at1";
    refused(live, |_| (), expected);
}
