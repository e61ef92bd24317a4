//! A file that gets its name only when it is whole.
//!
//! * Before that its bytes stand in a file beside it, which goes away with this value.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::failure::{Exit, Failure};

/// The place where `output` is written until it is whole.
pub(crate) struct Part {
    part: PathBuf,
    output: PathBuf,
}

impl Part {
    /// A name beside `output`, on the same file system, that nobody else uses.
    pub(crate) fn beside(output: &Path) -> Self {
        let mut name = output.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        Self { part: output.with_file_name(name), output: output.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.part
    }

    /// Gives the file its name, in the place of whatever has it.
    pub(crate) fn replace(self, file: &File) -> Result<(), Failure> {
        file.sync_all().map_err(|e| Failure::io(&self.part, &e))?;
        fs::rename(&self.part, &self.output)
            .and_then(|()| self.sync_folder())
            .map_err(|e| Failure::io(&self.output, &e))
    }

    /// Fails if the name is taken already, before any work is done.
    pub(crate) fn check_free(&self) -> Result<(), Failure> {
        if self.output.symlink_metadata().is_ok() { Err(self.taken()) } else { Ok(()) }
    }

    /// Gives the file its name, unless there is one of that name.
    pub(crate) fn create(self, file: &File) -> Result<(), Failure> {
        file.sync_all().map_err(|e| Failure::io(&self.part, &e))?;
        let named = match fs::hard_link(&self.part, &self.output) {
            // Sticks and cards have file systems without links. There the name is taken with an empty file first.
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => File::create_new(&self.output).and_then(|_| {
                fs::rename(&self.part, &self.output).inspect_err(|_| {
                    let _ = fs::remove_file(&self.output);
                })
            }),
            linked => linked,
        };
        match named.and_then(|()| self.sync_folder()) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(self.taken()),
            done => done.map_err(|e| Failure::io(&self.output, &e)),
        }
    }

    fn taken(&self) -> Failure {
        let message = format!("{}: expected no file of this name, found one", self.output.display());
        Failure::new(Exit::CouldNot, "exists", message).between("no file of this name", "one").at(&self.output)
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After a rename there is none, which is well.
        let _ = fs::remove_file(&self.part);
    }
}
