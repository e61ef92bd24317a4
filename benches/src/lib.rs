//! Benchmarks of parts, by criterion: `cargo bench --manifest-path benches/Cargo.toml`.
//!
//! * Whole programs against their peers are measured by `cargo xtask bench`, into `benches/RESULTS.md`; tables of up to a
//!   million segments by `cargo xtask scale`, into `benches/SCALE.md`.
//! * Inputs are generated, so a figure belongs to a machine and a commit, not to a file somebody has.

/// Rows of the generated input: 100,000 trades, about 4.9 MB.
pub const ROWS: usize = 100_000;

/// The generated input.
pub fn trades() -> Vec<u8> {
    at1_testkit::trades(1, ROWS)
}
