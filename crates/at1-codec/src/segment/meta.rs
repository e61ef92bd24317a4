//! What the footer says of a segment besides Parquet's own: the JSON under the key `at1`.

use serde::{Deserialize, Serialize};

use super::{
    directory::Place,
    layout::{META_KEY, SEGMENT_VERSION},
};
use crate::{Column, Error, Result, Schema};

/// The footer's own account of a segment.
#[derive(Serialize, Deserialize)]
pub(super) struct Meta {
    version: u32,
    pub(super) rows: u64,
    pub(super) source_bytes: u64,
    pub(super) batches: u64,
    /// Place and size of the directory.
    directory: (u64, u64),
    columns: Vec<ColumnMeta>,
}

#[derive(Serialize, Deserialize)]
struct ColumnMeta {
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    #[serde(rename = "type")]
    ty: String,
    rejects: u64,
}

impl Meta {
    pub(super) fn new(
        schema: &Schema,
        rejects: &[u64],
        rows: u64,
        source_bytes: u64,
        batches: u64,
        directory: Place,
    ) -> Self {
        let columns = schema.columns.iter().zip(rejects);
        Self {
            version: SEGMENT_VERSION,
            rows,
            source_bytes,
            batches,
            directory: (directory.at, directory.bytes),
            columns: columns
                .map(|(c, &rejects)| ColumnMeta { header: c.header.clone(), ty: c.ty.to_string(), rejects })
                .collect(),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let meta: Self = serde_json::from_str(text)
            .map_err(|e| Error::corrupt("footer", format!("a segment's description under the key {META_KEY}"), e))?;
        if meta.version == SEGMENT_VERSION {
            Ok(meta)
        } else {
            Err(Error::unsupported("footer", format!("segment version {SEGMENT_VERSION}"), meta.version))
        }
    }

    pub(super) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::invalid("footer", "a description that is JSON", e))
    }

    pub(super) fn directory(&self) -> Place {
        Place { at: self.directory.0, bytes: self.directory.1 }
    }

    /// Rejects by column.
    pub(super) fn rejects(&self) -> Vec<u64> {
        self.columns.iter().map(|c| c.rejects).collect()
    }

    /// The schema; physical names come from the Parquet schema.
    pub(super) fn schema<'a>(&self, names: impl ExactSizeIterator<Item = &'a str>) -> Result<Schema> {
        if names.len() != self.columns.len() {
            return Err(Error::corrupt("footer", format!("{} columns", self.columns.len()), names.len()));
        }
        let columns = names.zip(&self.columns).map(|(name, column)| {
            let ty = column.ty.parse().map_err(|e: crate::UnknownType| Error::corrupt("footer", "a column type", e))?;
            Ok(Column { name: name.to_owned(), header: column.header.clone(), ty })
        });
        Ok(Schema { columns: columns.collect::<Result<_>>()? })
    }
}
