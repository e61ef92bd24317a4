//! What an event did: the typed form of its detail.
//!
//! * Every detail has the running totals *after* its event, and the newest manifest root that the writer knows.
//! * Known members are typed strictly; unknown ones are kept and written back, so an older reader passes on what a
//!   newer writer said.
//! * `n`, the event's number, is in the text but not in the type: the link knows it.

use std::ops::Range;

use serde_json::Value;

use crate::{
    digest::Digest,
    error::{Error, ErrorKind, Result},
    fields::{Builder, Fields, mismatch},
    json::{Json, Members},
    record::{BatchRecord, Carried, SCHEMA_BYTES_MAX, SegmentRecord},
    time::{Clock, ClockLag},
};

/// The operations of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// New batches.
    Append,
    /// Segments written again as fewer.
    Compact,
    /// Replaced files removed.
    Vacuum,
    /// A change of the columns or of how text is read.
    Schema,
    /// A receipt of an outside time stamper.
    Anchor,
    /// A signing key added or retired.
    Key,
    /// A remark.
    Note,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Append, Self::Compact, Self::Vacuum, Self::Schema, Self::Anchor, Self::Key, Self::Note];

    /// The word in the link.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Compact => "compact",
            Self::Vacuum => "vacuum",
            Self::Schema => "schema",
            Self::Anchor => "anchor",
            Self::Key => "key",
            Self::Note => "note",
        }
    }

    pub(crate) fn from_word(word: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|op| op.as_str() == word);
        known.ok_or_else(|| {
            Error::new(ErrorKind::Unknown, format!("expected an operation of this version, found {word}")).at("op")
        })
    }
}

impl std::fmt::Display for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// What there is after this event.
    pub totals: Totals,
    /// The newest manifest root known to the writer.
    pub manifest: Option<ManifestRef>,
    /// What was done.
    pub kind: Kind,
    /// Who did it.
    pub actor: Option<String>,
    /// The program that did it.
    pub tool: Option<String>,
    /// A remark on an event of another kind; the text of a note is in its kind.
    pub text: Option<String>,
    /// What the clock showed, if it was well behind.
    pub clk: Option<Clock>,
    /// Members that this version does not know.
    pub extra: Members,
}

/// Running totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Batches.
    pub batches: u64,
    /// Records.
    pub rows: u64,
    /// Source bytes.
    pub bytes: u64,
}

impl Totals {
    /// The totals after these batches too; `None` if a number overflows.
    pub fn plus(self, batches: &[BatchRecord]) -> Option<Self> {
        batches.iter().try_fold(self, |totals, batch| {
            Some(Self {
                batches: totals.batches.checked_add(1)?,
                rows: totals.rows.checked_add(batch.rows)?,
                bytes: totals.bytes.checked_add(batch.bytes)?,
            })
        })
    }
}

/// A root of the manifest tree: the fold of the first `events` events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManifestRef {
    /// How many events it folds.
    pub events: u64,
    /// The digest of its root block.
    pub sha256: Digest,
}

/// What an event did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// New batches, in new segments that tile them.
    Append {
        /// The batches, with the ordinals up to the total.
        batches: Vec<BatchRecord>,
        /// The segments that hold them, in order.
        segments: Vec<SegmentRecord>,
        /// Changes of the schema that these batches brought: an array of objects, each with a `kind`.
        schema: Option<Carried>,
    },
    /// The segments of a range of batches, written again.
    Compact {
        /// The batches, from one segment border to another.
        drop: Range<u64>,
        /// The segments that hold them now.
        segments: Vec<SegmentRecord>,
    },
    /// Files removed that compactions had replaced.
    Vacuum {
        /// The newest compaction whose replaced files may be among them.
        through: u64,
        /// The files.
        names: Vec<String>,
    },
    /// Changes of the schema without data.
    Schema {
        /// An array of objects, each with a `kind`.
        changes: Json,
    },
    /// An outside receipt for the first `size` events.
    Anchor {
        /// How many events it covers.
        size: u64,
        /// What kind of receipt: `rfc3161`, `opentimestamps` …; the member `kind`.
        receipt: String,
        /// Digest of the receipt.
        sha256: Digest,
        /// The time it states, as it states it.
        time: Option<String>,
    },
    /// A change of signing keys. It is a claim: whom to trust is the verifier's policy.
    Key {
        /// The new key, as a verifier key.
        add: Option<String>,
        /// The key that signs no longer.
        retire: Option<String>,
        /// The outgoing key's last checkpoint.
        checkpoint: Option<String>,
    },
    /// A remark.
    Note {
        /// The member `text`.
        text: String,
    },
}

impl Kind {
    /// The operation.
    pub fn op(&self) -> Op {
        match self {
            Self::Append { .. } => Op::Append,
            Self::Compact { .. } => Op::Compact,
            Self::Vacuum { .. } => Op::Vacuum,
            Self::Schema { .. } => Op::Schema,
            Self::Anchor { .. } => Op::Anchor,
            Self::Key { .. } => Op::Key,
            Self::Note { .. } => Op::Note,
        }
    }

    /// The segments that this event commits.
    pub fn segments(&self) -> &[SegmentRecord] {
        match self {
            Self::Append { segments, .. } | Self::Compact { segments, .. } => segments,
            _ => &[],
        }
    }

    /// The batches that this event commits.
    pub fn batches(&self) -> &[BatchRecord] {
        match self {
            Self::Append { batches, .. } => batches,
            _ => &[],
        }
    }
}

impl Detail {
    /// The detail of the event after `previous`: its totals and manifest carried on, the batches of `kind` added.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if a total overflows.
    pub fn after(previous: Option<&Self>, kind: Kind) -> Result<Self> {
        let totals = previous.map_or_else(Totals::default, |previous| previous.totals).plus(kind.batches());
        Ok(Self {
            totals: totals.ok_or_else(|| Error::invalid("expected totals of 64 bits, found more"))?,
            manifest: previous.and_then(|previous| previous.manifest),
            kind,
            actor: None,
            tool: None,
            text: None,
            clk: None,
            extra: Members::new(),
        })
    }

    /// The object that event `n` carries.
    pub(crate) fn to_json(&self, n: u64) -> Result<Value> {
        let mut members = Builder::default();
        members
            .put("n", &n)
            .put("batches_total", &self.totals.batches)
            .put("rows_total", &self.totals.rows)
            .put("bytes_total", &self.totals.bytes)
            .put_some("actor", self.actor.as_ref())
            .put_some("tool", self.tool.as_ref())
            .put_some("text", self.text.as_ref());
        let manifest = match &self.manifest {
            None => Value::Null,
            Some(ManifestRef { events, sha256 }) => {
                let mut manifest = Builder::default();
                manifest.put("events", events).put("sha256", sha256);
                manifest.finish(&Members::new())?
            }
        };
        members.value("manifest", manifest);
        if let Some(Clock { wall, lag }) = &self.clk {
            let mut clk = Builder::default();
            clk.put("wall", wall);
            if *lag == ClockLag::Forced {
                clk.value("forced", true.into());
            }
            members.value("clk", clk.finish(&Members::new())?);
        }
        match &self.kind {
            Kind::Append { batches, segments, schema } => {
                members.value("batches", batches.iter().map(BatchRecord::to_json).collect::<Result<Vec<_>>>()?.into());
                members.value("seg", segments_to_json(segments)?);
                if let Some(schema) = schema {
                    schema.put(&mut members, "schema");
                }
            }
            Kind::Compact { drop, segments } => {
                members.put("drop", drop).value("seg", segments_to_json(segments)?);
            }
            Kind::Vacuum { through, names } => {
                members.put("through", through).put("names", names);
            }
            Kind::Schema { changes } => {
                members.value("changes", changes.value());
            }
            Kind::Anchor { size, receipt, sha256, time } => {
                members.put("size", size).put("kind", receipt).put("sha256", sha256).put_some("time", time.as_ref());
            }
            Kind::Key { add, retire, checkpoint } => {
                members
                    .put_some("add", add.as_ref())
                    .put_some("retire", retire.as_ref())
                    .put_some("checkpoint", checkpoint.as_ref());
            }
            Kind::Note { text } if self.text.is_none() => {
                members.put("text", text);
            }
            Kind::Note { .. } => return Err(Error::invalid("expected the text of a note once, found two").at("text")),
        }
        members.finish(&self.extra)
    }

    /// Reads the object of an event with this operation; also gives `n`.
    pub(crate) fn from_json(op: Op, value: Value) -> Result<(u64, Self)> {
        let mut fields = Fields::new(value)?;
        let n = fields.take("n")?;
        let totals = Totals {
            batches: fields.take("batches_total")?,
            rows: fields.take("rows_total")?,
            bytes: fields.take("bytes_total")?,
        };
        let manifest = match fields.value("manifest")? {
            Value::Null => None,
            value => Some(Fields::new(value).and_then(manifest_from_fields).map_err(|error| error.at("manifest"))?),
        };
        let clk = match fields.optional_value("clk") {
            None => None,
            Some(value) => Some(Fields::new(value).and_then(clock_from_fields).map_err(|error| error.at("clk"))?),
        };
        let kind = Self::kind_from_fields(op, &mut fields)?;
        let detail = Self {
            totals,
            manifest,
            kind,
            actor: fields.optional("actor")?,
            tool: fields.optional("tool")?,
            text: fields.optional("text")?,
            clk,
            extra: fields.rest(),
        };
        Ok((n, detail))
    }

    fn kind_from_fields(op: Op, fields: &mut Fields) -> Result<Kind> {
        Ok(match op {
            Op::Append => Kind::Append {
                batches: fields.records("batches", BatchRecord::from_fields)?,
                segments: fields.records("seg", SegmentRecord::from_fields)?,
                schema: match Carried::from_fields(fields, "schema", SCHEMA_BYTES_MAX)? {
                    Some(Carried::Inline(changes)) => {
                        expect_changes(&changes).map_err(|error| error.at("schema"))?;
                        Some(Carried::Inline(changes))
                    }
                    other => other,
                },
            },
            Op::Compact => Kind::Compact {
                drop: fields.take("drop")?,
                segments: fields.records("seg", SegmentRecord::from_fields)?,
            },
            Op::Vacuum => Kind::Vacuum { through: fields.take("through")?, names: fields.take("names")? },
            Op::Schema => {
                let changes = Json::new(&fields.value("changes")?)?;
                expect_changes(&changes).map_err(|error| error.at("changes"))?;
                Kind::Schema { changes }
            }
            Op::Anchor => Kind::Anchor {
                size: fields.take("size")?,
                receipt: fields.take("kind")?,
                sha256: fields.take("sha256")?,
                time: fields.optional("time")?,
            },
            Op::Key => {
                let (add, retire) = (fields.optional("add")?, fields.optional("retire")?);
                if add.is_none() && retire.is_none() {
                    return Err(Error::damaged("expected add or retire, found neither"));
                }
                Kind::Key { add, retire, checkpoint: fields.optional("checkpoint")? }
            }
            Op::Note => Kind::Note { text: fields.take("text")? },
        })
    }
}

/// Schema changes are the table's business; to the ledger they are objects with a `kind`.
pub(crate) fn expect_changes(changes: &Json) -> Result<()> {
    let value = changes.value();
    let Some(items) = value.as_array().filter(|items| !items.is_empty()) else {
        return Err(mismatch("an array of at least one object", &value));
    };
    match items.iter().position(|change| !change.get("kind").is_some_and(Value::is_string)) {
        None => Ok(()),
        Some(i) => Err(mismatch("an object with a kind", &items[i]).at(format_args!("[{i}]"))),
    }
}

fn segments_to_json(segments: &[SegmentRecord]) -> Result<Value> {
    Ok(segments.iter().map(SegmentRecord::to_json).collect::<Result<Vec<_>>>()?.into())
}

fn manifest_from_fields(mut fields: Fields) -> Result<ManifestRef> {
    let manifest = ManifestRef { events: fields.take("events")?, sha256: fields.take("sha256")? };
    fields.nothing_else().map(|()| manifest)
}

fn clock_from_fields(mut fields: Fields) -> Result<Clock> {
    let wall = fields.take("wall")?;
    let lag = match fields.optional_value("forced") {
        None => ClockLag::Tolerated,
        Some(Value::Bool(true)) => ClockLag::Forced,
        Some(other) => return Err(mismatch("true or no member", &other).at("forced")),
    };
    fields.nothing_else().map(|()| Clock { wall, lag })
}
