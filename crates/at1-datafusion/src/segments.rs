//! Segment files as an object store that gives out no byte that was not hashed.
//!
//! * A file's location says where it is and what its footer hashes to, as the ledger has it: `at1://segments/1234/<sha256>/srv/trades/…`.
//!   The footer binds digests of everything else. So whoever reads through here is served by the ledger's word, and a plan that is sent to
//!   another machine carries that word along.
//! * Locations name contents: what was parsed of one may be kept for as long as one likes.
//! * It is read only, and lists nothing.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fmt,
    fs::File,
    io,
    ops::Range,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use async_trait::async_trait;
use at1_codec::{Segment, Trust};
use at1_table::PlannedSegment;
use bytes::Bytes;
use datafusion::execution::{object_store::ObjectStoreUrl, runtime_env::RuntimeEnv};
use futures::{StreamExt as _, stream, stream::BoxStream};
use object_store::{
    Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, path::Path as Location,
};

/// Where the store is found by the plans that name it.
pub const URL: &str = "at1://segments/";

/// How many segments are kept open. Each has a file and its parsed footer.
const OPEN_MAX: usize = 128;

/// The store's address.
pub(crate) fn url() -> ObjectStoreUrl {
    ObjectStoreUrl::parse(URL).expect("a scheme and a host")
}

/// Lets plans in this environment read segments. Needed by whoever runs plans that were made elsewhere; tables do it by themselves.
pub fn register(runtime: &RuntimeEnv) {
    runtime.register_object_store(url().as_ref(), Arc::new(SegmentStore));
}

/// What was read of segments by this process since it began, in bytes; what was hashed, therefore.
pub fn bytes_read() -> u64 {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).bytes_read()
}

/// The location of a segment of the table in `folder`, which is absolute.
pub(crate) fn location(folder: &Path, segment: &PlannedSegment) -> Result<Location> {
    let mut location = format!("{}/{}", segment.footer_bytes, segment.footer_sha256);
    for part in folder.join(&segment.path).components().skip(1) {
        location.push('/');
        // Whatever bytes a name has; those that some part of an address could stumble over as two digits.
        for &byte in part.as_os_str().as_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => location.push(byte.into()),
                b'.' if part.as_os_str().len() > 2 => location.push('.'),
                other => location.push_str(&format!("%{other:02X}")),
            }
        }
    }
    Ok(Location::parse(location)?)
}

/// What a location says.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    trust: Trust,
    file: PathBuf,
}

impl Named {
    fn read(location: &Location) -> Option<Self> {
        let mut parts = location.as_ref().split('/');
        let bytes = parts.next()?.parse().ok()?;
        let digits = parts.next()?;
        let mut sha256 = [0; 32];
        for (i, byte) in sha256.iter_mut().enumerate() {
            *byte = u8::from_str_radix(digits.get(2 * i..2 * i + 2)?, 16).ok()?;
        }
        let mut file = PathBuf::from("/");
        for part in parts {
            file.push(decoded(part)?);
        }
        (digits.len() == 64).then_some(Self { trust: Trust::Footer { bytes, sha256 }, file })
    }
}

fn decoded(part: &str) -> Option<OsString> {
    let mut bytes = Vec::new();
    let mut rest = part.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    Some(OsString::from_vec(bytes))
}

/// The segments that are open, those that were used last at the end.
#[derive(Default)]
struct Open {
    segments: VecDeque<(Location, Segment)>,
    /// Of those that were closed.
    bytes_read: u64,
}

static OPEN: LazyLock<Mutex<Open>> = LazyLock::new(Mutex::default);

impl Open {
    fn get(&mut self, location: &Location) -> Option<Segment> {
        let at = self.segments.iter().position(|(open, _)| open == location)?;
        let used = self.segments.remove(at)?;
        self.segments.push_back(used.clone());
        Some(used.1)
    }

    fn insert(&mut self, location: Location, segment: Segment) {
        self.segments.push_back((location, segment));
        while self.segments.len() > OPEN_MAX {
            self.bytes_read += self.segments.pop_front().map_or(0, |(_, closed)| closed.bytes_read());
        }
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read + self.segments.iter().map(|(_, segment)| segment.bytes_read()).sum::<u64>()
    }
}

/// Opens a segment, or gives the one that is open. Blocks.
pub(crate) fn open(location: &Location) -> Result<Segment> {
    let get = || OPEN.lock().unwrap_or_else(PoisonError::into_inner).get(location);
    if let Some(segment) = get() {
        return Ok(segment);
    }
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Generic { store: "at1", source };
    let named = Named::read(location)
        .ok_or_else(|| failed(format!("expected a segment's location, found {location}").into()))?;
    let file = File::open(&named.file).map_err(|error| {
        let found = format!("{}: {error}", named.file.display());
        match error.kind() {
            io::ErrorKind::NotFound => {
                let source = format!("{found}; a compaction replaced it and a vacuum removed it: ask again").into();
                Error::NotFound { path: named.file.display().to_string(), source }
            }
            _ => failed(io::Error::new(error.kind(), found).into()),
        }
    })?;
    let segment = Segment::open(Arc::new(file), named.trust)
        .map_err(|error| failed(error.within(&named.file.display().to_string()).into()))?;
    OPEN.lock().unwrap_or_else(PoisonError::into_inner).insert(location.clone(), segment.clone());
    Ok(segment)
}

/// Reads places of a segment. Blocks.
pub(crate) fn read(location: &Location, places: &[Range<u64>]) -> Result<Vec<Bytes>> {
    let segment = open(location)?;
    segment.read_file(places).map_err(|error| {
        let file = Named::read(location).map_or_else(|| location.to_string(), |named| named.file.display().to_string());
        Error::Generic { store: "at1", source: error.within(&file).into() }
    })
}

/// Does work that may wait for the disk where nobody else has to wait for it.
pub(crate) async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}

/// See the module.
#[derive(Debug)]
pub struct SegmentStore;

impl fmt::Display for SegmentStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("segments of AT1")
    }
}

impl SegmentStore {
    fn refuse<T>(operation: &str) -> Result<T> {
        Err(Error::NotImplemented { operation: operation.to_owned(), implementer: Self.to_string() })
    }
}

#[async_trait]
impl ObjectStore for SegmentStore {
    async fn get_opts(&self, location: &Location, options: GetOptions) -> Result<GetResult> {
        let (at, head, range) = (location.clone(), options.head, options.range);
        let (bytes, size, range) = off_thread(move || {
            let segment = open(&at)?;
            let size = segment.size();
            let range = match range {
                None => 0..size,
                Some(GetRange::Bounded(range)) => range.start.min(size)..range.end.min(size),
                Some(GetRange::Offset(start)) => start.min(size)..size,
                Some(GetRange::Suffix(length)) => size.saturating_sub(length)..size,
            };
            let bytes = if head { Bytes::new() } else { read(&at, std::slice::from_ref(&range))?.remove(0) };
            Ok((bytes, size, range))
        })
        .await?;
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: Default::default(),
            size,
            e_tag: None,
            version: None,
        };
        let payload = GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed());
        Ok(GetResult { payload, meta, range, attributes: Default::default() })
    }

    async fn get_ranges(&self, location: &Location, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (location, ranges) = (location.clone(), ranges.to_vec());
        off_thread(move || read(&location, &ranges)).await
    }

    async fn put_opts(&self, _: &Location, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Self::refuse("put")
    }

    async fn put_multipart_opts(&self, _: &Location, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Self::refuse("put")
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Location>>) -> BoxStream<'static, Result<Location>> {
        stream::once(async { Self::refuse("delete") }).boxed()
    }

    fn list(&self, _: Option<&Location>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::once(async { Self::refuse("list") }).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Location>) -> Result<ListResult> {
        Self::refuse("list")
    }

    async fn copy_opts(&self, _: &Location, _: &Location, _: object_store::CopyOptions) -> Result<()> {
        Self::refuse("copy")
    }
}

#[cfg(test)]
mod tests {
    use at1_ledger::Digest;

    use super::*;

    #[test]
    fn locations_keep_any_path() {
        for folder in ["/srv/trades", "/a b/ü/%41/..x/.y", "/q\"{}[]#?*\\^|~", "/\u{1}\n/x"] {
            let segment = PlannedSegment {
                path: "segments/seg_000001.at1".into(),
                bytes: 9,
                footer_bytes: 77,
                footer_sha256: Digest([0xab; 32]),
                rows: 0..1,
                plain: true,
                row_groups: None,
                row_groups_total: None,
            };
            let location = location(Path::new(folder), &segment).unwrap();
            let file = Path::new(folder).join(&segment.path);
            let expected = Named { trust: Trust::Footer { bytes: 77, sha256: [0xab; 32] }, file };
            assert_eq!(Named::read(&location), Some(expected), "{location}");
            // An address that went over the wire and came back.
            assert_eq!(Location::parse(&location).unwrap(), location);
        }
        for bad in ["", "x/y", "7/abcd/x", "7/zz/x"] {
            assert_eq!(Named::read(&Location::parse(bad).unwrap()), None, "{bad}");
        }
    }
}
