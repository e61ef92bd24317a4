//! What a table knows about its segments without opening them.
//!
//! * Zones come from the footer's statistics of the finished segment; the event carries them, or their digest if they are long.
//! * Long zones are made again from the footer, which the event binds too, and are used only if they match the digest.
//! * Unknown zones rule nothing out.

use at1_catalog::{View, ZoneText, Zones};
use at1_codec::{ColumnType, Segment, column::Pin};
use at1_ledger::{Digest, Json};
use serde_json::{Map, Value};

use crate::{
    error::{Error, Result},
    manifest::Live,
    schema::{Held, decimal_digits},
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

/// Long zones of a live segment, by column, made again out of its footer; empty if they are not those that its event binds, `None`
/// if its file is not there. Adds what had to be read for them to `bytes_read`.
pub(crate) fn of_footer(
    store: &dyn Store,
    live: &Live,
    sha256: Digest,
    bytes_read: &mut u64,
) -> Result<Option<Vec<Option<ZoneText>>>> {
    let Some(segment) = segments::open_if_there(store, live)? else { return Ok(None) };
    let zones = of_segment(&segment)?;
    *bytes_read += segment.bytes_read();
    match zones.sha256() == sha256 {
        true => parse(&zones, &live.name()).map(Some),
        false => Ok(Some(vec![])),
    }
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

/// What a column holds so far. Asked only when a batch does not fit, so it may look at every segment.
pub(crate) fn held(store: &dyn Store, version: &Version, column: usize) -> Result<Held> {
    let mut held = Held::Nothing;
    let visit = &mut |pin: Option<Pin>, zone: ZoneText, rows: u64| {
        let Some(pin) = pin else { return Ok(true) };
        if zone.nulls == Some(rows) && zone.rejects == 0 {
            return Ok(true);
        }
        let number = matches!(pin.ty, ColumnType::Int64 | ColumnType::Decimal { .. });
        let digits = |bound: &Option<String>| bound.as_deref().and_then(decimal_digits).filter(|_| number);
        held = match (held, digits(&zone.min), digits(&zone.max), zone.nulls) {
            // Rejects and nothing else: no value, but not nothing either.
            (Held::Nothing, _, _, Some(nulls)) if nulls == rows => Held::Digits(0),
            (held, _, _, Some(nulls)) if nulls == rows => held,
            (Held::Nothing, Some(min), Some(max), _) => Held::Digits(min.max(max)),
            (Held::Digits(most), Some(min), Some(max), _) => Held::Digits(most.max(min).max(max)),
            _ => Held::Unknown,
        };
        Ok(held != Held::Unknown)
    };
    version.zoned(store, &mut 0)?.visit_zones(column, visit)?;
    Ok(held)
}
