//! One frame: `check u32 | len+flags u32 | body`. The check is a CRC32 over everything after it, xored with the frame's
//! position, so a frame that stands in another's place is as wrong as a flipped bit.
//!
//! A mark stands before the body: `head check u16 | varint`, how far behind the frame's position everything was synced.
//! Its own check lets a search for marks among any bytes pass over what is none without summing up whole frames.

use super::Pos;
use crate::varint::{put_varint, take_varint};

/// Bytes before the body.
pub(crate) const FRAME_HEAD: usize = 8;
/// Of a mark, before its distance.
const MARK_CHECK: usize = 2;
/// The most bytes that head and mark take together.
pub(crate) const HEAD_BYTES_MAX: usize = FRAME_HEAD + MARK_CHECK + 10;
/// The longest body.
pub(crate) const BODY_BYTES_MAX: usize = (1 << 24) - 1;

/// The body begins with the synced position.
pub(crate) const FLAG_MARK: u8 = 0x80;
/// The next frame belongs to the same atomic batch.
pub(crate) const FLAG_MORE: u8 = 0x40;
/// The journal's own: it says nothing but its mark.
pub(crate) const FLAG_NOTE: u8 = 0x20;
/// Reserved: the body begins with a transaction id. This version refuses it.
pub(crate) const FLAG_TXN: u8 = 0x10;
/// What the layer above says of the body.
pub(crate) const TAG_MASK: u8 = 0x0f;

/// A frame as found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) flags: u8,
    /// Without the mark.
    pub(crate) body: &'a [u8],
    /// Where the body begins in the bytes that were parsed.
    pub(crate) body_start: usize,
    /// Of the whole frame.
    pub(crate) len: usize,
    /// The whole frame.
    pub(crate) raw: &'a [u8],
}

impl Frame<'_> {
    pub(crate) fn tag(&self) -> u8 {
        self.flags & TAG_MASK
    }

    pub(crate) fn more(&self) -> bool {
        self.flags & FLAG_MORE != 0
    }

    pub(crate) fn note(&self) -> bool {
        self.flags & FLAG_NOTE != 0
    }
}

/// Why no frame could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes end before the frame does; it would take this many.
    Short(usize),
    /// The checksum does not hold, or the fields cannot be.
    Bad,
}

fn fold(pos: Pos) -> u32 {
    (pos ^ (pos >> 32)) as u32
}

/// Starts a frame in `out` that will stand at `pos`; the body follows. Give the returned start to [`finish`].
pub(crate) fn begin(out: &mut Vec<u8>, mark: Option<Pos>, pos: Pos) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEAD]);
    if let Some(mark) = mark {
        out.extend_from_slice(&[0; MARK_CHECK]);
        put_varint(out, pos - mark);
    }
    start
}

/// The mark of a frame at `pos` that has one, and where its body begins; `None` when its own check does not hold.
fn mark_of(frame: &[u8], pos: Pos) -> Option<(Pos, usize)> {
    let mut rest = frame.get(FRAME_HEAD + MARK_CHECK..)?;
    let before = rest.len();
    let distance = take_varint(&mut rest)?;
    let body = FRAME_HEAD + MARK_CHECK + before - rest.len();
    let check = u16::from_le_bytes([frame[FRAME_HEAD], frame[FRAME_HEAD + 1]]);
    (check == head_check(&frame[..body])).then_some(())?;
    Some((pos.checked_sub(distance)?, body))
}

/// The check of length, flags and distance.
fn head_check(head: &[u8]) -> u16 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&head[4..FRAME_HEAD]);
    sum.update(&head[FRAME_HEAD + MARK_CHECK..]);
    sum.finalize() as u16
}

/// Where the body begins in a frame of this process's own making.
pub(crate) fn body_start(frame: &[u8]) -> Option<usize> {
    if frame.get(7)? & FLAG_MARK == 0 {
        return Some(FRAME_HEAD);
    }
    let ends = frame.get(FRAME_HEAD + MARK_CHECK..)?.iter().position(|b| b & 0x80 == 0)?;
    Some(FRAME_HEAD + MARK_CHECK + ends + 1)
}

/// Ends the frame that began at `start` and will stand at `pos`.
pub(crate) fn finish(out: &mut [u8], start: usize, flags: u8, pos: Pos) {
    let len = (out.len() - start - FRAME_HEAD) as u32;
    debug_assert!(len as usize <= BODY_BYTES_MAX);
    let word = len | u32::from(flags) << 24;
    out[start + 4..start + 8].copy_from_slice(&word.to_le_bytes());
    if flags & FLAG_MARK != 0
        && let Some(body) = body_start(&out[start..])
    {
        let check = head_check(&out[start..start + body]);
        out[start + FRAME_HEAD..start + FRAME_HEAD + MARK_CHECK].copy_from_slice(&check.to_le_bytes());
    }
    let check = crc32fast::hash(&out[start + 4..]) ^ fold(pos);
    out[start..start + 4].copy_from_slice(&check.to_le_bytes());
}

/// The length of the frame whose head begins `bytes`, unchecked.
pub(crate) fn frame_len(bytes: &[u8]) -> Option<usize> {
    let word = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
    Some(FRAME_HEAD + (word & 0x00ff_ffff) as usize)
}

/// Reads the frame at `bytes[at..]`, which stands at `pos`.
pub(crate) fn parse(bytes: &[u8], at: usize, pos: Pos) -> Result<Frame<'_>, Fault> {
    let rest = &bytes[at..];
    let len = frame_len(rest).ok_or(Fault::Short(FRAME_HEAD))?;
    let frame = rest.get(..len).ok_or(Fault::Short(len))?;
    let check = u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]);
    if check != crc32fast::hash(&frame[4..]) ^ fold(pos) {
        return Err(Fault::Bad);
    }
    let flags = frame[7];
    let skip = if flags & FLAG_MARK != 0 { mark_of(frame, pos).ok_or(Fault::Bad)?.1 } else { FRAME_HEAD };
    if flags & FLAG_TXN != 0 {
        return Err(Fault::Bad);
    }
    Ok(Frame { flags, body: &frame[skip..], body_start: at + skip, len, raw: frame })
}

/// Whether a frame that proves everything before `limit` synced stands somewhere in `bytes`, the first of which is at
/// `pos`.
///
/// Only a frame with a mark beyond `limit` proves it, and few random bytes look like one, so this checks few sums.
pub(crate) fn find_proof(bytes: &[u8], pos: Pos, limit: Pos) -> Option<(Pos, Pos)> {
    for at in 0..(bytes.len()).saturating_sub(FRAME_HEAD + MARK_CHECK) {
        if bytes[at + 7] & FLAG_MARK == 0 {
            continue;
        }
        let here = pos + at as u64;
        let rest = &bytes[at..bytes.len().min(at + HEAD_BYTES_MAX)];
        if let Some((mark, _)) = mark_of(rest, here)
            && mark > limit
            && parse(bytes, at, here).is_ok()
        {
            return Some((here, mark));
        }
    }
    None
}

/// Reads a frame that this process made and that never left its memory.
pub(crate) fn parse_trusted(bytes: &[u8]) -> Option<Frame<'_>> {
    let len = frame_len(bytes)?;
    let flags = *bytes.get(7)?;
    let skip = body_start(bytes)?;
    Some(Frame { flags, body: bytes.get(skip..len)?, body_start: skip, len, raw: bytes.get(..len)? })
}
