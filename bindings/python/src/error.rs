//! Errors of the core become `headwater.Error` and its subclasses, one for each kind.

use headwater::{Error, ErrorKind};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

/// The Python exception for an error of the core.
#[cold]
pub(crate) fn raise(py: Python<'_>, error: &Error) -> PyErr {
    build(py, error).unwrap_or_else(|failure| failure)
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    static BY_KIND: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let by_kind = BY_KIND.get_or_try_init(py, || -> PyResult<_> {
        Ok(py.import("headwater._errors")?.getattr("BY_KIND")?.cast_into::<PyDict>()?.unbind())
    })?;
    // A kind that is newer than this table still arrives, as the base class with its own name.
    let class = by_kind.bind(py).get_item(error.kind().name())?;
    let class = match class {
        Some(class) => class,
        None => py.import("headwater._errors")?.getattr("Error")?,
    };
    let raised = class.call1((error.message(), error.expected(), error.actual()))?;
    if raised.getattr("kind")?.extract::<String>()? != error.kind().name() {
        raised.setattr("kind", error.kind().name())?;
    }
    Ok(PyErr::from_value(raised))
}

/// An `InvalidError` that this door itself finds.
#[cold]
pub(crate) fn invalid(py: Python<'_>, message: impl Into<String>) -> PyErr {
    raise(py, &Error::new(ErrorKind::Invalid, message))
}

/// A `TypeError` that names the argument.
#[cold]
pub(crate) fn wrong_type(what: &str, wanted: &str, got: &Bound<'_, PyAny>) -> PyErr {
    match got.get_type().name() {
        Ok(name) => PyTypeError::new_err(format!("{what} must be {wanted}, not {name}")),
        Err(failure) => failure,
    }
}
