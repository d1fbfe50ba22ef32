//! Feeds of events: history, then live, as a blocking and as an asynchronous iterator.

use std::sync::Arc;

use headwater::events;
use headwater::{Pending, Result};
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::call::run;
use crate::convert::Whole;
use crate::event;
use crate::fork::Held;
use crate::queue::{NextItems, Queue, Source, Want};
use crate::time::Seconds;
use crate::wait::Wait;

impl Source for events::EventFeed {
    type Batch = events::Events;
    /// Nothing lies here, so that the lag is that of the caller.
    const AHEAD: usize = 1;

    fn next(&self, max: usize) -> Pending<events::Events> {
        events::EventFeed::next(self, max)
    }

    fn try_next(&self, max: usize) -> Result<events::Events> {
        events::EventFeed::try_next(self, max)
    }

    fn close(&self) {
        events::EventFeed::close(self);
    }

    fn convert(py: Python<'_>, batch: events::Events) -> PyResult<Vec<Py<PyAny>>> {
        event::events(py, &batch)
    }
}

/// A place in an event store that moves as events are taken. Safe to share; each event goes to one taker.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct EventFeed(Arc<Queue<events::EventFeed>>);

impl EventFeed {
    pub(crate) fn new(held: Held<events::EventFeed>) -> Self {
        EventFeed(Queue::new(held))
    }
}

#[pymethods]
impl EventFeed {
    /// The next event, waiting for it. A record that is no event is an error in its place, and the next is behind it.
    #[pyo3(signature = (timeout=None))]
    fn next(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        self.0.next(py, timeout.map(|timeout| timeout.0))
    }

    /// Up to `max_events` events, waiting for the first.
    #[pyo3(signature = (max_events, timeout=None))]
    fn next_batch<'py>(
        &self,
        py: Python<'py>,
        max_events: Whole,
        timeout: Option<Seconds>,
    ) -> PyResult<Bound<'py, PyList>> {
        self.0.next_batch(py, max_events.count(), timeout.map(|timeout| timeout.0))
    }

    /// Up to `max_events` events that are there, perhaps none.
    #[pyo3(signature = (max_events))]
    fn try_next<'py>(&self, py: Python<'py>, max_events: Whole) -> PyResult<Bound<'py, PyList>> {
        self.0.try_next(py, max_events.count())
    }

    /// As `next`, to await.
    fn next_async(&self) -> Wait {
        Wait::new(NextItems::new(&self.0, Want::One))
    }

    /// As `next_batch`, to await.
    #[pyo3(signature = (max_events))]
    fn next_batch_async(&self, max_events: Whole) -> Wait {
        Wait::new(NextItems::new(&self.0, Want::Many(max_events.count())))
    }

    /// How many events, of any aggregate, were saved behind what was taken: 0 is live.
    #[getter]
    fn lag(&self, py: Python<'_>) -> PyResult<u64> {
        run(py, || Ok(self.0.source()?.lag()))
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
