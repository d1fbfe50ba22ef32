//! Live entities: asked, told, listed and found. `entity_turns.rs` has what handles them.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use headwater::Pending;
use headwater::entities::{self, EntityId, RequestOptions};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::call::{block, run};
use crate::engine::Engine;
use crate::entity_config::{entities_config, entity_id};
use crate::entity_model::{infos, nodes, place};
use crate::fork::Held;
use crate::payload::Payload;
use crate::time::Seconds;
use crate::wait::{self, Wait};

/// The module that drives handlers.
const DRIVER: &str = "headwater._serving";

#[pymethods]
impl Engine {
    /// Begins to keep live entities, alone or as a node of a cluster, whose bucket is made if it is not there.
    #[pyo3(signature = (**settings))]
    fn entities(&self, py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Entities> {
        let config = entities_config(py, settings)?;
        let held = self.held().child(py, |(), engine| engine.entities(config))?;
        Ok(Entities { held, is_served: AtomicBool::new(false) })
    }
}

/// Live entities on this node: asked by any thread, handled where they are served.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct Entities {
    pub(crate) held: Held<entities::Entities>,
    /// The handlers are those of one event loop.
    pub(crate) is_served: AtomicBool,
}

impl Entities {
    fn wait<T: Send>(
        &self,
        py: Python<'_>,
        timeout: Option<Seconds>,
        begin: impl FnOnce(&entities::Entities) -> Pending<T> + Send,
    ) -> PyResult<T> {
        block(py, timeout.map(|timeout| timeout.0), || Ok(begin(self.held.get()?)))
    }
}

/// What goes with a request. The core takes no time at all for its default.
pub(crate) fn request_options(timeout: Option<Seconds>, within: Option<(u64, u32)>) -> RequestOptions {
    let timeout = timeout.map_or(Duration::ZERO, |timeout| timeout.0.max(Duration::from_nanos(1)));
    RequestOptions { timeout, within }
}

/// An answer.
#[allow(clippy::unnecessary_wraps, reason = "what a wait ends with may fail to be made")]
pub(crate) fn answer(py: Python<'_>, answer: Vec<u8>) -> PyResult<Py<PyAny>> {
    Ok(PyBytes::new(py, &answer).into_any().unbind())
}

#[pymethods]
impl Entities {
    /// Asks an entity, and waits for its answer, 30 s unless `timeout` says otherwise; what is not begun by then is not
    /// begun. Not in the thread of the loop that serves it, which would wait for itself.
    #[pyo3(signature = (kind, key, name, payload=Payload::EMPTY, *, timeout=None),
        text_signature = "($self, kind, key, name, payload=b'', *, timeout=None)")]
    fn request(
        &self,
        py: Python<'_>,
        kind: &str,
        key: &str,
        name: &str,
        payload: Payload<'_>,
        timeout: Option<Seconds>,
    ) -> PyResult<Py<PyAny>> {
        let options = request_options(timeout, None);
        let done = self.wait(py, None, |it| it.request(EntityId::new(kind, key), name, payload.as_slice(), options))?;
        answer(py, done)
    }

    /// As `request`, to await.
    #[pyo3(signature = (kind, key, name, payload=Payload::EMPTY, *, timeout=None),
        text_signature = "($self, kind, key, name, payload=b'', *, timeout=None)")]
    fn request_async(
        &self,
        py: Python<'_>,
        kind: &str,
        key: &str,
        name: &str,
        payload: Payload<'_>,
        timeout: Option<Seconds>,
    ) -> PyResult<Wait> {
        let options = request_options(timeout, None);
        Wait::begin(
            py,
            &self.held,
            |it| it.request(EntityId::new(kind, key), name, payload.as_slice(), options),
            answer,
        )
    }

    /// Tells an entity something, and does not wait for it: done when the message is in its mailbox, here or on the
    /// node that has it.
    #[pyo3(signature = (kind, key, name, payload=Payload::EMPTY, *, timeout=None),
        text_signature = "($self, kind, key, name, payload=b'', *, timeout=None)")]
    fn notify(
        &self,
        py: Python<'_>,
        kind: &str,
        key: &str,
        name: &str,
        payload: Payload<'_>,
        timeout: Option<Seconds>,
    ) -> PyResult<()> {
        self.wait(py, timeout, |it| it.notify(EntityId::new(kind, key), name, payload.as_slice()))
    }

    /// As `notify`, to await.
    #[pyo3(signature = (kind, key, name, payload=Payload::EMPTY),
        text_signature = "($self, kind, key, name, payload=b'')")]
    fn notify_async(&self, py: Python<'_>, kind: &str, key: &str, name: &str, payload: Payload<'_>) -> PyResult<Wait> {
        Wait::begin(py, &self.held, |it| it.notify(EntityId::new(kind, key), name, payload.as_slice()), wait::nothing)
    }

    /// Handles entities of these kinds, classes that are an `Entity`, in the running event loop until they are closed.
    /// When it is cancelled, turns that are cut off break their handlers, and whoever asked is told.
    #[pyo3(signature = (*types))]
    fn serve<'py>(slf: &Bound<'py, Self>, types: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import(DRIVER)?.call_method1("serve", (slf, types))
    }

    /// For tests: hands out nothing of an entity until `step` or `resume`.
    fn pause(&self, py: Python<'_>, kind: &str, key: &str) -> PyResult<()> {
        run(py, || self.held.get()?.pause(EntityId::new(kind, key)))
    }

    /// For tests: hands out one item of an entity that is paused.
    fn step(&self, py: Python<'_>, kind: &str, key: &str) -> PyResult<()> {
        run(py, || self.held.get()?.step(EntityId::new(kind, key)))
    }

    /// For tests: ends a pause.
    fn resume(&self, py: Python<'_>, kind: &str, key: &str) -> PyResult<()> {
        run(py, || self.held.get()?.resume(EntityId::new(kind, key)))
    }

    /// How many handlers are alive on this node.
    #[getter]
    fn active(&self, py: Python<'_>) -> PyResult<usize> {
        run(py, || Ok(self.held.get()?.active()))
    }

    /// Which entities of a kind are there on all nodes, or of all kinds when it is empty, by kind and key: the first of
    /// each node as far as 512 KiB of its list reach. A node that does not answer has none to show.
    #[pyo3(signature = (kind="", *, timeout=None))]
    fn list(&self, py: Python<'_>, kind: &str, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        infos(py, self.wait(py, timeout, |it| it.list(kind))?)
    }

    /// As `list`, to await.
    #[pyo3(signature = (kind=""))]
    fn list_async(&self, py: Python<'_>, kind: &str) -> PyResult<Wait> {
        Wait::begin(py, &self.held, |it| it.list(kind), infos)
    }

    /// The nodes of the cluster, by name.
    fn nodes(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let all = run(py, || Ok(self.held.get()?.nodes()))?;
        nodes(py, all)
    }

    /// Where an entity is.
    #[pyo3(name = "where")]
    fn where_is(&self, py: Python<'_>, kind: &str, key: &str) -> PyResult<Py<PyAny>> {
        let id = entity_id(py, kind, key)?;
        let (node, shard, epoch) = run(py, || {
            let it = self.held.get()?;
            Ok((it.where_is(id), it.shard_of(id), it.epoch_of(id)))
        })?;
        place(py, node, shard, epoch)
    }

    /// Leaves the cluster in good order: what waits is done, its handlers stop, and its shards go to the others. Then
    /// it is closed.
    #[pyo3(signature = (*, timeout=None))]
    fn leave(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<()> {
        self.wait(py, timeout, entities::Entities::leave)
    }

    /// As `leave`, to await.
    fn leave_async(&self, py: Python<'_>) -> PyResult<Wait> {
        Wait::begin(py, &self.held, entities::Entities::leave, wait::nothing)
    }

    /// Ends it: whoever waits raises `ClosedError`, turns that are out are void, and `serve` returns. Closing twice is
    /// nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || {
            self.held.get()?.close();
            Ok(())
        })
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
