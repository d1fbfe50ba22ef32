//! Snapshots of a replicated file: for nodes that are new, or that were away for longer than the log reaches back.
//!
//! A snapshot is the file as of one moment with our tables in it, so rows, clocks and what is taken of each node's
//! units are of that same moment. It is kept in parts, each compressed by itself and known by its SHA-256, and named by
//! a manifest that is written last: what has no manifest is no snapshot, and an upload or a download that stopped goes
//! on where it was.
//!
//! A node that has no file puts the snapshot in its place. One that has a file joins the snapshot with it, row by row,
//! as it joins everything: so what was written here and not sent yet is kept, and the application goes on meanwhile.

mod fetch;
mod make;
mod manifest;
mod store;

pub(super) use fetch::{fetch, place, read};
pub(super) use make::{copy, prune, upload};
pub use manifest::SnapshotInfo;
pub(super) use manifest::{Manifest, find, list};
pub(super) use store::{Store, open};

/// What hears of bytes done and bytes in all, and stops when it breaks.
pub(super) type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> std::ops::ControlFlow<()>;

/// Bytes of the file in a part.
const PART_BYTES: usize = 4 << 20;

/// Compresses a part, at zstd's default level: who has a part knows it again by what it compresses to.
fn pack(piece: &[u8]) -> crate::error::Result<Vec<u8>> {
    zstd::bulk::compress(piece, 3).map_err(|error| crate::error::Error::io("compressing a snapshot", &error))
}

/// Removes a file; nothing when it is not there.
pub(super) fn remove(path: &std::path::Path) -> crate::error::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(crate::error::Error::io(format_args!("remove {}", path.display()), &error))
        }
        _ => Ok(()),
    }
}
