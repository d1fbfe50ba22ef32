//! The socket's file: made so that nobody finds it before its mode is right, and removed only while it is ours.
//!
//! Whoever holds the directory's lock may take the place of what a killed node left.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::stream::node::hello::{SOCKET, reachable};

/// The name that the socket has until its mode is set.
const UNFINISHED: &str = "node.sock.new";
/// Reading and writing, which is connecting, for nobody but its user.
const MODE: u32 = 0o600;

/// A socket that listens; its file goes with it.
pub(super) struct Bound {
    pub(super) listener: Option<UnixListener>,
    path: PathBuf,
    /// Device and number of the file, to know it again.
    file: (u64, u64),
}

impl Bound {
    pub(super) fn new(dir: &Path) -> Result<Self> {
        let path = dir.join(SOCKET);
        let at = |e: io::Error| Error::io(format_args!("listen at {}", path.display()), &e);
        let (short, _opened) = reachable(dir, SOCKET).map_err(at)?;
        if UnixStream::connect(&short).is_ok() {
            return Err(Error::new(ErrorKind::Conflict, format!("{} is served already", dir.display())));
        }
        let (unfinished, _opened_too) = reachable(dir, UNFINISHED).map_err(at)?;
        match fs::remove_file(&unfinished) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(at(e)),
            _ => {}
        }
        let listener = UnixListener::bind(&unfinished).map_err(at)?;
        fs::set_permissions(&unfinished, Permissions::from_mode(MODE)).map_err(at)?;
        let made = fs::symlink_metadata(&unfinished).map_err(at)?;
        fs::rename(&unfinished, &short).map_err(at)?;
        listener.set_nonblocking(true).map_err(at)?;
        Ok(Bound { listener: Some(listener), path, file: (made.dev(), made.ino()) })
    }

    /// Nobody finds it from now on.
    pub(super) fn remove(&mut self) {
        self.listener = None;
        // Another node may have taken its place, when this engine was closed before its door.
        if fs::symlink_metadata(&self.path).is_ok_and(|now| (now.dev(), now.ino()) == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.remove();
    }
}
