//! Whole numbers in as few bytes as they need: LEB128, seven bits a byte, low bits first.

/// Bytes to the largest number.
const BYTES_MAX: usize = 10;

/// Appends a number.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number from the front of `bytes`; `None` when they end before it does.
#[inline]
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    // Most are lengths, and short.
    match bytes {
        [byte @ 0..0x80, rest @ ..] => {
            let value = u64::from(*byte);
            *bytes = rest;
            Some(value)
        }
        _ => take_long_varint(bytes),
    }
}

fn take_long_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (i, &byte) in bytes.iter().take(BYTES_MAX).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            *bytes = &bytes[i + 1..];
            return Some(value);
        }
    }
    None
}

/// Appends bytes, behind how many they are.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// How many bytes [`put_bytes`] appends.
pub(crate) fn bytes_len(bytes: &[u8]) -> usize {
    let bits = (u64::BITS - (bytes.len() as u64).leading_zeros()).max(1);
    bits.div_ceil(7) as usize + bytes.len()
}

/// Takes what [`put_bytes`] appended; `None` when `bytes` end before it does.
pub(crate) fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take_varint(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

/// The same, as text; `None` for what is not UTF-8.
pub(crate) fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_bytes(bytes)?).ok()
}

/// A signed number as one that is small when it is near zero on either side.
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The signed number that [`zigzag`] was given.
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::{bytes_len, put_bytes};

    #[test]
    fn the_length_of_bytes_is_known_before_they_are_put() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let (bytes, mut out) = (vec![7; len], Vec::new());
            put_bytes(&mut out, &bytes);
            assert_eq!(bytes_len(&bytes), out.len(), "of {len} bytes");
        }
    }
}
