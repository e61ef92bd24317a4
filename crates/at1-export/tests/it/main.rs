//! Exports of real tables, read back as their readers would.
//!
//! * What a log should say is written as data, or worked out a second time by code that is obviously right.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is the test failing")]

mod delta;
