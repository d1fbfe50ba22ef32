//! SQLite files that replicate: attached to an engine, asked how they stand, told to wait, compared and ended.

use std::path::PathBuf;

use headwater as hw;
use headwater::Pending;
use headwater::replica::{self, DatabaseConfig, refuse_opened};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::call::{block, run};
use crate::connection::{Connection, Opened};
use crate::database_config::database_config;
use crate::database_model::{check_report, database_status, schemas, snapshot, snapshots, statuses};
use crate::engine::Engine;
use crate::fork::Held;
use crate::time::Seconds;
use crate::watcher::ChangeWatcher;

#[pymethods]
impl Engine {
    /// Makes a SQLite file replicate, or finds it doing so, and works on it until the engine is closed or the file
    /// detached; what any program writes to it is captured from now on.
    ///
    /// Its log is stream `REPLICA_<name>`: a link of it to a hub joins nodes. A file that this process has open by
    /// other means, as by `sqlite3`, is a conflict: two copies of SQLite in one process must not open one file.
    #[pyo3(signature = (path, **settings))]
    fn attach(&self, py: Python<'_>, path: PathBuf, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Database> {
        let config = database_config(py, path, settings)?;
        self.held().child(py, |(), engine| attach(engine, config)).map(Database)
    }

    /// The attached file of this name.
    fn database(&self, py: Python<'_>, name: &str) -> PyResult<Database> {
        self.held().child(py, |(), engine| engine.database(name)).map(Database)
    }

    /// How each attached file stands, by name.
    #[pyo3(signature = (*, timeout=None))]
    fn databases(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        let found = block(py, timeout.map(|timeout| timeout.0), || Ok(self.inner()?.databases()))?;
        statuses(py, found)
    }
}

fn attach(engine: &hw::Engine, config: DatabaseConfig) -> Pending<replica::Database> {
    match refuse_opened(&config.path) {
        Ok(()) => engine.attach(config),
        Err(error) => Pending::ready(Err(error)),
    }
}

/// A SQLite file that replicates. Safe to share between threads.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct Database(pub(crate) Held<replica::Database>);

impl Database {
    fn wait<T: Send>(
        &self,
        py: Python<'_>,
        timeout: Option<Seconds>,
        begin: impl FnOnce(&replica::Database) -> Pending<T> + Send,
    ) -> PyResult<T> {
        block(py, timeout.map(|timeout| timeout.0), || Ok(begin(self.0.get()?)))
    }
}

#[pymethods]
impl Database {
    /// What the nodes call it.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        run(py, || Ok(self.0.get()?.name().to_owned()))
    }

    /// The file.
    #[getter]
    fn path(&self, py: Python<'_>) -> PyResult<PathBuf> {
        run(py, || Ok(self.0.get()?.path().to_owned()))
    }

    /// The streams that are its log: one for each shard, so one unless `log_shards` said more.
    #[getter]
    fn stream_names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        run(py, || Ok(self.0.get()?.stream_names()))
    }

    /// A connection of the DB-API 2.0 to the file, with this library's copy of SQLite: see `headwater.dbapi`.
    ///
    /// Before `INSERT`, `UPDATE`, `DELETE` and `REPLACE` it begins a transaction where none is open, which `commit`
    /// ends; with `autocommit` it does not.
    #[pyo3(signature = (*, autocommit=false))]
    fn connect<'py>(&self, py: Python<'py>, autocommit: bool) -> PyResult<Bound<'py, PyAny>> {
        let connection = self.0.child(py, |database, _| Pending::ready(database.connect().map(Opened::new)))?;
        let connection = Connection::new(connection);
        py.import("headwater.dbapi")?.getattr("Connection")?.call1((connection, autocommit))
    }

    /// How it stands.
    #[pyo3(signature = (*, timeout=None))]
    fn status(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        database_status(py, self.wait(py, timeout, replica::Database::status)?)
    }

    /// Takes in all that was written here before the call and puts it into the log, and joins all that the log has of
    /// others.
    #[pyo3(signature = (*, timeout=None))]
    fn sync(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<()> {
        self.wait(py, timeout, replica::Database::sync)
    }

    /// Leaves the file alone until `resume`, across restarts too. What is written is captured and waits.
    #[pyo3(signature = (*, timeout=None))]
    fn pause(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<()> {
        self.wait(py, timeout, replica::Database::pause)
    }

    /// Goes on.
    #[pyo3(signature = (*, timeout=None))]
    fn resume(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<()> {
        self.wait(py, timeout, replica::Database::resume)
    }

    /// Lets in what is held, as the clock of the node that wrote it is too far ahead; returns how many units.
    #[pyo3(signature = (*, timeout=None))]
    fn release(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<u64> {
        self.wait(py, timeout, replica::Database::release)
    }

    /// Ends replication, and takes every trace of it out of the file. The log stays; what is not sent yet is lost to
    /// others, which `sync` before prevents.
    #[pyo3(signature = (*, timeout=None))]
    fn detach(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<()> {
        self.wait(py, timeout, replica::Database::detach)
    }

    /// Compares this node with all others, which work on. With `repair`, all nodes give the rows of what differs, join
    /// them, and are compared again.
    #[pyo3(signature = (*, repair=false, timeout=None))]
    fn check(&self, py: Python<'_>, repair: bool, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        check_report(py, self.wait(py, timeout, |database| database.check(repair))?)
    }

    /// Who has which schema, table by table.
    #[pyo3(signature = (*, timeout=None))]
    fn schema(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        schemas(py, self.wait(py, timeout, replica::Database::schema)?)
    }

    /// Follows what is joined from now on: rows that writes of other nodes change, and those that a constraint shows or
    /// hides. `missed` of the watcher is how many changes it was too slow for: the last 4,096 are kept.
    fn watch(&self, py: Python<'_>) -> PyResult<ChangeWatcher> {
        self.0.child(py, |database, _| database.watch()).map(ChangeWatcher::new)
    }

    /// Makes a snapshot where `snapshot_store` says; writers go on meanwhile.
    #[pyo3(signature = (*, timeout=None))]
    fn snapshot(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        snapshot(py, self.wait(py, timeout, replica::Database::snapshot)?)
    }

    /// The snapshots that there are, the newest first.
    #[pyo3(signature = (*, timeout=None))]
    fn snapshots(&self, py: Python<'_>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        snapshots(py, self.wait(py, timeout, replica::Database::snapshots)?)
    }

    /// Joins the newest snapshot with the file, or the one of this id. What was written here is kept as far as nothing
    /// newer is in it, and the application goes on meanwhile.
    #[pyo3(signature = (id=None, *, timeout=None))]
    fn restore(&self, py: Python<'_>, id: Option<&str>, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        snapshot(py, self.wait(py, timeout, |database| database.restore(id))?)
    }
}
