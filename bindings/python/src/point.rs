//! Points and rows of a query, as plain immutable values.

use headwater::points;
use headwater::points::Value;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple, PyType};

use crate::error::invalid;
use crate::time::{Moment, datetime};

/// One typed value of one series at one time.
#[pyclass(frozen, eq, module = "headwater")]
#[derive(PartialEq)]
pub(crate) struct Point(pub(crate) points::Point);

impl From<points::Point> for Point {
    fn from(point: points::Point) -> Self {
        Point(point)
    }
}

/// `headwater.Json`: a document as text.
pub(crate) fn json_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static JSON: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    JSON.import(py, "headwater._model", "Json")
}

fn to_value(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    let py = object.py();
    if object.is_instance_of::<PyFloat>() {
        return Ok(Value::Float(object.extract()?));
    }
    if object.is_instance_of::<PyString>() {
        let text = object.extract()?;
        return Ok(if object.is_instance(json_class(py)?)? { Value::Json(text) } else { Value::Text(text) });
    }
    if object.is_instance_of::<PyInt>() && !object.is_instance_of::<PyBool>() {
        let value = object.extract();
        return value.map(Value::Int).map_err(|_| invalid(py, format!("an int value must fit 64 bits: {object}")));
    }
    if object.is_instance_of::<PyDict>() || object.is_instance_of::<PyList>() {
        let text = py.import("json")?.call_method1("dumps", (object,))?;
        return Ok(Value::Json(text.extract()?));
    }
    let name = object.get_type().name()?;
    Err(PyTypeError::new_err(format!("a value must be float, int, str, Json, dict or list, not {name}")))
}

#[pymethods]
impl Point {
    #[new]
    #[pyo3(signature = (node, kind, value, *, time, key=String::new(), tombstone=0, origin=String::new()),
        text_signature = "(node, kind, value, *, time, key='', tombstone=0, origin='')")]
    fn new(
        node: String,
        kind: String,
        value: &Bound<'_, PyAny>,
        time: Moment,
        key: String,
        tombstone: u32,
        origin: String,
    ) -> PyResult<Self> {
        let value = to_value(value)?;
        Ok(Point(points::Point { node, kind, key, time: time.0, value, tombstone, origin }))
    }

    /// Whose it is, such as a device.
    #[getter]
    fn node(&self) -> &str {
        &self.0.node
    }

    /// What it is, such as `temperature`.
    #[getter]
    fn kind(&self) -> &str {
        &self.0.kind
    }

    /// Which one of its kind; empty when there is one.
    #[getter]
    fn key(&self) -> &str {
        &self.0.key
    }

    /// When it was so, in nanoseconds since the epoch.
    #[getter]
    fn time(&self) -> i64 {
        self.0.time
    }

    /// `time` in UTC, to the microsecond.
    #[getter]
    fn datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.0.time)
    }

    /// The value: a float, an int, a str, or a `Json`.
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match &self.0.value {
            Value::Float(value) => Ok(PyFloat::new(py, *value).into_any()),
            Value::Int(value) => Ok(value.into_pyobject(py)?.into_any()),
            Value::Text(value) => Ok(PyString::new(py, value).into_any()),
            Value::Json(value) => json_class(py)?.call1((value,)),
        }
    }

    /// Only ever counts up; odd is deleted.
    #[getter]
    fn tombstone(&self) -> u32 {
        self.0.tombstone
    }

    /// The instance that wrote it; the engine's id in hex when it was left empty.
    #[getter]
    fn origin(&self) -> &str {
        &self.0.origin
    }

    fn __hash__(&self) -> u64 {
        self.0.time as u64
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let points::Point { node, kind, key, time, .. } = &self.0;
        let key = if key.is_empty() { String::new() } else { format!(", key='{key}'") };
        Ok(format!("Point('{node}', '{kind}', {}, time={time}{key})", self.value(py)?.repr()?))
    }
}

/// One bucket of one series.
#[pyclass(frozen, eq, module = "headwater")]
#[derive(PartialEq)]
pub(crate) struct Row(points::Row);

impl From<points::Row> for Row {
    fn from(row: points::Row) -> Self {
        Row(row)
    }
}

#[pymethods]
impl Row {
    /// `node.kind` or `node.kind.key`.
    #[getter]
    fn series(&self) -> &str {
        &self.0.series
    }

    /// Where the bucket starts, in nanoseconds since the epoch.
    #[getter]
    fn start(&self) -> i64 {
        self.0.start
    }

    /// `start` in UTC, to the microsecond.
    #[getter]
    fn datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.0.start)
    }

    /// A value for each aggregate asked for, in order; `None` where no number is there.
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.0.values)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let values = self.values(py)?.repr()?;
        Ok(format!("Row(series='{}', start={}, values={values})", self.0.series, self.0.start))
    }
}
