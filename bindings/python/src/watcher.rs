//! Watchers of buckets, of objects, of points, of who is here, of state that merges, of SQLite files and of events:
//! what is there, then what changes, as blocking and asynchronous iterators.

use std::sync::Arc;

use headwater as hw;
use headwater::crdt;
use headwater::events;
use headwater::points;
use headwater::presence::{self, WatchEvent};
use headwater::replica::{self, RowChange};
use headwater::{Operation, Pending, Result};
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::call::run;
use crate::connection::object_of;
use crate::convert::Whole;
use crate::fork::Held;
use crate::model::model_class;
use crate::object_io::object_info;
use crate::point::Point;
use crate::presence_model::watch_event;
use crate::queue::{NextItems, Queue, Source, Want};
use crate::time::{Seconds, datetime};
use crate::wait::Wait;

/// One revision of a key.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct Entry {
    /// The key.
    #[pyo3(get)]
    key: String,
    /// The value; empty when deleted.
    #[pyo3(get)]
    value: Py<PyBytes>,
    /// The stream's sequence.
    #[pyo3(get)]
    revision: u64,
    /// When, in nanoseconds since the epoch.
    #[pyo3(get)]
    time: u64,
    operation: Operation,
}

impl Entry {
    pub(crate) fn new(py: Python<'_>, entry: &hw::Entry) -> Self {
        Entry {
            key: entry.key.clone(),
            value: PyBytes::new(py, &entry.value).unbind(),
            revision: entry.revision,
            time: entry.time,
            operation: entry.operation,
        }
    }
}

#[pymethods]
impl Entry {
    /// What happened: `put`, `delete` or `purge`.
    #[getter]
    fn operation(&self) -> &'static str {
        match self.operation {
            Operation::Put => "put",
            Operation::Delete => "delete",
            Operation::Purge => "purge",
        }
    }

    /// `time` in UTC, to the microsecond.
    #[getter]
    fn datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.time as i64)
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        self.key == other.key
            && self.revision == other.revision
            && self.time == other.time
            && self.operation == other.operation
            && self.value.bind(py).as_bytes() == other.value.bind(py).as_bytes()
    }

    fn __hash__(&self) -> u64 {
        self.revision
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (operation, value) = (self.operation(), self.value.bind(py).repr()?);
        Ok(format!("Entry(key='{}', value={value}, revision={}, operation='{operation}')", self.key, self.revision))
    }
}

impl Source for hw::Watcher {
    type Batch = Vec<hw::Entry>;
    /// `caught_up` speaks of what the caller has taken, so nothing is taken ahead.
    const AHEAD: usize = 1;

    fn next(&self, max: usize) -> Pending<Vec<hw::Entry>> {
        hw::Watcher::next(self, max)
    }

    fn try_next(&self, max: usize) -> Result<Vec<hw::Entry>> {
        hw::Watcher::try_next(self, max)
    }

    fn close(&self) {
        hw::Watcher::close(self);
    }

    fn convert(py: Python<'_>, batch: Vec<hw::Entry>) -> PyResult<Vec<Py<PyAny>>> {
        batch.iter().map(|entry| Ok(Py::new(py, Entry::new(py, entry))?.into_any())).collect()
    }
}

impl Source for hw::ObjectWatcher {
    type Batch = Vec<hw::ObjectInfo>;
    /// `caught_up` speaks of what the caller has taken, so nothing is taken ahead.
    const AHEAD: usize = 1;

    fn next(&self, max: usize) -> Pending<Vec<hw::ObjectInfo>> {
        hw::ObjectWatcher::next(self, max)
    }

    fn try_next(&self, max: usize) -> Result<Vec<hw::ObjectInfo>> {
        hw::ObjectWatcher::try_next(self, max)
    }

    fn close(&self) {
        hw::ObjectWatcher::close(self);
    }

    fn convert(py: Python<'_>, batch: Vec<hw::ObjectInfo>) -> PyResult<Vec<Py<PyAny>>> {
        batch.iter().map(|info| Ok(object_info(py, info)?.unbind())).collect()
    }
}

impl Source for points::PointWatcher {
    type Batch = Vec<points::Point>;
    const AHEAD: usize = 256;

    fn next(&self, max: usize) -> Pending<Vec<points::Point>> {
        points::PointWatcher::next(self, max)
    }

    fn try_next(&self, max: usize) -> Result<Vec<points::Point>> {
        points::PointWatcher::try_next(self, max)
    }

    fn close(&self) {
        points::PointWatcher::close(self);
    }

    fn convert(py: Python<'_>, batch: Vec<points::Point>) -> PyResult<Vec<Py<PyAny>>> {
        batch.into_iter().map(|point| Ok(Py::new(py, Point::from(point))?.into_any())).collect()
    }
}

impl Source for crdt::CrdtWatcher {
    type Batch = Vec<crdt::Changed>;
    const AHEAD: usize = 256;

    fn next(&self, max: usize) -> Pending<Vec<crdt::Changed>> {
        crdt::CrdtWatcher::next(self, max)
    }

    fn try_next(&self, max: usize) -> Result<Vec<crdt::Changed>> {
        crdt::CrdtWatcher::try_next(self, max)
    }

    fn close(&self) {
        crdt::CrdtWatcher::close(self);
    }

    fn convert(py: Python<'_>, batch: Vec<crdt::Changed>) -> PyResult<Vec<Py<PyAny>>> {
        let class = model_class(py, "Changed")?;
        batch.iter().map(|change| Ok(class.call1((&change.key, change.kind.name()))?.unbind())).collect()
    }
}

impl Source for replica::ChangeWatcher {
    type Batch = Vec<RowChange>;
    const AHEAD: usize = 256;

    fn next(&self, max: usize) -> Pending<Vec<RowChange>> {
        replica::ChangeWatcher::next(self, max)
    }

    fn try_next(&self, max: usize) -> Result<Vec<RowChange>> {
        replica::ChangeWatcher::try_next(self, max)
    }

    fn close(&self) {
        replica::ChangeWatcher::close(self);
    }

    fn convert(py: Python<'_>, batch: Vec<RowChange>) -> PyResult<Vec<Py<PyAny>>> {
        let class = model_class(py, "RowChange")?;
        let one = |change: &RowChange| {
            let key: Vec<_> = change.key.iter().map(|value| object_of(py, value)).collect::<PyResult<_>>()?;
            let (key, kind) = (PyTuple::new(py, key)?, change.kind.name());
            Ok(class.call1((&change.table, key, kind, &change.node, change.stamp, change.time_ms()))?.unbind())
        };
        batch.iter().map(one).collect()
    }
}

impl Source for presence::PresenceWatcher {
    type Batch = Vec<WatchEvent>;
    const AHEAD: usize = 256;

    fn next(&self, max: usize) -> Pending<Vec<WatchEvent>> {
        presence::PresenceWatcher::next(self, max)
    }

    fn try_next(&self, max: usize) -> Result<Vec<WatchEvent>> {
        presence::PresenceWatcher::try_next(self, max)
    }

    fn close(&self) {
        presence::PresenceWatcher::close(self);
    }

    fn convert(py: Python<'_>, batch: Vec<WatchEvent>) -> PyResult<Vec<Py<PyAny>>> {
        batch.iter().map(|event| watch_event(py, event)).collect()
    }
}

/// The methods that all watchers have.
macro_rules! watcher {
    ($doc:literal, $name:ident, $source:ty, { $($extra:tt)* }) => {
        #[doc = $doc]
        #[pyclass(frozen, module = "headwater")]
        pub(crate) struct $name(Arc<Queue<$source>>);

        impl $name {
            pub(crate) fn new(held: Held<$source>) -> Self {
                $name(Queue::new(held))
            }
        }

        #[pymethods]
        impl $name {
            /// The next item, waiting for it.
            #[pyo3(signature = (timeout=None))]
            fn next(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
                self.0.next(py, timeout.map(|timeout| timeout.0))
            }

            /// Up to `max_items` items, waiting for the first.
            #[pyo3(signature = (max_items, timeout=None))]
            fn next_batch<'py>(
                &self,
                py: Python<'py>,
                max_items: Whole,
                timeout: Option<Seconds>,
            ) -> PyResult<Bound<'py, PyList>> {
                self.0.next_batch(py, max_items.count(), timeout.map(|timeout| timeout.0))
            }

            /// Up to `max_items` items that are there, perhaps none.
            #[pyo3(signature = (max_items))]
            fn try_next<'py>(&self, py: Python<'py>, max_items: Whole) -> PyResult<Bound<'py, PyList>> {
                self.0.try_next(py, max_items.count())
            }

            /// As `next`, to await.
            fn next_async(&self) -> Wait {
                Wait::new(NextItems::new(&self.0, Want::One))
            }

            /// As `next_batch`, to await.
            #[pyo3(signature = (max_items))]
            fn next_batch_async(&self, max_items: Whole) -> Wait {
                Wait::new(NextItems::new(&self.0, Want::Many(max_items.count())))
            }

            $($extra)*

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
            fn __exit__(&self, py: Python<'_>, _exc: &Bound<'_, PyTuple>) -> PyResult<()> {
                self.close(py)
            }

            fn __aenter__(slf: Py<Self>) -> Wait {
                Wait::ready(slf.into_any())
            }

            #[pyo3(signature = (*_exc))]
            fn __aexit__(&self, py: Python<'_>, _exc: &Bound<'_, PyTuple>) -> PyResult<Wait> {
                self.close(py)?;
                Ok(Wait::ready(py.None()))
            }
        }
    };
}

/// What watchers of records have besides.
macro_rules! missed {
    ($name:ident) => {
        #[pymethods]
        impl $name {
            /// How many records limits removed before this watcher came to read them: how far it fell behind.
            #[getter]
            fn missed(&self, py: Python<'_>) -> PyResult<u64> {
                run(py, || Ok(self.0.source()?.missed()))
            }
        }
    };
}

missed!(Watcher);
missed!(ObjectWatcher);
missed!(PointWatcher);
missed!(CrdtWatcher);
missed!(ChangeWatcher);

watcher!("Follows the changes of a bucket. Safe to share; each entry goes to one taker.", Watcher, hw::Watcher, {
    /// Whether everything that was there when the watch began has been taken.
    #[getter]
    fn caught_up(&self, py: Python<'_>) -> PyResult<bool> {
        run(py, || Ok(self.0.source()?.caught_up()))
    }
});

watcher!(
    "Follows the objects of a store. Safe to share; each change goes to one taker.",
    ObjectWatcher,
    hw::ObjectWatcher,
    {
        /// Whether everything that was there when the watch began has been taken.
        #[getter]
        fn caught_up(&self, py: Python<'_>) -> PyResult<bool> {
            run(py, || Ok(self.0.source()?.caught_up()))
        }
    }
);

watcher!(
    "Follows the keys of a store of state that merges. Safe to share; each change goes to one taker.",
    CrdtWatcher,
    crdt::CrdtWatcher,
    {}
);

watcher!(
    "Follows what is joined into a SQLite file. Safe to share; each change goes to one taker.",
    ChangeWatcher,
    replica::ChangeWatcher,
    {}
);

watcher!(
    "Follows users of a presence store. Safe to share; each event goes to one taker.",
    PresenceWatcher,
    presence::PresenceWatcher,
    {}
);

watcher!("Follows points. Safe to share; each point goes to one taker.", PointWatcher, points::PointWatcher, {});

watcher!(
    "Follows the state of a connection to a hub. Safe to share; each change goes to one taker.",
    HubWatcher,
    hw::HubWatcher,
    {}
);

watcher!(
    "Follows the events of a store: those that are there, then those that come. Safe to share; each event goes to one \
     taker.",
    EventFeed,
    events::EventFeed,
    {
        /// How many events, of any aggregate, were saved behind what was taken: 0 is live.
        #[getter]
        fn lag(&self, py: Python<'_>) -> PyResult<u64> {
            run(py, || Ok(self.0.source()?.lag()))
        }
    }
);
