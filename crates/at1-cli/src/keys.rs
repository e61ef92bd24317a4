//! Signing keys: as files, or behind a command; and what each signed last.
//!
//! * A key file that others can read, or that lies in a table, is refused.
//! * What a key signed last lies beside it, is read and replaced under a lock, and is durable before the signature is given out.
//! * Nothing of a key is ever printed.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use at1_ledger::{KeyType, Memory, SIGNATURE_BYTES, SecretKey, Signer, VerifierKey};
use at1_table::SignerMemory;
use zeroize::Zeroizing;

use crate::{
    args::SignerArgs,
    failure::{Exit, Failure},
    interrupt,
    outside::{self, Readable},
};

/// What follows a key file's name in that of its memory.
const MEMORY_SUFFIX: &str = ".signed";
/// How long to wait before a lock is looked at again.
const LOCK_WAIT: Duration = Duration::from_millis(10);

/// Whoever signs, and its memory.
pub(crate) struct Signing {
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) memory: MemoryFile,
}

/// Whoever the arguments say, for the log with this origin.
pub(crate) fn signing(args: &SignerArgs, origin: &str) -> Result<Signing, Failure> {
    match (&args.key, &args.signer_cmd, &args.signer_key, &args.signer_memory) {
        (Some(key), _, _, memory) => {
            let path = memory.clone().unwrap_or_else(|| outside::beside(key, MEMORY_SUFFIX));
            // Locked before it is read: a rotation may be putting another in its place.
            let lock = lock(key)?;
            Ok(Signing { signer: Box::new(load(key, origin)?), memory: MemoryFile::open(path, lock)? })
        }
        (None, Some(command), Some(key), Some(memory)) => {
            let signer = SignerCommand { command: command.clone(), key: key.clone() };
            let lock = lock(&outside::folder(memory))?;
            Ok(Signing { signer: Box::new(signer), memory: MemoryFile::open(memory.clone(), lock)? })
        }
        _ => Err(Failure::usage("--key, or --signer-cmd with --signer-key and --signer-memory", "neither")),
    }
}

/// The memory of a key file, where nothing else is said.
pub(crate) fn memory_of(key: &Path) -> Result<MemoryFile, Failure> {
    MemoryFile::open(outside::beside(key, MEMORY_SUFFIX), lock(key)?)
}

/// Reads a log's key.
pub(crate) fn load(path: &Path, origin: &str) -> Result<SecretKey, Failure> {
    outside::refuse_in_table(path, "a key")?;
    let mode = fs::metadata(path).map_err(|e| Failure::io(path, &e))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        let found = format!("{}, which others can use (mode {mode:o}); chmod 600 it", path.display());
        return Err(Failure::usage("a key that only its owner can read", found).at(path));
    }
    let pem = Zeroizing::new(outside::read(path)?);
    let key = str::from_utf8(&pem).map_err(|_| Failure::usage("a key in PEM", "something else").at(path))?;
    SecretKey::from_pem(key, origin, KeyType::Ed25519)
        .map_err(|error| Failure::new(Exit::Usage, "key", format!("{}: {error}", path.display())).at(path))
}

/// Makes a key.
pub(crate) fn generate(name: &str, kind: KeyType) -> Result<SecretKey, Failure> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|e| Failure::new(Exit::CouldNot, "io", format!("no random bytes: {e}")))?;
    Ok(SecretKey::from_seed(&seed, name, kind)?)
}

/// Writes a key to a new file, for its owner alone.
pub(crate) fn save(path: &Path, key: &SecretKey) -> Result<(), Failure> {
    outside::refuse_in_table(path, "a key")?;
    outside::create(path, key.to_pem().as_ref().as_bytes(), Readable::ByOwner)
}

/// Locks the file at `path`, until what is given is dropped: the one that is there once it is locked, for whoever held the lock before
/// may have put another in its place.
fn lock(path: &Path) -> Result<File, Failure> {
    let lock = || loop {
        let file = File::open(path)?;
        loop {
            // Looked at again and again, since nothing else ends a wait when somebody interrupts it.
            interrupt::check()?;
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_WAIT),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        let (locked, there) = (file.metadata()?, fs::metadata(path)?);
        if (locked.dev(), locked.ino()) == (there.dev(), there.ino()) {
            return Ok(file);
        }
    };
    lock().map_err(|e| Failure::io(path, &e))
}

/// Puts the key file `new` in the place of `old`, whose bytes are overwritten first. What the disk keeps of them beneath the file
/// system is out of reach. Whoever calls this holds the lock of `old`.
pub(crate) fn destroy_and_replace(old: &Path, new: &Path) -> io::Result<()> {
    let bytes = fs::metadata(old)?.len();
    let mut file = File::options().write(true).open(old)?;
    io::copy(&mut io::repeat(0).take(bytes), &mut file)?;
    file.sync_all()?;
    put_in_place(old, new)
}

/// Completes a [`destroy_and_replace`] that was interrupted between its two halves; says whether there was one.
pub(crate) fn complete_replacement(old: &Path, new: &Path) -> Result<bool, Failure> {
    let _lock = lock(old)?;
    let bytes = Zeroizing::new(outside::read(old)?);
    let is_destroyed = !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0);
    match is_destroyed && new.exists() {
        true => put_in_place(old, new).map(|()| true).map_err(|e| Failure::io(old, &e)),
        false => Ok(false),
    }
}

fn put_in_place(old: &Path, new: &Path) -> io::Result<()> {
    fs::rename(new, old)?;
    File::open(outside::folder(old))?.sync_all()
}

/// A command that signs.
struct SignerCommand {
    command: String,
    key: VerifierKey,
}

impl Signer for SignerCommand {
    fn key(&self) -> &VerifierKey {
        &self.key
    }

    fn sign(&self, message: &[u8]) -> io::Result<[u8; SIGNATURE_BYTES]> {
        let mut child =
            Command::new("sh").arg("-c").arg(&self.command).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that reads nothing will not have signed it either, which shows below.
            let _ = stdin.write_all(message);
        }
        let mut signature = vec![];
        if let Some(stdout) = child.stdout.take() {
            stdout.take(SIGNATURE_BYTES as u64 + 1).read_to_end(&mut signature)?;
        }
        let status = child.wait()?;
        if !status.success() {
            return Err(io::Error::other(format!("the signing command failed: {status}")));
        }
        let found = signature.len();
        signature.try_into().map_err(|_| {
            let found = if found > SIGNATURE_BYTES { "more".to_owned() } else { found.to_string() };
            io::Error::other(format!("expected {SIGNATURE_BYTES} bytes of the signing command, found {found}"))
        })
    }
}

/// What was signed last, as a file; locked as long as this lives.
pub(crate) struct MemoryFile {
    path: PathBuf,
    _lock: File,
}

impl MemoryFile {
    /// Opens the memory at `path` for whoever holds the lock of the key's file; the memory's own is replaced each time.
    fn open(path: PathBuf, lock: File) -> Result<Self, Failure> {
        outside::refuse_in_table(&path, "a memory")?;
        Ok(Self { path, _lock: lock })
    }
}

impl SignerMemory for MemoryFile {
    fn recall(&mut self) -> io::Result<Option<Memory>> {
        recall(&self.path)
    }

    fn remember(&mut self, memory: &Memory) -> io::Result<()> {
        outside::replace(&self.path, memory.to_text().as_bytes(), Readable::Commonly)
    }
}

/// Reads a memory; `None` if there is none yet. One that is there and makes no sense is an error, never a new beginning.
pub(crate) fn recall(path: &Path) -> io::Result<Option<Memory>> {
    match fs::read(path) {
        Ok(bytes) => Memory::parse(&bytes)
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
