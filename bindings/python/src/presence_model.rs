//! What is told of who is here, as the dataclasses of `headwater/_model.py`.

use std::sync::Arc;

use headwater::presence::{Counts, Lease, PresenceStatus, Reading, SessionView, UserView, WatchEvent};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::model::{model, model_class};
use crate::time::seconds;

/// A user.
pub(crate) fn user_view(py: Python<'_>, view: Arc<UserView>) -> PyResult<Py<PyAny>> {
    Ok(user(py, &view)?.unbind())
}

fn user<'py>(py: Python<'py>, view: &UserView) -> PyResult<Bound<'py, PyAny>> {
    let sessions: Vec<_> = view.sessions.iter().map(|of| session(py, of)).collect::<PyResult<_>>()?;
    let fields = PyDict::new(py);
    fields.set_item("space", &*view.space)?;
    fields.set_item("user", &*view.user)?;
    fields.set_item("status", view.status.name())?;
    fields.set_item("message", view.message())?;
    fields.set_item("last_seen_ms", view.last_seen_ms)?;
    fields.set_item("changed_ms", view.changed_ms)?;
    fields.set_item("position", view.position)?;
    fields.set_item("invisible", view.invisible)?;
    fields.set_item("chosen", view.chosen)?;
    fields.set_item("sessions", PyTuple::new(py, sessions)?)?;
    model(py, "PresenceUser", &fields)
}

fn session<'py>(py: Python<'py>, view: &SessionView) -> PyResult<Bound<'py, PyAny>> {
    let session = &view.session;
    let parsed = |meta: &str| py.import("json")?.getattr("loads")?.call1((meta,));
    let fields = PyDict::new(py);
    fields.set_item("id", &*session.id)?;
    fields.set_item("status", view.status.name())?;
    fields.set_item("message", session.message())?;
    fields.set_item("device", session.device())?;
    fields.set_item("meta", session.meta().map(parsed).transpose()?)?;
    fields.set_item("since_ms", session.since_ms)?;
    fields.set_item("active_ms", session.active_ms)?;
    fields.set_item("ttl", session.ttl().map(seconds))?;
    model(py, "PresenceSession", &fields)
}

fn users<'py>(py: Python<'py>, views: &[Arc<UserView>]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, views.iter().map(|view| user(py, view)).collect::<PyResult<Vec<_>>>()?)
}

/// Users, and as of when.
pub(crate) fn reading(py: Python<'_>, reading: Reading) -> PyResult<Py<PyAny>> {
    let class = model_class(py, "PresenceReading")?;
    Ok(class.call1((users(py, &reading.users)?, reading.as_of_ms, reading.stale))?.unbind())
}

/// How many are in a space.
pub(crate) fn counts(py: Python<'_>, counts: Counts) -> PyResult<Py<PyAny>> {
    let Counts { users, sessions, online, away, busy, unknown } = counts;
    Ok(model_class(py, "PresenceCounts")?.call1((users, sessions, online, away, busy, unknown))?.unbind())
}

/// All spaces.
pub(crate) fn spaces(py: Python<'_>, spaces: Vec<(String, Counts)>) -> PyResult<Py<PyAny>> {
    let all = PyDict::new(py);
    for (space, of) in spaces {
        all.set_item(space, counts(py, of)?)?;
    }
    Ok(all.into_any().unbind())
}

/// Until when a session lives.
pub(crate) fn lease(py: Python<'_>, lease: Lease) -> PyResult<Py<PyAny>> {
    let ttl = std::time::Duration::from_millis(lease.ttl_ms);
    Ok(model_class(py, "PresenceLease")?.call1((lease.expires_ms, seconds(ttl)))?.unbind())
}

/// How a store stands.
pub(crate) fn presence_status(py: Python<'_>, status: PresenceStatus) -> PyResult<Py<PyAny>> {
    let node = model_class(py, "PresenceNode")?;
    let nodes = status.nodes.into_iter().map(|of| node.call1((of.name, of.state, of.heard_ms)));
    let fields = PyDict::new(py);
    fields.set_item("name", status.name)?;
    fields.set_item("node", status.node)?;
    fields.set_item("answered", status.answered)?;
    fields.set_item("stale", status.stale)?;
    fields.set_item("as_of_ms", status.as_of_ms)?;
    fields.set_item("position", status.position)?;
    fields.set_item("refused", status.refused)?;
    fields.set_item("last_error", status.last_error)?;
    fields.set_item("nodes", PyTuple::new(py, nodes.collect::<PyResult<Vec<_>>>()?)?)?;
    Ok(model(py, "PresenceStatus", &fields)?.unbind())
}

/// What a watcher is told.
pub(crate) fn watch_event(py: Python<'_>, event: &WatchEvent) -> PyResult<Py<PyAny>> {
    Ok(match event {
        WatchEvent::Snapshot { position, users: there } => {
            model_class(py, "PresenceSnapshot")?.call1((position, users(py, there)?))?.unbind()
        }
        WatchEvent::Change(change) => {
            let session = Some(&*change.session).filter(|session| !session.is_empty());
            let was = change.was.name();
            let fields = (change.kind.name(), change.position, session, was, user(py, &change.user)?);
            model_class(py, "PresenceChange")?.call1(fields)?.unbind()
        }
        WatchEvent::Counts(of) => counts(py, *of)?,
        WatchEvent::View { stale, as_of_ms } => model_class(py, "PresenceView")?.call1((stale, as_of_ms))?.unbind(),
    })
}
