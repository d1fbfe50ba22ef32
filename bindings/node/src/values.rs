//! Single values on their way in: 64-bit numbers, durations and the subject of a hot call.
//!
//! Durations are milliseconds on the JavaScript side and never lose more than a nanosecond; 64-bit numbers are bigints.

use std::mem::MaybeUninit;
use std::time::Duration;

use headwater::subject::SUBJECT_BYTES_MAX;
use napi::bindgen_prelude::{BigInt, FromNapiValue, TypeName, ValidateNapiValue};
use napi::{ValueType, sys};

use crate::error::{Result, invalid};

/// The number in a bigint that is not negative and fits.
pub(crate) fn u64_of(what: &str, value: &BigInt) -> Result<u64> {
    match value.get_u64() {
        (false, number, true) => Ok(number),
        _ => Err(invalid(format!("{what} is not an unsigned 64-bit integer"))),
    }
}

/// The number in a bigint that fits a signed one.
pub(crate) fn i64_of(what: &str, value: &BigInt) -> Result<i64> {
    match value.get_i64() {
        (number, true) => Ok(number),
        _ => Err(invalid(format!("{what} is not a signed 64-bit integer"))),
    }
}

/// The duration of so many milliseconds.
pub(crate) fn millis(what: &str, value: f64) -> Result<Duration> {
    let nanos = (value * 1e6).round();
    if nanos >= 0.0 && nanos < u64::MAX as f64 {
        Ok(Duration::from_nanos(nanos as u64))
    } else {
        Err(invalid(format!("{what} is not a duration in milliseconds: {value}")))
    }
}

/// So many milliseconds.
pub(crate) fn to_millis(value: Duration) -> f64 {
    value.as_nanos() as f64 / 1e6
}

/// A text that is nearly always short: read in one call, without an allocation.
pub(crate) struct Text {
    short: [MaybeUninit<u8>; SHORT_BYTES],
    len: usize,
    long: Option<String>,
}

/// One more than the longest subject, and one for the final zero.
const SHORT_BYTES: usize = SUBJECT_BYTES_MAX + 2;

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        match &self.long {
            Some(long) => long,
            // SAFETY: Node-API wrote `len` bytes of UTF-8 there; a string that ended in the middle of a character
            // would have been too long, and is in `long`.
            None => unsafe {
                let bytes = std::slice::from_raw_parts(self.short.as_ptr().cast::<u8>(), self.len);
                str::from_utf8_unchecked(bytes)
            },
        }
    }
}

impl TypeName for Text {
    fn type_name() -> &'static str {
        "String"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ValidateNapiValue for Text {}

impl FromNapiValue for Text {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        let mut text = Text { short: [MaybeUninit::uninit(); SHORT_BYTES], len: 0, long: None };
        let short = text.short.as_mut_ptr().cast();
        // SAFETY: the buffer is as long as said, and Node-API writes its final zero inside it.
        let status = unsafe { sys::napi_get_value_string_utf8(env, value, short, SHORT_BYTES, &raw mut text.len) };
        if status != sys::Status::napi_ok {
            return Err(invalid("a string is wanted"));
        }
        // Node-API stops before a character that does not fit, at most three bytes before the end.
        if text.len + 4 >= SHORT_BYTES {
            // SAFETY: the same value in the same environment.
            text.long = Some(unsafe { String::from_napi_value(env, value)? });
        }
        Ok(text)
    }
}
