//! The ledger as static tiles (C2SP tlog-tiles): files that a plain web server serves and any tlog client audits.
//!
//! * A tile holds 256 hashes of one level, each of a full tile below; level 0 is leaves. The last tile of a level may be partial,
//!   and then has its width in its name. Entries, the bytes of events, come in bundles of as many.
//! * A full tile never changes. So an export is brought up to date by writing what is not there yet.
//! * Memory is one tile for each level.

use crate::{
    digest::Digest,
    tree::{leaf_hash, root},
};

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: usize = 256;

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Where it lies below the export's folder.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Makes tiles of events, in order.
///
/// ```
/// use at1_ledger::Tiles;
///
/// let mut tiles = Tiles::default();
/// let full: usize = (0..256).map(|_| tiles.push(b"event").len()).sum();
/// assert_eq!(full, 2, "a tile of leaves and a bundle of entries");
/// let rest = tiles.finish();
/// assert_eq!(rest.iter().map(|tile| tile.path.as_str()).collect::<Vec<_>>(), ["tile/1/000.p/1"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tiles {
    size: u64,
    /// The last tile of each level, not full.
    levels: Vec<Vec<Digest>>,
    entries: Vec<u8>,
}

impl Tiles {
    /// Adds the bytes of the next event, at most 65,535 as every event has; gives the files that it completes.
    pub fn push(&mut self, event: &[u8]) -> Vec<Tile> {
        let length = u16::try_from(event.len()).expect("an event has at most 65,535 bytes");
        self.entries.extend_from_slice(&length.to_be_bytes());
        self.entries.extend_from_slice(event);
        self.size += 1;
        let mut full = vec![];
        let mut hash = leaf_hash(event);
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(vec![]);
            }
            let tile = &mut self.levels[level];
            tile.push(hash);
            if tile.len() < TILE_WIDTH {
                break;
            }
            // The last hash of the tile is the last leaf's: which tile it is follows from the size.
            let index = (self.size >> (8 * (level + 1))) - 1;
            hash = root(tile);
            full.push(Tile { path: path(&level.to_string(), index, TILE_WIDTH), bytes: concat(tile) });
            tile.clear();
            if level == 0 {
                let bytes = std::mem::take(&mut self.entries);
                full.push(Tile { path: path("entries", index, TILE_WIDTH), bytes });
            }
        }
        full
    }

    /// The partial tiles of this size.
    pub fn finish(&self) -> Vec<Tile> {
        let mut partial = vec![];
        for (level, tile) in self.levels.iter().enumerate().filter(|(_, tile)| !tile.is_empty()) {
            let index = self.size >> (8 * (level + 1));
            partial.push(Tile { path: path(&level.to_string(), index, tile.len()), bytes: concat(tile) });
            if level == 0 {
                partial.push(Tile { path: path("entries", index, tile.len()), bytes: self.entries.clone() });
            }
        }
        partial
    }
}

fn concat(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// `tile/<L>/<N>[.p/<W>]`: the index in groups of three digits, all but the last with an `x` before them.
fn path(level: &str, index: u64, width: usize) -> String {
    let mut groups = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        groups = format!("x{:03}/{groups}", rest % 1000);
        rest /= 1000;
    }
    match width {
        TILE_WIDTH => format!("tile/{level}/{groups}"),
        width => format!("tile/{level}/{groups}.p/{width}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn paths() {
        assert_eq!(path("0", 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(path("1", 0, 17), "tile/1/000.p/17");
        assert_eq!(path("entries", 1000, 256), "tile/entries/x001/000");
    }

    /// 70,000 leaves, as the specification counts them: 273 full tiles and one of 112, one full and one of 17, one of 1.
    #[test]
    fn tiles_of_the_specifications_example() {
        let mut tiles = Tiles::default();
        let full: Vec<Tile> = (0..70_000u32).flat_map(|i| tiles.push(&i.to_be_bytes())).collect();
        let of = |all: &[Tile], level: &str| all.iter().filter(|tile| tile.path.starts_with(level)).count();
        assert_eq!([of(&full, "tile/0/"), of(&full, "tile/entries/"), of(&full, "tile/1/")], [273, 273, 1]);
        let partial: Vec<String> = tiles.finish().into_iter().map(|tile| tile.path).collect();
        assert_eq!(partial, ["tile/0/273.p/112", "tile/entries/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
        assert_eq!(full.last().map(|tile| tile.bytes.len()), Some(256 * 6), "a bundle of entries of 2 + 4 bytes");
    }
}
