//! A small journal for state that is not records, such as where a consumer stands: entries are appended, and when they
//! outgrow what they say, a new segment begins whose header holds all of it. The first entry after a sync says how far
//! it went, so damage before that can be told from a torn tail, as in the log of records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, make_dir};
use crate::error::{Error, Result};
use crate::journal::Pos;
use crate::journal::frame::{self, FLAG_MARK};
use crate::journal::recover::{proof_after, scan};
use crate::journal::segment::{self, Segment};

/// Entries may take this much before they are folded into a new header.
const FOLD_BYTES: u64 = 256 << 10;

/// An append-only file of entries behind a whole state.
pub(crate) struct Ledger {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segment: Segment,
    end: Pos,
    state_len: u64,
    /// Everything before it is on disk.
    synced: Pos,
    /// What the last mark said.
    marked: Pos,
    /// Bytes of a torn tail that were there when it was opened.
    torn: u64,
}

impl Ledger {
    /// Makes one that begins with `state`, on disk.
    pub(crate) fn create(disk: &Arc<dyn Disk>, dir: &Path, state: &[u8]) -> Result<Self> {
        let at = |e| Error::io(format_args!("create {}", dir.display()), &e);
        let parent = dir.parent().unwrap_or(dir);
        if !disk.exists(parent) {
            disk.create_dir(parent).map_err(at)?;
            parent.parent().map_or(Ok(()), |above| disk.sync_dir(above)).map_err(at)?;
        }
        let header = Segment::header(0, state);
        let segment = Segment::planned(dir, 0, header.len() as u64);
        let file = make_dir(&**disk, dir, |dir| segment::begin(&**disk, dir, 0, &header)).map_err(at)?;
        segment.set_file(file);
        Ok(Self::over(disk, dir, segment, 0, state.len()))
    }

    fn over(disk: &Arc<dyn Disk>, dir: &Path, segment: Segment, end: Pos, state_len: usize) -> Self {
        let (disk, dir, base) = (Arc::clone(disk), dir.to_owned(), segment.base);
        Ledger { disk, dir, segment, end, state_len: state_len as u64, synced: base, marked: base, torn: 0 }
    }

    /// Opens one: `begin` takes the state, `each` the entries after it.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) when something before the last synced entry is damaged.
    pub(crate) fn open<T>(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        writable: bool,
        begin: impl FnOnce(&[u8]) -> Result<T>,
        mut each: impl FnMut(&mut T, &[u8]) -> Result<()>,
    ) -> Result<(Self, T)> {
        let (segment, blob) = newest(&**disk, dir, writable)?;
        let mut state = begin(&blob)?;
        let scanned = scan(&segment, segment.base, &mut |_, found| each(&mut state, found.body))?;
        if scanned.torn && proof_after(&[&segment], scanned.end)?.is_some() {
            return Err(Error::corrupt(format!(
                "{} is damaged at offset {}, which was synced: the entries from there on are missing",
                segment.path.display(),
                segment.offset(scanned.end)
            )));
        }
        let torn = segment.end()? - scanned.end;
        if torn > 0 && writable {
            let file = segment.file()?;
            file.truncate(segment.offset(scanned.end)).map_err(|e| segment.io("cut", &e))?;
        }
        let ledger = Self::over(disk, dir, segment, scanned.end, blob.len());
        Ok((Ledger { torn, ..ledger }, state))
    }

    /// The file that it is in, bytes that it takes there, and bytes of a torn tail behind them when it was opened.
    pub(crate) fn place(&self) -> (&Path, u64, u64) {
        (&self.segment.path, self.segment.offset(self.end), self.torn)
    }

    /// Adds an entry; it is with the operating system when this returns.
    pub(crate) fn append(&mut self, entry: &[u8]) -> Result<()> {
        let mark = (self.synced > self.marked).then_some(self.synced);
        let mut bytes = Vec::with_capacity(entry.len() + frame::HEAD_BYTES_MAX);
        let start = frame::begin(&mut bytes, mark, self.end);
        bytes.extend_from_slice(entry);
        frame::finish(&mut bytes, start, if mark.is_some() { FLAG_MARK } else { 0 }, self.end);
        let offset = self.segment.offset(self.end);
        self.segment.file()?.write_at(&bytes, offset).map_err(|e| self.segment.io("write", &e))?;
        self.marked = mark.unwrap_or(self.marked);
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Returns when all entries are on disk.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.segment.file()?.sync().map_err(|e| self.segment.io("sync", &e))?;
        self.synced = self.end;
        Ok(())
    }

    /// Whether the entries outgrew the state.
    pub(crate) fn wants_fold(&self) -> bool {
        self.end - self.segment.base > FOLD_BYTES.max(4 * self.state_len)
    }

    /// Whether there is no entry behind the state.
    pub(crate) fn is_folded(&self) -> bool {
        self.end == self.segment.base
    }

    /// Begins anew with the whole state, on disk.
    pub(crate) fn fold(&mut self, state: &[u8]) -> Result<()> {
        let header = Segment::header(self.end, state);
        let segment = Segment::planned(&self.dir, self.end, header.len() as u64);
        let make = || {
            let file = segment::begin(&*self.disk, &self.dir, self.end, &header)?;
            self.disk.sync_dir(&self.dir)?;
            Ok(file)
        };
        let file = make().map_err(|e| {
            // What is not whole is passed over when it stays; it shall not take room.
            let _ = self.disk.remove(&segment.path);
            segment.io("create", &e)
        })?;
        segment.set_file(file);
        let new = Self::over(&self.disk, &self.dir, segment, self.end, state.len());
        let old = std::mem::replace(self, new).segment;
        self.disk.remove(&old.path).map_err(|e| old.io("remove", &e))
    }
}

/// The newest whole segment in a ledger's directory, and its state.
fn newest(disk: &dyn Disk, dir: &Path, writable: bool) -> Result<(Segment, Vec<u8>)> {
    for path in segment::list(disk, dir)?.iter().rev() {
        if let Some(whole) = Segment::open(disk, path, writable)? {
            return Ok(whole);
        }
    }
    Err(Error::corrupt(format!("{} holds no whole segment: where it stood is missing", dir.display())))
}
