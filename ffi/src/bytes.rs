//! Text and bytes as pointer and length, and lists of texts and blobs that the library gives.

use std::ffi::{c_char, c_void};

use headwater::Result;

use crate::error::{hw_error, invalid, missing};
use crate::guard::{free_standing, release};
use crate::raw::{self, Out};

/// UTF-8 text, not NUL-terminated. Going in it is borrowed for the call and checked; NULL with length 0 is the
/// empty text.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_str {
    /// The first byte.
    pub data: *const c_char,
    /// How many bytes.
    pub len: usize,
}

/// Bytes. NULL with length 0 is none.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_bytes {
    /// The first byte.
    pub data: *const c_void,
    /// How many bytes.
    pub len: usize,
}

/// One header of a record or of an object, or one item of an object's metadata.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_header {
    /// Its name; letter case counts.
    pub name: hw_str,
    /// Its value.
    pub value: hw_str,
}

/// Where bytes begin. Where there are none it is a real address too: Rust's own may be 1, and the runtime of Go ends a
/// program that has such a pointer on its stack.
fn first(bytes: &[u8]) -> *const u8 {
    static NONE: [u8; 1] = [0];
    if bytes.is_empty() { NONE.as_ptr() } else { bytes.as_ptr() }
}

impl hw_str {
    pub(crate) const EMPTY: hw_str = hw_str { data: std::ptr::null(), len: 0 };

    /// A view that the caller may keep as long as it keeps what `text` is a part of.
    pub(crate) fn of(text: &str) -> Self {
        hw_str { data: first(text.as_bytes()).cast(), len: text.len() }
    }

    pub(crate) fn text<'a>(&self, what: &str) -> Result<&'a str> {
        raw::text(what, self.data, self.len)
    }

    /// The text, or `None` when it is empty.
    pub(crate) fn some<'a>(&self, what: &str) -> Result<Option<&'a str>> {
        Ok(Some(self.text(what)?).filter(|t| !t.is_empty()))
    }

    pub(crate) fn owned(&self, what: &str) -> Result<String> {
        self.text(what).map(str::to_owned)
    }
}

impl hw_bytes {
    /// A view that the caller may keep as long as it keeps what `bytes` is a part of.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        hw_bytes { data: first(bytes).cast(), len: bytes.len() }
    }

    pub(crate) fn bytes<'a>(&self, what: &str) -> Result<&'a [u8]> {
        raw::bytes(what, self.data, self.len)
    }
}

/// A list of texts, each with a number where one goes with it. Immutable.
pub struct hw_strings(pub(crate) Vec<(String, u64)>);

impl hw_strings {
    pub(crate) fn plain(texts: impl IntoIterator<Item = String>) -> Self {
        hw_strings(texts.into_iter().map(|t| (t, 0)).collect())
    }
}

/// The complaint about an index past the end.
#[cold]
pub(crate) fn past_end(what: &str, index: usize, len: usize) -> headwater::Error {
    invalid(format!("{what} index {index} is past the end, there are {len}"))
}

/// How many texts there are; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_strings_len(strings: Option<&hw_strings>) -> usize {
    strings.map_or(0, |s| s.0.len())
}

/// The text at `index`, and, when `number` is not NULL, what goes with it: the records of a subject, the line of a
/// rejection, otherwise 0.
///
/// Errors:    HW_STATUS_INVALID (past the end).
/// Ownership: `*text` is borrowed until the list is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_strings_get(
    strings: Option<&hw_strings>,
    index: usize,
    text: *mut hw_str,
    number: *mut u64,
    error: *mut *mut hw_error,
) -> crate::status::hw_status {
    free_standing(error, || {
        let list = &strings.ok_or_else(|| missing("strings"))?.0;
        let out = Out::required("text", text)?;
        let (text, count) = list.get(index).ok_or_else(|| past_end("strings", index, list.len()))?;
        out.set(hw_str::of(text));
        if let Some(number) = Out::optional(number) {
            number.set(*count);
        }
        Ok(())
    })
}

/// Frees a list; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_strings_free(strings: Option<Box<hw_strings>>) {
    release(strings);
}

/// Bytes that the library made. Immutable.
pub struct hw_blob(pub(crate) Vec<u8>);

/// The bytes.
///
/// Ownership: what `*bytes` points to is borrowed until the blob is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_blob_bytes(
    blob: Option<&hw_blob>,
    bytes: *mut hw_bytes,
    error: *mut *mut hw_error,
) -> crate::status::hw_status {
    free_standing(error, || {
        let blob = blob.ok_or_else(|| missing("blob"))?;
        Out::required("bytes", bytes)?.set(hw_bytes::of(&blob.0));
        Ok(())
    })
}

/// Frees a blob; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_blob_free(blob: Option<Box<hw_blob>>) {
    release(blob);
}
