//! A value as SQLite stores it, bit for bit, the key of a row, and the digest that says whether a value has changed.
//!
//! Text is bytes: SQLite keeps text that is not UTF-8, and so do we.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use sha2::{Digest, Sha256};

use crate::varint::{put_varint, take_varint};

/// A value of SQLite's, with the type that it is stored as.
#[derive(Debug, Clone)]
pub enum Value {
    /// No value.
    Null,
    /// 64 bits with a sign.
    Integer(i64),
    /// 64 bits of IEEE 754.
    Real(f64),
    /// Text, which is UTF-8 unless somebody wrote other bytes as text.
    Text(Vec<u8>),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The tag of -1, which has no byte behind it, and those of the longest numbers.
const NEGATIVE: u8 = 15;
const INTEGER_MIN: u8 = NEGATIVE - 8;
const INTEGER_MAX: u8 = NEGATIVE + 9;

/// Bit for bit: a real is the number that its bits are.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Integer(a), Value::Integer(b)) => a == b,
            (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
            (Value::Text(a), Value::Text(b)) | (Value::Blob(a), Value::Blob(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Value {
        match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(bytes) => Value::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(bytes) => ValueRef::Text(bytes),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl Value {
    /// Bytes of content, about.
    pub(super) fn len(&self) -> usize {
        match self {
            Value::Null => 1,
            Value::Integer(_) | Value::Real(_) => 8,
            Value::Text(bytes) | Value::Blob(bytes) => bytes.len(),
        }
    }

    /// What tells values apart in the clocks: sixty-four bits of SHA-256 of text and blobs, and for numbers a mix that
    /// no two integers and no two reals have in common.
    pub(super) fn digest(&self) -> u64 {
        match self {
            Value::Null => mix(3),
            Value::Integer(number) => mix(*number as u64 ^ 0x243f_6a88_85a3_08d3),
            Value::Real(number) => mix(number.to_bits() ^ 0x1319_8a2e_0370_7344),
            Value::Text(bytes) => sha256(3, bytes),
            Value::Blob(bytes) => sha256(4, bytes),
        }
    }

    /// What SQLite compares as equal in a key is one value: a real that is a whole number is that number.
    #[allow(clippy::float_cmp, reason = "it is that number to the last bit, or another one")]
    fn canonical(&self) -> Value {
        match self {
            Value::Real(number) if *number as i64 as f64 == *number && number.abs() < 9.0e18 => {
                Value::Integer(*number as i64)
            }
            other => other.clone(),
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.push(0),
            Value::Integer(number) => put_integer(out, *number),
            Value::Real(number) => {
                out.push(2);
                out.extend_from_slice(&number.to_bits().to_le_bytes());
            }
            Value::Text(bytes) => put_bytes(out, 3, bytes),
            Value::Blob(bytes) => put_bytes(out, 4, bytes),
        }
    }

    pub(super) fn take(bytes: &mut &[u8]) -> Option<Value> {
        let (&tag, rest) = bytes.split_first()?;
        *bytes = rest;
        Some(match tag {
            0 => Value::Null,
            INTEGER_MIN..=INTEGER_MAX => Value::Integer(take_integer(tag, bytes)?),
            2 => {
                let (number, rest) = bytes.split_at_checked(8)?;
                *bytes = rest;
                Value::Real(f64::from_bits(u64::from_le_bytes(number.try_into().ok()?)))
            }
            3 | 4 => {
                let len = usize::try_from(take_varint(bytes)?).ok()?;
                let (content, rest) = bytes.split_at_checked(len)?;
                *bytes = rest;
                if tag == 3 { Value::Text(content.to_vec()) } else { Value::Blob(content.to_vec()) }
            }
            _ => return None,
        })
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014), which has
/// another result for each number.
fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

fn sha256(kind: u8, bytes: &[u8]) -> u64 {
    first_word(Sha256::new().chain_update([kind]).chain_update(bytes))
}

/// Whole numbers in as few bytes as they need, so that the larger one has the larger bytes: rows that were written one
/// after the other then lie beside each other. The tag says how many bytes follow, and on which side of zero.
fn put_integer(out: &mut Vec<u8>, number: i64) {
    let size = if number < 0 { !number } else { number } as u64;
    let len = 8 - size.leading_zeros() as usize / 8;
    out.push(if number < 0 { NEGATIVE - len as u8 } else { NEGATIVE + 1 + len as u8 });
    out.extend_from_slice(&number.to_be_bytes()[8 - len..]);
}

fn take_integer(tag: u8, bytes: &mut &[u8]) -> Option<i64> {
    let (len, fill) = if tag <= NEGATIVE { (NEGATIVE - tag, 0xff) } else { (tag - NEGATIVE - 1, 0) };
    let (content, rest) = bytes.split_at_checked(usize::from(len))?;
    *bytes = rest;
    let mut number = [fill; 8];
    number[8 - content.len()..].copy_from_slice(content);
    Some(i64::from_be_bytes(number))
}

fn put_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The name of a row in tables of ours: equal for keys that SQLite compares as equal, and readable back.
pub(super) fn key_bytes(key: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(12);
    put_key(key, &mut out);
    out
}

pub(super) fn put_key(key: &[Value], out: &mut Vec<u8>) {
    for value in key {
        value.canonical().put(out);
    }
}

/// Values as they are, bit for bit, which [`take_values`] reads back.
pub(super) fn put_values(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        value.put(&mut out);
    }
    out
}

/// The first 8 bytes of a digest, as a number.
pub(super) fn first_word(hash: Sha256) -> u64 {
    hash.finalize()[..8].iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// What [`put_values`] wrote.
pub(super) fn take_values(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        values.push(Value::take(&mut bytes)?);
    }
    Some(values)
}

/// The key that [`key_bytes`] was given, up to what SQLite compares as equal.
pub(super) fn key_values(bytes: &[u8]) -> Option<Vec<Value>> {
    take_values(bytes)
}
