//! Inputs for tests, examples and benchmarks: the same seed gives the same bytes on every machine.
//!
//! * [`Trades`] writes plausible market data: moving prices, batches whose time ranges do not overlap.
//! * [`csv_zoo`] writes small files, well-formed and not: every dialect, type, line end and mistake we know of;
//!   [`json_zoo`] does so with lines of JSON, [`log_zoo`] with those of logs.
//! * [`feed`] writes what several producers offer a table that grows: other orders, new columns, wider types, odd endings.
//! * `store` and `fault` (feature `store`) are a table's storage in memory: it fails at any step and loses what was not synced, in every
//!   way in which that can be lost. `matrix` goes through all failures of a deed, `interleave` through all orders of several.
//! * `scale` (feature `scale`) makes tables of 10³ to 10⁶ segments in minutes.
//! * `forge` (feature `forge`) makes segments that mean harm: any bytes, under digests that hold.
//! * [`strategies`] offers both, and arbitrary bytes, to proptest.
//!
//! Never published, and nothing outside tests, `xtask` and benchmarks depends on it.
//!
//! ```
//! let mut trades = at1_testkit::Trades::new(1);
//! let (first, second) = (trades.batch(2), trades.batch(2));
//! assert!(first.starts_with(b"ts,symbol,price,qty,side,venue,trade_id\n"));
//! assert_ne!(first, second);
//! assert_eq!(first, at1_testkit::trades(1, 2));
//! ```

#![forbid(unsafe_code)]

#[cfg(feature = "store")]
pub mod fault;
mod feed;
#[cfg(feature = "forge")]
pub mod forge;
#[cfg(feature = "store")]
pub mod interleave;
mod json_zoo;
mod log_zoo;
#[cfg(feature = "store")]
pub mod matrix;
mod rng;
#[cfg(feature = "scale")]
pub mod scale;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "strategies")]
pub mod strategies;
mod trades;
mod zoo;

pub use feed::{FeedFile, Opening, feed};
pub use json_zoo::json_zoo;
pub use log_zoo::log_zoo;
pub use rng::Rng;
pub use trades::{HEADER as TRADES_HEADER, Trades, trades};
pub use zoo::csv_zoo;
