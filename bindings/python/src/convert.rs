//! Small argument types that several calls share.

use pyo3::prelude::*;
use pyo3::types::PyInt;

use crate::error::{invalid, wrong_type};
use crate::settings::texts;

/// A whole number from 0, such as a sequence.
#[derive(Clone, Copy)]
pub(crate) struct Whole(pub(crate) u64);

impl FromPyObject<'_, '_> for Whole {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if !object.is_instance_of::<PyInt>() {
            return Err(wrong_type("a number", "an int", &object));
        }
        object
            .extract()
            .map(Whole)
            .map_err(|_| invalid(object.py(), format!("a number must be from 0 to {}, not {}", u64::MAX, &*object)))
    }
}

impl Whole {
    /// As a count, which this machine can hold.
    pub(crate) fn count(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Subject filters: nothing, one text, or several.
#[derive(Default)]
pub(crate) struct Filters(pub(crate) Vec<String>);

impl FromPyObject<'_, '_> for Filters {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if object.is_none() { Ok(Filters::default()) } else { texts(&object, "filters").map(Filters) }
    }
}

impl Filters {
    pub(crate) fn as_strs(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}
