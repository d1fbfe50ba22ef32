//! Reading a segment from a position to its end, and deciding what damage means: a torn tail is cut, damage before a
//! synced position is an error that names file and offset.

use super::Pos;
use super::frame::{BODY_BYTES_MAX, FRAME_HEAD, Fault, Frame, find_proof, parse};
use super::segment::Segment;
use crate::error::{Error, Result};

/// How much of a segment is read at a time.
const READ_BYTES: usize = 1 << 20;

/// How far a scan got.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scanned {
    /// One past the last whole frame (and whole batch).
    pub(crate) end: Pos,
    /// Something that is no whole frame stands behind `end`.
    pub(crate) torn: bool,
    /// Zeros stand behind `end`: room that was made ahead.
    pub(crate) reserved: bool,
    /// The last frame says that nothing was left open.
    pub(crate) clean: bool,
}

/// Hands each frame of whole batches from `from` on to `each`, with its position, and stops at the first that is not
/// whole.
pub(crate) fn scan(
    segment: &Segment,
    from: Pos,
    each: &mut dyn FnMut(Pos, &Frame<'_>) -> Result<()>,
) -> Result<Scanned> {
    let mut file_end = segment.end()?;
    let mut scanned = Scanned { end: from, torn: false, reserved: false, clean: false };
    let mut buf: Vec<u8> = Vec::new();
    let mut start = from;
    let mut want = READ_BYTES;
    loop {
        // A follower asks at each read, mostly for nothing.
        let want_now = want.min(file_end.saturating_sub(start) as usize);
        fill(segment, &mut buf, start, want_now)?;
        if buf.len() < want_now {
            // Its writer cut the room that it had made ahead.
            file_end = start + buf.len() as u64;
        }
        let mut at = 0;
        let mut held: Option<usize> = None;
        let fault = loop {
            let pos = start + at as u64;
            if pos >= file_end {
                break None;
            }
            match parse(&buf, at, pos) {
                Ok(frame) => {
                    let first = at;
                    at += frame.len;
                    if frame.more() {
                        held = held.or(Some(first));
                        continue;
                    }
                    match held.take() {
                        None => each(pos, &frame)?,
                        Some(batch) => emit(&buf, batch, at, start, each)?,
                    }
                    scanned.clean = frame.note();
                    scanned.end = start + at as u64;
                }
                Err(fault) => break Some(fault),
            }
        };
        let resume = held.unwrap_or(at);
        let more_in_file = start + (buf.len() as u64) < file_end;
        if matches!(fault, Some(Fault::Short(_))) && more_in_file {
            // The frame or batch goes on behind what was read: drop what is done and read on.
            buf.drain(..resume);
            start += resume as u64;
            want = (buf.len() * 2).max(READ_BYTES);
            continue;
        }
        if fault.is_none() && held.is_none() && more_in_file {
            buf.clear();
            start = scanned.end;
            want = READ_BYTES;
            continue;
        }
        let rest = scanned.end < file_end;
        scanned.reserved = rest && segment.is_zero(scanned.end, file_end)?;
        scanned.torn = rest && !scanned.reserved;
        scanned.clean &= !rest;
        return Ok(scanned);
    }
}

fn fill(segment: &Segment, buf: &mut Vec<u8>, start: Pos, want: usize) -> Result<()> {
    let have = buf.len();
    buf.extend(segment.read(start + have as u64, want.saturating_sub(have))?);
    Ok(())
}

fn emit(
    buf: &[u8],
    first: usize,
    end: usize,
    start: Pos,
    each: &mut dyn FnMut(Pos, &Frame<'_>) -> Result<()>,
) -> Result<()> {
    let mut at = first;
    while at < end {
        let pos = start + at as u64;
        let frame =
            parse(buf, at, pos).map_err(|_| Error::corrupt(format!("frame at {pos} changed while it was read")))?;
        each(pos, &frame)?;
        at += frame.len;
    }
    Ok(())
}

/// How much is searched at a time for a frame behind damage; half of it holds the longest frame.
const PROOF_BYTES: usize = 2 * (BODY_BYTES_MAX + 1 + FRAME_HEAD);

/// Whether something behind `damage`, in this segment or a later one, proves that `damage` was synced once: then where.
pub(crate) fn proof_after(segments: &[&Segment], damage: Pos) -> Result<Option<(Pos, Pos)>> {
    for segment in segments {
        let end = segment.end()?;
        let mut start = segment.base.max(damage);
        while start < end {
            let bytes = segment.read(start, PROOF_BYTES)?;
            if let Some(proof) = find_proof(&bytes, start, damage) {
                return Ok(Some(proof));
            }
            // Half a window on: a frame across the border of one read lies whole in the next.
            start += PROOF_BYTES as u64 / 2;
        }
    }
    Ok(None)
}
