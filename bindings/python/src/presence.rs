//! Who is here: presence stores and the sessions that a program holds.

use headwater::Pending;
use headwater::presence::{self, Purge};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::call::{block, run};
use crate::engine::Engine;
use crate::fork::Held;
use crate::presence_model::{counts, lease, presence_status, reading, spaces, user_view};
use crate::presence_set::{Chosen, Users, Wanted, presence_config, watch_options};
use crate::time::Seconds;
use crate::wait::Wait;
use crate::watcher::PresenceWatcher;

#[pymethods]
impl Engine {
    /// Opens a presence store, and makes its stream if it is not there; all handles of a process share one.
    #[pyo3(signature = (name="presence", **settings))]
    fn presence(&self, py: Python<'_>, name: &str, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Presence> {
        let config = presence_config(py, name, settings)?;
        self.held().child(py, |(), engine| Pending::ready(engine.presence(config))).map(Presence)
    }

    /// All presence stores, by name.
    fn presences(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        block(py, None, || Ok(self.inner()?.presences()))
    }
}

/// Who is here: sessions of users in spaces. Safe to share between threads.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct Presence(pub(crate) Held<presence::Presence>);

impl Presence {
    fn wait<T: Send>(
        &self,
        py: Python<'_>,
        timeout: Option<Seconds>,
        begin: impl FnOnce(&presence::Presence) -> Pending<T> + Send,
    ) -> PyResult<T> {
        block(py, timeout.map(|timeout| timeout.0), || Ok(begin(self.0.get()?)))
    }
}

#[pymethods]
impl Presence {
    /// Its name.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        run(py, || Ok(self.0.get()?.name().to_owned()))
    }

    /// Sets a leased session as a whole: it lives until its time to live has passed without a sign of life, of which
    /// this is one. `offline` ends it.
    #[pyo3(signature = (space, user, *, timeout=None, **settings))]
    fn set(
        &self,
        py: Python<'_>,
        space: &str,
        user: &str,
        timeout: Option<Seconds>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let set = Wanted::new(py, "set", settings)?.set();
        user_view(py, self.wait(py, timeout, |presence| presence.set(space, user, set))?)
    }

    /// A session that lives until it is left, at the end of a `with` block say, and dies with the process at the
    /// latest.
    #[pyo3(signature = (space, user, **settings))]
    fn hold(
        &self,
        py: Python<'_>,
        space: &str,
        user: &str,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<HeldSession> {
        let set = Wanted::new(py, "hold", settings)?.set();
        self.0.child(py, |presence, _| presence.hold(space, user, set)).map(HeldSession)
    }

    /// A sign of life of a leased session; `active` says that somebody did something there.
    #[pyo3(signature = (space, user, session="default", *, active=false, timeout=None))]
    fn heartbeat(
        &self,
        py: Python<'_>,
        space: &str,
        user: &str,
        session: &str,
        active: bool,
        timeout: Option<Seconds>,
    ) -> PyResult<Py<PyAny>> {
        lease(py, self.wait(py, timeout, |presence| presence.heartbeat(space, user, session, active))?)
    }

    /// Ends a session, whichever node answers for it; one that is not there is nothing.
    #[pyo3(signature = (space, user, session="default", *, timeout=None))]
    fn leave(
        &self,
        py: Python<'_>,
        space: &str,
        user: &str,
        session: &str,
        timeout: Option<Seconds>,
    ) -> PyResult<Py<PyAny>> {
        user_view(py, self.wait(py, timeout, |presence| presence.leave(space, user, session))?)
    }

    /// Chooses a status for a user who is there, whatever the sessions say, for a time or until it is changed; `None`
    /// is what the sessions say.
    #[pyo3(signature = (space, user, status, how_long=None, *, timeout=None))]
    fn choose(
        &self,
        py: Python<'_>,
        space: &str,
        user: &str,
        status: Option<Chosen>,
        how_long: Option<Seconds>,
        timeout: Option<Seconds>,
    ) -> PyResult<Py<PyAny>> {
        let (status, how_long) = (status.map(|chosen| chosen.0), how_long.map(|time| time.0));
        user_view(py, self.wait(py, timeout, |presence| presence.choose(space, user, status, how_long))?)
    }

    /// Hides a user, who is offline for others then, or shows it again.
    #[pyo3(signature = (space, user, on=true, *, timeout=None))]
    fn hide(&self, py: Python<'_>, space: &str, user: &str, on: bool, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        user_view(py, self.wait(py, timeout, |presence| presence.hide(space, user, on))?)
    }

    /// A user as it is; who may not know of one who is `invisible` is to be told that it is offline.
    #[pyo3(signature = (space, user, *, timeout=None))]
    fn get(&self, py: Python<'_>, space: &str, user: &str, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        user_view(py, self.wait(py, timeout, |presence| presence.get(space, user))?)
    }

    /// Users by name, 1,000 at the most.
    #[pyo3(signature = (space, users, *, timeout=None))]
    fn get_many(&self, py: Python<'_>, space: &str, users: Users, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        reading(py, self.wait(py, timeout, |presence| presence.get_many(space, &users.as_strs()))?)
    }

    /// All of a space who are not offline for others, by name.
    #[pyo3(signature = (space, *, timeout=None))]
    fn list(&self, py: Python<'_>, space: &str, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        reading(py, self.wait(py, timeout, |presence| presence.list(space))?)
    }

    /// How many are in a space, as others are told.
    #[pyo3(signature = (space, *, timeout=None))]
    fn counts(&self, py: Python<'_>, space: &str, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        counts(py, self.wait(py, timeout, |presence| presence.counts(space))?)
    }

    /// All spaces that were heard of, by name, with how many are in them.
    #[pyo3(signature = (*, timeout=None))]
    fn spaces(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        spaces(py, self.wait(py, timeout, presence::Presence::spaces)?)
    }

    /// Ends the sessions of a space, a user, a node, or of all that are named; returns how many.
    #[pyo3(signature = (*, space=None, user=None, node=None, timeout=None))]
    fn purge(
        &self,
        py: Python<'_>,
        space: Option<String>,
        user: Option<String>,
        node: Option<String>,
        timeout: Option<Seconds>,
    ) -> PyResult<u64> {
        self.wait(py, timeout, |presence| presence.purge(Purge { space, user, node }))
    }

    /// Follows users: who is there, then what changes. Without `users` it is all of the space.
    #[pyo3(signature = (space, users=Users::default(), *, after=None, reveal=false))]
    fn watch(
        &self,
        py: Python<'_>,
        space: String,
        users: Users,
        after: Option<u64>,
        reveal: bool,
    ) -> PyResult<PresenceWatcher> {
        let options = watch_options(space, users, after, reveal);
        self.0.child(py, |presence, _| Pending::ready(presence.watch(options))).map(PresenceWatcher::new)
    }

    /// How it stands.
    #[pyo3(signature = (*, timeout=None))]
    fn status(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        presence_status(py, self.wait(py, timeout, presence::Presence::status)?)
    }

    /// Ends it in good order for all handles of this process: what it holds is over. Through a node it is nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        run(py, || {
            self.0.get()?.close();
            Ok(())
        })
    }
}

/// A session that a program holds: a context manager, sync and async, at whose end it is over.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct HeldSession(pub(crate) Held<presence::HeldSession>);

impl HeldSession {
    pub(crate) fn begin_leave(&self, py: Python<'_>) -> PyResult<Wait> {
        Wait::begin(py, &self.0, presence::HeldSession::leave, |py, ()| Ok(py.None()))
    }
}

#[pymethods]
impl HeldSession {
    /// The space.
    #[getter]
    fn space(&self, py: Python<'_>) -> PyResult<String> {
        run(py, || Ok(self.0.get()?.space().to_owned()))
    }

    /// The user.
    #[getter]
    fn user(&self, py: Python<'_>) -> PyResult<String> {
        run(py, || Ok(self.0.get()?.user().to_owned()))
    }

    /// Its name.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<String> {
        run(py, || Ok(self.0.get()?.id()))
    }

    /// Changes what is named, and leaves the rest as it is; an empty message or device is none.
    #[pyo3(signature = (*, timeout=None, **settings))]
    fn update(
        &self,
        py: Python<'_>,
        timeout: Option<Seconds>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let wanted = Wanted::new(py, "update", settings)?;
        let update = || Ok(self.0.get()?.update(|session| wanted.apply(session)));
        user_view(py, block(py, timeout.map(|timeout| timeout.0), update)?)
    }

    /// Somebody did something there.
    fn active(&self, py: Python<'_>) -> PyResult<()> {
        block(py, None, || Ok(self.0.get()?.active()))
    }

    /// Ends it; twice is nothing.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        block(py, None, || Ok(self.0.get()?.leave()))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exc))]
    fn __exit__(&self, py: Python<'_>, _exc: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.leave(py)
    }

    fn __aenter__(slf: Py<Self>) -> Wait {
        Wait::ready(slf.into_any())
    }

    #[pyo3(signature = (*_exc))]
    fn __aexit__(&self, py: Python<'_>, _exc: &Bound<'_, PyTuple>) -> PyResult<Wait> {
        self.begin_leave(py)
    }
}
