//! What the footer says of a segment besides Parquet's own: the JSON under the key `at1`.

use arrow::datatypes::Schema as ArrowSchema;
use serde::{Deserialize, Serialize};

use super::{
    directory::Place,
    layout::{META_KEY, SEGMENT_VERSION},
};
use crate::{Column, ColumnType, Error, Result, Schema};

/// The footer's own account of a segment: what the Parquet schema does not tell.
#[derive(Serialize, Deserialize)]
pub(super) struct Meta {
    version: u32,
    pub(super) rows: u64,
    pub(super) source_bytes: u64,
    pub(super) batches: u64,
    /// Place and size of the directory.
    directory: (u64, u64),
    headers: Headers,
    /// Columns with rejects, ascending, and how many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rejects: Vec<(usize, u64)>,
}

/// What the sources call the columns. In a wide table this is much of a footer, so the usual cases take a word.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Headers {
    /// As the Parquet schema does.
    Names,
    /// No source had a header.
    None,
    /// Each for itself.
    Each(Vec<Option<String>>),
}

impl Headers {
    fn of(schema: &Schema) -> Self {
        let all = |is: fn(&Column) -> bool| schema.columns.iter().all(is);
        if all(|c| c.header.as_ref() == Some(&c.name)) {
            Self::Names
        } else if all(|c| c.header.is_none()) {
            Self::None
        } else {
            Self::Each(schema.columns.iter().map(|c| c.header.clone()).collect())
        }
    }

    /// The header of each of the columns that have these names.
    fn read(&self, names: &[&str]) -> Result<Vec<Option<String>>> {
        match self {
            Self::Names => Ok(names.iter().map(|&name| Some(name.to_owned())).collect()),
            Self::None => Ok(vec![None; names.len()]),
            Self::Each(headers) if headers.len() == names.len() => Ok(headers.clone()),
            Self::Each(headers) => {
                Err(Error::corrupt("footer", format!("headers of {} columns", names.len()), headers.len()))
            }
        }
    }
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
        let rejects = rejects.iter().copied().enumerate().filter(|&(_, rejects)| rejects > 0);
        Self {
            version: SEGMENT_VERSION,
            rows,
            source_bytes,
            batches,
            directory: (directory.at, directory.bytes),
            headers: Headers::of(schema),
            rejects: rejects.collect(),
        }
    }

    /// Reads the description in the footer of a segment whose seal says `version`.
    pub(super) fn parse(text: &str, version: u32) -> Result<Self> {
        let meta: Self = serde_json::from_str(text)
            .map_err(|e| Error::corrupt("footer", format!("a segment's description under the key {META_KEY}"), e))?;
        // The seal's version was looked at before.
        if meta.version == version {
            Ok(meta)
        } else {
            Err(Error::corrupt("footer", format!("segment version {version}"), meta.version))
        }
    }

    pub(super) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::invalid("footer", "a description that is JSON", e))
    }

    pub(super) fn directory(&self) -> Place {
        Place { at: self.directory.0, bytes: self.directory.1 }
    }

    /// The number of rejects in `column`.
    pub(super) fn rejects(&self, column: usize) -> u64 {
        self.rejects.iter().find(|(rejected, _)| *rejected == column).map_or(0, |&(_, rejects)| rejects)
    }

    /// The schema; names and types come from the Parquet schema.
    pub(super) fn schema(&self, arrow: &ArrowSchema) -> Result<Schema> {
        let names: Vec<&str> = arrow.fields().iter().map(|field| field.name().as_str()).collect();
        let headers = self.headers.read(&names)?;
        let columns = arrow.fields().iter().zip(headers).map(|(field, header)| {
            let ty = ColumnType::of_arrow(field.data_type());
            let ty = ty.ok_or_else(|| {
                Error::corrupt(format!("column {}", field.name()), "a column type", field.data_type())
            })?;
            Ok(Column { name: field.name().clone(), header, ty })
        });
        Ok(Schema { columns: columns.collect::<Result<_>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[Option<&str>], told: &str) {
        let schema = Schema::named(headers.iter().map(|&header| (header, ColumnType::Date)));
        let rejects: Vec<u64> = (0..headers.len() as u64).map(|column| column * 5).collect();
        let json = Meta::new(&schema, &rejects, 1, 2, 3, Place { at: 4, bytes: 5 }).to_json().unwrap();
        assert!(json.contains(&format!("\"headers\":{told}")), "{json}");
        let meta = Meta::parse(&json, SEGMENT_VERSION).unwrap();
        assert_eq!(meta.schema(&schema.arrow()).unwrap(), schema);
        for (column, &rejects) in rejects.iter().enumerate() {
            assert_eq!(meta.rejects(column), rejects, "{json}");
        }
    }

    #[test]
    fn headers_take_a_word_where_one_says_it() {
        check(&[Some("day"), Some("due")], "\"names\"");
        check(&[None, None, None], "\"none\"");
        check(&[Some("day"), Some("due day"), None], "{\"each\":[\"day\",\"due day\",null]}");
    }
}
