//! Hubs: connecting to one, where that stands, and links between it and a directory.

use std::path::PathBuf;

use headwater as hw;
use headwater::{
    CatchUp, Direction, HubOptions, HubState, LinkConfig, OnReset, Pending, Result, StreamConfig, SubjectMap,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::call::{block, run};
use crate::engine::Engine;
use crate::error::{raise, wrong_type};
use crate::fork::Held;
use crate::model::{model, name_of, set_stream_config};
use crate::queue::Source;
use crate::settings::{Settings, texts};
use crate::time::Seconds;
use crate::wait::Wait;
use crate::watcher::HubWatcher;

const DIRECTIONS: [(&str, Direction); 3] =
    [("both", Direction::Both), ("push", Direction::Push), ("pull", Direction::Pull)];
const CATCH_UPS: [(&str, CatchUp); 2] = [("history", CatchUp::History), ("latest", CatchUp::Latest)];
const ON_RESETS: [(&str, OnReset); 3] =
    [("resend", OnReset::Resend), ("continue", OnReset::Continue), ("stop", OnReset::Stop)];

fn options(
    py: Python<'_>,
    call: &'static str,
    urls: &Bound<'_, PyAny>,
    given: Option<&Bound<'_, PyDict>>,
) -> PyResult<HubOptions> {
    let settings = Settings::new(py, call, given)?;
    let mut options = HubOptions { urls: texts(urls, "urls")?, ..HubOptions::default() };
    settings.set("name", &mut options.name)?;
    settings.set("token", &mut options.token)?;
    settings.set("user", &mut options.user)?;
    settings.set("password", &mut options.password)?;
    settings.set("nkey_seed", &mut options.nkey_seed)?;
    let files: [(&str, &mut Option<PathBuf>); 4] = [
        ("credentials_file", &mut options.credentials_file),
        ("ca_file", &mut options.ca_file),
        ("cert_file", &mut options.cert_file),
        ("key_file", &mut options.key_file),
    ];
    for (name, file) in files {
        settings.set(name, file)?;
    }
    settings.set("require_tls", &mut options.require_tls)?;
    settings.set("tls_first", &mut options.tls_first)?;
    settings.set("domain", &mut options.domain)?;
    settings.set("api_prefix", &mut options.api_prefix)?;
    settings.set_duration("request_timeout", &mut options.request_timeout)?;
    settings.set_duration("connect_timeout", &mut options.connect_timeout)?;
    settings.set_duration("reconnect_delay_min", &mut options.reconnect_delay_min)?;
    settings.set_duration("reconnect_delay_max", &mut options.reconnect_delay_max)?;
    settings.set("window", &mut options.window)?;
    settings.set("replicas", &mut options.replicas)?;
    settings.set("retry_on_initial_connect", &mut options.retry_on_initial_connect)?;
    settings.finish()?;
    Ok(options)
}

/// Connects to a hub: any NATS server or cluster with JetStream, at one address or several.
///
/// Everything an engine does works there as in a directory; what the server is too old for raises `UnsupportedError`.
#[pyfunction]
#[pyo3(signature = (urls, *, timeout=None, **settings))]
pub(crate) fn connect(
    py: Python<'_>,
    urls: &Bound<'_, PyAny>,
    timeout: Option<Seconds>,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<Engine> {
    let options = options(py, "connect", urls, settings)?;
    let engine = block(py, timeout.map(|timeout| timeout.0), || Ok(hw::Engine::connect(options)))?;
    Ok(Engine::new(&engine))
}

/// As `connect`, to await.
#[pyfunction]
#[pyo3(signature = (urls, **settings))]
pub(crate) fn connect_async(
    py: Python<'_>,
    urls: &Bound<'_, PyAny>,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<Wait> {
    let options = options(py, "connect_async", urls, settings)?;
    let pending = run(py, || Ok(hw::Engine::connect(options)))?;
    Ok(Wait::alone(pending, |py, engine| Ok(Py::new(py, Engine::new(&engine))?.into_any())))
}

/// Where a connection stands, as Python sees it.
fn hub_state<'py>(py: Python<'py>, state: &HubState) -> PyResult<Bound<'py, PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("phase", state.phase.name())?;
    fields.set_item("server_name", &state.server_name)?;
    fields.set_item("server_version", &state.server_version)?;
    fields.set_item("api_level", state.api_level)?;
    fields.set_item("last_error", &state.last_error)?;
    fields.set_item("reconnects", state.reconnects)?;
    fields.set_item("lag_records", state.lag_records)?;
    model(py, "HubState", &fields)
}

/// Where a link stands, as Python sees it.
fn link_status<'py>(py: Python<'py>, link: &hw::LinkStatus) -> PyResult<Bound<'py, PyAny>> {
    let fields = PyDict::new(py);
    fields.set_item("name", &link.name)?;
    fields.set_item("stream", &link.stream)?;
    fields.set_item("remote", &link.remote)?;
    fields.set_item("direction", name_of(&DIRECTIONS, link.direction))?;
    fields.set_item("state", link.state.name())?;
    fields.set_item("pushed", link.pushed)?;
    fields.set_item("pulled", link.pulled)?;
    fields.set_item("known", link.known)?;
    fields.set_item("missed", link.missed)?;
    fields.set_item("skipped", link.skipped)?;
    fields.set_item("lag_push", link.lag_push)?;
    fields.set_item("lag_pull", link.lag_pull)?;
    fields.set_item("resets", link.resets)?;
    fields.set_item("failures", link.failures)?;
    fields.set_item("last_error", &link.last_error)?;
    model(py, "LinkStatus", &fields)
}

fn link_config(
    py: Python<'_>,
    call: &'static str,
    name: String,
    given: Option<&Bound<'_, PyDict>>,
) -> PyResult<LinkConfig> {
    let settings = Settings::new(py, call, given)?;
    let mut config = LinkConfig { name, ..LinkConfig::default() };
    settings.set("stream", &mut config.stream)?;
    settings.set("remote", &mut config.remote)?;
    settings.set_choice("direction", &DIRECTIONS, &mut config.direction)?;
    settings.set_texts("filters", &mut config.filters)?;
    if let Some(value) = settings.take_any("map")? {
        let map = value.cast::<PyDict>().map_err(|_| wrong_type("map", "a dict of str to str", &value))?;
        config.map = map
            .iter()
            .map(|(local, remote)| Ok(SubjectMap { local: local.extract()?, remote: remote.extract()? }))
            .collect::<PyResult<_>>()?;
    }
    settings.set_choice("catch_up", &CATCH_UPS, &mut config.catch_up)?;
    settings.set_choice("on_reset", &ON_RESETS, &mut config.on_reset)?;
    settings.set("exclusive", &mut config.exclusive)?;
    if let Some(value) = settings.take_any("create")? {
        let given =
            value.cast::<PyDict>().map_err(|_| wrong_type("create", "a dict of a stream's settings", &value))?;
        let mut made = StreamConfig::default();
        set_stream_config(py, "create of add_link", &mut made, Some(given))?;
        config.create = Some(Box::new(made));
    }
    settings.finish()?;
    Ok(config)
}

#[pymethods]
impl Engine {
    /// Where the connection to the hub stands.
    fn hub_state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let state = run(py, || self.inner()?.hub_state())?;
        hub_state(py, &state)
    }

    /// Follows where the connection to the hub stands: the state now, then whenever it changes.
    fn watch_hub(&self, py: Python<'_>) -> PyResult<HubWatcher> {
        let (watcher, engine) = run(py, || Ok((self.inner()?.watch_hub()?, self.inner()?.clone())))?;
        Ok(HubWatcher::new(Held::new(watcher, &engine)))
    }

    /// Joins a stream of this engine to one of `other`, which is usually a hub, until this is closed or it is removed.
    #[pyo3(signature = (name, other, **settings))]
    fn add_link(
        &self,
        py: Python<'_>,
        name: String,
        other: PyRef<'_, Engine>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let config = link_config(py, "add_link", name, settings)?;
        let other = other.inner().map_err(|error| raise(py, &error))?.clone();
        block(py, None, || Ok(self.inner()?.add_link(config, &other)))
    }

    /// As `add_link`, to await.
    #[pyo3(signature = (name, other, **settings))]
    fn add_link_async(
        &self,
        py: Python<'_>,
        name: String,
        other: PyRef<'_, Engine>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Wait> {
        let config = link_config(py, "add_link_async", name, settings)?;
        let other = other.inner().map_err(|error| raise(py, &error))?.clone();
        let engine = self.inner().map_err(|error| raise(py, &error))?.clone();
        Wait::begin(py, self.held(), move |()| engine.add_link(config, &other), |py, ()| Ok(py.None()))
    }

    /// Ends a link; what was carried stays, and where it stood is kept for the next one of its name.
    fn remove_link(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        run(py, || self.inner()?.remove_link(name))
    }

    /// Where each link stands, by name.
    fn links<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let links = run(py, || self.inner()?.links())?;
        let links: Vec<_> = links.iter().map(|link| link_status(py, link)).collect::<PyResult<_>>()?;
        PyList::new(py, links)
    }
}

impl Source for hw::HubWatcher {
    type Batch = Vec<HubState>;
    /// What is taken ahead would be old when it is asked for.
    const AHEAD: usize = 1;

    fn next(&self, max: usize) -> Pending<Vec<HubState>> {
        hw::HubWatcher::next(self, max)
    }

    fn try_next(&self, max: usize) -> Result<Vec<HubState>> {
        hw::HubWatcher::try_next(self, max)
    }

    fn close(&self) {
        hw::HubWatcher::close(self);
    }

    fn convert(py: Python<'_>, batch: Vec<HubState>) -> PyResult<Vec<Py<PyAny>>> {
        batch.iter().map(|state| Ok(hub_state(py, state)?.unbind())).collect()
    }
}
