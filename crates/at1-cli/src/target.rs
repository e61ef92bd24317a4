//! What a path on the command line is: a table's folder, or one segment file.

use std::path::Path;

/// Whether `path` is a file, and so can only be a segment. Anything else is taken for a table, which then says if it is none.
pub(crate) fn is_segment(path: &Path) -> bool {
    path.is_file()
}
