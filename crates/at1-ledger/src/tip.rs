//! The newest end of a ledger: what the next event is checked against without any history.
//!
//! * A tip is of fixed size, however long the ledger. It follows from the last event and the number of appends, so it can be
//!   resumed anywhere.
//! * Few checks ask about the past: who produced what, which segments are live, what was replaced. Whoever keeps that
//!   answers through [`Past`], so there is one set of checks, wherever the past is kept.
//! * A rejected event leaves the tip as it was.

use std::{collections::HashMap, ops::Range};

use crate::{
    detail::{Kind, ManifestRef, Totals},
    digest::Digest,
    error::{Error, ErrorKind, Result},
    header::{Header, RowTree},
    link::{ChainHead, Event},
    record::{BatchRecord, SegmentRecord, parse_segment_name, segment_name},
    time::Timestamp,
};

/// The newest event, and what it leaves the table with.
///
/// ```
/// use at1_ledger::{Header, RowTree, Tip};
///
/// let header = Header::new([7; 16], None, RowTree::SourceBytes)?;
/// let tip = Tip::new(&header);
/// assert_eq!((tip.events(), tip.chain(), tip.head()), (0, header.genesis(), None));
/// # Ok::<(), at1_ledger::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    rows: RowTree,
    events: u64,
    chain: Digest,
    ts: Option<Timestamp>,
    totals: Totals,
    manifest: Option<ManifestRef>,
    appends: u64,
}

/// The newest batch of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Produced {
    /// The producer's own number for it.
    pub sequence: u64,
    /// The batch.
    pub batch: u64,
}

/// What the checks of an event ask about the events before it.
pub trait Past {
    /// What asking can fail with.
    type Error: From<Error>;

    /// The newest batch of a producer.
    ///
    /// # Errors
    ///
    /// Whatever keeps the past reports.
    fn produced(&self, producer: &str) -> Result<Option<Produced>, Self::Error>;

    /// Whether these batches start and end at borders of live segments.
    ///
    /// # Errors
    ///
    /// As [`Past::produced`].
    fn is_bordered(&self, batches: &Range<u64>) -> Result<bool, Self::Error>;

    /// The records of some batches. Asked only of parts of ranges that are [bordered](Past::is_bordered).
    ///
    /// # Errors
    ///
    /// As [`Past::produced`].
    fn rows_of(&self, batches: Range<u64>) -> Result<u64, Self::Error>;

    /// The compaction that replaced a segment, known by the event and part of its name.
    ///
    /// # Errors
    ///
    /// As [`Past::produced`].
    fn replaced_by(&self, id: (u64, u64)) -> Result<Option<u64>, Self::Error>;
}

impl Tip {
    /// Before event 0.
    pub fn new(header: &Header) -> Self {
        Self {
            rows: header.rows(),
            events: 0,
            chain: header.genesis(),
            ts: None,
            totals: Totals::default(),
            manifest: None,
            appends: 0,
        }
    }

    /// After `last`, which is believed, as the caller found its chain value bound by something it trusts. Of the events up to
    /// and with it, `appends` are appends.
    pub fn resume(header: &Header, last: &Event, appends: u64) -> Self {
        Self {
            rows: header.rows(),
            events: last.n.saturating_add(1),
            chain: last.chain,
            ts: Some(last.ts),
            totals: last.detail.totals,
            manifest: last.detail.manifest,
            appends,
        }
    }

    /// Goes on to the next event.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Contradiction`] if the event cannot be true after those before it, [`ErrorKind::Damaged`] if it does
    /// not link up; whatever `past` reports.
    pub fn apply<P: Past>(&mut self, event: &Event, past: &P) -> Result<(), P::Error> {
        let totals = self.check_alone(event)?;
        match &event.detail.kind {
            Kind::Append { batches, segments, .. } => {
                let row_ends = self.check_batches(batches)?;
                self.check_producers(batches, past)?;
                let first = self.totals.batches;
                let before = |batch: u64| match usize::try_from(batch - first) {
                    Ok(at) => at.checked_sub(1).and_then(|last| row_ends.get(last)).copied().unwrap_or(0),
                    Err(_) => 0,
                };
                let rows_of = |range: Range<u64>| Ok(before(range.end) - before(range.start));
                check_segments::<P::Error>(event.n, first..totals.batches, segments, rows_of)?;
            }
            Kind::Compact { drop, segments } => {
                if !past.is_bordered(drop)? {
                    let found = format!("{}..{}", drop.start, drop.end);
                    let message = format!("expected batches from segment border to border, found {found}");
                    return Err(Error::contradiction(message).at("drop").into());
                }
                check_segments(event.n, drop.clone(), segments, |range| past.rows_of(range))?;
            }
            Kind::Vacuum { through, names } => {
                if *through >= event.n {
                    return Err(below("through", event.n, *through).into());
                }
                for name in names {
                    let id = parse_segment_name(name);
                    let by = id.map(|id| past.replaced_by(id)).transpose()?.flatten();
                    if by.is_none_or(|by| by > *through) {
                        let message =
                            format!("expected a segment replaced by event {through} or before, found {name:.80}");
                        return Err(Error::contradiction(message).at("names").into());
                    }
                }
            }
            Kind::Anchor { size, .. } if *size > event.n => return Err(below("size", event.n + 1, *size).into()),
            Kind::Schema { .. } | Kind::Anchor { .. } | Kind::Key { .. } | Kind::Note { .. } => {}
        }
        self.events += 1;
        self.chain = event.chain;
        self.ts = Some(event.ts);
        self.totals = totals;
        self.manifest = event.detail.manifest;
        self.appends += u64::from(matches!(event.detail.kind, Kind::Append { .. }));
        Ok(())
    }

    /// What the event says that the event before is enough to check; the totals after it.
    fn check_alone(&self, event: &Event) -> Result<Totals> {
        let detail = &event.detail;
        expect_equal("number", self.events, event.n)?;
        if event.prev != self.chain {
            return Err(Error::damaged(format!("expected chain value {} before it, found {}", self.chain, event.prev)));
        }
        if let Some(last) = self.ts.filter(|last| *last >= event.ts) {
            return Err(Error::contradiction(format!("expected a time after {last}, found {}", event.ts)));
        }
        let totals = self.totals.plus(detail.kind.batches());
        let totals = totals.ok_or_else(|| Error::contradiction("expected totals of 64 bits, found more"))?;
        expect_equal("batches_total", totals.batches, detail.totals.batches)?;
        expect_equal("rows_total", totals.rows, detail.totals.rows)?;
        expect_equal("bytes_total", totals.bytes, detail.totals.bytes)?;
        self.check_manifest(event)?;
        Ok(totals)
    }

    fn check_manifest(&self, event: &Event) -> Result<()> {
        match (&self.manifest, &event.detail.manifest) {
            (Some(_), None) => Err(Error::contradiction("expected a manifest as before, found null").at("manifest")),
            (_, Some(manifest)) if manifest.events == 0 || manifest.events > event.n => {
                let message = format!("expected a manifest of 1 to {} events, found {}", event.n, manifest.events);
                Err(Error::contradiction(message).at("manifest"))
            }
            (Some(old), Some(new)) if new.events < old.events => {
                let message = format!("expected a manifest of at least {} events, found {}", old.events, new.events);
                Err(Error::contradiction(message).at("manifest"))
            }
            _ => Ok(()),
        }
    }

    /// Records up to and with each of these new batches, from the first of them on.
    fn check_batches(&self, batches: &[BatchRecord]) -> Result<Vec<u64>> {
        let mut rows = 0;
        let check = |(i, batch): (usize, &BatchRecord)| {
            if batch.rows_root.is_some() != (self.rows == RowTree::SourceBytes) {
                let expected = if batch.rows_root.is_some() { "no" } else { "a" };
                let message = format!("expected {expected} rows_root, as the header says");
                return Err(Error::contradiction(message).at(format_args!("batches[{i}]")));
            }
            // No overflow: the sum over all of them was checked.
            rows += batch.rows;
            Ok(rows)
        };
        batches.iter().enumerate().map(check).collect()
    }

    fn check_producers<P: Past>(&self, batches: &[BatchRecord], past: &P) -> Result<(), P::Error> {
        let mut produced = HashMap::<&str, u64>::new();
        for (batch, record) in (self.totals.batches..).zip(batches) {
            let Some(key) = &record.idempotency else { continue };
            let last = match produced.get(key.producer.as_str()) {
                Some(sequence) => Some(*sequence),
                None => past.produced(&key.producer)?.map(|last| last.sequence),
            };
            if let Some(last) = last.filter(|last| *last >= key.sequence) {
                let message = format!("expected a sequence above {last}, found {}", key.sequence);
                return Err(Error::contradiction(message).at(format_args!("batch {batch}: idempotency")).into());
            }
            produced.insert(&key.producer, key.sequence);
        }
        Ok(())
    }

    /// The number of events, which is the next event's number.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The chain value after the newest event; the genesis before event 0.
    pub fn chain(&self) -> Digest {
        self.chain
    }

    /// The receipt for the newest event; `None` before event 0.
    pub fn head(&self) -> Option<ChainHead> {
        Some(ChainHead { n: self.events.checked_sub(1)?, chain: self.chain })
    }

    /// The newest event's time.
    pub fn ts(&self) -> Option<Timestamp> {
        self.ts
    }

    /// How the header says rows are hashed.
    pub fn row_tree(&self) -> RowTree {
        self.rows
    }

    /// Batches, rows and source bytes.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The newest manifest root that an event names.
    pub fn manifest(&self) -> Option<ManifestRef> {
        self.manifest
    }

    /// How many of the events are appends.
    pub fn appends(&self) -> u64 {
        self.appends
    }
}

/// New segments tile `batches` exactly, have the rows of their batches and the names of event `n`.
fn check_segments<E: From<Error>>(
    n: u64,
    batches: Range<u64>,
    segments: &[SegmentRecord],
    rows_of: impl Fn(Range<u64>) -> Result<u64, E>,
) -> Result<(), E> {
    let mut at = batches.start;
    for (part, segment) in (0..).zip(segments) {
        let place = |error: Error| error.at(format_args!("seg[{part}]"));
        let Range { start, end } = segment.batch;
        if start != at || end <= start || end > batches.end {
            let found = format!("{start}..{end}");
            let message = format!("expected batches from {at}, at most to {}, found {found}", batches.end);
            return Err(place(Error::contradiction(message).at("batch")).into());
        }
        expect_equal("rows", rows_of(start..end)?, segment.rows).map_err(place)?;
        let name = segment_name(n, part);
        if segment.name != name {
            let message = format!("expected {name}, found {:.80}", segment.name);
            return Err(place(Error::contradiction(message).at("name")).into());
        }
        if let Some(event) = segment.schema_at.filter(|event| *event >= n) {
            return Err(place(below("schema_at", n, event)).into());
        }
        at = end;
    }
    Ok(expect_equal("end of the segments' batches", batches.end, at).map_err(|error| error.at("seg"))?)
}

fn expect_equal(place: &str, expected: u64, found: u64) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Contradiction, format!("expected {expected}, found {found}")).at(place))
}

fn below(place: &str, limit: u64, found: u64) -> Error {
    Error::contradiction(format!("expected a number below {limit}, found {found}")).at(place)
}
