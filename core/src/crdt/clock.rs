//! When what has a time to live has expired, and the hybrid clock whose stamps that is counted from.

use crate::error::{Error, Result};
pub(super) use crate::hybrid::{HybridClock, STAMP_MAX, stamp_ms};

pub use crate::hybrid::DRIFT_MS_MAX;

/// When what lives for `ttl_ms` from a stamp on has expired, milliseconds since the epoch; 0 is never.
pub(super) fn expiry_ms(stamp: u64, ttl_ms: Option<u64>) -> Result<u64> {
    match ttl_ms {
        None => Ok(0),
        Some(0) => Err(Error::invalid("a time to live of 0 ms: the least is 1 ms")),
        Some(ttl) => stamp_ms(stamp)
            .checked_add(ttl)
            .ok_or_else(|| Error::invalid(format!("a time to live of {ttl} ms reaches past the end of time"))),
    }
}

/// Whether an expiry has passed.
pub(super) fn is_expired(expiry_ms: u64, now_ms: u64) -> bool {
    expiry_ms != 0 && expiry_ms <= now_ms
}
