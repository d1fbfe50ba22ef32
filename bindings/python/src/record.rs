//! What comes back: acknowledgements and records, as plain immutable values that borrow nothing.

use headwater as hw;
use headwater::RecordView;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::time::datetime;

/// What an append came to.
#[pyclass(frozen, eq, module = "headwater")]
#[derive(PartialEq)]
pub(crate) struct Ack(hw::Ack);

impl From<hw::Ack> for Ack {
    fn from(ack: hw::Ack) -> Self {
        Ack(ack)
    }
}

#[pymethods]
impl Ack {
    /// The sequence of the record; of the last one for a batch; of the first one appended for a duplicate.
    #[getter]
    fn seq(&self) -> u64 {
        self.0.seq
    }

    /// The sequence of the first record of the batch.
    #[getter]
    fn first_seq(&self) -> u64 {
        self.0.first_seq()
    }

    /// How many records were appended; 0 for a duplicate.
    #[getter]
    fn count(&self) -> u32 {
        self.0.count
    }

    /// Whether the message id was seen before, so that nothing was appended.
    #[getter]
    fn duplicate(&self) -> bool {
        self.0.duplicate
    }

    /// What the acknowledgement promises: `fsync`, `interval` or `os`.
    #[getter]
    fn durability(&self) -> &'static str {
        self.0.durability.name()
    }

    fn __repr__(&self) -> String {
        let hw::Ack { seq, count, duplicate, durability } = self.0;
        let duplicate = if duplicate { "True" } else { "False" };
        format!("Ack(seq={seq}, count={count}, duplicate={duplicate}, durability='{}')", durability.name())
    }
}

/// One record of a stream.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct Record {
    /// Its place in the stream, from 1.
    #[pyo3(get)]
    pub(crate) seq: u64,
    /// Its literal subject.
    #[pyo3(get)]
    subject: Py<PyString>,
    /// When it was committed, in nanoseconds since the epoch; never decreasing along a stream.
    #[pyo3(get)]
    time: u64,
    /// When it happened, as its source says, in nanoseconds since the epoch.
    #[pyo3(get)]
    event_time: Option<i64>,
    /// Names and values, in order.
    #[pyo3(get)]
    headers: Py<PyTuple>,
    /// The bytes.
    #[pyo3(get)]
    payload: Py<PyBytes>,
    /// How often a consumer has delivered it, this time included; 0 when it was read without one.
    #[pyo3(get)]
    delivered: u32,
}

impl Record {
    pub(crate) fn from_view(py: Python<'_>, view: &RecordView<'_>) -> PyResult<Self> {
        Ok(Record {
            seq: view.seq,
            subject: PyString::new(py, view.subject).unbind(),
            time: view.time,
            event_time: view.event_time,
            headers: PyTuple::new(py, view.headers().collect::<Vec<_>>())?.unbind(),
            payload: PyBytes::new(py, view.payload).unbind(),
            delivered: view.delivered,
        })
    }

    pub(crate) fn from_record(py: Python<'_>, record: &hw::Record) -> PyResult<Self> {
        Ok(Record {
            seq: record.seq,
            subject: PyString::new(py, &record.subject).unbind(),
            time: record.time,
            event_time: record.event_time,
            headers: PyTuple::new(py, &record.headers)?.unbind(),
            payload: PyBytes::new(py, &record.payload).unbind(),
            delivered: 0,
        })
    }
}

/// The records of a batch as a list.
pub(crate) fn list<'py>(py: Python<'py>, batch: &hw::Batch) -> PyResult<Bound<'py, PyList>> {
    let records = PyList::empty(py);
    for view in batch.iter() {
        records.append(Record::from_view(py, &view)?)?;
    }
    Ok(records)
}

#[pymethods]
impl Record {
    /// `time` in UTC, to the microsecond.
    #[getter]
    fn datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.time as i64)
    }

    /// `event_time` in UTC, to the microsecond.
    #[getter]
    fn event_datetime<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.event_time.map(|time| datetime(py, time)).transpose()
    }

    /// The first value of the header `name`, letter case included.
    fn header<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        for pair in self.headers.bind(py).iter_borrowed() {
            if pair.get_item(0)?.extract::<&str>()? == name {
                return pair.get_item(1).map(Some);
            }
        }
        Ok(None)
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        Ok(self.seq == other.seq
            && self.time == other.time
            && self.event_time == other.event_time
            && self.delivered == other.delivered
            && self.subject.bind(py).as_any().eq(&other.subject)?
            && self.payload.bind(py).as_bytes() == other.payload.bind(py).as_bytes()
            && self.headers.bind(py).eq(&other.headers)?)
    }

    fn __hash__(&self) -> u64 {
        self.seq
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (seq, subject, payload) = (self.seq, self.subject.bind(py).repr()?, self.payload.bind(py).repr()?);
        Ok(format!("Record(seq={seq}, subject={subject}, payload={payload})"))
    }
}
