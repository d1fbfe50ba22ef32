//! What went wrong, as an object of the caller's own: no thread-local state, so it can be read on any thread.

use std::ffi::c_char;

use headwater::{Error, ErrorKind};

use crate::guard::release;
use crate::raw::Out;
use crate::status::hw_status;

/// What went wrong in one call. Immutable.
pub struct hw_error {
    status: hw_status,
    /// With a NUL at its end, and none inside.
    message: String,
    sequences: Option<(u64, u64)>,
}

impl hw_error {
    fn new(error: &Error) -> Self {
        let mut message = error.message().replace('\0', "\\0");
        message.push('\0');
        hw_error { status: error.kind().into(), message, sequences: error.expected().zip(error.actual()) }
    }
}

/// Hands `error` to the caller if the caller wants it, and returns its status.
#[cold]
pub(crate) fn fail(out: *mut *mut hw_error, error: &Error) -> hw_status {
    if let Some(out) = Out::optional(out) {
        out.set(Box::into_raw(Box::new(hw_error::new(error))));
    }
    error.kind().into()
}

/// The complaint about an argument that may not be NULL.
#[cold]
pub(crate) fn missing(what: &str) -> Error {
    invalid(format!("{what} is NULL"))
}

/// The complaint about an argument.
#[cold]
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// The status that the call returned; HW_STATUS_OK for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_error_status(error: Option<&hw_error>) -> hw_status {
    error.map_or(hw_status::Ok, |e| e.status)
}

/// A sentence for a person, NUL-terminated UTF-8; its text is not part of the ABI, so do not match on it. Empty for
/// NULL. `len`, when not NULL, gets its length without the NUL.
///
/// Ownership: borrowed until the error is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_error_message(error: Option<&hw_error>, len: *mut usize) -> *const c_char {
    let message = error.map_or("\0", |e| &e.message);
    if let Some(len) = Out::optional(len) {
        len.set(message.len() - 1);
    }
    message.as_ptr().cast()
}

/// For a conflict over sequences: writes the one expected and the one that is there, and returns true. Otherwise
/// writes nothing and returns false.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_error_sequences(error: Option<&hw_error>, expected: *mut u64, actual: *mut u64) -> bool {
    let Some((e, a)) = error.and_then(|e| e.sequences) else { return false };
    if let Some(expected) = Out::optional(expected) {
        expected.set(e);
    }
    if let Some(actual) = Out::optional(actual) {
        actual.set(a);
    }
    true
}

/// Frees an error; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_error_free(error: Option<Box<hw_error>>) {
    release(error);
}
