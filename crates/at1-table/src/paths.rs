//! Names within a table's folder, and names that came from outside.
//!
//! * A segment's name is made of the event that committed it ([`at1_ledger::segment_name`]), so a name that no event gives
//!   belongs to nothing.
//! * A name from outside (a batch's file name) is never used as a path before [`safe_name`] has made it one plain file name.

/// The folder of segments.
pub const SEGMENTS: &str = "segments";
/// The folder of everything that is not a segment.
pub const HOME: &str = "_at1";
/// The ledger: the only authority.
pub const LEDGER: &str = "_at1/ledger";
/// The longer ledger of a backup, before it takes the name of the shorter one; a name here means nothing to a reader.
pub const LEDGER_NEW: &str = "_at1/ledger.new";
/// The blocks of the manifest, each named by its digest.
pub const MANIFEST: &str = "_at1/manifest";
/// The newest signed checkpoint.
pub const CHECKPOINT: &str = "_at1/checkpoint";
/// Signed checkpoints that are kept, each named by its size.
pub const CHECKPOINTS: &str = "_at1/checkpoints";
/// Receipts of time stampers, and what they stamped.
pub const ANCHORS: &str = "_at1/anchors";
/// Files that are being written.
pub const STAGING: &str = "_at1/staging";
/// Tails that a crash left and a later writer cut off the ledger.
pub const TORN: &str = "_at1/torn";
/// The file whose lock makes a writer the only one.
pub const LOCK: &str = "_at1/lock";
/// Its presence stops every writer: the disk failed in a way that nobody could undo.
pub const POISONED: &str = "_at1/poisoned";

/// Where a segment lies.
pub fn segment_path(name: &str) -> String {
    format!("{SEGMENTS}/{name}")
}

/// The longest file name that common file systems take.
const NAME_BYTES_MAX: usize = 255;

/// One plain file name made of whatever a batch was called: its last path component, without control characters and without
/// what other systems reserve; `fallback` if nothing is left.
///
/// ```
/// use at1_table::paths::safe_name;
/// assert_eq!(safe_name("../../etc/passwd", "x"), "passwd");
/// assert_eq!(safe_name("..", "batch_000003.csv"), "batch_000003.csv");
/// ```
pub fn safe_name(name: &str, fallback: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let reserved = |c: char| c.is_control() || "<>:\"|?*".contains(c);
    let mut safe: String = last.chars().map(|c| if reserved(c) { '_' } else { c }).collect();
    while safe.len() > NAME_BYTES_MAX - 16 {
        safe.pop();
    }
    // Trailing dots and blanks vanish on some systems, and names of dots are folders.
    let safe = safe.trim_end_matches(['.', ' ']);
    if safe.is_empty() { fallback.to_owned() } else { safe.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside() {
        for (name, expected) in [
            ("a.csv", "a.csv"),
            ("/abs/a.csv", "a.csv"),
            ("..\\..\\a.csv", "a.csv"),
            ("", "F"),
            (".", "F"),
            ("a/", "F"),
            ("a\u{0}b\n", "a_b_"),
            (" . . ", "F"),
            ("über.csv", "über.csv"),
        ] {
            assert_eq!(safe_name(name, "F"), expected, "{name:?}");
        }
        assert!(safe_name(&"é".repeat(400), "F").len() <= NAME_BYTES_MAX);
    }
}
