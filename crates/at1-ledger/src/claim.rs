//! What a proof file is about: an event, a row, or rows with nothing missing between.
//!
//! ```text
//! {"at1_event_proof":1,"event":E}
//! {"at1_row_proof":1,"batch":K,"event":E,"path":[BASE64…],"row":BASE64,"row_index":R}
//! {"at1_range_proof":1,"batch":K,"event":E,"first":A,"path":[BASE64…],"rows":[BASE64…]}
//! ```
//!
//! * E is the text of the event, `e_n`: its hash is the leaf that the proof file proves. The event names the batch's root and
//!   number of rows; the row and its path must come to that root. So a row stays provable however its segment is written again.
//! * The members are exactly these, and the version exactly 1: what nobody looks at could be changed.
//! * What makes the text longer than 48 KiB is left out of it and passed beside the file: first the rows, then the event.

use std::fmt;

use serde_json::Value;

use crate::{
    base64,
    detail::Kind,
    digest::Digest,
    error::{Error, ErrorKind, Result},
    fields::{Fields, Typed},
    json,
    link::{Event, Frame},
    proof::{verify_inclusion, verify_range},
    record::BatchRecord,
    tlog_proof::EXTRA_BYTES_MAX,
    tree::leaf_hash,
};

/// The member that says which kind of proof it is.
pub(crate) const KINDS: [&str; 3] = ["at1_event_proof", "at1_row_proof", "at1_range_proof"];

/// What a proof is about, with what it takes to check it beside the proof of the event.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    /// The event's bytes, `e_n`.
    pub event: Vec<u8>,
    /// Which rows of it, if it is about rows.
    pub rows: Option<RowsClaim>,
}

/// That these rows are in a batch.
#[derive(Clone, PartialEq, Eq)]
pub struct RowsClaim {
    /// The batch.
    pub batch: u64,
    /// The first of the rows, by its number in the batch.
    pub first: u64,
    /// The rows' exact bytes.
    pub rows: Vec<Vec<u8>>,
    /// The hashes that lead from them to the batch's root: of one row bottom up, of a range left to right.
    pub path: Vec<Digest>,
    /// Which of the two.
    pub form: RowsForm,
}

/// How rows are proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsForm {
    /// One row.
    Row,
    /// Consecutive rows, none of them missing.
    Range,
}

/// What was passed beside a proof file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside<'a> {
    /// The file `.rows`.
    pub rows: Option<&'a [u8]>,
    /// The file `.event`.
    pub event: Option<&'a [u8]>,
}

/// Rows that a claim shows, once its event is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowsShown {
    /// The batch.
    pub batch: u64,
    /// The first row, by its number in the batch.
    pub first: u64,
    /// The first row, by its number in the table.
    pub first_in_table: u64,
    /// The rows' exact bytes.
    pub rows: Vec<Vec<u8>>,
    /// What the event says of the batch.
    pub record: BatchRecord,
}

impl Claim {
    /// Reads a claim, and what was passed beside its file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] if it breaks the format, or something is missing or there twice.
    pub fn parse(extra: &[u8], beside: Beside<'_>) -> Result<Self> {
        Self::parse_inner(extra, beside).map_err(|error| error.at("extra"))
    }

    fn parse_inner(extra: &[u8], beside: Beside<'_>) -> Result<Self> {
        if extra.len() > EXTRA_BYTES_MAX {
            return Err(Error::damaged(format!("expected at most {EXTRA_BYTES_MAX} bytes, found {}", extra.len())));
        }
        let value = json::decode(extra)?;
        let kinds: Vec<_> = KINDS.into_iter().filter(|kind| value.get(kind).is_some()).collect();
        let [kind] = kinds[..] else {
            return Err(Error::damaged(format!("expected one of {}, found {}", KINDS.join(", "), kinds.len())));
        };
        let mut fields = Fields::new(value)?;
        let version: u64 = fields.take(kind)?;
        if version != 1 {
            return Err(Error::new(ErrorKind::Unknown, format!("expected version 1, found {version}")).at(kind));
        }
        let event = either("event", fields.optional::<String>("event")?.map(String::into_bytes), beside.event)?;
        let rows = match kind {
            "at1_event_proof" => {
                if beside.rows.is_some() {
                    return Err(Error::damaged("expected no rows beside the proof of an event"));
                }
                None
            }
            "at1_row_proof" => Some(RowsClaim {
                batch: fields.take("batch")?,
                first: fields.take("row_index")?,
                path: fields.take::<Hashes>("path")?.0,
                rows: either_rows("row", fields.optional::<Bytes>("row")?.map(|row| vec![row]), beside.rows)?,
                form: RowsForm::Row,
            }),
            _ => Some(RowsClaim {
                batch: fields.take("batch")?,
                first: fields.take("first")?,
                path: fields.take::<Hashes>("path")?.0,
                rows: either_rows("rows", fields.optional::<Vec<Bytes>>("rows")?, beside.rows)?,
                form: RowsForm::Range,
            }),
        };
        fields.nothing_else()?;
        Ok(Self { event, rows })
    }

    /// The event's leaf in the tree over events.
    pub fn leaf(&self) -> Digest {
        leaf_hash(&self.event)
    }

    /// What the event says. Its place in the ledger is shown by the proof file, and by that alone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] if it is no event, or not event `index`; [`ErrorKind::Unknown`] if it is of a newer version.
    pub fn read_event(&self, index: u64) -> Result<Event> {
        let line = [Digest::of(&self.event).to_string().as_bytes(), b" ", &self.event, b"\n"].concat();
        let event = Frame::parse(&line).and_then(|frame| frame.event()).map_err(|error| error.at("event"))?;
        match event.n == index {
            true => Ok(event),
            false => Err(Error::damaged(format!("expected event {index}, found {}", event.n)).at("event")),
        }
    }
}

impl RowsClaim {
    /// Checks that the rows are in the batch that `event` appended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unproven`] if the event has no such batch, the batch no tree over its rows, or the rows do not come to its
    /// root.
    pub fn verify(&self, event: &Event) -> Result<RowsShown> {
        let unproven =
            |message: String| Error::new(ErrorKind::Unproven, message).at(format_args!("batch {}", self.batch));
        let Kind::Append { batches, .. } = &event.detail.kind else {
            return Err(unproven(format!("expected an append, found event {} is a {}", event.n, event.op())));
        };
        let totals = event.detail.totals;
        let (first_batch, rows_before) = totals
            .batches
            .checked_sub(batches.len() as u64)
            .zip(batches.iter().try_fold(totals.rows, |rows, batch| rows.checked_sub(batch.rows)))
            .ok_or_else(|| unproven("expected totals of at least the event's batches, found less".into()))?;
        let place = self.batch.checked_sub(first_batch).and_then(|place| usize::try_from(place).ok());
        let Some((place, record)) = place.and_then(|place| Some((place, batches.get(place)?))) else {
            let message = format!("expected one of the batches {first_batch}..{} of event {}", totals.batches, event.n);
            return Err(unproven(message));
        };
        let root = record.rows_root.ok_or_else(|| unproven("expected a root over its rows, found none".into()))?;
        let leaves: Vec<Digest> = self.rows.iter().map(|row| leaf_hash(row)).collect();
        match (self.form, leaves.as_slice()) {
            (RowsForm::Row, [leaf]) => verify_inclusion(self.first, record.rows, *leaf, &self.path, root),
            (RowsForm::Row, rows) => Err(unproven(format!("expected one row, found {}", rows.len()))),
            (RowsForm::Range, leaves) => verify_range(self.first, record.rows, leaves, &self.path, root),
        }?;
        let before: u64 = batches[..place].iter().map(|batch| batch.rows).sum();
        Ok(RowsShown {
            batch: self.batch,
            first: self.first,
            first_in_table: rows_before + before + self.first,
            rows: self.rows.clone(),
            record: record.clone(),
        })
    }
}

fn either(key: &str, inside: Option<Vec<u8>>, beside: Option<&[u8]>) -> Result<Vec<u8>> {
    match (inside, beside) {
        (Some(bytes), None) => Ok(bytes),
        (None, Some(bytes)) => Ok(bytes.to_vec()),
        (None, None) => Err(Error::damaged("expected this member, or a file beside the proof, found neither").at(key)),
        (Some(_), Some(_)) => {
            Err(Error::damaged("expected this member or a file beside the proof, found both").at(key))
        }
    }
}

fn either_rows(key: &str, inside: Option<Vec<Bytes>>, beside: Option<&[u8]>) -> Result<Vec<Vec<u8>>> {
    match (inside, beside) {
        (Some(rows), None) => Ok(rows.into_iter().map(|row| row.0).collect()),
        (None, Some(bytes)) => unpack_rows(bytes),
        (inside, beside) => either(key, inside.map(|_| vec![]), beside).map(|_| vec![]),
    }
}

fn unpack_rows(mut bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut rows = vec![];
    while !bytes.is_empty() {
        let row = bytes
            .split_first_chunk()
            .and_then(|(length, rest)| rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?));
        let (row, rest) =
            row.ok_or_else(|| Error::damaged("expected rows of the lengths they claim, found less").at("rows"))?;
        rows.push(row.to_vec());
        bytes = rest;
    }
    Ok(rows)
}

/// Bytes as canonical base64.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Typed for Bytes {
    const WHAT: &str = "canonical base64";
    fn from_json(value: &Value) -> Option<Self> {
        base64::decode(value.as_str()?).ok().map(Self)
    }
    fn to_json(&self) -> Value {
        base64::encode(&self.0).into()
    }
}

impl Typed for Vec<Bytes> {
    const WHAT: &str = "an array of canonical base64";
    fn from_json(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(Bytes::from_json).collect()
    }
    fn to_json(&self) -> Value {
        self.iter().map(Bytes::to_json).collect()
    }
}

/// Digests as canonical base64.
pub(crate) struct Hashes(pub(crate) Vec<Digest>);

impl Typed for Hashes {
    const WHAT: &str = "an array of digests in canonical base64";
    fn from_json(value: &Value) -> Option<Self> {
        let hash = |item: &Value| base64::decode_digest(item.as_str()?).ok();
        value.as_array()?.iter().map(hash).collect::<Option<_>>().map(Self)
    }
    fn to_json(&self) -> Value {
        self.0.iter().map(|hash| base64::encode(&hash.0)).collect::<Vec<_>>().into()
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("event", &self.event.escape_ascii().to_string())
            .field("rows", &self.rows)
            .finish()
    }
}

impl fmt::Debug for RowsClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.rows.iter().map(|row| row.escape_ascii().to_string()).collect();
        let Self { batch, first, path, form, .. } = self;
        write!(f, "{form:?} of batch {batch} from {first}: {rows:?}, {} hashes", path.len())
    }
}
