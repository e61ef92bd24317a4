//! Where one node ends and the next begins.
//!
//! * The answer depends on what lies to the left in the same node and on nothing else; so from the first end that two sequences
//!   share, equal segments make equal nodes, whatever was edited before.
//! * A node ends after an item at which a hash of its last batch's end says so, once it has the least number of items, or when it has
//!   the most.
//! * Tests cut earlier, so that a short history has a deep tree.

/// The fewest segments of a leaf that another follows.
pub(super) const LEAF_MIN: usize = if cfg!(all(test, debug_assertions)) { 8 } else { 128 };
/// The most segments of a leaf.
pub(super) const LEAF_MAX: usize = if cfg!(all(test, debug_assertions)) { 32 } else { 512 };
/// The fewest children of an inner node that another follows.
pub(super) const INNER_MIN: usize = if cfg!(all(test, debug_assertions)) { 4 } else { 32 };
/// The most children of an inner node.
pub(super) const INNER_MAX: usize = if cfg!(all(test, debug_assertions)) { 16 } else { 128 };

/// Whether a node of `items` items ends after the one whose batches end at `end`.
pub(super) fn ends(level: u8, items: usize, end: u64) -> bool {
    let (least, most) = if level == 0 { (LEAF_MIN, LEAF_MAX) } else { (INNER_MIN, INNER_MAX) };
    // As many items again as the least, on average.
    items >= most || (items >= least && mix(end.wrapping_add(u64::from(level) << 56)).is_multiple_of(least as u64))
}

/// The finisher of SplitMix64, which spreads every bit of its input over all of its output.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const _: () = assert!(INNER_MAX <= LEAF_MAX && LEAF_MIN.is_power_of_two() && INNER_MIN.is_power_of_two());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixer_is_the_one_of_the_specification() {
        assert_eq!(
            [mix(0), mix(1), mix(1 << 56)],
            [0xe220_a839_7b1d_cdaf, 0x910a_2dec_8902_5cc1, 0xc9ed_9924_11bb_b661]
        );
    }

    #[test]
    fn nodes_have_as_many_items_as_they_may() {
        for (level, least, most) in [(0, LEAF_MIN, LEAF_MAX), (1, INNER_MIN, INNER_MAX), (2, INNER_MIN, INNER_MAX)] {
            let (mut items, mut nodes, mut full) = (0, 0, 0);
            for end in 1..=1_000_000 {
                items += 1;
                if ends(level, items, end) {
                    assert!((least..=most).contains(&items));
                    full += u32::from(items == most);
                    (items, nodes) = (0, nodes + 1);
                }
            }
            let mean = 1_000_000 / nodes;
            assert!((least * 16 / 10..least * 22 / 10).contains(&mean), "level {level}: {mean}");
            assert!(full < nodes as u32 / 8, "level {level}: {full} of {nodes} were cut at the most");
        }
    }
}
