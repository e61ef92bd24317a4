//! Tables of any number of segments, made in minutes: what so many appends of a hundred records leave, without their syncs.
//!
//! * **Every number is true.** Events, digests, trees, zones and files are those that appends of [`batch`] 0, 1, 2 … leave, byte
//!   for byte but for the events' times: event 0 is appended by the table itself, the others are made beside it, and a test
//!   compares them.
//! * Batch n is a function of n alone, so threads share the work, a small table is the beginning of a large one, and whoever
//!   measures knows where to look: batch n holds second n ([`second`]) and nothing else does.
//! * Nothing is synced but the ledger, and that last: a table whose making was cut short is none.
//!
//! ```no_run
//! let made = at1_testkit::scale::make(&std::env::temp_dir().join("million"), 1_000_000, 2)?;
//! println!("{} bytes of segments, {} of ledger", made.segment_bytes, made.ledger_bytes);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```

mod make;
mod reset;
mod segment;

use std::{error::Error, fmt::Write as _};

use at1_ledger::Timestamp;

use crate::Rng;

pub use make::{Made, make};
pub use reset::{Found, reset};

/// A result whose error is told to a person.
pub type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Records of a batch.
pub const ROWS: u64 = 100;
/// One batch in so many has a size of [`BLOCK_SIZE`]; no other size comes near it.
pub const BLOCK_ONE_IN: u64 = 1000;
/// The size that is rare.
pub const BLOCK_SIZE: u64 = 1_000_000;

/// 2024-01-01T00:00:00Z.
const START_NANOS: i128 = 1_704_067_200_000_000_000;
const NANOS_OF_A_SECOND: i128 = 1_000_000_000;
const MILLIS_OF_A_ROW: u64 = 1000 / ROWS;

const SYMBOLS: [(&str, i64); 8] = [
    ("ADA", 61),
    ("BTC", 4_228_000),
    ("DOT", 821),
    ("ETH", 228_150),
    ("LTC", 7_340),
    ("SOL", 10_172),
    ("XAU", 206_250),
    ("XRP", 62),
];

/// The second that batch `n` holds, to the milliseconds of its first record and of the last it could have: bounds for a query.
///
/// ```
/// use at1_testkit::scale::second;
/// assert_eq!(second(61), ["2024-01-01T00:01:01.000Z", "2024-01-01T00:01:01.999Z"]);
/// ```
pub fn second(n: u64) -> [String; 2] {
    [0, 999].map(|millis| time(n, millis))
}

/// The id of a record of batch `n`: nothing orders ids, and none is there twice.
pub fn id(n: u64, row: u64) -> String {
    // One step of SplitMix64 is a permutation.
    format!("{:016x}", Rng::new(n * ROWS + row).next())
}

/// Batch `n` as a CSV file with a header: `time` rises, `symbol` is one of few, `id` is any of all, `price` and `size` vary.
pub fn batch(n: u64) -> Vec<u8> {
    let mut rng = Rng::new(!n);
    let block = rng.one_in(BLOCK_ONE_IN).then(|| rng.below(ROWS));
    let mut out = String::with_capacity(64 * (ROWS as usize + 1));
    out.push_str("time,symbol,id,price,size\n");
    for row in 0..ROWS {
        let time = time(n, row * MILLIS_OF_A_ROW + rng.below(MILLIS_OF_A_ROW));
        let (symbol, cents) = SYMBOLS[rng.index(SYMBOLS.len()).min(rng.index(SYMBOLS.len()))];
        let cents = cents + rng.between(-cents / 50, cents / 50);
        let size = if block == Some(row) { BLOCK_SIZE } else { 1 + rng.below(20) * rng.below(50) };
        let _ = writeln!(out, "{time},{symbol},{},{}.{:02},{size}", id(n, row), cents / 100, cents % 100);
    }
    out.into_bytes()
}

/// So many milliseconds into second `n`.
fn time(n: u64, millis: u64) -> String {
    let mut text = stamp(n, i128::from(millis) * 1_000_000).to_string();
    text.replace_range("2024-01-01T00:00:00.000".len().., "Z");
    text
}

/// When event `n` was committed: its second was over.
fn committed(n: u64) -> Timestamp {
    stamp(n, NANOS_OF_A_SECOND)
}

fn stamp(n: u64, nanos: i128) -> Timestamp {
    Timestamp::from_nanos(START_NANOS + i128::from(n) * NANOS_OF_A_SECOND + nanos)
        .expect("a second before the year 10000")
}
