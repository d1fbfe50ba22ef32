//! Meshes: joining one, leaving it, and who is in it.

use std::path::PathBuf;
use std::time::Duration;

use headwater as hw;
use headwater::{CertFiles, Member, MemberStore, MeshConfig, MeshStatus, Preset};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::call::{block, run};
use crate::engine::Engine;
use crate::error::raise;
use crate::model::model;
use crate::settings::texts;
use crate::time::Seconds;
use crate::wait::Wait;

fn store<'py>(py: Python<'py>, store: &MemberStore) -> PyResult<Bound<'py, PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("store", &store.store)?;
    fields.set_item("behind", store.behind)?;
    fields.set_item("unacked", store.unacked)?;
    fields.set_item("repairs", store.repairs)?;
    model(py, "MemberStore", &fields)
}

fn member<'py>(py: Python<'py>, member: &Member) -> PyResult<Bound<'py, PyAny>> {
    let stores: Vec<_> = member.stores.iter().map(|one| store(py, one)).collect::<PyResult<_>>()?;
    let fields = PyDict::new(py);
    fields.set_item("name", &member.name)?;
    fields.set_item("engine", member.engine)?;
    fields.set_item("address", &member.address)?;
    fields.set_item("state", member.state.name())?;
    fields.set_item("since", member.since)?;
    fields.set_item("connected", member.connected)?;
    fields.set_item("stores", PyTuple::new(py, stores)?)?;
    model(py, "Member", &fields)
}

/// A mesh, as Python sees it; none is `None`.
fn status(py: Python<'_>, mesh: Option<&MeshStatus>) -> PyResult<Py<PyAny>> {
    let Some(mesh) = mesh else { return Ok(py.None()) };
    let members: Vec<_> = mesh.members.iter().map(|one| member(py, one)).collect::<PyResult<_>>()?;
    let fields = PyDict::new(py);
    fields.set_item("own", member(py, &mesh.own)?)?;
    fields.set_item("members", PyTuple::new(py, members)?)?;
    fields.set_item("refused", mesh.refused)?;
    fields.set_item("faults", mesh.faults)?;
    fields.set_item("sent_bytes", mesh.sent_bytes)?;
    fields.set_item("received_bytes", mesh.received_bytes)?;
    fields.set_item("last_error", &mesh.last_error)?;
    fields.set_item("local_health", mesh.local_health)?;
    model(py, "MeshStatus", &fields).map(Bound::unbind)
}

#[pymethods]
impl Engine {
    /// Joins a mesh, and is part of it until it leaves or is closed; it does not wait for any other node.
    ///
    /// Stores of state that merges are from then on the same at all nodes, and every write stays local. `bind` is where
    /// this node listens and `advertise` where others reach it, host:port; `seeds` are nodes to join by; `ca`, `cert`
    /// and `key` are PEM files, whose CA signed the certificates of all nodes; `stores` are those that are kept in
    /// step, all when there is none; `preset` is `"lan"`, `"wan"` or `"seed"`; `horizon` is how long the others wait
    /// for a node that is away before they forget what was removed, 30 days when there is none.
    #[pyo3(signature = (
        *, bind, ca, cert, key, name="", advertise="", seeds=None, server_name="", stores=None, preset="lan",
        horizon=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are the fields of a configuration, by name")]
    fn join_mesh(
        &self,
        py: Python<'_>,
        bind: String,
        ca: PathBuf,
        cert: PathBuf,
        key: PathBuf,
        name: &str,
        advertise: &str,
        seeds: Option<&Bound<'_, PyAny>>,
        server_name: &str,
        stores: Option<&Bound<'_, PyAny>>,
        preset: &str,
        horizon: Option<Seconds>,
    ) -> PyResult<()> {
        let config = MeshConfig {
            name: name.to_owned(),
            bind,
            advertise: advertise.to_owned(),
            seeds: seeds.map_or_else(|| Ok(Vec::new()), |seeds| texts(seeds, "seeds"))?,
            certs: CertFiles { ca, cert, key },
            server_name: server_name.to_owned(),
            stores: stores.map_or_else(|| Ok(Vec::new()), |stores| texts(stores, "stores"))?,
            preset: Preset::parse(preset).map_err(|error| raise(py, &error))?,
            horizon: horizon.map_or(Duration::ZERO, |horizon| horizon.0),
        };
        run(py, || self.inner()?.join_mesh(config))
    }

    /// Says good-bye to the other nodes of the mesh, which tell it from one that does not answer; 5 s at the most.
    /// Nothing if it is part of none.
    fn leave_mesh(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || {
            self.inner()?.leave_mesh();
            Ok(())
        })
    }

    /// Who is in the mesh that it is part of, through a node too, and how far its stores are; `None` if it is part of
    /// none.
    #[pyo3(signature = (*, timeout=None))]
    fn mesh(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        let mesh = block(py, timeout.map(|timeout| timeout.0), || Ok(self.inner()?.mesh()))?;
        status(py, mesh.as_ref())
    }

    /// As `mesh`, to await.
    fn mesh_async(&self, py: Python<'_>) -> PyResult<Wait> {
        let engine: hw::Engine = self.inner().map_err(|error| raise(py, &error))?.clone();
        Wait::begin(py, self.held(), move |()| engine.mesh(), |py, mesh| status(py, mesh.as_ref()))
    }
}
