//! The payload of a point: its value, tombstone and origin. Time and series are the record's own fields.
//!
//! ```text
//! tag     1 byte    bits 0-2: 1 float, 2 int, 3 text, 4 json; bit 3: a tombstone follows; bit 4: an origin follows
//! tombstone         varint, at most 32 bits, not 0        when bit 3 is set
//! origin            varint length, then UTF-8, not empty  when bit 4 is set
//! value             float: 8 bytes, little-endian; int: zigzag varint; text and json: UTF-8 to the end
//! ```
//!
//! A float of the engine's own origin takes nine bytes. There is exactly one encoding of each point: whatever decodes
//! encodes to the same bytes again. Bits 5 to 7 are for later and must be 0.

use crate::error::{Error, Result};
use crate::varint::{put_varint, unzigzag, zigzag};

use super::value::ValueView;

const FLOAT: u8 = 1;
const INT: u8 = 2;
const TEXT: u8 = 3;
const JSON: u8 = 4;
const TYPE_MASK: u8 = 0b111;
const HAS_TOMBSTONE: u8 = 1 << 3;
const HAS_ORIGIN: u8 = 1 << 4;

/// What a payload says, borrowed from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointView<'a> {
    /// The value.
    pub value: ValueView<'a>,
    /// Only ever counts up; odd is deleted.
    pub tombstone: u32,
    /// The instance that wrote it; empty for the engine that holds the record.
    pub origin: &'a str,
}

/// Appends the payload of a point to `out`.
pub fn encode_payload(point: &PointView<'_>, out: &mut Vec<u8>) {
    let kind = match point.value {
        ValueView::Float(_) => FLOAT,
        ValueView::Int(_) => INT,
        ValueView::Text(_) => TEXT,
        ValueView::Json(_) => JSON,
    };
    let tombstone = if point.tombstone != 0 { HAS_TOMBSTONE } else { 0 };
    let origin = if point.origin.is_empty() { 0 } else { HAS_ORIGIN };
    out.push(kind | tombstone | origin);
    if tombstone != 0 {
        put_varint(out, point.tombstone.into());
    }
    if origin != 0 {
        put_varint(out, point.origin.len() as u64);
        out.extend_from_slice(point.origin.as_bytes());
    }
    match point.value {
        ValueView::Float(v) => out.extend_from_slice(&v.to_le_bytes()),
        ValueView::Int(v) => put_varint(out, zigzag(v)),
        ValueView::Text(v) | ValueView::Json(v) => out.extend_from_slice(v.as_bytes()),
    }
}

/// What a payload says. Any bytes may be given: those that [`encode_payload`] would not have written are refused.
pub fn decode_payload(payload: &[u8]) -> Result<PointView<'_>> {
    read(payload).map_err(|fault| Error::corrupt(format!("payload is no point: {fault}")))
}

/// As [`decode_payload`], without the cost of an error's message where the caller adds the place.
#[inline]
pub(super) fn read(payload: &[u8]) -> Result<PointView<'_>, &'static str> {
    let (&tag, mut rest) = payload.split_first().ok_or("it is empty")?;
    let mut tombstone = 0;
    let mut origin = "";
    if tag & !TYPE_MASK != 0 {
        if tag & !(TYPE_MASK | HAS_TOMBSTONE | HAS_ORIGIN) != 0 {
            return Err("its tag has bits of a later format");
        }
        if tag & HAS_TOMBSTONE != 0 {
            tombstone = take(&mut rest).and_then(|v| u32::try_from(v).ok()).ok_or("its tombstone is malformed")?;
            if tombstone == 0 {
                return Err("its tombstone is 0 and yet there");
            }
        }
        if tag & HAS_ORIGIN != 0 {
            origin = take_text(&mut rest).ok_or("its origin is malformed")?;
            if origin.is_empty() {
                return Err("its origin is empty and yet there");
            }
        }
    }
    let value = match tag & TYPE_MASK {
        FLOAT => ValueView::Float(f64::from_le_bytes(rest.try_into().map_err(|_| "its float is not 8 bytes")?)),
        INT => {
            let int = take(&mut rest).filter(|_| rest.is_empty()).ok_or("its int is malformed")?;
            ValueView::Int(unzigzag(int))
        }
        TEXT => ValueView::Text(std::str::from_utf8(rest).map_err(|_| "its text is not UTF-8")?),
        JSON => ValueView::Json(std::str::from_utf8(rest).map_err(|_| "its json is not UTF-8")?),
        _ => return Err("its type is none of float, int, text, json"),
    };
    Ok(PointView { value, tombstone, origin })
}

/// Takes a varint in its one shortest form.
fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return if byte == 0 && shift > 0 { None } else { Some(value) };
        }
    }
    None
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let len = usize::try_from(take(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}
