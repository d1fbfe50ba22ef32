//! The disk comes in from outside: two traits are all that core knows of files, so a simulation can tear any write.
//!
//! Knows paths and bytes, and nothing of what they mean.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod mem;
mod os;

pub use mem::MemDisk;
pub use os::OsDisk;
pub(crate) use os::is_inside;
#[cfg(any(feature = "config", feature = "replica"))]
pub(crate) use os::is_same;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// It must be there; reading only.
    Read,
    /// It must be there; reading and writing.
    Write,
    /// Made anew, emptied if it is there; reading and writing.
    Create,
}

/// A directory tree.
pub trait Disk: Send + Sync + 'static {
    /// Opens a file.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>>;
    /// Makes a directory and its parents.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, in order.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Whether something is there.
    fn exists(&self, path: &Path) -> bool;
    /// Puts a file in another's place, or gives a directory with all that is in it another name, at once or not at all.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes a directory with all that is in it, if it is there.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes what was created, renamed and removed in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Takes a lock that lasts until the value is dropped or the process ends; `None` when another holds it.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>>;
    /// What tells a file from every copy of it, from every other file that ever has its name, and from what it was
    /// before the machine last lost its memory; `None` where that can't be told.
    fn mark(&self, _file: &Path) -> Option<String> {
        None
    }
    /// Whether a sync costs less when it covers no growth of the file, so that room is worth making ahead.
    fn rewards_reserve(&self) -> bool {
        true
    }
}

/// An open file.
#[allow(clippy::len_without_is_empty, reason = "nobody asks whether a file is empty")]
pub trait File: Send + Sync {
    /// Fills `buf` from `offset` on and says how much there was.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Returns when everything written is on disk.
    fn sync(&self) -> io::Result<()>;
    /// Its length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Cuts it to `len` bytes.
    fn truncate(&self, len: u64) -> io::Result<()>;
}

/// Writes a small file so that a crash leaves the old content or the new.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let write = || -> io::Result<()> {
        let file = disk.open(&temporary, OpenMode::Create)?;
        file.write_at(bytes, 0)?;
        file.sync()?;
        disk.rename(&temporary, path)
    };
    write().inspect_err(|_| drop(disk.remove(&temporary)))?;
    sync_parent(disk, path)
}

/// Makes a directory of `dir`'s name with what `fill` puts and syncs into the one that it is given: a crash or an error
/// leaves all of it or nothing.
pub(crate) fn make_dir<T>(disk: &dyn Disk, dir: &Path, fill: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let temporary = dir.with_extension(UNFINISHED);
    let make = || -> io::Result<T> {
        disk.remove_dir(&temporary)?;
        disk.create_dir(&temporary)?;
        let made = fill(&temporary)?;
        disk.sync_dir(&temporary)?;
        disk.rename(&temporary, dir)?;
        Ok(made)
    };
    let made = make().inspect_err(|_| drop(disk.remove_dir(&temporary)))?;
    sync_parent(disk, dir)?;
    Ok(made)
}

/// Removes a directory with all that is in it: a crash leaves all of it or nothing that anybody finds.
pub(crate) fn take_dir(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let gone = dir.with_extension(UNFINISHED);
    disk.remove_dir(&gone)?;
    disk.rename(dir, &gone)?;
    sync_parent(disk, dir)?;
    disk.remove_dir(&gone)
}

/// Removes what making and taking directories in `dir` left when it was cut short; returns what it was.
pub(crate) fn sweep(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut left: Vec<PathBuf> = disk.list(dir)?.iter().map(|name| dir.join(name)).collect();
    left.retain(|path| path.extension().is_some_and(|e| e == UNFINISHED));
    left.iter().try_for_each(|path| disk.remove_dir(path))?;
    Ok(left)
}

fn sync_parent(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| disk.sync_dir(dir))
}

/// The extension of a directory that is not there yet, or no more.
const UNFINISHED: &str = "unfinished";

/// Reads a whole file.
pub(crate) fn read_all(file: &dyn File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; file.len()? as usize];
    let got = read_full(file, &mut bytes, 0)?;
    bytes.truncate(got);
    Ok(bytes)
}

/// Fills `buf` as far as the file goes.
pub(crate) fn read_full(file: &dyn File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match file.read_at(&mut buf[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}
