//! What a manifest says about one segment: its size, its rows, and what is known of its columns.
//!
//! * Everything comes from the segment's footer, which the ledger binds.
//! * What is not known is left out, never guessed: readers then read the file.

use at1_catalog::{View, Zones};
use at1_codec::{ColumnType, Segment};
use at1_table::{Error, ErrorKind, FileEntry, Result, paths};

use super::{
    avro::{Decoder, Encoder},
    bound,
};

/// Numbers or bounds by field id.
type ById<T> = Vec<(i32, T)>;

/// A segment as a data file of Iceberg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DataFile {
    /// Its URI.
    pub(super) path: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    column_bytes: ById<i64>,
    values: ById<i64>,
    nulls: ById<i64>,
    nans: ById<i64>,
    lower: ById<Vec<u8>>,
    upper: ById<Vec<u8>>,
    /// Where its row groups start.
    splits: Vec<i64>,
}

impl DataFile {
    /// What the footer of an open segment says.
    pub(super) fn of(entry: &FileEntry, segment: &Segment, location: &str) -> Result<Self> {
        let schema = segment.schema();
        let place = |e: Error| e.within(&paths::segment_path(&entry.name));
        let zones = Zones::of_segment(segment, &View::same(schema)).map_err(|e| place(e.into()))?;
        let texts = zones.text(0, schema);
        let mut file = Self {
            path: format!("{location}/{}", paths::segment_path(&entry.name)),
            rows: entry.rows,
            bytes: entry.bytes,
            column_bytes: vec![],
            values: vec![],
            nulls: vec![],
            nans: vec![],
            lower: vec![],
            upper: vec![],
            splits: vec![],
        };
        let groups = segment.metadata().metadata().row_groups();
        for (index, column) in schema.columns.iter().enumerate() {
            let id = field_id(index)?;
            let bytes = groups.iter().map(|group| group.column(index).compressed_size()).sum();
            file.column_bytes.push((id, bytes));
            file.values.push((id, long(entry.rows)?));
            let Some(zone) = zones.column(index) else { continue };
            let nulls = zone.nulls().iter().next().flatten();
            if let Some(nulls) = nulls {
                file.nulls.push((id, long(nulls)?));
            }
            let text = texts.get(index).and_then(Option::as_ref);
            let lower = bound::lower(zone.min(), text, column.ty);
            let upper = bound::upper(zone.max(), text, column.ty);
            // A chunk of doubles that holds a NaN has no bounds; one that has both, or no values, holds none.
            let has_no_nan = (lower.is_some() && upper.is_some()) || nulls == Some(entry.rows);
            if column.ty == ColumnType::Float64 && has_no_nan {
                file.nans.push((id, 0));
            }
            file.lower.extend(lower.map(|lower| (id, lower)));
            file.upper.extend(upper.map(|upper| (id, upper)));
        }
        for group in groups {
            let start = group.columns().iter().map(|chunk| chunk.byte_range().0).min();
            file.splits.extend(start.map(long).transpose()?);
        }
        Ok(file)
    }

    /// The segment's name.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    pub(super) fn encode(&self, out: &mut Encoder) -> Result<()> {
        out.long(0); // content: data
        out.text(&self.path);
        out.text("PARQUET");
        // The partition is a record without fields, which takes no bytes.
        out.long(long(self.rows)?);
        out.long(long(self.bytes)?);
        for counts in [&self.column_bytes, &self.values, &self.nulls, &self.nans] {
            out.optional(Some(counts), |out, counts| {
                out.items(counts, |out, (id, count)| {
                    out.long((*id).into());
                    out.long(*count);
                });
            });
        }
        for bounds in [&self.lower, &self.upper] {
            out.optional(Some(bounds), |out, bounds| {
                out.items(bounds, |out, (id, bound)| {
                    out.long((*id).into());
                    out.bytes(bound);
                });
            });
        }
        out.optional(Some(&self.splits), |out, splits| out.items(splits, |out, split| out.long(*split)));
        Ok(())
    }

    pub(super) fn decode(input: &mut Decoder<'_>) -> Result<Self> {
        let content = input.int()?;
        let path = input.text()?;
        let format = input.text()?;
        if content != 0 || format != "PARQUET" {
            return Err(Error::new(ErrorKind::Corrupt, "", "a Parquet file of data", format!("{format} {content}")));
        }
        let (rows, bytes) = (natural(input)?, natural(input)?);
        let mut counts = || -> Result<ById<i64>> {
            Ok(input.optional(|input| input.items(|input| Ok((input.int()?, input.long()?))))?.unwrap_or_default())
        };
        let (column_bytes, values, nulls, nans) = (counts()?, counts()?, counts()?, counts()?);
        let mut bounds = || -> Result<ById<Vec<u8>>> {
            let bounds = input.optional(|input| input.items(|input| Ok((input.int()?, input.bytes()?.to_vec()))))?;
            Ok(bounds.unwrap_or_default())
        };
        let (lower, upper) = (bounds()?, bounds()?);
        let splits = input.optional(|input| input.items(Decoder::long))?.unwrap_or_default();
        Ok(Self { path, rows, bytes, column_bytes, values, nulls, nans, lower, upper, splits })
    }
}

/// The id of the column at a position.
fn field_id(index: usize) -> Result<i32> {
    let wide = || Error::new(ErrorKind::Unsupported, "schema", format!("at most {} columns", i32::MAX), index);
    i32::try_from(index + 1).map_err(|_| wide())
}

/// A size or a count as Iceberg has it.
pub(super) fn long(count: u64) -> Result<i64> {
    i64::try_from(count).map_err(|_| Error::new(ErrorKind::Unsupported, "", "a count of 63 bits", count))
}

/// A size or a count.
pub(super) fn natural(input: &mut Decoder<'_>) -> Result<u64> {
    let count = input.long()?;
    u64::try_from(count).map_err(|_| Error::new(ErrorKind::Corrupt, "", "a count", count))
}
