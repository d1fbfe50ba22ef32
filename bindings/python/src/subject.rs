//! Subjects and filters: checks, matching and the encoding of any text as a token.

use headwater::subject;
use pyo3::prelude::*;

use crate::error::raise;

/// Raises `InvalidError` unless `subject` is a literal subject.
#[pyfunction]
pub(crate) fn check_subject(py: Python<'_>, subject: &str) -> PyResult<()> {
    subject::check_subject(subject).map_err(|error| raise(py, &error))
}

/// Raises `InvalidError` unless `filter` is a subject or a wildcard filter.
#[pyfunction]
pub(crate) fn check_filter(py: Python<'_>, filter: &str) -> PyResult<()> {
    subject::check_filter(filter).map_err(|error| raise(py, &error))
}

/// Whether a literal `subject` is taken by `filter`.
#[pyfunction]
pub(crate) fn matches(filter: &str, subject: &str) -> bool {
    subject::matches(filter, subject)
}

/// Whether some subject is taken by both filters.
#[pyfunction]
pub(crate) fn overlap(a: &str, b: &str) -> bool {
    subject::overlap(a, b)
}

/// Whether every subject that `inner` takes is taken by `outer` too.
#[pyfunction]
pub(crate) fn covers(outer: &str, inner: &str) -> bool {
    subject::covers(outer, inner)
}

/// Turns any text into one subject token, reversibly.
#[pyfunction]
pub(crate) fn encode_token(text: &str) -> String {
    subject::encode_token(text)
}

/// The text that `encode_token` turned into `token`.
#[pyfunction]
pub(crate) fn decode_token(py: Python<'_>, token: &str) -> PyResult<String> {
    subject::decode_token(token).map_err(|error| raise(py, &error))
}
