//! Frames: what goes over a node's socket, in both directions, cut into bounded pieces.
//!
//! A length, a kind, the number of the request that it belongs to, and a body; `docs/local-socket.md` draws it. Knows
//! nothing of what bodies mean.

use crate::error::{Error, Result};
use crate::record::BATCH_BYTES_MAX;

/// The most bytes of a frame after its length: the largest atomic batch, with what its conditions and fields add.
pub(crate) const FRAME_BYTES_MAX: usize = BATCH_BYTES_MAX + (4 << 20);
/// An answer that is larger than this goes in several frames, in bytes.
pub(crate) const PART_BYTES: usize = 1 << 20;
/// Bytes of the length.
const LENGTH_BYTES: usize = 4;
/// Bytes of kind and number.
const HEAD_BYTES: usize = 9;

/// The first frame of each side.
pub(crate) const HELLO: u8 = 0;
/// Gives up a request, or what it made: nothing is answered.
pub(crate) const FORGET: u8 = 1;
/// The answer, or the last part of it.
pub(crate) const DONE: u8 = 0x80;
/// A part of an answer; more comes.
pub(crate) const PART: u8 = 0x81;
/// The answer is an error.
pub(crate) const FAILED: u8 = 0x82;

/// A frame, as it lies in the bytes that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    pub(crate) id: u64,
    pub(crate) body: &'a [u8],
}

/// Appends a frame with the body that `fill` appends.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`] when it is larger than a frame may be; nothing was appended then.
pub(crate) fn put(out: &mut Vec<u8>, kind: u8, id: u64, fill: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    out.push(kind);
    out.extend_from_slice(&id.to_le_bytes());
    fill(out);
    let length = out.len() - start - LENGTH_BYTES;
    if length > FRAME_BYTES_MAX {
        out.truncate(start);
        return Err(Error::invalid(format!(
            "the request takes {length} bytes, the most that goes to a node at once is {FRAME_BYTES_MAX}"
        )));
    }
    out[start..start + LENGTH_BYTES].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(())
}

/// Appends an answer, in as many frames as it needs.
pub(crate) fn put_answer(out: &mut Vec<u8>, id: u64, body: &[u8]) {
    let mut rest = body;
    while rest.len() > PART_BYTES {
        let (part, after) = rest.split_at(PART_BYTES);
        let _ = put(out, PART, id, |out| out.extend_from_slice(part));
        rest = after;
    }
    let _ = put(out, DONE, id, |out| out.extend_from_slice(rest));
}

/// The frame at the front of `bytes` and how many of them it takes; `None` when it is not whole yet.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`] when its length is none that a frame can have: nothing behind it can be read.
pub(crate) fn take(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    if !(HEAD_BYTES..=FRAME_BYTES_MAX).contains(&length) {
        return Err(Error::invalid(format!("a frame of {length} bytes, must be {HEAD_BYTES} to {FRAME_BYTES_MAX}")));
    }
    let Some(frame) = rest.get(..length) else { return Ok(None) };
    let (kind, rest) = (frame[0], &frame[1..]);
    let Some((id, body)) = rest.split_first_chunk::<8>() else { return Ok(None) };
    Ok(Some((Frame { kind, id: u64::from_le_bytes(*id), body }, LENGTH_BYTES + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_once_it_is_whole() {
        let mut bytes = Vec::new();
        put(&mut bytes, 7, 9, |out| out.extend_from_slice(b"body")).expect("it is small");
        put(&mut bytes, 8, 10, |_| {}).expect("it is small");
        let first = 4 + 9 + 4;
        for end in 0..first {
            assert_eq!(take(&bytes[..end]).expect("no fault"), None, "{end}");
        }
        let (frame, taken) = take(&bytes).expect("no fault").expect("whole");
        assert_eq!((frame, taken), (Frame { kind: 7, id: 9, body: b"body" }, first));
        let (frame, _) = take(&bytes[first..]).expect("no fault").expect("whole");
        assert_eq!(frame, Frame { kind: 8, id: 10, body: b"" });
    }

    #[test]
    fn a_length_that_cannot_be_is_refused_before_its_bytes_are_waited_for() {
        for length in [0u32, 8, FRAME_BYTES_MAX as u32 + 1, u32::MAX] {
            take(&length.to_le_bytes()).expect_err("no such frame");
        }
        let mut out = b"before".to_vec();
        put(&mut out, 7, 1, |out| out.resize(out.len() + FRAME_BYTES_MAX, 0)).expect_err("too large");
        assert_eq!(out, b"before");
    }

    #[test]
    fn a_large_answer_goes_in_parts() {
        let body: Vec<u8> = (0..PART_BYTES * 2 + 5).map(|n| n as u8).collect();
        let (mut out, mut got, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
        put_answer(&mut out, 3, &body);
        let mut rest = &out[..];
        while let Some((frame, taken)) = take(rest).expect("no fault") {
            got.extend_from_slice(frame.body);
            kinds.push(frame.kind);
            rest = &rest[taken..];
        }
        assert_eq!((got == body, kinds), (true, vec![PART, PART, DONE]));
    }
}
