//! What is asked of a SQLite file that replicates, to await: the twins of `database.rs`.

use headwater::Pending;
use headwater::replica;
use pyo3::prelude::*;

use crate::call::run;
use crate::database::Database;
use crate::database_model::{check_report, database_status, schemas, snapshot, snapshots, statuses};
use crate::engine::Engine;
use crate::wait::{self, Wait};

#[pymethods]
impl Engine {
    /// As `databases`, to await.
    fn databases_async(&self, py: Python<'_>) -> PyResult<Wait> {
        let engine = run(py, || Ok(self.inner()?.clone()))?;
        Wait::begin(py, self.held(), move |()| engine.databases(), statuses)
    }
}

impl Database {
    fn later<T: Send + 'static>(
        &self,
        py: Python<'_>,
        begin: impl FnOnce(&replica::Database) -> Pending<T> + Send,
        convert: impl FnMut(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> PyResult<Wait> {
        Wait::begin(py, &self.0, begin, convert)
    }
}

#[allow(clippy::unnecessary_wraps, reason = "what a wait ends with may fail to be made")]
fn nothing(py: Python<'_>, (): ()) -> PyResult<Py<PyAny>> {
    Ok(py.None())
}

#[pymethods]
impl Database {
    /// As `status`, to await.
    fn status_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.later(py, replica::Database::status, database_status)
    }

    /// As `sync`, to await.
    fn sync_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.later(py, replica::Database::sync, nothing)
    }

    /// As `pause`, to await.
    fn pause_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.later(py, replica::Database::pause, nothing)
    }

    /// As `resume`, to await.
    fn resume_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.later(py, replica::Database::resume, nothing)
    }

    /// As `release`, to await.
    fn release_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.later(py, replica::Database::release, wait::plain)
    }

    /// As `detach`, to await.
    fn detach_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.later(py, replica::Database::detach, nothing)
    }

    /// As `check`, to await.
    #[pyo3(signature = (*, repair=false))]
    fn check_async(&self, py: Python<'_>, repair: bool) -> PyResult<Wait> {
        self.later(py, |database| database.check(repair), check_report)
    }

    /// As `schema`, to await.
    fn schema_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.later(py, replica::Database::schema, schemas)
    }

    /// As `snapshot`, to await.
    fn snapshot_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.later(py, replica::Database::snapshot, snapshot)
    }

    /// As `snapshots`, to await.
    fn snapshots_async(&self, py: Python<'_>) -> PyResult<Wait> {
        self.later(py, replica::Database::snapshots, snapshots)
    }

    /// As `restore`, to await.
    #[pyo3(signature = (id=None))]
    fn restore_async(&self, py: Python<'_>, id: Option<&str>) -> PyResult<Wait> {
        self.later(py, |database| database.restore(id), snapshot)
    }
}
