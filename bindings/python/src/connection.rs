//! A connection to a SQLite file that replicates: statements and their values. What the DB-API 2.0 makes of it is
//! Python, in `headwater/dbapi.py`.

use std::sync::{Mutex, MutexGuard, TryLockError};

use headwater::replica::{self, Answer, InterruptHandle, Value};
use headwater::{Error, ErrorKind, Result};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::call::run;
use crate::fork::Held;
use crate::payload::copied;

/// How text comes that is not UTF-8: its bytes as lone surrogates, which become those bytes again (PEP 383).
const ESCAPED: (&str, &str) = ("utf-8", "surrogateescape");

/// A connection to a SQLite file, for one thread at a time.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct Connection(Held<Opened>);

pub(crate) struct Opened {
    /// `None` once it is closed.
    connection: Mutex<Option<replica::Connection>>,
    interrupt: InterruptHandle,
}

impl Opened {
    pub(crate) fn new(connection: replica::Connection) -> Self {
        Opened { interrupt: connection.interrupt_handle(), connection: Mutex::new(Some(connection)) }
    }
}

impl Connection {
    pub(crate) fn new(held: Held<Opened>) -> Self {
        Connection(held)
    }

    fn lock(&self) -> Result<MutexGuard<'_, Option<replica::Connection>>> {
        match self.0.get()?.connection.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(ErrorKind::Misuse, "another thread uses the connection: each thread needs its own"))
            }
        }
    }
}

/// What [`Connection::execute`] answers: names of columns, rows, what was changed, and the last rowid.
type Executed<'py> = (Bound<'py, PyTuple>, Bound<'py, PyList>, u64, i64);

#[pymethods]
impl Connection {
    /// Runs one statement, with a value for each `?`.
    fn execute<'py>(&self, py: Python<'py>, sql: &str, values: Vec<Bound<'py, PyAny>>) -> PyResult<Executed<'py>> {
        let values: Vec<Value> = values.iter().map(value_of).collect::<PyResult<_>>()?;
        let answer = run(py, || match &*self.lock()? {
            Some(connection) => connection.execute(sql, &values),
            None => Err(closed()),
        })?;
        told(py, answer)
    }

    /// Ends the statement that another thread runs.
    fn interrupt(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || {
            self.0.get()?.interrupt.interrupt();
            Ok(())
        })
    }

    /// Whether a transaction is open.
    #[getter]
    fn in_transaction(&self, py: Python<'_>) -> PyResult<bool> {
        run(py, || match &*self.lock()? {
            Some(connection) => Ok(connection.is_in_transaction()),
            None => Err(closed()),
        })
    }

    /// Ends it; what is not committed is undone. Closing twice is nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || {
            drop(self.lock()?.take());
            Ok(())
        })
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the connection is closed")
}

fn told(py: Python<'_>, answer: Answer) -> PyResult<Executed<'_>> {
    let rows = PyList::empty(py);
    for row in &answer.rows {
        let cells: Vec<_> = row.iter().map(|value| object_of(py, value)).collect::<PyResult<_>>()?;
        rows.append(PyTuple::new(py, cells)?)?;
    }
    Ok((PyTuple::new(py, answer.columns)?, rows, answer.changes, answer.last_insert_rowid))
}

pub(crate) fn object_of<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Integer(number) => number.into_bound_py_any(py),
        Value::Real(number) => number.into_bound_py_any(py),
        Value::Text(bytes) => match str::from_utf8(bytes) {
            Ok(text) => text.into_bound_py_any(py),
            Err(_) => PyBytes::new(py, bytes).call_method1("decode", ESCAPED),
        },
        Value::Blob(bytes) => Ok(PyBytes::new(py, bytes).into_any()),
    }
}

fn value_of(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    if object.is_none() {
        return Ok(Value::Null);
    }
    if object.is_instance_of::<PyInt>() {
        let wide = |_| PyOverflowError::new_err(format!("an integer has 64 bits with a sign, and not {object}"));
        return object.extract().map(Value::Integer).map_err(wide);
    }
    if object.is_instance_of::<PyFloat>() {
        return object.extract().map(Value::Real);
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Value::Text(match text.to_str() {
            Ok(text) => text.as_bytes().to_vec(),
            Err(_) => text.call_method1("encode", ESCAPED)?.cast_into::<PyBytes>()?.as_bytes().to_vec(),
        }));
    }
    copied(object).map(Value::Blob).map_err(|_| match object.get_type().name() {
        Ok(name) => PyTypeError::new_err(format!("a value is None, int, float, str or bytes, and not {name}")),
        Err(failure) => failure,
    })
}
