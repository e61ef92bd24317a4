//! The ledger as static tiles, for anybody's tools behind a plain web server.

use at1_ledger::{Checkpoint, Tiles, leaf_hash};

use super::checkpoint::newest;
use crate::{
    error::{Error, Result},
    table::Table,
};

/// What a file of an export is to whoever writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TileFile {
    /// It never changes: once it is there it need not be written again.
    Fixed,
    /// It goes with the newest checkpoint, and is written last.
    Newest,
}

/// Writes a file of an export: what it is, its path below the export's folder, its bytes.
pub type WriteTile<'a> = dyn FnMut(TileFile, &str, &[u8]) -> std::io::Result<()> + 'a;

impl Table {
    /// Gives the files of an export to `write`, each by its path and bytes: all tiles of the newest checkpoint's tree, then the
    /// checkpoint itself. Memory is that of a tile for each level.
    ///
    /// # Errors
    /// `Refused` if there is no checkpoint, `Corrupt` if the ledger is not what was signed, `Io` if `write` fails.
    pub fn export_tiles(&self, write: &mut WriteTile<'_>) -> Result<Checkpoint> {
        let checkpoint = newest(self)?;
        let mut tiles = Tiles::default();
        let mut put = |kind, path: &str, bytes: &[u8]| write(kind, path, bytes).map_err(|e| Error::io(path, e));
        self.each_event(&checkpoint, &mut |_, event| {
            for tile in tiles.push(event) {
                put(TileFile::Fixed, &tile.path, &tile.bytes)?;
            }
            Ok(leaf_hash(event))
        })?;
        for tile in tiles.finish() {
            put(TileFile::Fixed, &tile.path, &tile.bytes)?;
        }
        put(TileFile::Newest, "checkpoint", checkpoint.to_string().as_bytes())?;
        Ok(checkpoint.checkpoint().clone())
    }
}
