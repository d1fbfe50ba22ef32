//! Changes of state that merges, its values and its readings: what Python says becomes core's types, and back.
//!
//! A value that came out is equal, bit for bit, to the one it was made of when it goes in again: JSON comes out as
//! the text that it is, so that it can be removed from a set.

use headwater::Writer;
use headwater::crdt::{self, Kind, Op, Path, Reading, Value, Written};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::convert::Whole;
use crate::error::{invalid, wrong_type};
use crate::model::model_class;
use crate::payload::copied;
use crate::point::json_class;
use crate::settings::{choice, texts};
use crate::time::Seconds;

/// Nanoseconds in a millisecond.
const MS: u128 = 1_000_000;

/// What each operation takes.
const OPS: [(&str, &str); 8] = [
    ("add", "a value, the amount"),
    ("give", "a value, the amount, and 'to'"),
    ("write", "a value and perhaps 'ttl'"),
    ("insert", "a value and perhaps 'ttl'"),
    ("remove", "a value"),
    ("enable", "perhaps 'ttl'"),
    ("disable", "nothing"),
    ("clear", "nothing"),
];

/// A value argument.
pub(crate) struct Given(pub(crate) Value);

impl FromPyObject<'_, '_> for Given {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        value_of(&object).map(Given)
    }
}

fn value_of(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    let py = object.py();
    let is_document = object.is_instance_of::<PyDict>() || object.is_instance_of::<PyList>();
    if is_document || object.is_none() || object.is_instance_of::<PyBool>() {
        return Ok(Value::Json(document(object)?.into()));
    }
    if object.is_instance_of::<PyFloat>() {
        return Ok(Value::Float(object.extract()?));
    }
    if object.is_instance_of::<PyString>() {
        let text: String = object.extract()?;
        let is_json = object.is_instance(json_class(py)?)?;
        return Ok(if is_json { Value::Json(text.into()) } else { Value::Text(text.into()) });
    }
    if object.is_instance_of::<PyInt>() {
        let value = object.extract();
        return value.map(Value::Int).map_err(|_| invalid(py, format!("an int value must fit 64 bits: {object}")));
    }
    let wanted = "bytes, int, float, str, Json, dict, list, bool or None";
    copied(object).map(|bytes| Value::Bytes(bytes.into())).map_err(|_| wrong_type("a value", wanted, object))
}

/// JSON as most languages write it, so that one document is one element of a set whoever adds it.
fn document(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = object.py();
    let style = PyDict::new(py);
    style.set_item("separators", (",", ":"))?;
    style.set_item("ensure_ascii", false)?;
    py.import("json")?.call_method("dumps", (object,), Some(&style))?.extract()
}

fn value_to<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Bytes(bytes) => Ok(PyBytes::new(py, bytes).into_any()),
        Value::Int(number) => Ok(number.into_pyobject(py)?.into_any()),
        Value::Float(number) => Ok(PyFloat::new(py, *number).into_any()),
        Value::Text(text) => Ok(PyString::new(py, text).into_any()),
        Value::Json(text) => json_class(py)?.call1((&**text,)),
    }
}

/// What was read, as Python sees it.
pub(crate) fn reading_to(py: Python<'_>, reading: Reading) -> PyResult<Bound<'_, PyAny>> {
    match reading {
        Reading::Number(number) => Ok(number.into_pyobject(py)?.into_any()),
        Reading::Value(None) => Ok(py.None().into_bound(py)),
        Reading::Value(Some(value)) => value_to(py, &value),
        Reading::Values(values) => {
            let values = values.iter().map(|value| value_to(py, value)).collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, values)?.into_any())
        }
        Reading::Flag(is_on) => Ok(PyBool::new(py, is_on).to_owned().into_any()),
        Reading::Fields(fields) => Ok(keys_to(py, &fields)?.into_any()),
    }
}

/// Names with their kinds.
pub(crate) fn keys_to<'py, T: AsRef<str>>(py: Python<'py>, keys: &[(T, Kind)]) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, keys.iter().map(|(name, kind)| (name.as_ref(), kind.name())))
}

/// What became of a write, as Python sees it.
pub(crate) fn written_to(py: Python<'_>, written: Written) -> PyResult<Bound<'_, PyAny>> {
    model_class(py, "Written")?.call1((written.seq, written.total))
}

/// An actor argument: `headwater.Actor`, or a tuple of the same two numbers.
pub(crate) struct Actor(pub(crate) Writer);

impl FromPyObject<'_, '_> for Actor {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let pair = object.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2);
        let pair = pair.ok_or_else(|| wrong_type("an actor", "an Actor", &object))?;
        let number = |place| pair.get_item(place)?.extract::<Whole>();
        Ok(Actor(Writer { engine: number(0)?.0, epoch: number(1)?.0 }))
    }
}

/// An actor as Python sees it.
pub(crate) fn actor_to(py: Python<'_>, actor: Writer) -> PyResult<Bound<'_, PyAny>> {
    model_class(py, "Actor")?.call1((actor.engine, actor.epoch))
}

/// A kind argument, by its name.
pub(crate) struct OfKind(pub(crate) Kind);

impl FromPyObject<'_, '_> for OfKind {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let name = object.cast::<PyString>().map_err(|_| wrong_type("a kind", "a str", &object))?;
        choice(object.py(), "kind", &Kind::ALL.map(|kind| (kind.name(), kind)), name.to_str()?).map(OfKind)
    }
}

/// Where a state is: a key, or a key and the fields of maps that lead to it.
pub(crate) struct Place {
    key: String,
    fields: Vec<String>,
}

impl FromPyObject<'_, '_> for Place {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let mut names = texts(&object, "path")?.into_iter();
        let key = names.next().ok_or_else(|| invalid(object.py(), "a path has a key at least"))?;
        Ok(Place { key, fields: names.collect() })
    }
}

impl Place {
    pub(crate) fn with<R>(&self, run: impl FnOnce(Path<'_>) -> R) -> R {
        run(Path { key: &self.key, fields: &self.fields() })
    }

    fn fields(&self) -> Vec<&str> {
        self.fields.iter().map(String::as_str).collect()
    }
}

enum Operation {
    Add(i64),
    Give { to: Writer, amount: u64 },
    Write { value: Value, ttl_ms: Option<u64> },
    Insert { value: Value, ttl_ms: Option<u64> },
    Remove(Value),
    Enable { ttl_ms: Option<u64> },
    Disable,
    Clear,
}

impl Operation {
    fn new(
        py: Python<'_>,
        op: &str,
        value: Option<&Bound<'_, PyAny>>,
        ttl: Option<Seconds>,
        to: Option<Actor>,
    ) -> PyResult<Self> {
        // Rounded up: what lives for a moment does not live for none.
        let ttl_ms = ttl.map(|ttl| u64::try_from(ttl.0.as_nanos().div_ceil(MS)).unwrap_or(u64::MAX));
        Ok(match (op, value, ttl_ms, to) {
            ("add", Some(amount), None, None) => Operation::Add(amount_of(amount)?),
            ("give", Some(amount), None, Some(to)) => {
                Operation::Give { to: to.0, amount: amount.extract::<Whole>()?.0 }
            }
            ("write", Some(value), ttl_ms, None) => Operation::Write { value: value_of(value)?, ttl_ms },
            ("insert", Some(value), ttl_ms, None) => Operation::Insert { value: value_of(value)?, ttl_ms },
            ("remove", Some(value), None, None) => Operation::Remove(value_of(value)?),
            ("enable", None, ttl_ms, None) => Operation::Enable { ttl_ms },
            ("disable", None, None, None) => Operation::Disable,
            ("clear", None, None, None) => Operation::Clear,
            _ => return Err(invalid(py, format!("the operation '{op}' takes {}", choice(py, "op", &OPS, op)?))),
        })
    }

    fn name(&self) -> &'static str {
        match self {
            Operation::Add(_) => "add",
            Operation::Give { .. } => "give",
            Operation::Write { .. } => "write",
            Operation::Insert { .. } => "insert",
            Operation::Remove(_) => "remove",
            Operation::Enable { .. } => "enable",
            Operation::Disable => "disable",
            Operation::Clear => "clear",
        }
    }

    fn op(&self) -> Op<'_> {
        match self {
            Operation::Add(amount) => Op::Add(*amount),
            Operation::Give { to, amount } => Op::Give { to: *to, amount: *amount },
            Operation::Write { value, ttl_ms } => Op::Write { value, ttl_ms: *ttl_ms },
            Operation::Insert { value, ttl_ms } => Op::Insert { value, ttl_ms: *ttl_ms },
            Operation::Remove(value) => Op::Remove(value),
            Operation::Enable { ttl_ms } => Op::Enable { ttl_ms: *ttl_ms },
            Operation::Disable => Op::Disable,
            Operation::Clear => Op::Clear,
        }
    }
}

fn amount_of(object: &Bound<'_, PyAny>) -> PyResult<i64> {
    if !object.is_instance_of::<PyInt>() {
        return Err(wrong_type("an amount", "an int", object));
    }
    object.extract().map_err(|_| invalid(object.py(), format!("an amount must fit 64 bits: {object}")))
}

/// An argument that may be left out, for which None says something.
pub(crate) struct Maybe<'py>(Option<Bound<'py, PyAny>>);

impl<'py> FromPyObject<'_, 'py> for Maybe<'py> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        Ok(Maybe(Some(object.to_owned())))
    }
}

/// One operation on one state, to be written.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct Change {
    place: Place,
    kind: Kind,
    operation: Operation,
}

/// Calls `run` with the changes as core takes them.
pub(crate) fn with_changes<R>(changes: &[&Change], run: impl FnOnce(&[crdt::Change<'_>]) -> R) -> R {
    let fields: Vec<Vec<&str>> = changes.iter().map(|change| change.place.fields()).collect();
    let changes: Vec<crdt::Change<'_>> = changes
        .iter()
        .zip(&fields)
        .map(|(change, fields)| crdt::Change {
            path: Path { key: &change.place.key, fields },
            kind: change.kind,
            op: change.operation.op(),
        })
        .collect();
    run(&changes)
}

#[pymethods]
impl Change {
    #[new]
    #[pyo3(signature = (path, kind, op, value=Maybe(None), *, ttl=None, to=None),
        text_signature = "(path, kind, op, value=..., *, ttl=None, to=None)")]
    fn new(
        py: Python<'_>,
        path: Place,
        kind: OfKind,
        op: &str,
        value: Maybe<'_>,
        ttl: Option<Seconds>,
        to: Option<Actor>,
    ) -> PyResult<Self> {
        Ok(Change { place: path, kind: kind.0, operation: Operation::new(py, op, value.0.as_ref(), ttl, to)? })
    }

    /// The key, and the fields of maps that lead to the state.
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, std::iter::once(&self.place.key).chain(&self.place.fields).collect::<Vec<_>>())
    }

    /// As what kind.
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind.name()
    }

    /// What is done.
    #[getter]
    fn op(&self) -> &'static str {
        self.operation.name()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Change({}, '{}', '{}')", self.path(py)?.repr()?, self.kind(), self.op()))
    }
}
