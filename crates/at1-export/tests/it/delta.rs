//! Delta logs.

mod bench;
mod checkpoints;
mod contents;
mod faults;
mod races;
mod resume;
mod scale;
mod stats;
mod widen;
