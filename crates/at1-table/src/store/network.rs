//! Network file systems, where neither locks nor hard links nor syncs can be relied on.
//!
//! * Refused when a writer asks for the lock, with the file system's name; readers are let through.
//! * File systems in user space share one magic number, so the mount table tells which program serves them.

use std::{fs::File, io, path::Path};

/// Magic numbers of `statfs`, from linux/magic.h and the file systems' own sources.
#[cfg(target_os = "linux")]
const NETWORK: [(u32, &str); 10] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB2"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "kAFS"),
    (0x7375_7245, "Coda"),
    (0x564C, "NCP"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
];

#[cfg(target_os = "linux")]
const FUSE: u32 = 0x6573_5546;

/// Mount types of programs that serve files from another machine.
const REMOTE_PROGRAMS: [&str; 13] = [
    "sshfs",
    "s3fs",
    "rclone",
    "gcsfuse",
    "goofys",
    "blobfuse",
    "davfs",
    "curlftpfs",
    "glusterfs",
    "juicefs",
    "mount-s3",
    "mountpoint-s3",
    "afpfs",
];

/// An `Unsupported` error if the open folder lies on a network file system.
#[cfg(target_os = "linux")]
pub(super) fn refuse(folder: &File, path: &Path) -> io::Result<()> {
    let magic = rustix::fs::fstatfs(folder)?.f_type;
    // The field's width and sign differ between machines; the magic numbers have 32 bits.
    let magic = (i128::from(magic) & 0xFFFF_FFFF).try_into().unwrap_or(0);
    let name = match NETWORK.iter().find(|(number, _)| *number == magic) {
        Some((_, name)) => Some((*name).to_owned()),
        None if magic == FUSE => {
            remote_program(&std::fs::read_to_string("/proc/self/mounts").unwrap_or_default(), path)
        }
        None => None,
    };
    match name {
        None => Ok(()),
        Some(name) => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("expected a local file system, found {name}: its locks and syncs cannot be relied on"),
        )),
    }
}

/// Elsewhere there is no telling; the lock itself is the judge.
#[cfg(not(target_os = "linux"))]
pub(super) fn refuse(_folder: &File, _path: &Path) -> io::Result<()> {
    Ok(())
}

/// The remote program behind the longest mount that holds `path`, by a table like `/proc/self/mounts`.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has the mount table"))]
fn remote_program(mounts: &str, path: &Path) -> Option<String> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (_device, folder, kind) = (words.next()?, words.next()?, words.next()?);
        path.starts_with(folder.replace("\\040", " ")).then_some((folder.len(), kind))
    });
    let (_, kind) = mounts.max_by_key(|(length, _)| *length)?;
    let program = kind.strip_prefix("fuse.")?;
    REMOTE_PROGRAMS.iter().any(|known| program.starts_with(known)).then(|| program.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::remote_program;

    #[test]
    fn mount_table() {
        let mounts = "/dev/sda1 / ext4 rw 0 0\nhost:/x /mnt/far fuse.sshfs rw 0 0\n/dev/sdb /mnt/far/usb fuseblk rw 0 0\nx /my\\040s3 fuse.s3fs rw 0 0\n";
        let check = |path, expected: Option<&str>| {
            assert_eq!(remote_program(mounts, Path::new(path)).as_deref(), expected, "{path}")
        };
        check("/mnt/far/table", Some("sshfs"));
        check("/my s3/table", Some("s3fs"));
        check("/mnt/far/usb/table", None);
        check("/home/table", None);
        check("/mnt/farther", None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_local_folder_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        super::refuse(&std::fs::File::open(folder.path()).unwrap(), folder.path()).unwrap();
    }
}
