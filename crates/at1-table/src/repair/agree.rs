//! How far a backup's ledger goes along with one that is damaged.

use at1_ledger::{split_tail, verify_chain};

use crate::{
    copy::place,
    paths,
    store::{Store, read_whole},
};

/// In words: how many of the `events` that lie in the first bytes, `good`, of a damaged ledger a backup has too, and what it has beyond.
pub(super) fn agreement(backup: &dyn Store, good: &[u8], events: u64) -> String {
    let ledger = match read_whole(backup, paths::LEDGER) {
        Ok(bytes) => bytes,
        Err(e) => return format!("{} cannot be read: {e}", place(backup, paths::LEDGER)),
    };
    let there = verify_chain(split_tail(&ledger).0);
    let whole = &ledger[..usize::try_from(there.whole_bytes).unwrap_or(usize::MAX).min(ledger.len())];
    let same = good.iter().zip(whole).take_while(|(a, b)| a == b).count();
    let lines = good[..same].iter().filter(|byte| **byte == b'\n').count() as u64;
    let backup = backup.place();
    let has = format!("{backup} has {} events that recompute", there.events);
    match lines.checked_sub(1) {
        None => format!("{backup} is a copy of another table"),
        Some(_) if same == good.len() && there.events > events => {
            format!(
                "{has}: all {events} from before the damage are the same, and it goes on beyond; it is the table up to its last event"
            )
        }
        Some(_) if same == good.len() => {
            format!("{has}: all {events} from before the damage are the same, and it ends there")
        }
        Some(common) if same == whole.len() => {
            format!(
                "{has}: they are the first {common} of this table, which holds up to event {}",
                events.saturating_sub(1)
            )
        }
        Some(common) => format!("{has}: the first {common} are the same, then the histories part, before the damage"),
    }
}
