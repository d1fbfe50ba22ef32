//! Where a node's socket is, and the first frame of each side: who speaks, which version, and for which directory.
//!
//! Nobody but the user whose node it is gets as far as this: the socket has the mode 0600.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::frame::{self, HELLO};
use crate::error::{Error, ErrorKind, Result};
use crate::varint::{put_bytes, take_text};

/// The socket's name in the directory.
pub(crate) const SOCKET: &str = "node.sock";
/// The version of what goes over the socket. One that differs is refused: node and client are then of two builds.
pub(crate) const PROTOCOL: u32 = 1;
/// What both sides begin with.
const MAGIC: &[u8; 8] = b"hw-node\n";
/// The most bytes of a path that a socket can be bound to.
const PATH_BYTES_MAX: usize = 107;

/// What one side says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The release it is of.
    pub(crate) build: String,
    /// The id of the engine that it serves; 0 from a client.
    pub(crate) engine: u64,
}

impl Hello {
    /// Of this build.
    pub(crate) fn new(engine: u64) -> Self {
        Hello { build: env!("CARGO_PKG_VERSION").to_owned(), engine }
    }

    /// The frame that says it.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // It has a few dozen bytes, which no bound refuses.
        let _ = frame::put(&mut out, HELLO, 0, |out| {
            out.extend_from_slice(MAGIC);
            out.extend_from_slice(&PROTOCOL.to_le_bytes());
            out.extend_from_slice(&self.engine.to_le_bytes());
            put_bytes(out, self.build.as_bytes());
        });
        out
    }

    /// Reads what the other side said.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when it is none of ours, or of another version.
    pub(crate) fn read(frame: frame::Frame<'_>) -> Result<Hello> {
        let strange = || Error::new(ErrorKind::Unsupported, "what speaks there is no Headwater");
        let rest = frame.body.strip_prefix(MAGIC).filter(|_| frame.kind == HELLO).ok_or_else(strange)?;
        let (protocol, rest) = rest.split_first_chunk().ok_or_else(strange)?;
        let (engine, mut rest) = rest.split_first_chunk().ok_or_else(strange)?;
        let (protocol, engine) = (u32::from_le_bytes(*protocol), u64::from_le_bytes(*engine));
        let build = take_text(&mut rest).ok_or_else(strange)?.to_owned();
        if protocol != PROTOCOL {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the other side is Headwater {build} and speaks version {protocol} of the local protocol, this is \
                     {} and speaks version {PROTOCOL}: use one release for both",
                    env!("CARGO_PKG_VERSION")
                ),
            ));
        }
        Ok(Hello { build, engine })
    }
}

/// A path to a name in `dir` that is short enough for a socket, for as long as the file beside it is open: a longer one
/// goes through the open directory.
pub(crate) fn reachable(dir: &Path, name: &str) -> io::Result<(PathBuf, Option<File>)> {
    let path = dir.join(name);
    if path.as_os_str().len() <= PATH_BYTES_MAX {
        return Ok((path, None));
    }
    let opened = File::open(dir)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd()));
    if !short.exists() {
        let message = format!("{} has more than {PATH_BYTES_MAX} bytes, which no socket's path may", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok((short.join(name), Some(opened)))
}

/// A connection to the node of a directory; `None` when none listens there.
pub(crate) fn connect(dir: &Path) -> Result<Option<UnixStream>> {
    let at = |e: &io::Error| Error::io(format_args!("reach the node of {}", dir.display()), e);
    let (path, _opened) = match reachable(dir, SOCKET) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        reachable => reachable.map_err(|e| at(&e))?,
    };
    match fs::symlink_metadata(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(at(&e)),
        Ok(socket) => refuse_strangers(dir, &socket)?,
    }
    match UnixStream::connect(&path) {
        Ok(socket) => Ok(Some(socket)),
        // What a node left that was killed.
        Err(e) if matches!(e.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => Ok(None),
        Err(e) => Err(at(&e)),
    }
}

/// Refuses a socket that another user made, unless we may everything anyway.
fn refuse_strangers(dir: &Path, socket: &fs::Metadata) -> Result<()> {
    // Where the system does not say who we are, the socket's mode is what keeps strangers out.
    let Ok(us) = fs::metadata("/proc/self") else { return Ok(()) };
    if us.uid() == 0 || us.uid() == socket.uid() {
        return Ok(());
    }
    let (path, owner) = (dir.join(SOCKET), socket.uid());
    Err(Error::new(ErrorKind::Io, format!("{} is of user {owner}, and this is user {}", path.display(), us.uid())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_comes_back_and_another_version_is_named() {
        let bytes = Hello::new(7).frame();
        let (frame, _) = frame::take(&bytes).expect("no fault").expect("whole");
        assert_eq!(Hello::read(frame).expect("a hello"), Hello::new(7));
        let mut other = bytes.clone();
        other[4 + 9 + 8] = 9;
        let (frame, _) = frame::take(&other).expect("no fault").expect("whole");
        let error = Hello::read(frame).expect_err("another version");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("version 9"), "{error}");
        let strange = frame::Frame { kind: HELLO, id: 0, body: b"GET / HTTP/1.1" };
        assert!(Hello::read(strange).expect_err("a stranger").message().contains("no Headwater"));
    }
}
