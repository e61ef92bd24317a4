//! The manifest: what a ledger's first events came to, in blocks that are read only where a question needs them.
//!
//! * A [`Manifest`] is a pure function of the ledger's first events and the zones of its segments: whoever makes it makes the same
//!   bytes, so a block that was lost can be made again, and racing writers agree.
//! * Blocks are immutable and named by digest. Nothing of a block is parsed before its bytes matched what its parent says.
//! * The newest root that an event binds folds the first `events` events; a [`Tail`] holds what the events after it changed, and
//!   answers for both together.
//! * A block that is missing or damaged is an error that [`is_to_blame`] knows: the same can be had from the ledger, slowly.

mod block;
mod blocks;
mod columns;
mod cut;
mod events;
mod grow;
mod lists;
mod live;
mod model;
mod node;
mod plan;
mod root;
mod splice;
mod tail;
#[cfg(test)]
mod tests;
mod tree;
mod visit;
mod walk;

pub(crate) use block::check as check_block;
pub(crate) use blocks::{path as block_path, put as put_block};
pub(crate) use live::LiveSegments;
pub(crate) use model::{Entry, EventEntry, Live, Pending, Placed, Root, Sums};
pub(crate) use plan::{Plan, PlanCounts, Question};
pub(crate) use tail::Tail;
pub(crate) use tree::Manifest;

use crate::{error::Error, paths};

/// Whether an error is about a block of a manifest, so that folding the ledger from its start would do without.
pub(crate) fn is_to_blame(error: &Error) -> bool {
    error.place().contains(paths::MANIFEST)
}
