//! What it means when a directory does not hold what it should: a torn tail, which is cut, or damage, which is an error
//! that names file, offset and what is missing.
//!
//! Never anything in between: what was synced once is told by the snapshot, by a mark behind it, or by the segments
//! that follow.

use std::path::Path;
use std::sync::Arc;

use super::gaps::Gaps;
use super::open::{Found, rebuild_index};
use super::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::journal::Pos;
use crate::journal::frame;
use crate::journal::recover::{Scanned, proof_after};
use crate::journal::segment::{self, Segment};
use crate::record::{TAG_CONTROL, decode};
use crate::shared::Shared;

/// Refuses segments between which something is missing that was not removed.
pub(super) fn check_gaps(found: &[Found], gaps: &Gaps, dir: &Path) -> Result<()> {
    let mut due = 0;
    let mut before: Option<&Found> = None;
    for next in found {
        if due < next.segment.base && !gaps.covers(due, next.segment.base) {
            let last = before.map_or(Ok(0), |f| rebuild_index(&f.segment, f.head.base()).map(|i| i.end_seq() - 1))?;
            return Err(Error::corrupt(format!(
                "{} is missing or cut short: sequences {} to {} are missing",
                before.map_or_else(|| dir.join(segment::file_name(due)), |f| f.segment.path.clone()).display(),
                last + 1,
                next.head.base_seq - 1
            )));
        }
        (due, before) = (next.end, Some(next));
    }
    Ok(())
}

/// A snapshot is written only after everything that it covers was synced, so the log must hold it.
pub(super) fn check_snapshot(snapshot: &Snapshot, found: &[Found], log_end: Pos, dir: &Path) -> Result<()> {
    if snapshot.pos > log_end {
        return Err(Error::corrupt(format!(
            "{} ends at position {log_end}, but was synced up to {}: records up to {} are missing",
            found.last().map_or_else(|| dir.display().to_string(), |f| f.segment.path.display().to_string()),
            snapshot.pos,
            snapshot.last_seq
        )));
    }
    for (base, end_seq, _) in &snapshot.parts {
        if !found.iter().any(|f| f.segment.base == *base) {
            return Err(Error::corrupt(format!(
                "{} is missing: it held sequences up to {}",
                dir.join(segment::file_name(*base)).display(),
                end_seq - 1
            )));
        }
    }
    Ok(())
}

/// Decides whether what is behind the last whole frame is a torn tail or lost data.
pub(super) fn judge(rest: &[Found], scanned: &Scanned, last_seq: u64, covered: Pos) -> Result<()> {
    let segments: Vec<&Segment> = rest.iter().map(|f| &*f.segment).collect();
    let damaged = segments[0];
    if scanned.end < covered {
        return Err(Error::corrupt(format!(
            "{} is damaged at offset {}, which a snapshot covers: sequences from {} on are missing",
            damaged.path.display(),
            damaged.offset(scanned.end),
            last_seq + 1
        )));
    }
    let Some((pos, mark)) = proof_after(&segments, scanned.end)? else { return Ok(()) };
    let next = rest.iter().rev().find(|f| f.segment.base <= pos).and_then(|f| seq_at(f, pos));
    let missing = match next {
        Some(next) if next > last_seq + 1 => format!("sequences {} to {} are missing", last_seq + 1, next - 1),
        _ => format!("sequences from {} on are missing", last_seq + 1),
    };
    Err(Error::corrupt(format!(
        "{} is damaged at offset {}, which was synced (position {pos} says so up to {mark}): {missing}",
        damaged.path.display(),
        damaged.offset(scanned.end)
    )))
}

/// The sequence of the record at a position, if there is one.
fn seq_at(found: &Found, pos: Pos) -> Option<u64> {
    let bytes = found.segment.read(pos, 64).ok()?;
    let len = frame::frame_len(&bytes)?;
    let bytes = found.segment.read(pos, len).ok()?;
    let frame = frame::parse(&bytes, 0, pos).ok()?;
    if frame.note() || frame.tag() & TAG_CONTROL != 0 {
        return None;
    }
    decode(frame.tag(), found.head.base(), frame.body).map(|v| v.seq)
}

/// Cuts the torn tail off, and drops the segments behind it.
pub(super) fn cut(
    shared: &Arc<Shared>,
    found: &mut Vec<Found>,
    at: usize,
    scanned: &Scanned,
    read_only: bool,
) -> Result<()> {
    let segment = Arc::clone(&found[at].segment);
    let rest = found.split_off(at + 1);
    if read_only {
        return Ok(());
    }
    shared.log(
        "warn",
        format!(
            "{}: cut {} bytes of a torn tail at offset {}; nothing in it was acknowledged as synced",
            segment.path.display(),
            found[at].end - scanned.end,
            segment.offset(scanned.end)
        ),
    );
    for later in rest.iter().rev() {
        shared.disk.remove(&later.segment.path).map_err(|e| later.segment.io("remove", &e))?;
    }
    let file = segment.file()?;
    file.truncate(segment.offset(scanned.end)).map_err(|e| segment.io("cut", &e))?;
    file.sync().map_err(|e| segment.io("sync", &e))
}
