//! The root: what a manifest says first, and where the rest of it is.
//!
//! ```text
//! events u64, chain 32, time i128 (nanoseconds), batches, rows, bytes u64, appends u64, rejects u64, ledger bytes u64, last line's bytes u64
//! segments, rows, bytes, source bytes u64 of the live segments
//! five references: top of the tree of segments, top of the tree of events, schema, producers, replaced; each:
//!   1  present  0: none, and nothing follows   1
//!   1  level
//!  32  sha256   of the head
//!   8  length   of the head, u64
//! ```
//!
//! * All numbers are little-endian. A root folds one event or more; before event 0 there is none.
//! * An event names a root by digest and says how many events it folds; the root must say the same.

use at1_catalog::packed::Cursor;
use at1_ledger::{Digest, Timestamp, Totals};

use super::{
    Root, Sums,
    block::{self, BlockRef, Head, Kind, Made},
    events::EventsRef,
    node::NodeRef,
};
use crate::error::{Error, Result};

/// The longest root: a few hundred bytes in this version.
pub(super) const ROOT_BYTES_MAX: u64 = 4096;

/// Where everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tops {
    pub(super) segments: Option<NodeRef>,
    pub(super) events: Option<EventsRef>,
    pub(super) schema: Option<BlockRef>,
    pub(super) producers: Option<BlockRef>,
    pub(super) replaced: Option<BlockRef>,
}

/// The block of a root.
pub(super) fn write(root: &Root, tops: &Tops) -> Result<Made> {
    let mut body = vec![];
    let mut put = |number: u64| body.extend_from_slice(&number.to_le_bytes());
    put(root.events);
    body.extend_from_slice(&root.chain.0);
    body.extend_from_slice(&root.ts.map_or(0, Timestamp::nanos).to_le_bytes());
    let Totals { batches, rows, bytes } = root.totals;
    let sums = root.segments;
    for number in [batches, rows, bytes, root.appends, root.rejects, root.ledger_bytes, root.last_line_bytes] {
        body.extend_from_slice(&number.to_le_bytes());
    }
    for number in [sums.segments, sums.rows, sums.bytes, sums.source_bytes] {
        body.extend_from_slice(&number.to_le_bytes());
    }
    let list = |at: Option<BlockRef>| at.map(|block| (0, block));
    for at in [
        tops.segments.as_ref().map(|node| (node.level, node.block)),
        tops.events.map(|events| (events.level, events.block)),
        list(tops.schema),
        list(tops.producers),
        list(tops.replaced),
    ] {
        let Some((level, BlockRef { sha256, head_bytes })) = at else {
            body.push(0);
            continue;
        };
        body.extend_from_slice(&[1, level]);
        body.extend_from_slice(&sha256.0);
        body.extend_from_slice(&head_bytes.to_le_bytes());
    }
    block::whole(Kind::Root, 0, &body)
}

/// Reads a root whose digest held.
pub(super) fn read(bytes: &[u8]) -> Result<(Root, Tops)> {
    let head = Head::parse(bytes)?;
    if head.kind != Kind::Root {
        return Err(Error::corrupt("", "a root", format!("{:?}", head.kind)));
    }
    let mut body = Cursor::new(&head.body);
    let (events, chain) = (body.u64()?, Digest(body.array()?));
    let nanos = i128::from_le_bytes(body.array()?);
    let ts = Timestamp::from_nanos(nanos).ok_or_else(|| Error::corrupt("", "a time of the years 0 to 9999", nanos))?;
    let mut number = || body.u64();
    let totals = Totals { batches: number()?, rows: number()?, bytes: number()? };
    let (appends, rejects, ledger_bytes, last_line_bytes) = (number()?, number()?, number()?, number()?);
    let segments = Sums { segments: number()?, rows: number()?, bytes: number()?, source_bytes: number()? };
    let root = Root { events, chain, ts: Some(ts), totals, appends, rejects, ledger_bytes, last_line_bytes, segments };
    let mut at = || -> Result<Option<(u8, BlockRef)>> {
        match body.u8()? {
            0 => Ok(None),
            1 => {
                let (level, sha256) = (body.u8()?, Digest(body.array()?));
                Ok(Some((level, BlockRef { sha256, head_bytes: body.u64()? })))
            }
            other => Err(Error::corrupt("", "a reference or none", other)),
        }
    };
    let node = |(level, block)| NodeRef { block, level, batch: 0..totals.batches, sums: segments };
    let tops = Tops {
        segments: at()?.map(node),
        events: at()?.map(|(level, block)| EventsRef { block, level }),
        schema: at()?.map(|at| at.1),
        producers: at()?.map(|at| at.1),
        replaced: at()?.map(|at| at.1),
    };
    body.finish()?;
    if tops.events.is_none() || events == 0 || (tops.segments.is_none() && segments != Sums::default()) {
        return Err(Error::corrupt("", "trees of what the root counts", "none"));
    }
    Ok((root, tops))
}
