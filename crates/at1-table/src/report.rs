//! What an append, or a dry run of one, says about a batch.

use at1_codec::ColumnType;
use at1_ledger::{ChainHead, Digest};
use serde_json::{Value, json};

use crate::schema;

/// What an append did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendReport {
    /// The event.
    pub event: u64,
    /// The batch.
    pub batch: u64,
    /// How many batches share the event, and the segment it committed: more than 1 if several threads appended at once.
    pub group: u64,
    /// The file that holds it.
    pub segment: String,
    /// Its records.
    pub rows: u64,
    /// Its bytes.
    pub source_bytes: u64,
    /// The size of the segment.
    pub segment_bytes: u64,
    /// Digest of its bytes.
    pub source_sha256: Digest,
    /// Digest of the packed file that the bytes were expanded from.
    pub packed_sha256: Option<Digest>,
    /// Digest of the segment.
    pub segment_sha256: Digest,
    /// Fields that read as null because their column cannot hold them.
    pub rejects: u64,
    /// Records with another number of fields than columns.
    pub ragged: u64,
    /// Columns that are new to the table.
    pub columns_added: Vec<String>,
    /// Columns of the table that the batch lacks.
    pub columns_missing: Vec<String>,
    /// Columns whose type changed.
    pub columns_widened: Vec<ColumnWidened>,
    /// Columns with rejects.
    pub misfits: Vec<ColumnMisfits>,
    /// Remarks for a person.
    pub notes: Vec<String>,
    /// Whether the same idempotency key was appended before: then nothing was appended now.
    pub repeated: bool,
    /// The receipt: kept elsewhere, it later shows that the history up to this event is still the one it was.
    pub chain_head: ChainHead,
}

/// A column whose type changed with a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnWidened {
    /// Its header, or its name.
    pub column: String,
    /// What it held.
    pub from: ColumnType,
    /// What it holds.
    pub to: ColumnType,
    /// How many of the batch's fields did not fit.
    pub misfits: u64,
    /// Of so many.
    pub fields: u64,
    /// One of them.
    pub example: Option<String>,
}

/// A column that could not hold some of a batch's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnMisfits {
    /// Its header, or its name.
    pub column: String,
    /// What it holds.
    pub ty: ColumnType,
    /// How many of the batch's fields read as null.
    pub rejects: u64,
    /// Of so many.
    pub fields: u64,
    /// One of them.
    pub example: Option<String>,
}

impl AppendReport {
    /// A report that says nothing yet but the receipt.
    pub(crate) fn blank(chain_head: ChainHead) -> Self {
        let none = Digest([0; 32]);
        Self {
            event: chain_head.n,
            batch: 0,
            group: 1,
            segment: String::new(),
            rows: 0,
            source_bytes: 0,
            segment_bytes: 0,
            source_sha256: none,
            packed_sha256: None,
            segment_sha256: none,
            rejects: 0,
            ragged: 0,
            columns_added: vec![],
            columns_missing: vec![],
            columns_widened: vec![],
            misfits: vec![],
            notes: vec![],
            repeated: false,
            chain_head,
        }
    }

    /// The report as `--json` prints it.
    pub fn to_json(&self) -> Value {
        json!({
            "event": self.event,
            "batch": self.batch,
            "group": self.group,
            "segment": self.segment,
            "rows": self.rows,
            "source_bytes": self.source_bytes,
            "segment_bytes": self.segment_bytes,
            "source_sha256": self.source_sha256.to_string(),
            "packed_sha256": self.packed_sha256.map(|digest| digest.to_string()),
            "segment_sha256": self.segment_sha256.to_string(),
            "rejects": self.rejects,
            "ragged": self.ragged,
            "columns_added": self.columns_added,
            "columns_missing": self.columns_missing,
            "columns_widened": self.columns_widened.iter().map(ColumnWidened::to_json).collect::<Vec<_>>(),
            "misfits": self.misfits.iter().map(ColumnMisfits::to_json).collect::<Vec<_>>(),
            "notes": self.notes,
            "repeated": self.repeated,
            "chain_head": self.chain_head.to_string(),
        })
    }
}

impl ColumnWidened {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "column": self.column, "from": self.from.to_string(), "to": self.to.to_string(),
            "misfits": self.misfits, "fields": self.fields, "example": self.example,
        })
    }
}

impl ColumnMisfits {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "column": self.column, "type": self.ty.to_string(), "rejects": self.rejects,
            "fields": self.fields, "example": self.example,
        })
    }
}

/// What a plan says about types, in the words of reports.
pub(crate) fn differences(plan: &schema::Plan) -> (Vec<ColumnWidened>, Vec<ColumnMisfits>) {
    let title = |column: usize| plan.schema.columns[column].title().to_owned();
    let widened = plan.widened.iter().map(|widened| ColumnWidened {
        column: title(widened.column),
        from: widened.from,
        to: widened.to,
        misfits: widened.misfits,
        fields: widened.fields,
        example: widened.example.clone(),
    });
    let misfits = plan.misfits.iter().map(|misfit| ColumnMisfits {
        column: title(misfit.column),
        ty: plan.schema.columns[misfit.column].column.ty,
        rejects: misfit.misfits,
        fields: misfit.fields,
        example: misfit.example.clone(),
    });
    (widened.collect(), misfits.collect())
}
