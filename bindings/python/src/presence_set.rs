//! What presence stores and sessions are told, from keyword settings.

use std::str::FromStr;
use std::time::Duration;

use headwater::presence::{PresenceConfig, SessionSet, Status, WatchOptions};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::error::{raise, wrong_type};
use crate::settings::{Settings, texts};
use crate::time::Seconds;

/// The configuration that the keyword arguments of `presence` say.
pub(crate) fn presence_config(
    py: Python<'_>,
    name: &str,
    given: Option<&Bound<'_, PyDict>>,
) -> PyResult<PresenceConfig> {
    let mut config = PresenceConfig { name: name.to_owned(), ..PresenceConfig::default() };
    let settings = Settings::new(py, "presence", given)?;
    settings.set("node", &mut config.node)?;
    settings.set_durability(&mut config.durability)?;
    settings.set_duration("ttl", &mut config.ttl)?;
    settings.set_duration("heartbeat", &mut config.heartbeat)?;
    settings.set_duration("grace", &mut config.grace)?;
    settings.set_duration("idle", &mut config.idle)?;
    settings.set_duration("keep", &mut config.keep)?;
    settings.set_duration("beat", &mut config.beat)?;
    settings.set_duration("silence", &mut config.silence)?;
    settings.set("cold_users", &mut config.cold_users)?;
    settings.set("history", &mut config.history)?;
    settings.set("announce_max", &mut config.announce_max)?;
    settings.set_duration("counts_every", &mut config.counts_every)?;
    settings.finish()?;
    Ok(config)
}

/// A status by its name.
pub(crate) struct Chosen(pub(crate) Status);

impl FromPyObject<'_, '_> for Chosen {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let Ok(name) = object.cast::<PyString>() else { return Err(wrong_type("status", "a str", &object)) };
        Status::from_str(name.to_str()?).map(Chosen).map_err(|error| raise(object.py(), &error))
    }
}

/// Users by name: one, or several.
#[derive(Default)]
pub(crate) struct Users(Vec<String>);

impl FromPyObject<'_, '_> for Users {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        texts(&object, "users").map(Users)
    }
}

impl Users {
    pub(crate) fn as_strs(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }
}

/// Whom `watch` is to follow.
pub(crate) fn watch_options(space: String, users: Users, after: Option<u64>, reveal: bool) -> WatchOptions {
    WatchOptions { space, users: users.0, after, reveal }
}

/// What is said of a session; the rest is as it was.
#[derive(Default)]
pub(crate) struct Wanted {
    session: Option<String>,
    status: Option<Status>,
    message: Option<String>,
    device: Option<String>,
    meta: Option<String>,
    ttl: Option<Duration>,
    idle: Option<Duration>,
}

impl Wanted {
    /// The keyword arguments of `call`.
    pub(crate) fn new(py: Python<'_>, call: &'static str, given: Option<&Bound<'_, PyDict>>) -> PyResult<Wanted> {
        let settings = Settings::new(py, call, given)?;
        let text = |name: &str| {
            let value = settings.take_any(name)?;
            let text = |value: Bound<'_, PyAny>| match value.cast::<PyString>() {
                Ok(text) => Ok(text.to_str()?.to_owned()),
                Err(_) => Err(wrong_type(name, "a str", &value)),
            };
            value.map(text).transpose()
        };
        let duration = |name: &str| {
            let value = settings.take_any(name)?;
            value.map(|value| value.extract::<Seconds>().map(|seconds| seconds.0)).transpose()
        };
        let session = if call == "update" { None } else { text("session")? };
        let ttl = if call == "set" { duration("ttl")? } else { None };
        let json = |value: Bound<'_, PyAny>| py.import("json")?.getattr("dumps")?.call1((value,))?.extract::<String>();
        let wanted = Wanted {
            session,
            status: settings.take_any("status")?.map(|value| value.extract::<Chosen>()).transpose()?.map(|c| c.0),
            message: text("message")?,
            device: text("device")?,
            meta: settings.take_any("meta")?.map(json).transpose()?,
            ttl,
            idle: duration("idle")?,
        };
        settings.finish()?;
        Ok(wanted)
    }

    /// A session that is this.
    pub(crate) fn set(self) -> SessionSet {
        let mut set = SessionSet::default();
        self.apply(&mut set);
        set
    }

    /// Changes what is said; an empty message or device is none.
    pub(crate) fn apply(self, set: &mut SessionSet) {
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        if let Some(session) = self.session {
            set.session = session;
        }
        set.status = self.status.unwrap_or(set.status);
        if let Some(message) = self.message {
            set.message = some(message);
        }
        if let Some(device) = self.device {
            set.device = some(device);
        }
        set.meta = self.meta.or_else(|| set.meta.take());
        set.ttl = self.ttl.or(set.ttl);
        set.idle = self.idle.or(set.idle);
    }
}
