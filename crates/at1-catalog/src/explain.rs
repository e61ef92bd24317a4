//! Why a query left out what it left out: which part of its predicate ruled out how much, level by level.
//!
//! * Parts are those of [`Bound::parts`](crate::Bound::parts): what stands side by side under the outermost AND. A stretch is
//!   counted for the first part that rules it out alone.
//! * Only what was looked at is counted: a block that was skipped as a whole hides its segments, a segment its row groups.

use std::ops::AddAssign;

/// What was ruled out at one level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruled {
    /// How much.
    pub total: u64,
    /// Of that, how much by each part, as far as that is known; may be shorter than there are parts.
    pub by_part: Vec<u64>,
}

impl Ruled {
    /// Counts `amount` more that `part` ruled out, if that is known.
    pub fn count(&mut self, part: Option<usize>, amount: u64) {
        self.total += amount;
        if let Some(part) = part {
            if self.by_part.len() <= part {
                self.by_part.resize(part + 1, 0);
            }
            self.by_part[part] += amount;
        }
    }
}

impl AddAssign<&Self> for Ruled {
    fn add_assign(&mut self, other: &Self) {
        self.total += other.total;
        if self.by_part.len() < other.by_part.len() {
            self.by_part.resize(other.by_part.len(), 0);
        }
        self.by_part.iter_mut().zip(&other.by_part).for_each(|(sum, more)| *sum += more);
    }
}

/// What planning met, which the table fills in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// Blocks of the manifest that were looked into.
    pub blocks_read: u64,
    /// Blocks that what their parents say ruled out.
    pub blocks: Ruled,
    /// The segments in these.
    pub segments_in_blocks: u64,
    /// Segments that their own zones ruled out.
    pub segments: Ruled,
    /// Segments that remained.
    pub segments_kept: u64,
}

impl AddAssign<&Self> for Planned {
    fn add_assign(&mut self, other: &Self) {
        self.blocks_read += other.blocks_read;
        self.blocks += &other.blocks;
        self.segments_in_blocks += other.segments_in_blocks;
        self.segments += &other.segments;
        self.segments_kept += other.segments_kept;
    }
}

/// What was ruled out, and by what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The parts of the predicate.
    pub parts: Vec<String>,
    /// Before segments were opened.
    pub planned: Planned,
    /// Row groups that their zones ruled out.
    pub row_groups: Ruled,
    /// Row groups that zones left and Bloom filters ruled out.
    pub row_groups_by_bloom: Ruled,
    /// Row groups that these left and dictionaries ruled out.
    pub row_groups_by_dictionary: Ruled,
    /// Rows of what was left that zones of pages ruled out.
    pub rows_by_pages: Ruled,
}

impl AddAssign<&Self> for Explanation {
    fn add_assign(&mut self, other: &Self) {
        if self.parts.is_empty() {
            self.parts.clone_from(&other.parts);
        }
        self.planned += &other.planned;
        self.row_groups += &other.row_groups;
        self.row_groups_by_bloom += &other.row_groups_by_bloom;
        self.row_groups_by_dictionary += &other.row_groups_by_dictionary;
        self.rows_by_pages += &other.rows_by_pages;
    }
}
