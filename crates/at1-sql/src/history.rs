//! Where the prompt keeps what was typed: for the user, not beside the table.

use std::{env, fs, path::PathBuf};

/// The file, in a folder that is there; `None` where there is no home.
pub(crate) fn file() -> Option<PathBuf> {
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = state.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".local/state")))?.join("at1");
    fs::create_dir_all(&folder).ok()?;
    Some(folder.join("sql_history"))
}
