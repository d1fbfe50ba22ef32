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
pub(super) use manifest::{Manifest, list, newest};
pub(super) use store::{Store, open};

/// What hears of bytes done and bytes in all, and stops when it breaks.
pub(super) type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> std::ops::ControlFlow<()>;

/// Bytes of the file in a part.
const PART_BYTES: usize = 4 << 20;
