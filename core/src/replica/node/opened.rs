//! Which files this process has open, by this library and otherwise: what a door asks before it attaches one.
//!
//! Two copies of SQLite in one process must not open one file. Each keeps account of its own locks, and the operating
//! system drops all POSIX locks that a process has on a file as soon as any descriptor of it is closed: closing a
//! connection of one copy takes the locks of the other while it writes ("How To Corrupt An SQLite Database File", 2.2).
//! As the locks are the process's, so is the list of the files that this library's own copy has open.

use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;

/// Where Linux lists the open descriptors of this process.
const DESCRIPTORS: &str = "/proc/self/fd";

/// What tells a file from another one that has its name now.
pub(super) type FileId = (u64, u64);

/// The files that this library has open, each once for every connection.
static OPENED: Mutex<Vec<FileId>> = Mutex::new(Vec::new());

fn opened() -> MutexGuard<'static, Vec<FileId>> {
    lock(&OPENED)
}

/// A file that this library has open for as long as this is kept; it goes after the connection.
#[derive(Debug)]
pub(super) struct Opened(pub(super) FileId);

impl Opened {
    /// Notes a file that is about to be opened.
    pub(super) fn note(path: &Path) -> Result<Opened> {
        let file = file_id(path)?;
        opened().push(file);
        Ok(Opened(file))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut opened = opened();
        if let Some(place) = opened.iter().position(|file| *file == self.0) {
            opened.swap_remove(place);
        }
    }
}

/// Refuses a file that this process has open and this library has not. It sees that on Linux, and lets everything pass
/// elsewhere; so it does with a file that is not there.
///
/// # Errors
/// [`ErrorKind::Conflict`] when it is open: close it where it is, or leave replication to another process.
pub fn refuse_opened(path: &Path) -> Result<()> {
    let Ok(file) = file_id(path) else { return Ok(()) };
    // Before the descriptors: a connection of ours that is closed meanwhile is none of somebody else's.
    let is_ours = opened().contains(&file);
    let Ok(descriptors) = std::fs::read_dir(DESCRIPTORS) else { return Ok(()) };
    // A descriptor may be closed meanwhile: then it is no more.
    let is_open = descriptors.flatten().any(|descriptor| file_id(&descriptor.path()).is_ok_and(|id| id == file));
    if !is_open || is_ours || opened().contains(&file) {
        return Ok(());
    }
    let message = format!(
        "this process has {} open already: two copies of SQLite in one process drop each other's locks. Close it and \
         work through connections of the database, or leave replication to a `headwater serve` beside this program",
        path.display()
    );
    Err(Error::new(ErrorKind::Conflict, message))
}

#[cfg(unix)]
pub(super) fn file_id(path: &Path) -> Result<FileId> {
    use std::os::unix::fs::MetadataExt;

    match std::fs::metadata(path) {
        Ok(file) => Ok((file.dev(), file.ino())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Error::not_found(format!("there is no file {}", path.display())))
        }
        Err(error) => Err(Error::io(format_args!("look at {}", path.display()), &error)),
    }
}
