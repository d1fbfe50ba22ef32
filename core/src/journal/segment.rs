//! One segment file: a header that names the position of its first frame and carries the layer above's own bytes, then
//! frames without a gap.
//!
//! `magic 8 | header_len u32 | base u64 | blob_len u32 | blob | crc32 u32`, integers little-endian.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use super::Pos;
use super::pack::{BLOCK_BYTES, Packed};
use crate::disk::{Disk, File, OpenMode, read_full};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::{read, write};

const MAGIC: &[u8; 7] = b"HWJRNL\0";
const MAGIC_PACKED: &[u8; 7] = b"HWPACK\0";
/// The version of the format that this build writes; it opens this one and every older one.
pub(crate) const FORMAT_VERSION: u8 = 1;
const HEADER_FIXED: usize = 8 + 4 + 8 + 4;
const HEADER_BYTES_MAX: usize = 64 << 20;
/// The last position that a segment may begin at: from there on every sum of a place in it still fits.
const BASE_MAX: Pos = 1 << 62;
/// The longest read that is made without looking how much there is.
const READ_UNASKED_BYTES: usize = 1 << 20;

/// An open segment.
pub(crate) struct Segment {
    pub(crate) base: Pos,
    pub(crate) header_len: u64,
    pub(crate) path: PathBuf,
    store: RwLock<Store>,
}

/// What is known of a segment's file.
#[derive(Clone)]
enum Store {
    /// The writer will make it.
    Planned,
    /// Frames as they were written.
    Plain(Arc<dyn File>),
    /// The same positions in compressed blocks.
    Packed(Arc<Packed>),
}

impl Segment {
    /// One whose file the writer will make.
    pub(crate) fn planned(dir: &Path, base: Pos, header_len: u64) -> Self {
        Segment { base, header_len, path: dir.join(file_name(base)), store: RwLock::new(Store::Planned) }
    }

    /// Opens one that is there, and returns its blob. `Ok(None)` when its header is not whole.
    pub(crate) fn open(disk: &dyn Disk, path: &Path, writable: bool) -> Result<Option<(Segment, Vec<u8>)>> {
        let mode = if writable { OpenMode::Write } else { OpenMode::Read };
        let at = |e| Error::io(format_args!("open {}", path.display()), &e);
        let file = disk.open(path, mode).map_err(at)?;
        let mut head = [0; HEADER_FIXED];
        if read_full(&*file, &mut head, 0).map_err(at)? < HEADER_FIXED {
            return Ok(None);
        }
        let packed = &head[..7] == MAGIC_PACKED;
        if !packed && &head[..7] != MAGIC {
            return Ok(None);
        }
        let version = head[7];
        head[7] = version.min(FORMAT_VERSION);
        let header = header_of(&*file, &head).map_err(at)?;
        if version > FORMAT_VERSION {
            if header.is_some() && (version ^ FORMAT_VERSION).is_power_of_two() {
                // All else is this version's: a flipped bit.
                return Ok(None);
            }
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{} has format version {version}, this build reads up to {FORMAT_VERSION}", path.display()),
            ));
        }
        let Some(header) = header else { return Ok(None) };
        let covered = &header[..header.len() - 4];
        let mut base = [0; 8];
        base.copy_from_slice(&head[12..20]);
        let base = u64::from_le_bytes(base);
        if base > BASE_MAX || path.file_name().is_none_or(|name| name != file_name(base).as_str()) {
            return Err(Error::corrupt(format!("{} says that it begins at position {base}", path.display())));
        }
        let header_len = header.len() as u64;
        let store = if packed {
            match Packed::open(file, base, header_len).map_err(at)? {
                Some(packed) => Store::Packed(Arc::new(packed)),
                None => return Err(Error::corrupt(format!("{} has a damaged table at its end", path.display()))),
            }
        } else {
            Store::Plain(file)
        };
        let segment = Segment { base, header_len, path: path.to_owned(), store: RwLock::new(store) };
        Ok(Some((segment, covered[HEADER_FIXED..].to_vec())))
    }

    /// The bytes of a header.
    pub(crate) fn header(base: Pos, blob: &[u8]) -> Vec<u8> {
        Self::header_with(*MAGIC, base, blob)
    }

    /// The bytes of the header of a packed segment.
    pub(crate) fn packed_header(base: Pos, blob: &[u8]) -> Vec<u8> {
        Self::header_with(*MAGIC_PACKED, base, blob)
    }

    fn header_with(magic: [u8; 7], base: Pos, blob: &[u8]) -> Vec<u8> {
        let header_len = HEADER_FIXED + blob.len() + 4;
        let mut out = Vec::with_capacity(header_len);
        out.extend_from_slice(&magic);
        out.push(FORMAT_VERSION);
        out.extend_from_slice(&(header_len as u32).to_le_bytes());
        out.extend_from_slice(&base.to_le_bytes());
        out.extend_from_slice(&(blob.len() as u32).to_le_bytes());
        out.extend_from_slice(blob);
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        out
    }

    fn store(&self) -> Store {
        read(&self.store).clone()
    }

    fn set_store(&self, store: Store) {
        *write(&self.store) = store;
    }

    pub(crate) fn set_file(&self, file: Arc<dyn File>) {
        self.set_store(Store::Plain(file));
    }

    /// Goes on with the packed file that took the plain one's place.
    pub(crate) fn set_packed(&self, packed: Packed) {
        self.set_store(Store::Packed(Arc::new(packed)));
    }

    /// The segment with the file that it has now, whatever takes that one's place: where frames begin differs between
    /// them, so a read that goes on from frame to frame stays with one.
    pub(crate) fn as_it_is(&self) -> Segment {
        let (base, header_len, path) = (self.base, self.header_len, self.path.clone());
        Segment { base, header_len, path, store: RwLock::new(self.store()) }
    }

    pub(crate) fn file(&self) -> Result<Arc<dyn File>> {
        match self.store() {
            Store::Plain(file) => Ok(file),
            Store::Packed(packed) => Ok(Arc::clone(&packed.file)),
            Store::Planned => Err(self.not_made()),
        }
    }

    pub(crate) fn is_made(&self) -> bool {
        !matches!(self.store(), Store::Planned)
    }

    pub(crate) fn is_packed(&self) -> bool {
        matches!(self.store(), Store::Packed(_))
    }

    /// How many records were kept when it was packed.
    pub(crate) fn packed_kept(&self) -> Option<u64> {
        match self.store() {
            Store::Packed(packed) => Some(packed.kept),
            _ => None,
        }
    }

    /// How many bytes cost no more to read than one.
    pub(crate) fn read_unit(&self) -> usize {
        if self.is_packed() { BLOCK_BYTES } else { 1 }
    }

    /// How much of the file holds everything before `end`.
    pub(crate) fn bytes_before(&self, end: Pos) -> Result<u64> {
        match self.store() {
            Store::Packed(packed) => packed.file.len().map_err(|e| self.io("stat", &e)),
            _ => Ok(self.offset(self.end()?.min(end))),
        }
    }

    /// Where in the file a position lies.
    pub(crate) fn offset(&self, pos: Pos) -> u64 {
        self.header_len + (pos - self.base)
    }

    /// Reads up to `len` bytes at a position.
    pub(crate) fn read(&self, pos: Pos, len: usize) -> Result<Vec<u8>> {
        // Looked at once: a packed file may take the plain one's place at any time, and its bytes are others.
        let file = match self.store() {
            Store::Packed(packed) => return packed.read(self, pos, len),
            Store::Plain(file) => file,
            Store::Planned => return Err(self.not_made()),
        };
        // No length that a cache made up becomes an allocation; a short read is not worth asking.
        let len =
            if len <= READ_UNASKED_BYTES { len } else { len.min(self.end_of(&*file)?.saturating_sub(pos) as usize) };
        let mut bytes = vec![0; len];
        let got = read_full(&*file, &mut bytes, self.offset(pos)).map_err(|e| self.io("read", &e))?;
        bytes.truncate(got);
        Ok(bytes)
    }

    /// Whether nothing but zeros stands from one position to another: room that was made ahead, and no frame.
    pub(crate) fn is_zero(&self, mut from: Pos, until: Pos) -> Result<bool> {
        while from < until {
            let bytes = self.read(from, READ_UNASKED_BYTES.min((until - from) as usize))?;
            if bytes.is_empty() || bytes.iter().any(|&b| b != 0) {
                return Ok(bytes.is_empty());
            }
            from += bytes.len() as u64;
        }
        Ok(true)
    }

    /// One past the last position in the file; zeros may stand before it.
    pub(crate) fn end(&self) -> Result<Pos> {
        match self.store() {
            Store::Packed(packed) => Ok(packed.end),
            Store::Plain(file) => self.end_of(&*file),
            Store::Planned => Err(self.not_made()),
        }
    }

    /// One past the last position in the plain file.
    fn end_of(&self, file: &dyn File) -> Result<Pos> {
        let len = file.len().map_err(|e| self.io("stat", &e))?;
        Ok(self.base + len.saturating_sub(self.header_len))
    }

    fn not_made(&self) -> Error {
        Error::new(ErrorKind::Internal, format!("{} was not made yet", self.path.display()))
    }

    pub(crate) fn io(&self, doing: &str, error: &io::Error) -> Error {
        Error::io(format_args!("{doing} {}", self.path.display()), error)
    }
}

/// The header that begins with `head`, when its check holds.
fn header_of(file: &dyn File, head: &[u8; HEADER_FIXED]) -> io::Result<Option<Vec<u8>>> {
    let header_len = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
    if !(HEADER_FIXED + 4..=HEADER_BYTES_MAX).contains(&header_len) {
        return Ok(None);
    }
    let mut header = vec![0; header_len];
    if read_full(file, &mut header, 0)? < header_len {
        return Ok(None);
    }
    header[..HEADER_FIXED].copy_from_slice(head);
    let (covered, check) = header.split_at(header_len - 4);
    Ok((crc32fast::hash(covered).to_le_bytes() == check).then_some(header))
}

/// The name of the segment that begins at `base`.
pub(crate) fn file_name(base: Pos) -> String {
    format!("{base:016x}.seg")
}

/// Makes the file of the segment that begins at `base`, with its header alone, on disk.
pub(crate) fn begin(disk: &dyn Disk, dir: &Path, base: Pos, header: &[u8]) -> io::Result<Arc<dyn File>> {
    let file = disk.open(&dir.join(file_name(base)), OpenMode::Create)?;
    file.write_at(header, 0)?;
    file.sync()?;
    Ok(file)
}

/// The paths of all segments in a directory, in order.
pub(crate) fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<PathBuf>> {
    let names = disk.list(dir).map_err(|e| Error::io(format_args!("list {}", dir.display()), &e))?;
    Ok(names.iter().map(|n| dir.join(n)).filter(|p| p.extension().is_some_and(|e| e == "seg")).collect())
}
