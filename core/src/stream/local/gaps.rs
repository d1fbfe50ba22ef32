//! Which stretches of the log were removed because nothing in them was live: the file `removed` of a stream's
//! directory.
//!
//! It is no cache. It is on disk before the segments that it names are gone, so a segment that is missing and not named
//! here was lost, even where the snapshot is lost with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::part::Part;
use crate::disk::{Disk, OpenMode, read_all, replace};
use crate::error::{Error, Result};
use crate::journal::Pos;
use crate::varint::{put_varint, take_varint};

const MAGIC: &[u8; 8] = b"HWGAPS\0\x01";

/// Stretches of positions, in order, none touching another.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Gaps(Vec<(Pos, Pos)>);

impl Gaps {
    /// What lies between parts that follow each other, and before the first.
    pub(crate) fn between(parts: &[Arc<Part>]) -> Self {
        let (mut gaps, mut due) = (Vec::new(), 0);
        for part in parts {
            if part.segment.base > due {
                gaps.push((due, part.segment.base));
            }
            due = part.end();
        }
        Gaps(gaps)
    }

    /// Whether everything from one position to another was removed.
    pub(crate) fn covers(&self, from: Pos, until: Pos) -> bool {
        self.0.iter().any(|g| g.0 <= from && until <= g.1)
    }

    /// Those of a stream's directory; none when nothing was ever removed.
    pub(crate) fn load(disk: &dyn Disk, dir: &Path) -> Result<Self> {
        let path = path(dir);
        if !disk.exists(&path) {
            return Ok(Gaps::default());
        }
        let at = |e| Error::io(format_args!("read {}", path.display()), &e);
        let bytes = read_all(&*disk.open(&path, OpenMode::Read).map_err(at)?).map_err(at)?;
        Self::decode(&bytes).ok_or_else(|| {
            Error::corrupt(format!("{} is damaged: it says which segments were removed", path.display()))
        })
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (covered, check) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
        if crc32fast::hash(covered).to_le_bytes() != check {
            return None;
        }
        let mut rest = covered.strip_prefix(MAGIC)?;
        let (mut gaps, mut due) = (Vec::new(), None);
        while !rest.is_empty() {
            let (from, until) = (take_varint(&mut rest)?, take_varint(&mut rest)?);
            if from >= until || due.is_some_and(|due| from <= due) {
                return None;
            }
            due = Some(until);
            gaps.push((from, until));
        }
        Some(Gaps(gaps))
    }

    /// The bytes of the file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for &(from, until) in &self.0 {
            put_varint(&mut out, from);
            put_varint(&mut out, until);
        }
        out.extend_from_slice(&crc32fast::hash(&out).to_le_bytes());
        out
    }

    /// Puts them in the place of those before.
    pub(crate) fn write(&self, disk: &dyn Disk, dir: &Path) -> Result<()> {
        let path = path(dir);
        replace(disk, &path, &self.encode()).map_err(|e| Error::io(format_args!("write {}", path.display()), &e))
    }
}

pub(crate) fn path(dir: &Path) -> PathBuf {
    dir.join("removed")
}
