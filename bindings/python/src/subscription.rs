//! Subscriptions: history, then live, as a blocking and as an asynchronous iterator.

use std::sync::Arc;

use headwater as hw;
use headwater::{DeliverPolicy, Pending, Result};
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::call::run;
use crate::convert::Whole;
use crate::error::invalid;
use crate::fork::Held;
use crate::queue::{NextItems, Queue, Source, Want};
use crate::record::Record;
use crate::settings::choice;
use crate::time::{Moment, Seconds};
use crate::wait::Wait;

/// How many records a subscription reads ahead.
const AHEAD_RECORDS: usize = 256;

/// Where to begin, from the three arguments that say so.
pub(crate) fn deliver_policy(
    py: Python<'_>,
    name: Option<&str>,
    start_seq: Option<Whole>,
    start_time: Option<Moment>,
) -> PyResult<DeliverPolicy> {
    let named = match (name, start_seq, start_time) {
        (None | Some("by_start_sequence"), Some(seq), None) => return Ok(DeliverPolicy::ByStartSequence(seq.0)),
        (None | Some("by_start_time"), None, Some(time)) => return Ok(DeliverPolicy::ByStartTime(time.commit(py)?)),
        (Some("by_start_sequence"), None, _) => {
            return Err(invalid(py, "deliver_policy by_start_sequence needs start_seq"));
        }
        (Some("by_start_time"), _, None) => return Err(invalid(py, "deliver_policy by_start_time needs start_time")),
        (_, Some(_), Some(_)) => return Err(invalid(py, "start_seq and start_time exclude each other")),
        (Some(name), None, None) => name,
        (None, None, None) => "all",
        (Some(name), _, _) => return Err(invalid(py, format!("deliver_policy {name} takes no start"))),
    };
    let choices = [
        ("all", DeliverPolicy::All),
        ("last", DeliverPolicy::Last),
        ("new", DeliverPolicy::New),
        ("last_per_subject", DeliverPolicy::LastPerSubject),
    ];
    choice(py, "deliver_policy", &choices, named)
}

/// The records of a batch as Python objects.
pub(crate) fn records(py: Python<'_>, batch: &hw::Batch) -> PyResult<Vec<Py<PyAny>>> {
    batch.iter().map(|view| Ok(Py::new(py, Record::from_view(py, &view)?)?.into_any())).collect()
}

impl Source for hw::Subscription {
    type Batch = hw::Batch;
    const AHEAD: usize = AHEAD_RECORDS;

    fn next(&self, max: usize) -> Pending<hw::Batch> {
        hw::Subscription::next(self, max)
    }

    fn try_next(&self, max: usize) -> Result<hw::Batch> {
        hw::Subscription::try_next(self, max)
    }

    fn close(&self) {
        hw::Subscription::close(self);
    }

    fn convert(py: Python<'_>, batch: hw::Batch) -> PyResult<Vec<Py<PyAny>>> {
        records(py, &batch)
    }
}

/// A place in a stream that moves as records are taken. Safe to share; each record goes to one taker.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct Subscription(Arc<Queue<hw::Subscription>>);

impl Subscription {
    pub(crate) fn new(held: Held<hw::Subscription>) -> Self {
        Subscription(Queue::new(held))
    }
}

#[pymethods]
impl Subscription {
    /// The next record, waiting for it.
    #[pyo3(signature = (timeout=None))]
    fn next(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        self.0.next(py, timeout.map(|timeout| timeout.0))
    }

    /// Up to `max_records` records, waiting for the first.
    #[pyo3(signature = (max_records, timeout=None))]
    fn next_batch<'py>(
        &self,
        py: Python<'py>,
        max_records: Whole,
        timeout: Option<Seconds>,
    ) -> PyResult<Bound<'py, PyList>> {
        self.0.next_batch(py, max_records.count(), timeout.map(|timeout| timeout.0))
    }

    /// Up to `max_records` records that are there, perhaps none.
    #[pyo3(signature = (max_records))]
    fn try_next<'py>(&self, py: Python<'py>, max_records: Whole) -> PyResult<Bound<'py, PyList>> {
        self.0.try_next(py, max_records.count())
    }

    /// As `next`, to await.
    fn next_async(&self) -> Wait {
        Wait::new(NextItems::new(&self.0, Want::One))
    }

    /// As `next_batch`, to await.
    #[pyo3(signature = (max_records))]
    fn next_batch_async(&self, max_records: Whole) -> Wait {
        Wait::new(NextItems::new(&self.0, Want::Many(max_records.count())))
    }

    /// The sequence that comes next at the earliest.
    #[getter]
    fn position(&self, py: Python<'_>) -> PyResult<u64> {
        let position = run(py, || Ok(self.0.source()?.position()))?;
        Ok(self.0.first_ahead(py)?.unwrap_or(position))
    }

    /// How many sequences the stream is ahead.
    #[getter]
    fn lag(&self, py: Python<'_>) -> PyResult<u64> {
        let (position, lag) = run(py, || {
            let source = self.0.source()?;
            Ok((source.position(), source.lag()))
        })?;
        Ok(self.0.first_ahead(py)?.map_or(lag, |first| lag + position.saturating_sub(first)))
    }

    /// How many records limits removed before they could be read: how far this subscriber fell behind.
    ///
    /// A subscription to all that has read nothing yet begins at what is kept, and has missed nothing.
    #[getter]
    fn missed(&self, py: Python<'_>) -> PyResult<u64> {
        run(py, || Ok(self.0.source()?.missed()))
    }

    /// Ends it: iterations over it end, and waits raise `ClosedError`.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.0.close(py)
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let outcome = self.0.next(py, None);
        if outcome.is_err() && self.0.is_closed() { Err(PyStopIteration::new_err(())) } else { outcome }
    }

    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__(&self) -> Wait {
        Wait::new(NextItems::new(&self.0, Want::OneOfLoop))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exc))]
    fn __exit__(&self, py: Python<'_>, _exc: &Bound<'_, pyo3::types::PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    fn __aenter__(slf: Py<Self>) -> Wait {
        Wait::ready(slf.into_any())
    }

    #[pyo3(signature = (*_exc))]
    fn __aexit__(&self, py: Python<'_>, _exc: &Bound<'_, pyo3::types::PyTuple>) -> PyResult<Wait> {
        self.close(py)?;
        Ok(Wait::ready(py.None()))
    }
}
