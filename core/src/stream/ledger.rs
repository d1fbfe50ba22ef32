//! A small journal for state that is not records, such as where a consumer stands: entries are appended, and when they
//! outgrow what they say, a new segment begins whose header holds all of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, OpenMode};
use crate::error::{Error, Result};
use crate::journal::frame;
use crate::journal::recover::scan;
use crate::journal::segment::{self, Segment};

/// Entries may take this much before they are folded into a new header.
const FOLD_BYTES: u64 = 256 << 10;

/// An append-only file of entries behind a whole state.
pub(crate) struct Ledger {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segment: Segment,
    end: u64,
    state_len: u64,
}

impl Ledger {
    /// Makes one that begins with `state`, on disk.
    pub(crate) fn create(disk: &Arc<dyn Disk>, dir: &Path, state: &[u8]) -> Result<Self> {
        disk.create_dir(dir).map_err(|e| Error::io(format_args!("create {}", dir.display()), &e))?;
        let segment = write_segment(&**disk, dir, 0, state)?;
        Ok(Ledger { disk: Arc::clone(disk), dir: dir.to_owned(), segment, end: 0, state_len: state.len() as u64 })
    }

    /// Opens one: `begin` takes the state, `each` the entries after it.
    pub(crate) fn open<T>(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        writable: bool,
        begin: impl FnOnce(&[u8]) -> Result<T>,
        mut each: impl FnMut(&mut T, &[u8]) -> Result<()>,
    ) -> Result<(Self, T)> {
        for path in segment::list(&**disk, dir)?.iter().rev() {
            let Some((segment, blob)) = Segment::open(&**disk, path, writable)? else { continue };
            let mut state = begin(&blob)?;
            let scanned = scan(&segment, segment.base, &mut |_, found| each(&mut state, found.body))?;
            if scanned.torn && writable {
                let file = segment.file()?;
                file.truncate(segment.offset(scanned.end)).map_err(|e| segment.io("cut", &e))?;
            }
            let (end, state_len) = (scanned.end, blob.len() as u64);
            return Ok((Ledger { disk: Arc::clone(disk), dir: dir.to_owned(), segment, end, state_len }, state));
        }
        Err(Error::corrupt(format!("{} holds no whole segment", dir.display())))
    }

    /// Adds an entry; it is with the operating system when this returns.
    pub(crate) fn append(&mut self, entry: &[u8]) -> Result<()> {
        let mut bytes = Vec::with_capacity(entry.len() + frame::FRAME_HEAD);
        let start = frame::begin(&mut bytes, None, self.end);
        bytes.extend_from_slice(entry);
        frame::finish(&mut bytes, start, 0, self.end);
        let offset = self.segment.offset(self.end);
        self.segment.file()?.write_at(&bytes, offset).map_err(|e| self.segment.io("write", &e))?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Returns when all entries are on disk.
    pub(crate) fn sync(&self) -> Result<()> {
        self.segment.file()?.sync().map_err(|e| self.segment.io("sync", &e))
    }

    /// Whether the entries outgrew the state.
    pub(crate) fn wants_fold(&self) -> bool {
        self.end - self.segment.base > FOLD_BYTES.max(4 * self.state_len)
    }

    /// Begins anew with the whole state.
    pub(crate) fn fold(&mut self, state: &[u8]) -> Result<()> {
        let old = std::mem::replace(&mut self.segment, write_segment(&*self.disk, &self.dir, self.end, state)?);
        self.state_len = state.len() as u64;
        self.disk.remove(&old.path).map_err(|e| old.io("remove", &e))
    }
}

fn write_segment(disk: &dyn Disk, dir: &Path, base: u64, state: &[u8]) -> Result<Segment> {
    let header = Segment::header(base, state);
    let segment = Segment::planned(dir, base, header.len() as u64);
    let make = || {
        let file = disk.open(&segment.path, OpenMode::Create)?;
        file.write_at(&header, 0)?;
        file.sync()?;
        disk.sync_dir(dir)?;
        Ok(file)
    };
    let file = make().map_err(|e| segment.io("create", &e))?;
    segment.set_file(file);
    Ok(segment)
}
