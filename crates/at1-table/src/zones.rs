//! What a table knows about its segments without opening them.
//!
//! * Zones come from the footer's statistics of the finished segment; the event carries them, or their digest if they are long.
//! * Long zones are made again from the footer, which the event binds too, and are used only if they match the digest.
//! * Unknown zones rule nothing out.

use std::sync::Arc;

use at1_catalog::{SegmentZone, View, ZoneText, Zones, ZonesBuilder};
use at1_codec::{ColumnType, Segment};
use at1_ledger::{Carried, Json, SegmentRecord};
use serde_json::{Map, Value};

use crate::{
    error::{Error, Result},
    paths,
    schema::{Held, TableSchema, decimal_digits},
    segments,
    store::Store,
    version::Version,
};

/// The zones of a whole segment, one per column, as an event carries them: `{"c0":["1","7",0]}`.
pub(crate) fn of_segment(segment: &Segment) -> Result<Json> {
    let schema = segment.schema();
    let texts = Zones::of_segment(segment, &View::same(schema))?.text(0, schema);
    let zones = texts.into_iter().enumerate();
    let zones = zones.map(|(column, text)| (format!("c{column}"), text.unwrap_or_default().to_json()));
    Ok(Json::new(&Value::Object(zones.collect::<Map<_, _>>()))?)
}

/// The zones of a live segment, by column; empty if they are long and cannot be made again as they were, `None` if they would
/// have to be and its file is not there. Adds what had to be read for them to `bytes_read`.
fn of_record(store: &dyn Store, record: &SegmentRecord, bytes_read: &mut u64) -> Result<Option<Vec<Option<ZoneText>>>> {
    let zones = match &record.zones {
        Carried::Inline(zones) => zones.clone(),
        Carried::InFooter(sha256) => {
            let Some(segment) = segments::open_if_there(store, record)? else { return Ok(None) };
            let zones = of_segment(&segment)?;
            *bytes_read += segment.bytes_read();
            if zones.sha256() != *sha256 {
                return Ok(Some(vec![]));
            }
            zones
        }
    };
    parse(&zones, &record.name).map(Some)
}

/// Zones out of their text, by column.
pub(crate) fn parse(zones: &Json, name: &str) -> Result<Vec<Option<ZoneText>>> {
    let place = || format!("zones of {name}");
    let Value::Object(members) = zones.value() else {
        return Err(Error::corrupt(place(), "an object", "something else"));
    };
    let mut texts = vec![];
    for (key, zone) in &members {
        let column: usize = key
            .strip_prefix('c')
            .and_then(|digits| digits.parse().ok())
            // One zone takes at least ten bytes of text, so a larger number cannot be a dense position.
            .filter(|&column| column < members.len() + COLUMNS_SPARE)
            .ok_or_else(|| Error::corrupt(place(), "c and a column's position", key))?;
        if texts.len() <= column {
            texts.resize(column + 1, None);
        }
        texts[column] = Some(ZoneText::from_json(zone)?);
    }
    Ok(texts)
}

/// Zones may leave columns out, but hardly more than a table can have.
const COLUMNS_SPARE: usize = 1 << 16;

/// What the live segments say about every column of `schema`, column by column, in the order of the live segments. Adds what had to
/// be read for it to `bytes_read`.
pub(crate) fn of_table(
    store: &dyn Store,
    version: &Version,
    schema: &TableSchema,
    bytes_read: &mut u64,
) -> Result<Arc<Zones>> {
    let mut builder = ZonesBuilder::new(&schema.schema());
    for record in version.state.live() {
        let pins = version.pins_of(record);
        let texts = match record.rows {
            0 => vec![],
            // Without its file nothing is known, and it will be looked for when it is read.
            _ => of_record(store, record, bytes_read)?.unwrap_or_default(),
        };
        let zones =
            schema.columns.iter().enumerate().map(|(column, now)| match (pins.get(column), texts.get(column)) {
                (None, _) => SegmentZone::Missing,
                (Some(stored), Some(Some(zone))) => SegmentZone::seen(*stored, now.pin(), record.rows, zone.clone()),
                (Some(_), _) => SegmentZone::Unknown,
            });
        builder.push(record.rows, zones).map_err(|e| Error::from(e).within(&paths::segment_path(&record.name)))?;
    }
    Ok(Arc::new(builder.finish()?))
}

/// What a column holds so far. Asked only when a batch does not fit, so it may look at every segment.
pub(crate) fn held(store: &dyn Store, version: &Version, column: usize) -> Result<Held> {
    let mut held = Held::Nothing;
    for record in version.state.live().iter().filter(|record| record.rows > 0) {
        let Some(ty) = version.pins_of(record).get(column).map(|pin| pin.ty) else { continue };
        let texts = of_record(store, record, &mut 0)?.ok_or_else(|| segments::missing(record))?;
        let Some(Some(zone)) = texts.get(column) else { return Ok(Held::Unknown) };
        if zone.nulls == Some(record.rows) && zone.rejects == 0 {
            continue;
        }
        let number = matches!(ty, ColumnType::Int64 | ColumnType::Decimal { .. });
        let digits = |bound: &Option<String>| bound.as_deref().and_then(decimal_digits).filter(|_| number);
        held = match (held, digits(&zone.min), digits(&zone.max), zone.nulls) {
            // Rejects and nothing else: no value, but not nothing either.
            (Held::Nothing, _, _, Some(nulls)) if nulls == record.rows => Held::Digits(0),
            (held, _, _, Some(nulls)) if nulls == record.rows => held,
            (Held::Nothing, Some(min), Some(max), _) => Held::Digits(min.max(max)),
            (Held::Digits(most), Some(min), Some(max), _) => Held::Digits(most.max(min).max(max)),
            _ => return Ok(Held::Unknown),
        };
    }
    Ok(held)
}
