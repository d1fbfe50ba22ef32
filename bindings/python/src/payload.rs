//! Bytes that come in: `bytes` without a copy, `bytearray` and `memoryview` with one, text never.
//!
//! What can change under us is copied, because the interpreter is released while the core reads it.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::error::wrong_type;

/// Bytes of an argument.
pub(crate) enum Payload<'a> {
    Borrowed(&'a [u8]),
    Copied(Vec<u8>),
}

impl Payload<'_> {
    /// What stands where an argument is left out.
    pub(crate) const EMPTY: Self = Payload::Borrowed(&[]);

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Payload::Borrowed(bytes) => bytes,
            Payload::Copied(bytes) => bytes,
        }
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Payload<'a> {
    type Error = PyErr;

    #[inline]
    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match object.extract::<&'a [u8]>() {
            Ok(bytes) => Ok(Payload::Borrowed(bytes)),
            Err(_) => copied(&object).map(Payload::Copied),
        }
    }
}

/// A copy of the bytes of `object`.
pub(crate) fn copied(object: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    const WANTED: &str = "bytes, bytearray or memoryview";
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    if object.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(format!("a payload must be {WANTED}, not str: encode it first")));
    }
    let Ok(buffer) = PyBuffer::<u8>::get(object) else {
        return Err(wrong_type("a payload", WANTED, object));
    };
    buffer.to_vec(object.py())
}
