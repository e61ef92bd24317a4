//! Values, canonical forms, and what differs from them: what a field's text means, and how the exact text is printed
//! again.
//!
//! * [`Inference`] counts what the fields of a column could be, and says which type they have by themselves.
//! * [`encode`] turns the fields of one row group into an Arrow array and *recovery bytes*: the form that prints nearly
//!   all fields, small streams of what varies from row to row, and patches for the rest.
//! * [`Printer`] prints the fields again from both, byte for byte.
//! * A [`Meaning`] says what fields come to: the same wherever, and as whatever, they are stored.
//! * A value is exactly what the text says. A field that its column's type cannot hold is a *reject*: it reads as null,
//!   and its text is a patch.

pub(crate) mod array;
mod boolean;
pub(crate) mod bytes;
mod choose_number;
mod choose_time;
mod clock;
mod counts;
mod describe;
mod digits;
pub(crate) mod encode;
mod escapes;
mod float;
mod form;
mod form_bytes;
mod infer;
mod kind;
mod memo;
mod nulls;
mod number;
mod patch;
mod pin;
mod plain;
mod print;
mod printed;
pub(crate) mod put;
mod recent;
mod rows;
pub(crate) mod sample;
mod specials;
#[cfg(test)]
mod strings;
mod tally;
mod textual;
mod time;
mod typed;
pub(crate) mod value;
mod word;

pub(crate) use encode::Encoder;
pub use encode::{Encoded, encode};
pub use infer::Inference;
pub use nulls::NullWords;
pub use pin::{Agreement, DateOrder, Epoch, Pin, Reading, Source, UnknownPin};
pub(crate) use plain::holds_any;
pub use print::{Printed, Printer, rejects};
pub(crate) use printed::copy_field;
pub(crate) use time::MONTHS;
pub use value::Meaning;
pub(crate) use word::WORD_BYTES;
