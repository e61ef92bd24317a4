//! The columns of a table, as they are now and as they were after every event.
//!
//! * Folded from all changes there were, oldest first; long ones were fetched from where they lie before they come here.

use std::sync::Arc;

use at1_codec::column::Pin;
use at1_ledger::{Carried, Digest, Json, SCHEMA_BYTES_MAX, SchemaEvent, SegmentRecord, State, parse_segment_name};

use crate::{
    error::{Error, Result},
    schema::{self, TableColumn, TableSchema},
    segments,
    store::Store,
};

/// Every schema that a table had.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schemas {
    /// The events that changed it, and how.
    changes: Vec<(u64, Json)>,
    /// The types and readings of the columns after each of them.
    pins: Vec<Arc<Vec<Pin>>>,
    newest: Arc<TableSchema>,
}

impl Schemas {
    /// Folds changes whose texts are all there.
    pub(crate) fn of(events: impl IntoIterator<Item = SchemaEvent>) -> Result<Self> {
        let mut schemas = Self::default();
        for SchemaEvent { event, changes } in events {
            let Carried::Inline(changes) = changes else {
                return Err(Error::corrupt(place(event), "schema changes", "their digest"));
            };
            schemas.push(event, changes)?;
        }
        Ok(schemas)
    }

    /// Folds the changes that a whole history names, as far as that goes, and says why no further.
    pub(crate) fn of_state(store: &dyn Store, state: &State) -> (Self, Result<()>) {
        let mut schemas = Self::default();
        let folded = state.schema().iter().try_for_each(|change| {
            let changes = match &change.changes {
                Carried::Inline(changes) => changes.clone(),
                Carried::InFooter(sha256) => {
                    let before = change.event.checked_sub(1).and_then(|n| state.totals_at(n)).unwrap_or_default();
                    let none = || Error::corrupt(place(change.event), "a live segment", "none");
                    let segment = state.segment_of(before.batches).ok_or_else(none)?;
                    segments::schema_text(store, segment, *sha256).map_err(|e| e.within(&place(change.event)))?
                }
            };
            schemas.push(change.event, changes)
        });
        (schemas, folded)
    }

    /// Folds the changes of a later event.
    pub(crate) fn push(&mut self, event: u64, changes: Json) -> Result<()> {
        let mut newest = TableSchema::clone(&self.newest);
        schema::read_changes(&changes, &mut newest).map_err(|e| e.within(&place(event)))?;
        self.pins.push(Arc::new(newest.columns.iter().map(TableColumn::pin).collect()));
        self.newest = Arc::new(newest);
        self.changes.push((event, changes));
        Ok(())
    }

    /// The newest.
    pub(crate) fn newest(&self) -> &Arc<TableSchema> {
        &self.newest
    }

    /// The schema after the first `events` events.
    pub(crate) fn after(&self, events: u64) -> Result<Arc<TableSchema>> {
        let visible = self.changes.partition_point(|(event, _)| *event < events);
        if visible == self.changes.len() {
            return Ok(Arc::clone(&self.newest));
        }
        let mut schema = TableSchema::default();
        for (event, changes) in &self.changes[..visible] {
            schema::read_changes(changes, &mut schema).map_err(|e| e.within(&place(*event)))?;
        }
        Ok(Arc::new(schema))
    }

    /// The types and readings that a segment was written with.
    pub(crate) fn pins_of(&self, record: &SegmentRecord) -> Arc<Vec<Pin>> {
        let own = || parse_segment_name(&record.name).map_or(0, |(event, _)| event);
        self.pins_at(record.schema_at.unwrap_or_else(own))
    }

    /// The types and readings of the columns after an event.
    pub(crate) fn pins_at(&self, event: u64) -> Arc<Vec<Pin>> {
        let known = self.changes.partition_point(|(changed, _)| *changed <= event);
        known.checked_sub(1).map(|last| Arc::clone(&self.pins[last])).unwrap_or_default()
    }

    /// How many events changed it.
    pub(crate) fn changed(&self) -> usize {
        self.changes.len()
    }

    /// The changes that no event has room for, which lie in a segment's footer if an append brought them: event and digest.
    pub(crate) fn long(&self) -> impl Iterator<Item = (u64, Digest)> {
        let long = self.changes.iter().filter(|(_, changes)| changes.as_str().len() > SCHEMA_BYTES_MAX);
        long.map(|(event, changes)| (*event, changes.sha256()))
    }
}

fn place(event: u64) -> String {
    format!("event {event}: schema")
}
