//! Which column each field of a batch belongs to.
//!
//! * By name where there are names: the k-th field of a name takes the k-th column of that name.
//! * By position where there are none. A field without a column gets a new one.

use super::{Facts, TableSchema};
use crate::error::{Error, Result};

/// Whether `names` are those of a header that the table knows, in any order.
pub fn is_known_header(schema: &TableSchema, names: &[String]) -> bool {
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names
    };
    let names = sorted(names.to_vec());
    (0..schema.headers.len())
        .filter(|&header| schema.headers[header].len() == names.len())
        .any(|header| sorted(schema.header_names(header).into_iter().map(str::to_owned).collect()) == names)
}

/// The column of each field, and the headers of the columns that do not exist yet.
pub(super) fn map(before: &TableSchema, facts: &Facts<'_>) -> Result<(Vec<usize>, Vec<Option<String>>)> {
    let names = facts.names.unwrap_or_default();
    if names.len() > facts.fields.len() && facts.records > 0 {
        return Err(Error::invalid("names", format!("at most {} names", facts.fields.len()), names.len()));
    }
    let width = names.len().max(facts.fields.len());
    let mut taken = vec![false; before.columns.len()];
    let mut added = vec![];
    let map = (0..width)
        .map(|field| {
            let name = names.get(field);
            let free = |column: usize| !taken[column];
            let found = match name {
                Some(name) => {
                    let headed = |c: usize| before.columns[c].column.header.as_ref() == Some(name);
                    let named =
                        |c: usize| before.columns[c].column.header.is_none() && before.columns[c].column.name == *name;
                    (0..taken.len())
                        .find(|&c| free(c) && headed(c))
                        .or_else(|| (0..taken.len()).find(|&c| free(c) && named(c)))
                }
                None if facts.names.is_none() => Some(field).filter(|&c| c < taken.len()),
                // A field beyond the header: it can only belong to a column that has no header either.
                None => (0..taken.len()).find(|&c| free(c) && before.columns[c].column.header.is_none()),
            };
            match found {
                Some(column) => {
                    taken[column] = true;
                    column
                }
                None => {
                    added.push(name.cloned());
                    before.columns.len() + added.len() - 1
                }
            }
        })
        .collect();
    Ok((map, added))
}
