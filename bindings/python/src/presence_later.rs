//! What is asked of a presence store and of a held session, to await: the twins of `presence.rs`.

use headwater::Pending;
use headwater::presence::{self, Purge};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::call::run;
use crate::fork::Held;
use crate::presence::{HeldSession, Presence};
use crate::presence_model::{counts, lease, presence_status, reading, spaces, user_view};
use crate::presence_set::{Chosen, Users, Wanted};
use crate::time::Seconds;
use crate::wait::{self, Wait};

impl Presence {
    fn later<T: Send + 'static>(
        &self,
        py: Python<'_>,
        begin: impl FnOnce(&presence::Presence) -> Pending<T> + Send,
        convert: impl FnMut(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> PyResult<Wait> {
        Wait::begin(py, &self.0, begin, convert)
    }
}

#[pymethods]
impl Presence {
    /// As `set`, to await.
    #[pyo3(signature = (space, user, **settings))]
    fn set_async(
        &self,
        py: Python<'_>,
        space: &str,
        user: &str,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Wait> {
        let set = Wanted::new(py, "set", settings)?.set();
        self.later(py, |presence| presence.set(space, user, set), user_view)
    }

    /// As `hold`, to await.
    #[pyo3(signature = (space, user, **settings))]
    fn hold_async(
        &self,
        py: Python<'_>,
        space: &str,
        user: &str,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Wait> {
        let set = Wanted::new(py, "hold", settings)?.set();
        let engine = run(py, || Ok(self.0.engine()?.clone()))?;
        let held = move |py: Python<'_>, held| HeldSession(Held::new(held, &engine)).into_py_any(py);
        self.later(py, |presence| presence.hold(space, user, set), held)
    }

    /// As `heartbeat`, to await.
    #[pyo3(signature = (space, user, session="default", *, active=false))]
    fn heartbeat_async(&self, py: Python<'_>, space: &str, user: &str, session: &str, active: bool) -> PyResult<Wait> {
        self.later(py, |presence| presence.heartbeat(space, user, session, active), lease)
    }

    /// As `leave`, to await.
    #[pyo3(signature = (space, user, session="default"))]
    fn leave_async(&self, py: Python<'_>, space: &str, user: &str, session: &str) -> PyResult<Wait> {
        self.later(py, |presence| presence.leave(space, user, session), user_view)
    }

    /// As `choose`, to await.
    #[pyo3(signature = (space, user, status, how_long=None))]
    fn choose_async(
        &self,
        py: Python<'_>,
        space: &str,
        user: &str,
        status: Option<Chosen>,
        how_long: Option<Seconds>,
    ) -> PyResult<Wait> {
        let (status, how_long) = (status.map(|chosen| chosen.0), how_long.map(|time| time.0));
        self.later(py, |presence| presence.choose(space, user, status, how_long), user_view)
    }

    /// As `hide`, to await.
    #[pyo3(signature = (space, user, on=true))]
    fn hide_async(&self, py: Python<'_>, space: &str, user: &str, on: bool) -> PyResult<Wait> {
        self.later(py, |presence| presence.hide(space, user, on), user_view)
    }

    /// As `get`, to await.
    fn get_async(&self, py: Python<'_>, space: &str, user: &str) -> PyResult<Wait> {
        self.later(py, |presence| presence.get(space, user), user_view)
    }

    /// As `get_many`, to await.
    fn get_many_async(&self, py: Python<'_>, space: &str, users: Users) -> PyResult<Wait> {
        self.later(py, |presence| presence.get_many(space, &users.as_strs()), reading)
    }

    /// As `list`, to await.
    fn list_async(&self, py: Python<'_>, space: &str) -> PyResult<Wait> {
        self.later(py, |presence| presence.list(space), reading)
    }

    /// As `counts`, to await.
    fn counts_async(&self, py: Python<'_>, space: &str) -> PyResult<Wait> {
        self.later(py, |presence| presence.counts(space), counts)
    }

    /// As `spaces`, to await.
    fn spaces_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.later(py, presence::Presence::spaces, spaces)
    }

    /// As `purge`, to await.
    #[pyo3(signature = (*, space=None, user=None, node=None))]
    fn purge_async(
        &self,
        py: Python<'_>,
        space: Option<String>,
        user: Option<String>,
        node: Option<String>,
    ) -> PyResult<Wait> {
        self.later(py, |presence| presence.purge(Purge { space, user, node }), wait::plain)
    }

    /// As `status`, to await.
    fn status_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.later(py, presence::Presence::status, presence_status)
    }
}

#[pymethods]
impl HeldSession {
    /// As `update`, to await.
    #[pyo3(signature = (**settings))]
    fn update_async(&self, py: Python<'_>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Wait> {
        let wanted = Wanted::new(py, "update", settings)?;
        Wait::begin(py, &self.0, |held| held.update(|session| wanted.apply(session)), user_view)
    }

    /// As `active`, to await.
    fn active_async(&self, py: Python<'_>) -> PyResult<Wait> {
        Wait::begin(py, &self.0, presence::HeldSession::active, |py, ()| Ok(py.None()))
    }

    /// As `leave`, to await.
    fn leave_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.begin_leave(py)
    }
}
