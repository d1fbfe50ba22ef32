//! A cluster over a mesh, asked by one who is neither in the cluster nor in the mesh: one node of it is called, and
//! asks the others. It needs no engine.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use headwater::entities::{self, EntityId};
use headwater::{CertFiles, Error, ErrorKind, Pending, Result, Tls};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::call::{block, run};
use crate::entities::{answer, request_options};
use crate::entity_model::{infos, nodes, place};
use crate::fork::Held;
use crate::payload::Payload;
use crate::time::Seconds;
use crate::wait::{self, Wait};

/// One who asks the entities of a cluster over a mesh through one of its nodes. Safe to share between threads.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct EntitiesClient(Held<Slot>);

/// The client of the core until it is closed, as its connection ends with it.
struct Slot(Mutex<Option<entities::EntitiesClient>>);

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<entities::EntitiesClient>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin<T>(&self, begin: impl FnOnce(&entities::EntitiesClient) -> Pending<T>) -> Pending<T> {
        match &*self.lock() {
            Some(client) => begin(client),
            None => Pending::ready(Err(Error::new(ErrorKind::Closed, "the entities client is closed"))),
        }
    }
}

fn connecting(url: &str, files: &CertFiles, server_name: &str, cluster: &str) -> Result<Pending<EntitiesClient>> {
    let connecting = entities::EntitiesClient::connect(url, server_name, &Tls::load(files)?, cluster);
    Ok(connecting.map(|client| EntitiesClient(Held::alone(Slot(Mutex::new(Some(client)))))))
}

/// Where an entity is, which is never here.
fn found(py: Python<'_>, (shard, node): (u32, Option<String>)) -> PyResult<Py<PyAny>> {
    place(py, node, shard, None)
}

impl EntitiesClient {
    fn wait<T: Send>(
        &self,
        py: Python<'_>,
        timeout: Option<Seconds>,
        begin: impl FnOnce(&entities::EntitiesClient) -> Pending<T> + Send,
    ) -> PyResult<T> {
        block(py, timeout.map(|timeout| timeout.0), || Ok(self.0.get()?.begin(begin)))
    }

    fn later<T: Send + 'static>(
        &self,
        py: Python<'_>,
        begin: impl FnOnce(&entities::EntitiesClient) -> Pending<T> + Send,
        convert: impl FnMut(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |slot| slot.begin(begin), convert)
    }
}

#[pymethods]
impl EntitiesClient {
    /// Calls the node at `grpcs://host:port`, where it listens for the mesh, and finds out which cluster it is in where
    /// none is named; `InvalidError`, with their names, where there are several.
    ///
    /// `ca`, `cert` and `key` are PEM files: a certificate of the CA that signed those of the nodes. `server_name` is
    /// the name that the certificate of the node has, that host when it is empty.
    #[staticmethod]
    #[pyo3(signature = (url, *, ca, cert, key, server_name="", cluster="", timeout=None))]
    #[expect(clippy::too_many_arguments, reason = "all but one are keywords")]
    fn connect(
        py: Python<'_>,
        url: &str,
        ca: PathBuf,
        cert: PathBuf,
        key: PathBuf,
        server_name: &str,
        cluster: &str,
        timeout: Option<Seconds>,
    ) -> PyResult<Self> {
        let files = CertFiles { ca, cert, key };
        block(py, timeout.map(|timeout| timeout.0), || connecting(url, &files, server_name, cluster))
    }

    /// As `connect`, to await.
    #[staticmethod]
    #[pyo3(signature = (url, *, ca, cert, key, server_name="", cluster=""))]
    fn connect_async(
        py: Python<'_>,
        url: &str,
        ca: PathBuf,
        cert: PathBuf,
        key: PathBuf,
        server_name: &str,
        cluster: &str,
    ) -> PyResult<Wait> {
        let files = CertFiles { ca, cert, key };
        let pending = run(py, || connecting(url, &files, server_name, cluster))?;
        Ok(Wait::alone(pending, |py, client| Ok(Py::new(py, client)?.into_any())))
    }

    /// Asks an entity, and waits for its answer, 30 s unless `timeout` says otherwise; what is not begun by then is not
    /// begun.
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
        self.later(py, |it| it.request(EntityId::new(kind, key), name, payload.as_slice(), options), answer)
    }

    /// Tells an entity something, and does not wait for it: done when the message is in its mailbox.
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
        self.later(py, |it| it.notify(EntityId::new(kind, key), name, payload.as_slice()), wait::nothing)
    }

    /// Which entities of a kind are there on all nodes, or of all kinds when it is empty, by kind and key: the first of
    /// each node as far as 512 KiB of its list reach, and of all as far as 4 MiB do.
    #[pyo3(signature = (kind="", *, timeout=None))]
    fn list(&self, py: Python<'_>, kind: &str, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        infos(py, self.wait(py, timeout, |it| it.list(kind))?)
    }

    /// As `list`, to await.
    #[pyo3(signature = (kind=""))]
    fn list_async(&self, py: Python<'_>, kind: &str) -> PyResult<Wait> {
        self.later(py, |it| it.list(kind), infos)
    }

    /// The nodes of the cluster, by name, as the one that is called knows them.
    #[pyo3(signature = (*, timeout=None))]
    fn nodes(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        nodes(py, self.wait(py, timeout, entities::EntitiesClient::nodes)?)
    }

    /// As `nodes`, to await.
    fn nodes_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.later(py, entities::EntitiesClient::nodes, nodes)
    }

    /// Where an entity is, as the node that is called knows it: never here, and without an epoch.
    #[pyo3(name = "where", signature = (kind, key, *, timeout=None))]
    fn where_is(&self, py: Python<'_>, kind: &str, key: &str, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        found(py, self.wait(py, timeout, |it| it.where_is(EntityId::new(kind, key)))?)
    }

    /// As `where`, to await.
    fn where_async(&self, py: Python<'_>, kind: &str, key: &str) -> PyResult<Wait> {
        self.later(py, |it| it.where_is(EntityId::new(kind, key)), found)
    }

    /// Ends the connection: whoever waits raises `ClosedError`. Closing twice is nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || {
            drop(self.0.get()?.lock().take());
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
