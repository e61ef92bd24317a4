//! Lists that are read whole: schema events, producers, segments that wait for a vacuum. Each is the body of one block.
//!
//! | list | body, for `items` items |
//! |---|---|
//! | schema | for each: event u64 LE, length u32 LE, the changes as canonical JSON |
//! | producers | for each, by name: length u32 LE, name, sequence u64 LE, batch u64 LE |
//! | replaced | numbers: event, part of the name, bytes, by which event; that event's time, nanoseconds, as wide numbers |

use std::collections::BTreeMap;

use at1_catalog::packed::{self, Cursor};
use at1_ledger::{Carried, Json, Produced, SchemaEvent, Timestamp};

use super::{
    Pending,
    block::{self, BlockRef, Kind, Made},
    blocks::Blocks,
};
use crate::error::{Error, Result};

/// A list that is kept as a block of its own.
pub(super) trait List: Sized + Default {
    const KIND: Kind;
    fn len(&self) -> usize;
    fn write(&self, out: &mut Vec<u8>) -> Result<()>;
    /// Reads a list of so many items, a number that is at most that of the bytes.
    fn read(bytes: &mut Cursor<'_>, items: usize) -> Result<Self>;

    /// The list that lies there; an empty one has no block.
    fn load(blocks: &Blocks, at: Option<BlockRef>) -> Result<Self> {
        let Some(at) = at else { return Ok(Self::default()) };
        let block = blocks.open(at, Self::KIND, 0)?;
        let read = || -> Result<_> {
            let mut bytes = Cursor::new(&block.head.body);
            let list = Self::read(&mut bytes, block.head.items)?;
            bytes.finish()?;
            Ok(list)
        };
        read().map_err(|e| block.blame(e))
    }

    /// Its block, unless it is empty.
    fn block(&self) -> Result<Option<Made>> {
        if self.len() == 0 {
            return Ok(None);
        }
        let mut body = vec![];
        self.write(&mut body)?;
        block::whole(Self::KIND, self.len(), &body).map(Some)
    }
}

impl List for Vec<SchemaEvent> {
    const KIND: Kind = Kind::Schema;

    fn len(&self) -> usize {
        self.len()
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        for SchemaEvent { event, changes } in self {
            let Carried::Inline(changes) = changes else {
                return Err(Error::invalid(format!("event {event}: schema"), "the changes", "their digest"));
            };
            out.extend_from_slice(&event.to_le_bytes());
            write_text(changes.as_str(), out);
        }
        Ok(())
    }

    fn read(bytes: &mut Cursor<'_>, items: usize) -> Result<Self> {
        let event = |_| {
            let event = bytes.u64()?;
            let changes = Carried::Inline(Json::from_canonical(read_bytes(bytes)?)?);
            Ok(SchemaEvent { event, changes })
        };
        (0..items).map(event).collect()
    }
}

impl List for BTreeMap<String, Produced> {
    const KIND: Kind = Kind::Producers;

    fn len(&self) -> usize {
        self.len()
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        for (name, Produced { sequence, batch }) in self {
            write_text(name, out);
            out.extend_from_slice(&sequence.to_le_bytes());
            out.extend_from_slice(&batch.to_le_bytes());
        }
        Ok(())
    }

    fn read(bytes: &mut Cursor<'_>, items: usize) -> Result<Self> {
        let producer = |_| {
            let name = str::from_utf8(read_bytes(bytes)?).map_err(|e| Error::corrupt("", "a name in UTF-8", e))?;
            Ok((name.to_owned(), Produced { sequence: bytes.u64()?, batch: bytes.u64()? }))
        };
        (0..items).map(producer).collect()
    }
}

impl List for Vec<Pending> {
    const KIND: Kind = Kind::Replaced;

    fn len(&self) -> usize {
        self.len()
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let numbers: [fn(&Pending) -> u64; 4] = [|p| p.event, |p| p.part, |p| p.bytes, |p| p.by];
        for number in numbers {
            packed::put(&self.iter().map(number).collect::<Vec<_>>(), out);
        }
        packed::put_wide(&self.iter().map(|pending| pending.ts.nanos()).collect::<Vec<_>>(), out);
        Ok(())
    }

    fn read(bytes: &mut Cursor<'_>, items: usize) -> Result<Self> {
        let mut numbers = || bytes.numbers(items);
        let (events, parts, lengths, by) = (numbers()?, numbers()?, numbers()?, numbers()?);
        let times = bytes.wide(items)?;
        let pending = |i: usize| {
            let ts = Timestamp::from_nanos(times[i]);
            let ts = ts.ok_or_else(|| Error::corrupt("", "a time of the years 0 to 9999", times[i]))?;
            Ok(Pending { event: events[i], part: parts[i], bytes: lengths[i], by: by[i], ts })
        };
        (0..items).map(pending).collect()
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // A line of the ledger, where texts come from, has less than 64 KiB; a footer, where long ones lie, less than 4 GiB.
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn read_bytes<'a>(bytes: &mut Cursor<'a>) -> Result<&'a [u8]> {
    let length = bytes.u32()? as usize;
    Ok(bytes.take(length)?)
}
