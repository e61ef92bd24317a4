//! Where a table's column comes from in a segment that may have it under another type.
//!
//! * What a field is under a type depends on its text alone, never on the type it is stored as. Stored values are
//!   converted only where nothing can differ from reading the fields again; everything else is read again.
//! * A plain Parquet file has no fields to read again: there, values that widen are converted, and the rest is an error.

use arrow::array::UInt64Array;
use at1_codec::{ColumnType, column::Agreement};

use crate::{
    ColumnZones, Error, Result, Source, View,
    convert::{self, Conversion, Fit, conversion},
    footer::{field, group_zones},
};

/// Where the values of a table's column come from in this segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// They are stored.
    Stored(usize, Conversion),
    /// The fields of the stored column are read again, as the table's type.
    Reread(usize),
    /// There are none: every row is NULL.
    Missing,
}

impl Origin {
    /// # Errors
    /// If the view names a column that is not there, or one that cannot be read as the table's.
    pub(crate) fn of(source: &impl Source, view: &View, column: usize) -> Result<Self> {
        let Some(stored) = view.columns[column] else { return Ok(Self::Missing) };
        let wanted = &view.schema.columns[column];
        let to = wanted.ty.arrow();
        let found = field(source.metadata(), stored)?.data_type();
        let conversion = conversion(found, &to);
        if !source.keeps_fields() {
            let mismatch = || {
                Error::mismatch(
                    format!("column {}", wanted.name),
                    format!("a type that widens to {}", wanted.ty),
                    found,
                )
            };
            return Ok(Self::Stored(stored, conversion.ok_or_else(mismatch)?));
        }
        let agreement = view.agreement(column);
        if (conversion, agreement) == (Some(Conversion::Same), Agreement::Full) {
            return Ok(Self::Stored(stored, Conversion::Same));
        }
        if source.rejects(stored) > 0 {
            return Ok(Self::Reread(stored));
        }
        let (rows, zones) = group_zones(source, stored)?;
        let whole = zones.whole(&rows)?;
        let total = UInt64Array::from(vec![rows.values().iter().sum::<u64>()]);
        if whole.nothing_but_nulls(0, &total, wanted.ty) {
            return Ok(Self::Missing);
        }
        Ok(match conversion.filter(|_| agreement != Agreement::Open) {
            Some(Conversion::Same) => Self::Stored(stored, Conversion::Same),
            Some(Conversion::Widen) if convert::fit(whole.min(), whole.max(), 0, &to) == Fit::Exact => {
                Self::Stored(stored, Conversion::Widen)
            }
            _ => Self::Reread(stored),
        })
    }
}

/// The zones of a stored column as the table's column sees them.
pub(crate) fn seen(
    source: &impl Source,
    view: &View,
    (column, stored): (usize, usize),
    zones: &ColumnZones,
    rows: &UInt64Array,
) -> ColumnZones {
    let ty: ColumnType = view.schema.columns[column].ty;
    let holds = match view.agreement(column) {
        _ if !source.keeps_fields() => true,
        Agreement::Full => true,
        Agreement::Held => source.rejects(stored) == 0,
        Agreement::Open => false,
    };
    if holds { zones.seen_as(ty, rows) } else { zones.but_nulls(ty, rows) }
}
