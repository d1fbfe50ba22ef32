//! The status that every call returns: core's `ErrorKind` by number, with 0 for success.

use std::ffi::c_char;

use headwater::ErrorKind;

/// What a call came to. Numbers never change their meaning; expect new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum hw_status {
    /// Done; the outputs are written.
    Ok = 0,
    /// The call itself is wrong: fix the argument that the message names. Nothing was changed.
    Invalid = 1,
    /// The named stream, consumer, bucket or directory is not there.
    NotFound = 2,
    /// A condition did not hold, or a name is taken: reload, decide again, retry. Nothing was changed.
    Conflict = 3,
    /// A configured limit refused it, or the disk is full: make room or raise the limit, then retry.
    Limit = 4,
    /// The deadline passed or the wait was cancelled: the work may still complete; waiting again is safe.
    Timeout = 5,
    /// The handle, stream or engine is closed, or was carried over a fork(): open a new one.
    Closed = 6,
    /// Another process owns the directory: close it there, or open read-only.
    Busy = 7,
    /// The operating system refused: see the message. A stream whose sync failed stays poisoned until it is
    /// reopened.
    Io = 8,
    /// Bytes on disk are damaged: the message names file, offset and what is missing. Restore from a backup.
    Corrupt = 9,
    /// This engine, build or format version cannot do it; it never does something weaker instead.
    Unsupported = 10,
    /// A handle for one caller at a time was used by two: give each thread its own.
    Misuse = 11,
    /// A bug in Headwater (a caught panic, a broken invariant): report it, and reopen the engine.
    Internal = 12,
}

impl From<ErrorKind> for hw_status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid => hw_status::Invalid,
            ErrorKind::NotFound => hw_status::NotFound,
            ErrorKind::Conflict => hw_status::Conflict,
            ErrorKind::Limit => hw_status::Limit,
            ErrorKind::Timeout => hw_status::Timeout,
            ErrorKind::Closed => hw_status::Closed,
            ErrorKind::Busy => hw_status::Busy,
            ErrorKind::Io => hw_status::Io,
            ErrorKind::Corrupt => hw_status::Corrupt,
            ErrorKind::Unsupported => hw_status::Unsupported,
            ErrorKind::Misuse => hw_status::Misuse,
            _ => hw_status::Internal,
        }
    }
}

/// The version of this ABI; it grows only when a binary built against an older header would break.
pub const HW_ABI_VERSION: u32 = 1;

/// The ABI version of the library that is loaded. Compare it with HW_ABI_VERSION before anything else, and refuse a
/// library that differs.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_abi_version() -> u32 {
    HW_ABI_VERSION
}

/// The release of the library that is loaded, such as "0.1.0": static, NUL-terminated.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The lower-case name of a status, such as "not_found", the same in every language; "unknown" for a number that
/// this library does not know. Static, NUL-terminated.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_status_name(status: i32) -> *const c_char {
    let name = match status {
        0 => c"ok",
        1 => c"invalid",
        2 => c"not_found",
        3 => c"conflict",
        4 => c"limit",
        5 => c"timeout",
        6 => c"closed",
        7 => c"busy",
        8 => c"io",
        9 => c"corrupt",
        10 => c"unsupported",
        11 => c"misuse",
        12 => c"internal",
        _ => c"unknown",
    };
    name.as_ptr()
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn status_numbers_and_names_are_those_of_the_error_kinds() {
        for kind in ErrorKind::ALL {
            assert_eq!(hw_status::from(kind) as i32, kind as i32, "{kind:?}");
            // SAFETY: hw_status_name returns a static, NUL-terminated string.
            let name = unsafe { CStr::from_ptr(hw_status_name(kind as i32)) };
            assert_eq!(name.to_str(), Ok(kind.name()));
        }
    }
}
