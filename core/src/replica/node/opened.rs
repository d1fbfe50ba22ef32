//! Whether this process has a file open by other means than this library: what a door asks before it attaches one.
//!
//! Two copies of SQLite in one process must not open one file. Each keeps account of its own locks, and the operating
//! system drops all POSIX locks that a process has on a file as soon as any descriptor of it is closed: closing a
//! connection of one copy takes the locks of the other while it writes ("How To Corrupt An SQLite Database File", 2.2).

use std::fs::Metadata;
use std::path::Path;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

/// Where Linux lists the open descriptors of this process.
const DESCRIPTORS: &str = "/proc/self/fd";

/// Refuses a file that this process has open and that is not attached to `engine`. It sees that on Linux, and lets
/// everything pass elsewhere; so it does with a file that is not there.
///
/// # Errors
/// [`ErrorKind::Conflict`] when it is open: close it where it is, or leave replication to another process.
pub fn refuse_opened(engine: &Engine, path: &Path) -> Result<()> {
    let Some(file) = std::fs::metadata(path).ok().and_then(|file| identity(&file)) else { return Ok(()) };
    let is = |path: &Path| std::fs::metadata(path).is_ok_and(|it| identity(&it) == Some(file));
    let Ok(descriptors) = std::fs::read_dir(DESCRIPTORS) else { return Ok(()) };
    // A descriptor may be closed meanwhile: then it is no more.
    if !descriptors.flatten().any(|descriptor| is(&descriptor.path())) {
        return Ok(());
    }
    // What is attached is open by this library, and so are the connections to it.
    if engine.databases().wait()?.iter().any(|database| is(&database.path)) {
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
#[allow(clippy::unnecessary_wraps, reason = "not every system says it")]
fn identity(file: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;

    Some((file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}
