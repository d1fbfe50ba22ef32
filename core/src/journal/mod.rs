//! Bytes on disk: segment files of checksummed frames, each frame addressed by its position in the whole log.
//!
//! A position is a byte count from the journal's beginning and never changes: removing what is dead moves no address.
//! Each group of frames that is written together names, in its first frame, the position up to which everything was
//! synced before it. Damage before that position is corruption; after it, a torn tail. The journal knows frames and
//! positions; it knows no stream, no record and no subject. `docs/format.md` has the field diagrams.

pub(crate) mod frame;
pub(crate) mod pack;
pub(crate) mod pages;
pub(crate) mod recover;
pub(crate) mod segment;
pub(crate) mod tail;
pub(crate) mod writer;

/// A byte count from the beginning of the journal.
pub(crate) type Pos = u64;
