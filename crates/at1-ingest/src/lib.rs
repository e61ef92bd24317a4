//! Lines into a table as they are written: files that are followed through every rotation, and pipes.
//!
//! * **Each line once.** Lines that were read are in a journal before they are in the table; the table's ledger says how far each
//!   source has come. So a restart, after whatever crash, goes on exactly where it was. A pipe cannot be asked again: what
//!   it held when the process died is its writer's to send again, and then comes twice.
//! * **Bounded.** At most two batches of a source are in journals, and none in memory; what is appended at the same time is bounded over
//!   all sources, and a few threads read all files. Who writes faster than that waits.
//! * **A table at any time.** Every batch is an append like any other; segments are merged beside.
//!
//! ```
//! use at1_ingest::{IngestOptions, Source, Stats, ingest};
//! use at1_table::{CreateOptions, Table};
//!
//! let folder = tempfile::tempdir()?;
//! let table = Table::create(folder.path(), &CreateOptions::default())?;
//! let lines = std::io::Cursor::new(b"{\"ms\":12}\n{\"ms\":7}\n");
//! let sources = vec![Source::reader("requests", lines)];
//! let stats = Stats::default();
//! ingest(&table, folder.path(), sources, &IngestOptions::default(), &|| false, &|_| {}, &stats)?;
//! assert_eq!(table.info()?.rows, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | knows |
//! |---|---|
//! | `file`, `position` | a file that grows, wherever it is moved |
//! | `pipe` | bytes that come once |
//! | `journal` | lines on disk that the table lacks |
//! | `feed` | one source: how lines become batches |
//! | `room` | how much may be appended at a time |
//! | `run` | all sources of a table: who reads which, and compaction beside |

#![forbid(unsafe_code)]

mod feed;
mod file;
mod journal;
mod pipe;
mod position;
mod room;
mod run;
mod stats;

use std::{
    fmt,
    io::{self, Read},
    path::PathBuf,
    time::Duration,
};

use at1_table::{AppendOptions, AppendReport, Choose, CompactOptions, CompactReport};

pub use run::ingest;
pub use stats::{SourceStats, Stats};

/// Where lines come from.
pub enum Source {
    /// A file that is followed. It need not be there yet.
    File(PathBuf),
    /// All files that match, also those that come later. A pattern must not match what a file is renamed to.
    Glob(String),
    /// A reader that ends, or does not: a pipe.
    Reader {
        /// What it is called: how far it has come is kept under this name.
        name: String,
        /// The bytes.
        reader: Box<dyn Read + Send>,
    },
}

impl Source {
    /// A reader, under a name of its own.
    pub fn reader(name: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        Self::Reader { name: name.into(), reader: Box::new(reader) }
    }

    /// A file, or those that match if there is `*`, `?` or `[` in it and no file of this very name.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        match path.to_str() {
            Some(text) if text.contains(['*', '?', '[']) && !path.exists() => Self::Glob(text.to_owned()),
            _ => Self::File(path),
        }
    }
}

/// When a batch is appended: as soon as it has one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Lines.
    pub lines: u64,
    /// Bytes.
    pub bytes: u64,
    /// Time since its first line was read.
    pub age: Duration,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { lines: 1_000_000, bytes: 32 << 20, age: Duration::from_secs(5) }
    }
}

/// How lines are read and appended.
#[derive(Clone, Debug)]
pub struct IngestOptions {
    /// How batches are read and appended. Notes and idempotency keys are set for each.
    pub append: AppendOptions,
    /// When a batch is appended.
    pub batch: BatchLimits,
    /// How long lines may be in the journal before the disk is told to keep them. A crash of the process loses none of them even then.
    pub sync: Duration,
    /// How long one sleeps where there is nothing to read.
    pub poll: Duration,
    /// Whether a file that was never met is read from its end.
    pub skips_old: bool,
    /// How segments are merged beside, if they are.
    pub compact: Option<CompactOptions>,
}

impl Default for IngestOptions {
    fn default() -> Self {
        let compact = CompactOptions { choose: Choose::Tiered(Default::default()), ..CompactOptions::default() };
        Self {
            append: AppendOptions::default(),
            batch: BatchLimits::default(),
            sync: Duration::from_millis(500),
            poll: Duration::from_millis(50),
            skips_old: false,
            compact: Some(compact),
        }
    }
}

/// What happened, as it happens.
#[derive(Debug)]
pub enum Told<'a> {
    /// A batch is in the table.
    Appended {
        /// Of this source.
        source: &'a str,
        /// Its lines.
        lines: u64,
        /// The table's report.
        report: &'a AppendReport,
        /// How long the append took.
        took: Duration,
        /// How long it was since its first line was read; nobody knows of what a crash left.
        delay: Option<Duration>,
    },
    /// Lines that a crash left in the journal are about to be appended.
    Recovered {
        /// Of this source.
        source: &'a str,
        /// So many.
        lines: u64,
    },
    /// Something happened to a source.
    Happened {
        /// To this one.
        source: &'a str,
        /// What.
        happening: Happening,
    },
    /// The disk or a source refused, and is asked again.
    Refused {
        /// Whose.
        source: &'a str,
        /// Why.
        error: String,
    },
    /// Segments were merged.
    Compacted {
        /// The table's report.
        report: &'a CompactReport,
    },
}

/// What happens to files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It was renamed and made anew.
    Rotated {
        /// Which.
        path: PathBuf,
    },
    /// It was emptied, or written again from its start.
    Truncated {
        /// Which.
        path: PathBuf,
        /// How far it had been read.
        offset: u64,
    },
    /// It is not there.
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// It is there again.
    Found {
        /// Which.
        path: PathBuf,
    },
    /// What it was when it was last read is nowhere to be found: lines that came after may be lost.
    Lost {
        /// Which.
        path: PathBuf,
        /// How far it had been read.
        offset: u64,
    },
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rotated { path } => write!(f, "{}: renamed, and a new one is there", path.display()),
            Self::Truncated { path, offset } => write!(f, "{}: emptied after {offset} bytes were read", path.display()),
            Self::Missing { path } => write!(f, "{}: not there, waiting for it", path.display()),
            Self::Found { path } => write!(f, "{}: there again", path.display()),
            Self::Lost { path, offset } => {
                write!(
                    f,
                    "{}: read up to byte {offset} before, and that file is gone: lines after that may be lost",
                    path.display()
                )
            }
        }
    }
}

/// Why it ended.
#[derive(Debug)]
pub enum Error {
    /// A source cannot be read.
    Source {
        /// Which.
        source: String,
        /// Why.
        error: io::Error,
    },
    /// The journal of a source failed.
    Journal {
        /// Of which.
        source: String,
        /// Why.
        error: io::Error,
    },
    /// The table refused.
    Table {
        /// Lines of this source.
        source: String,
        /// Why.
        error: at1_table::Error,
    },
}

/// What ingesting comes to.
pub type Result<T> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { source, error } => write!(f, "{source}: {error}"),
            Self::Journal { source, error } => write!(f, "journal of {source}: {error}"),
            Self::Table { source, error } => write!(f, "{source}: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Source { error, .. } | Self::Journal { error, .. } => Some(error),
            Self::Table { error, .. } => Some(error),
        }
    }
}
