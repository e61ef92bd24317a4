//! What the Python extensions of AT1 share: exceptions, signals and progress, Arrow streams.
//!
//! | module | what it knows |
//! |---|---|
//! | [`Failure`] | errors of the crates below as exceptions of the package `at1`, which knows their classes |
//! | [`Watch`] | how long work is done without the interpreter, and is ended by Ctrl-C all the same |
//! | [`stream`] | record batches as Arrow C streams, in capsules, and back |
//!
//! * Whatever may take long runs detached from the interpreter, so that other threads of the program go on.
//! * What is absent: classes and functions. Each extension has its own.
#![forbid(unsafe_code)]

mod failure;
pub mod stream;
mod watch;

pub use failure::{Failure, Result};
pub use watch::{Watch, listen};
