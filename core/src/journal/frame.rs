//! One frame: `check u32 | len+flags u32 | body`. The check is a CRC32 over everything after it, xored with the frame's
//! position, so a frame that stands in another's place is as wrong as a flipped bit.

use super::Pos;

/// Bytes before the body.
pub(crate) const FRAME_HEAD: usize = 8;
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
    pub(crate) mark: Option<Pos>,
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

/// Starts a frame in `out`; the body follows. Give the returned start to [`finish`].
pub(crate) fn begin(out: &mut Vec<u8>, mark: Option<Pos>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEAD]);
    if let Some(mark) = mark {
        out.extend_from_slice(&mark.to_le_bytes());
    }
    start
}

/// Ends the frame that began at `start` and will stand at `pos`.
pub(crate) fn finish(out: &mut [u8], start: usize, flags: u8, pos: Pos) {
    let len = (out.len() - start - FRAME_HEAD) as u32;
    debug_assert!(len as usize <= BODY_BYTES_MAX);
    let word = len | u32::from(flags) << 24;
    out[start + 4..start + 8].copy_from_slice(&word.to_le_bytes());
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
    let (mark, skip) = if flags & FLAG_MARK != 0 {
        let Some(bytes) = frame.get(8..16).and_then(|b| b.try_into().ok()) else { return Err(Fault::Bad) };
        (Some(u64::from_le_bytes(bytes)), 16)
    } else {
        (None, 8)
    };
    if flags & FLAG_TXN != 0 {
        return Err(Fault::Bad);
    }
    Ok(Frame { flags, mark, body: &frame[skip..], body_start: at + skip, len, raw: frame })
}

/// Whether a frame that proves everything before `limit` synced stands somewhere in `bytes`, the first of which is at
/// `pos`.
///
/// Only a frame with a mark beyond `limit` proves it, and few random bytes look like one, so this checks few sums.
pub(crate) fn find_proof(bytes: &[u8], pos: Pos, limit: Pos) -> Option<(Pos, Pos)> {
    for at in 0..(bytes.len() + 1).saturating_sub(FRAME_HEAD + 8) {
        let word = &bytes[at + 4..at + 16];
        if word[3] & FLAG_MARK == 0 {
            continue;
        }
        let mark = u64::from_le_bytes([word[4], word[5], word[6], word[7], word[8], word[9], word[10], word[11]]);
        let here = pos + at as u64;
        if mark > limit && mark <= here && parse(bytes, at, here).is_ok() {
            return Some((here, mark));
        }
    }
    None
}

/// Reads a frame that this process made and that never left its memory.
pub(crate) fn parse_trusted(bytes: &[u8]) -> Option<Frame<'_>> {
    let len = frame_len(bytes)?;
    let flags = *bytes.get(7)?;
    let skip = if flags & FLAG_MARK != 0 { 16 } else { 8 };
    Some(Frame { flags, mark: None, body: bytes.get(skip..len)?, body_start: skip, len, raw: bytes.get(..len)? })
}
