//! What registers hold and sets consist of. Equal is what is equal bit for bit; the order is total and the same
//! everywhere.

use std::cmp::Ordering;

use crate::error::{Error, ErrorKind, Result};

/// Most bytes of one value: 1 MiB.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// A value. Values are ordered by type in the order below, then by what they are; floats by their total order, so that
/// NaN and both zeros are themselves.
#[derive(Debug, Clone)]
pub enum Value {
    /// Any bytes.
    Bytes(Box<[u8]>),
    /// A whole number.
    Int(i64),
    /// A float, kept bit for bit.
    Float(f64),
    /// UTF-8 text.
    Text(Box<str>),
    /// JSON, kept as it was written.
    Json(Box<str>),
}

impl Value {
    /// Refuses what is too long and JSON that does not parse.
    pub(super) fn check(&self) -> Result<()> {
        let bytes = self.len();
        if bytes > VALUE_BYTES_MAX {
            let message = format!("a value of {bytes} bytes: the most is {VALUE_BYTES_MAX}");
            return Err(Error::new(ErrorKind::Limit, message));
        }
        if let Value::Json(text) = self {
            let parsed = serde_json::from_str::<serde::de::IgnoredAny>(text);
            parsed.map_err(|e| Error::invalid(format!("a json value does not parse: {e}")))?;
        }
        Ok(())
    }

    /// Its bytes beside a number.
    pub(super) fn len(&self) -> usize {
        match self {
            Value::Bytes(v) => v.len(),
            Value::Text(v) | Value::Json(v) => v.len(),
            Value::Int(_) | Value::Float(_) => 0,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Bytes(_) => 0,
            Value::Int(_) => 1,
            Value::Float(_) => 2,
            Value::Text(_) => 3,
            Value::Json(_) => 4,
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
            (Value::Text(a), Value::Text(b)) | (Value::Json(a), Value::Json(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::Text(value.into())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Value::Bytes(value.into())
    }
}
