//! Writing what a proof file is about, with what does not fit passed beside it: the counterpart of [`Claim::parse`].

use crate::{
    claim::{Bytes, Claim, Hashes, KINDS, RowsForm},
    error::{Error, Result},
    fields::Builder,
    json::{self, Members},
    tlog_proof::EXTRA_BYTES_MAX,
};

/// A claim as its file carries it, and what did not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The member `extra` of the proof file.
    pub extra: Vec<u8>,
    /// The rows, if they have to be passed beside it: for each a length, u32 LE, and the bytes.
    pub rows: Option<Vec<u8>>,
    /// The event's bytes, if they have to be passed beside it.
    pub event: Option<Vec<u8>>,
}

impl Claim {
    /// The claim as a proof file carries it.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) if the event is no text, a row is 4 GiB or longer, or the path alone is too long.
    pub fn pack(&self) -> Result<Packed> {
        let whole = self.text(true, true)?;
        if whole.len() <= EXTRA_BYTES_MAX {
            return Ok(Packed { extra: whole, rows: None, event: None });
        }
        let rows = match &self.rows {
            None => None,
            Some(claim) => Some(pack_rows(&claim.rows)?),
        };
        let (extra, event) = match self.text(false, true)? {
            extra if extra.len() <= EXTRA_BYTES_MAX => (extra, None),
            _ => (self.text(false, false)?, Some(self.event.clone())),
        };
        match extra.len() <= EXTRA_BYTES_MAX {
            true => Ok(Packed { extra, rows, event }),
            false => Err(Error::invalid(format!("expected at most {EXTRA_BYTES_MAX} bytes, found {}", extra.len()))),
        }
    }

    fn text(&self, with_rows: bool, with_event: bool) -> Result<Vec<u8>> {
        let event = str::from_utf8(&self.event).map_err(|_| Error::invalid("expected an event in UTF-8"))?.to_owned();
        let mut members = Builder::default();
        members.put_some("event", Some(&event).filter(|_| with_event));
        match &self.rows {
            None => {
                members.put(KINDS[0], &1);
            }
            Some(claim) => {
                members.put("batch", &claim.batch).put("path", &Hashes(claim.path.clone()));
                match (claim.form, claim.rows.as_slice()) {
                    (RowsForm::Row, [row]) => {
                        members.put(KINDS[1], &1).put("row_index", &claim.first);
                        members.put_some("row", Some(&Bytes(row.clone())).filter(|_| with_rows));
                    }
                    (RowsForm::Row, rows) => {
                        return Err(Error::invalid(format!("expected one row, found {}", rows.len())));
                    }
                    (RowsForm::Range, rows) => {
                        members.put(KINDS[2], &1).put("first", &claim.first);
                        let rows = rows.iter().cloned().map(Bytes).collect::<Vec<_>>();
                        members.put_some("rows", Some(&rows).filter(|_| with_rows));
                    }
                }
            }
        }
        members.finish(&Members::new()).and_then(|value| json::encode(&value)).map(String::into_bytes)
    }
}

fn pack_rows(rows: &[Vec<u8>]) -> Result<Vec<u8>> {
    let mut bytes = vec![];
    for row in rows {
        let length =
            u32::try_from(row.len()).map_err(|_| Error::invalid("expected rows below 4 GiB, found a longer one"))?;
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(row);
    }
    Ok(bytes)
}
