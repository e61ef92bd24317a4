//! What is remembered of a ledger outside of it: where it ended, and enough to go on from there.
//!
//! * Truncation, replay and forks leave no trace in the directory. Whoever kept one of these notices them all, back to the size
//!   that it is of.
//! * A signer keeps one beside its key and never signs what does not continue it, so an honest tool cannot fork its own ledger,
//!   not even after a backup was put back. A verifier keeps one of its own.
//! * It is of one ledger, by genesis and origin. It is never looked up by a name that the ledger itself supplies: a ledger that
//!   shows another name would pass for one that was never seen.
//! * With the tree's right edge in it, going on costs what the new lines cost, however many there were before.
//!
//! ```text
//! {"at1_memory":1,"chain":HEX,"genesis":HEX,"hashed":N,"ledger_bytes":N,"note":TEXT,"origin":TEXT,"root":HEX,"sha256":HEX,
//!  "size":N,"subtrees":[HEX…]} LF          canonical JSON; hashed and note optional; sha256 of the text without that member
//! ```

use serde_json::Value;

use crate::{
    chain::ChainReport,
    checkpoint::{Checkpoint, SignedCheckpoint},
    digest::Digest,
    error::{Error, Result},
    fields::{Builder, Fields},
    header::Header,
    json::{self, Members},
    link::Frame,
    tree::Frontier,
};

/// The member that a damaged text differs in: a smaller number of events would be a memory too, of less.
const SHA256: &str = "sha256";

/// The end of a ledger as it was once seen.
///
/// ```
/// use at1_ledger::{Header, Memory, RowTree};
///
/// let header = Header::new([7; 16], None, RowTree::SourceBytes)?;
/// let memory = Memory::of_header(&header);
/// assert_eq!((memory.size(), memory.ledger_bytes()), (0, header.line().len() as u64 + 1));
/// assert_eq!(Memory::parse(memory.to_text().as_bytes())?, memory);
/// # Ok::<(), at1_ledger::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    origin: String,
    genesis: Digest,
    chain: Digest,
    ledger_bytes: u64,
    tree: Frontier,
    /// The signed checkpoint that was seen then, if one was.
    pub note: Option<String>,
    /// Every file that the first so many events name as live was hashed whole at some time, by whoever remembers.
    pub hashed: u64,
}

/// What a ledger is to whoever remembers an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// It begins with what is remembered.
    Extends,
    /// It ends before: it was cut short, or an older copy was put back.
    Shorter {
        /// How many events there are.
        events: u64,
    },
    /// It is as long or longer, and parts from what is remembered somewhere before its end.
    Differs {
        /// The root there.
        found: Digest,
    },
    /// It is another ledger.
    Other {
        /// Its genesis, if it has a header.
        found: Option<Digest>,
    },
}

impl Memory {
    /// A ledger without events.
    pub fn of_header(header: &Header) -> Self {
        let genesis = header.genesis();
        Self {
            origin: header.origin().to_owned(),
            genesis,
            chain: genesis,
            ledger_bytes: header.line().len() as u64 + 1,
            tree: Frontier::new(),
            note: None,
            hashed: 0,
        }
    }

    /// The ledger that a report is of, as far as it links up; `None` if it has no header.
    pub fn of_report(report: &ChainReport) -> Option<Self> {
        let header = report.header.as_ref()?;
        Some(Self {
            chain: report.chain?,
            ledger_bytes: report.whole_bytes,
            tree: report.tree.clone(),
            ..Self::of_header(header)
        })
    }

    /// Reads what [`Memory::to_text`] wrote.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) if it is something else, or its parts contradict each other. Nobody
    /// should go on without it then: a memory that is quietly begun anew has forgotten what it was kept for.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let inner = || {
            let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            let mut value = json::decode(text)?;
            let sha256 = value.as_object_mut().and_then(|members| members.remove(SHA256));
            let found = Value::from(Digest::of(json::encode(&value)?.as_bytes()).to_string());
            let mut fields = Fields::new(value)?;
            let version: u64 = fields.take("at1_memory")?;
            if version != 1 {
                return Err(Error::damaged(format!("expected 1, found {version}")).at("at1_memory"));
            }
            let (size, root): (u64, Digest) = (fields.take("size")?, fields.take("root")?);
            let tree = Frontier::resume(size, fields.take("subtrees")?).filter(|tree| tree.root() == root);
            let memory = Self {
                origin: fields.take("origin")?,
                genesis: fields.take("genesis")?,
                chain: fields.take("chain")?,
                ledger_bytes: fields.take("ledger_bytes")?,
                tree: tree.ok_or_else(|| Error::damaged("expected those of the size and root").at("subtrees"))?,
                note: fields.optional("note")?,
                hashed: fields.optional("hashed")?.unwrap_or(0),
            };
            fields.nothing_else()?;
            match sha256 {
                Some(expected) if expected == found => Ok(memory),
                Some(expected) => Err(Error::damaged(format!("expected {expected}, found {found}")).at(SHA256)),
                None => Err(Error::damaged("expected this member, found none").at(SHA256)),
            }
        };
        inner().map_err(|error: Error| error.at("memory"))
    }

    /// The text of the file, one line.
    pub fn to_text(&self) -> String {
        let mut members = Builder::default();
        members
            .put("at1_memory", &1)
            .put("origin", &self.origin)
            .put("genesis", &self.genesis)
            .put("chain", &self.chain)
            .put("ledger_bytes", &self.ledger_bytes)
            .put("size", &self.size())
            .put("root", &self.tree.root())
            .put("subtrees", &self.tree.subtrees().to_vec())
            .put_some("note", self.note.as_ref())
            .put_some("hashed", Some(&self.hashed).filter(|hashed| **hashed > 0));
        let inside = "sizes of ledgers are inside the profile";
        let mut object = members.finish(&Members::new()).expect(inside);
        let sha256 = Digest::of(json::encode(&object).expect(inside).as_bytes());
        object[SHA256] = sha256.to_string().into();
        format!("{}\n", json::encode(&object).expect(inside))
    }

    /// Whether it is of the ledger with this header.
    pub fn is_of(&self, header: &Header) -> bool {
        self.genesis == header.genesis() && self.origin == header.origin()
    }

    /// How many events.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Where in the ledger's file the next line begins.
    pub fn ledger_bytes(&self) -> u64 {
        self.ledger_bytes
    }

    /// The chain value after the last event.
    pub fn chain(&self) -> Digest {
        self.chain
    }

    /// Goes on by one line, LF included.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) if the line is no event or does not follow what is remembered.
    pub fn follow(&mut self, line: &[u8]) -> Result<()> {
        let place = |error: Error| error.at(format_args!("event {}", self.tree.size()));
        let frame = Frame::parse(line).map_err(place)?;
        if frame.prev != self.chain {
            let message = format!("expected chain value {} before it, found {}", self.chain, frame.prev);
            return Err(place(Error::damaged(message)));
        }
        self.tree.push(frame.preimage);
        self.chain = frame.chain;
        self.ledger_bytes += line.len() as u64;
        Ok(())
    }

    /// The checkpoint of what is remembered, to be signed or compared.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { origin: self.origin.clone(), size: self.size(), root: self.tree.root() }
    }

    /// What a ledger is to whoever remembers this. The report must have been made with the root at [`Memory::size`]:
    /// [`verify_chain_at`](crate::verify_chain_at).
    ///
    /// # Panics
    ///
    /// If it was not.
    pub fn recall(&self, report: &ChainReport) -> Recall {
        let genesis = report.header.as_ref().map(Header::genesis);
        if genesis != Some(self.genesis) {
            return Recall::Other { found: genesis };
        }
        match report.root_at(self.size()) {
            None => {
                assert!(report.events < self.size(), "the report was made without the root of this size");
                Recall::Shorter { events: report.events }
            }
            Some(root) if root == self.tree.root() => Recall::Extends,
            Some(found) => Recall::Differs { found },
        }
    }

    /// What a checkpoint that is said to be of this ledger is to whoever remembers this, as far as that shows without a proof:
    /// the same tree, one of the same size that differs, or `None` if only a consistency proof could tell.
    pub fn agrees(&self, checkpoint: &SignedCheckpoint) -> Option<bool> {
        let mine = self.checkpoint();
        let other = checkpoint.checkpoint();
        match other.origin == mine.origin {
            false => Some(false),
            true => (other.size == mine.size).then_some(other.root == mine.root),
        }
    }
}
