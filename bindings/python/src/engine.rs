//! Engines: opened on a directory, in memory or temporary; they hold streams, buckets, object stores and point stores.

use std::path::PathBuf;

use headwater as hw;
use headwater::{BucketConfig, EngineOptions, NodeUse, Pending, StreamConfig};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::bucket::{Bucket, set_bucket_config};
use crate::call::{block, run};
use crate::clock::ManualClock;
use crate::convert::Whole;
use crate::error::raise;
use crate::event_store::{EventStore, events_config};
use crate::fork::Held;
use crate::logs::NextLogs;
use crate::model::{logs, metrics, set_stream_config, stream_info, verify_report};
use crate::object_store::{ObjectStore, object_config};
use crate::points::{Points, points_config};
use crate::stream::Stream;
use crate::time::Seconds;
use crate::transfer::Progress;
use crate::wait::Wait;

/// A directory of streams, or one in memory. Safe to share between threads.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct Engine(Held<()>);

/// Opens the directory `path`, and makes it if it is not there.
///
/// `cache_bytes` bounds what is kept in memory to read single records from: 16 MiB unless it is set, 0 for none. `node`
/// says whether a directory that a node has open is reached through it: `"auto"`, `"never"` or `"only"`. With `clock`,
/// time stands still between its moves, and timers run only in `Engine.step`.
#[pyfunction]
#[pyo3(signature = (path, *, read_only=false, create=true, cache_bytes=None, node="auto", clock=None))]
pub(crate) fn open(
    py: Python<'_>,
    path: PathBuf,
    read_only: bool,
    create: bool,
    cache_bytes: Option<u64>,
    node: &str,
    clock: Option<PyRef<'_, ManualClock>>,
) -> PyResult<Engine> {
    let defaults = options(clock);
    let cache_bytes = cache_bytes.unwrap_or(defaults.cache_bytes);
    let node = NodeUse::parse(node).map_err(|error| raise(py, &error))?;
    let options = EngineOptions { read_only, create, cache_bytes, node, ..defaults };
    let engine = run(py, || hw::Engine::open_with(path, options))?;
    Ok(Engine(Held::new((), &engine)))
}

/// Opens what the file `path` says (`headwater.toml`): its directory, its streams made or changed, its links at work,
/// its part in a mesh begun.
///
/// `${VARIABLE}` in it is of this process's environment. Neither the hub nor other nodes are waited for.
#[pyfunction]
pub(crate) fn open_config(py: Python<'_>, path: PathBuf) -> PyResult<Engine> {
    let load = || {
        let config = hw::Config::load(path, &|name| std::env::var(name).ok())?;
        config.refuse_opened()?;
        hw::Engine::open_config(&config)
    };
    Ok(Engine(Held::new((), &run(py, load)?)))
}

/// The options for an engine whose time is `clock`'s: nothing happens by itself.
fn options(clock: Option<PyRef<'_, ManualClock>>) -> EngineOptions {
    let options = EngineOptions::default();
    match clock {
        None => options,
        Some(clock) => EngineOptions { clock: clock.shared(), worker: false, ..options },
    }
}

/// An engine in memory, gone at close. With `clock`, as in `open`.
#[pyfunction]
#[pyo3(signature = (*, clock=None))]
pub(crate) fn memory(py: Python<'_>, clock: Option<PyRef<'_, ManualClock>>) -> PyResult<Engine> {
    let options = options(clock);
    Ok(Engine(Held::new((), &run(py, || hw::Engine::memory_with(options))?)))
}

/// An engine in a temporary directory, removed at close.
#[pyfunction]
pub(crate) fn temporary(py: Python<'_>) -> PyResult<Engine> {
    Ok(Engine(Held::new((), &run(py, hw::Engine::temporary)?)))
}

/// Copies a backup to a new directory, after checking every byte; returns how many bytes.
///
/// `progress` hears bytes done and in all, those checked and those copied; what it raises stops it, and nothing is left
/// at `target`.
#[pyfunction]
#[pyo3(signature = (source, target, *, progress=None))]
pub(crate) fn restore(py: Python<'_>, source: PathBuf, target: PathBuf, progress: Option<Py<PyAny>>) -> PyResult<u64> {
    let mut progress = Progress::new(progress);
    let outcome = run(py, || hw::Engine::restore(source, target, &mut |done, all| progress.tell(&[done, all])));
    progress.finish(outcome)
}

/// Checks every byte of a directory without changing it; damage is in the report, not an error.
///
/// `progress` hears bytes done and in all; what it raises stops the check.
#[pyfunction]
#[pyo3(signature = (path, *, progress=None))]
pub(crate) fn verify(py: Python<'_>, path: PathBuf, progress: Option<Py<PyAny>>) -> PyResult<Bound<'_, PyAny>> {
    let mut progress = Progress::new(progress);
    let outcome = run(py, || hw::Engine::verify(path, &mut |done, all| progress.tell(&[done, all])));
    verify_report(py, &progress.finish(outcome)?)
}

impl Engine {
    pub(crate) fn new(engine: &hw::Engine) -> Self {
        Engine(Held::new((), engine))
    }

    pub(crate) fn held(&self) -> &Held<()> {
        &self.0
    }

    pub(crate) fn inner(&self) -> hw::Result<&hw::Engine> {
        self.0.engine()
    }
}

#[pymethods]
impl Engine {
    /// Where it is; `None` in memory.
    #[getter]
    fn path(&self, py: Python<'_>) -> PyResult<Option<PathBuf>> {
        run(py, || Ok(self.inner()?.dir()))
    }

    /// Its id: 64 random bits drawn when the directory was made.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<u64> {
        run(py, || Ok(self.inner()?.id()))
    }

    /// 64 random bits drawn at this open for writing; 0 when read-only.
    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u64> {
        run(py, || Ok(self.inner()?.epoch()))
    }

    /// Whether it works through the node that has its directory open; when that goes away, every call is closed.
    #[getter]
    fn is_through_node(&self, py: Python<'_>) -> PyResult<bool> {
        run(py, || Ok(self.inner()?.is_through_node()))
    }

    /// Makes a stream; the same settings again return the one there, others are a conflict.
    #[pyo3(signature = (name, **settings))]
    fn create_stream(&self, py: Python<'_>, name: String, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Stream> {
        let mut config = StreamConfig { name, ..StreamConfig::default() };
        set_stream_config(py, "create_stream", &mut config, settings)?;
        self.0.child(py, |(), engine| engine.create_stream(config)).map(Stream::new)
    }

    /// Changes the settings that are given and leaves the others.
    #[pyo3(signature = (name, **settings))]
    fn update_stream(&self, py: Python<'_>, name: String, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Stream> {
        let mut config = run(py, || Ok(self.inner()?.stream(&name).wait()?.config()))?;
        set_stream_config(py, "update_stream", &mut config, settings)?;
        self.0.child(py, |(), engine| engine.update_stream(config)).map(Stream::new)
    }

    /// The stream of this name.
    fn stream(&self, py: Python<'_>, name: &str) -> PyResult<Stream> {
        self.0.child(py, |(), engine| engine.stream(name)).map(Stream::new)
    }

    /// Removes a stream and everything in it.
    fn delete_stream(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        block(py, None, || Ok(self.inner()?.delete_stream(name)))
    }

    /// All streams, by name.
    fn streams<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let infos = block(py, None, || Ok(self.inner()?.streams()))?;
        let infos: Vec<_> = infos.iter().map(|info| stream_info(py, info)).collect::<PyResult<_>>()?;
        PyList::new(py, infos)
    }

    /// Makes a bucket, or returns the one there.
    #[pyo3(signature = (name, **settings))]
    fn create_bucket(&self, py: Python<'_>, name: String, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Bucket> {
        let mut config = BucketConfig { bucket: name, ..BucketConfig::default() };
        set_bucket_config(py, &mut config, settings)?;
        self.0.child(py, |(), engine| engine.create_bucket(config)).map(Bucket::new)
    }

    /// The bucket of this name.
    fn bucket(&self, py: Python<'_>, name: &str) -> PyResult<Bucket> {
        self.0.child(py, |(), engine| engine.bucket(name)).map(Bucket::new)
    }

    /// All buckets, by name.
    fn buckets(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        block(py, None, || Ok(self.inner()?.buckets()))
    }

    /// Removes a bucket.
    fn delete_bucket(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        block(py, None, || Ok(self.inner()?.delete_bucket(name)))
    }

    /// Makes an object store, or returns the one there.
    #[pyo3(signature = (name, **settings))]
    fn create_object_store(
        &self,
        py: Python<'_>,
        name: String,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<ObjectStore> {
        let config = object_config(py, name, settings)?;
        self.0.child(py, |(), engine| engine.create_object_store(config)).map(ObjectStore::new)
    }

    /// The object store of this name.
    fn object_store(&self, py: Python<'_>, name: &str) -> PyResult<ObjectStore> {
        self.0.child(py, |(), engine| engine.object_store(name)).map(ObjectStore::new)
    }

    /// All object stores, by name.
    fn object_stores(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        block(py, None, || Ok(self.inner()?.object_stores()))
    }

    /// Removes an object store.
    fn delete_object_store(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        block(py, None, || Ok(self.inner()?.delete_object_store(name)))
    }

    /// Opens a point store, and makes it if it is not there.
    #[pyo3(signature = (name, **settings))]
    fn create_points(&self, py: Python<'_>, name: String, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Points> {
        let config = points_config(py, name, settings)?;
        self.0.child(py, |(), engine| Pending::ready(hw::points::Points::create(engine, config))).map(Points::new)
    }

    /// The point store of this name.
    fn points(&self, py: Python<'_>, name: &str) -> PyResult<Points> {
        self.0.child(py, |(), engine| Pending::ready(hw::points::Points::open(engine, name))).map(Points::new)
    }

    /// Opens an event store, and makes it if it is not there; other settings than it has are a conflict.
    #[pyo3(signature = (name="events", **settings), text_signature = "($self, name='events', **settings)")]
    fn create_event_store(
        &self,
        py: Python<'_>,
        name: &str,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<EventStore> {
        let config = events_config(py, name.to_owned(), settings)?;
        self.0.child(py, |(), engine| engine.create_event_store(config)).map(EventStore)
    }

    /// The event store of this name.
    #[pyo3(signature = (name="events"))]
    fn event_store(&self, py: Python<'_>, name: &str) -> PyResult<EventStore> {
        self.0.child(py, |(), engine| engine.event_store(name)).map(EventStore)
    }

    /// All event stores, by name.
    fn event_stores(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        block(py, None, || Ok(self.inner()?.event_stores()))
    }

    /// Removes an event store with everything in it.
    fn delete_event_store(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        block(py, None, || Ok(self.inner()?.delete_event_store(name)))
    }

    /// Copies the live directory to `target`, consistent by stream; returns how many bytes.
    ///
    /// `progress` hears bytes done and in all; what it raises stops the copy, and nothing is left at `target`.
    #[pyo3(signature = (target, *, progress=None))]
    fn backup(&self, py: Python<'_>, target: PathBuf, progress: Option<Py<PyAny>>) -> PyResult<u64> {
        let mut progress = Progress::new(progress);
        let outcome = run(py, || self.inner()?.backup(target, &mut |done, all| progress.tell(&[done, all])));
        progress.finish(outcome)
    }

    /// What it has done and holds, now.
    fn metrics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let measured = run(py, || self.inner()?.metrics())?;
        metrics(py, &measured)
    }

    /// Takes up to `max_lines` lines from the log queue, which holds 1,024; older ones give way.
    #[pyo3(signature = (max_lines=Whole(1024)), text_signature = "($self, max_lines=1024)")]
    fn logs<'py>(&self, py: Python<'py>, max_lines: Whole) -> PyResult<Bound<'py, PyList>> {
        let lines = run(py, || Ok(self.inner()?.logs(max_lines.count())))?;
        logs(py, &lines)
    }

    /// Up to `max_lines` lines from the log queue, waiting for the first.
    #[pyo3(signature = (max_lines=Whole(1024), timeout=None), text_signature = "($self, max_lines=1024, timeout=None)")]
    fn next_logs<'py>(
        &self,
        py: Python<'py>,
        max_lines: Whole,
        timeout: Option<Seconds>,
    ) -> PyResult<Bound<'py, PyList>> {
        let max = max_lines.count().max(1);
        let lines = block(py, timeout.map(|timeout| timeout.0), || Ok(self.inner()?.next_logs(max)))?;
        logs(py, &lines)
    }

    /// As `next_logs`, to await.
    #[pyo3(signature = (max_lines=Whole(1024)), text_signature = "($self, max_lines=1024)")]
    fn next_logs_async(&self, py: Python<'_>, max_lines: Whole) -> PyResult<Wait> {
        let engine = run(py, || Ok(self.inner()?.clone()))?;
        Ok(Wait::new(NextLogs::new(engine, max_lines.count().max(1))))
    }

    /// Does what is due now, for an engine that was opened with a clock; returns when the next thing is.
    fn step(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        run(py, || Ok(self.inner()?.step()))
    }

    /// Syncs and closes everything; later calls raise `ClosedError`. Closing twice is nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || self.inner()?.close())
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
