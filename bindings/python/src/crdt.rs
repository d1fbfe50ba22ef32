//! Stores of state that merges. The typed handles (`store.counter("likes")`) are Python, in `headwater/_crdt.py`; here
//! is what they stand on: a write, a read, a transaction.

use std::sync::Arc;

use headwater as hw;
use headwater::Pending;
use headwater::crdt::{self, CrdtConfig};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::call::{block, run};
use crate::crdt_change::{Change, Given, OfKind, Place, actor_to, keys_to, reading_to, with_changes, written_to};
use crate::crdt_later::Queue;
use crate::engine::Engine;
use crate::fork::Held;
use crate::model::{model, model_class};
use crate::settings::Settings;
use crate::stream::Stream;
use crate::time::Seconds;
use crate::transfer::Progress;
use crate::wait::{self, Wait};
use crate::watcher::CrdtWatcher;

#[pymethods]
impl Engine {
    /// Opens a store of state that merges, and makes it if it is not there; another durability than it has is a
    /// conflict.
    #[pyo3(signature = (name, **settings))]
    fn crdt(&self, py: Python<'_>, name: String, settings: Option<&Bound<'_, PyDict>>) -> PyResult<CrdtStore> {
        let settings = Settings::new(py, "crdt", settings)?;
        let mut config = CrdtConfig { name, ..CrdtConfig::default() };
        settings.set_durability(&mut config.durability)?;
        settings.set("snapshot_records", &mut config.snapshot_records)?;
        settings.finish()?;
        self.held().child(py, |(), engine| Pending::ready(engine.crdt(config).map(Opened::from))).map(CrdtStore)
    }

    /// Opens the store of state that merges of this name.
    fn open_crdt(&self, py: Python<'_>, name: &str) -> PyResult<CrdtStore> {
        self.held().child(py, |(), engine| Pending::ready(engine.open_crdt(name).map(Opened::from))).map(CrdtStore)
    }

    /// All stores of state that merges, by name.
    fn crdts(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        block(py, None, || Ok(self.inner()?.crdts()))
    }
}

/// State that merges, kept in a stream. Safe to share between threads.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct CrdtStore(Held<Opened>);

/// A handle, and the writes of it that wait for a snapshot.
struct Opened {
    store: crdt::CrdtStore,
    later: Arc<Queue>,
}

impl From<crdt::CrdtStore> for Opened {
    fn from(store: crdt::CrdtStore) -> Self {
        Opened { store, later: Arc::default() }
    }
}

impl CrdtStore {
    fn run<T: Send>(&self, py: Python<'_>, work: impl FnOnce(&crdt::CrdtStore) -> hw::Result<T> + Send) -> PyResult<T> {
        run(py, || work(self.store()?))
    }

    fn store(&self) -> hw::Result<&crdt::CrdtStore> {
        Ok(&self.0.get()?.store)
    }

    /// Begins one operation that is awaited.
    fn begin<C>(&self, py: Python<'_>, change: Py<Change>, convert: C) -> PyResult<Wait>
    where
        C: FnMut(Python<'_>, crdt::Written) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        self.later(py, move |store| write(store, change.get()), convert)
    }

    fn later<C>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&crdt::CrdtStore) -> Pending<crdt::Written> + Send + 'static,
        convert: C,
    ) -> PyResult<Wait>
    where
        C: FnMut(Python<'_>, crdt::Written) -> PyResult<Py<PyAny>> + Send + 'static,
    {
        run(py, || {
            let Opened { store, later } = self.0.get()?;
            Ok(later.begin(store, self.0.engine()?, work, convert))
        })
        .map(Wait::new)
    }
}

/// One operation, begun.
fn write(store: &crdt::CrdtStore, change: &Change) -> Pending<crdt::Written> {
    with_changes(&[change], |changes| store.write(changes[0].path, changes[0].kind, &changes[0].op))
}

#[pymethods]
impl CrdtStore {
    /// Its name.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        self.run(py, |store| Ok(store.name().to_owned()))
    }

    /// The log.
    #[getter]
    fn stream(&self, py: Python<'_>) -> PyResult<Stream> {
        self.0.child(py, |opened, _| Pending::ready(Ok(opened.store.stream().clone()))).map(Stream::new)
    }

    /// Whose operations this handle makes: what others give rights to.
    #[getter]
    fn actor<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        actor_to(py, self.run(py, |store| Ok(store.actor()))?)
    }

    /// Does one operation, and returns when the stream's durability is reached.
    #[pyo3(signature = (change, *, timeout=None))]
    fn write<'py>(
        &self,
        py: Python<'py>,
        change: &Bound<'py, Change>,
        timeout: Option<Seconds>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let change = change.get();
        written_to(py, block(py, timeout.map(|timeout| timeout.0), || Ok(write(self.store()?, change)))?)
    }

    /// As `write`: begins now, and is awaited for what became of it.
    fn write_async(&self, py: Python<'_>, change: Py<Change>) -> PyResult<Wait> {
        self.begin(py, change, |py, written| Ok(written_to(py, written)?.unbind()))
    }

    /// As `write_async`, and is awaited for nothing.
    fn _begin(&self, py: Python<'_>, change: Py<Change>) -> PyResult<Wait> {
        self.begin(py, change, |py, _| Ok(py.None()))
    }

    /// As `write_async`, and is awaited for what a counter is then.
    fn _begin_count(&self, py: Python<'_>, change: Py<Change>) -> PyResult<Wait> {
        self.begin(py, change, |py, written| wait::plain(py, written.total))
    }

    /// Does all of several operations or nothing; returns the record.
    #[pyo3(signature = (changes, timeout=None))]
    fn _transact(&self, py: Python<'_>, changes: Vec<Bound<'_, Change>>, timeout: Option<Seconds>) -> PyResult<u64> {
        let changes: Vec<&Change> = changes.iter().map(Bound::get).collect();
        let begin = || with_changes(&changes, |changes| Ok(self.store()?.transaction(changes)));
        Ok(block(py, timeout.map(|timeout| timeout.0), begin)?.seq)
    }

    /// As `_transact`: begins now, and is awaited for the record.
    fn _transact_async(&self, py: Python<'_>, changes: Vec<Py<Change>>) -> PyResult<Wait> {
        let work = move |store: &crdt::CrdtStore| {
            let changes: Vec<&Change> = changes.iter().map(Py::get).collect();
            with_changes(&changes, |changes| store.transaction(changes))
        };
        self.later(py, work, |py, written| wait::plain(py, written.seq))
    }

    /// What is at a path as a kind; what is not there reads as 0, None, empty or off.
    fn read<'py>(&self, py: Python<'py>, path: Place, kind: OfKind) -> PyResult<Bound<'py, PyAny>> {
        reading_to(py, self.run(py, |store| path.with(|path| store.read(path, kind.0)))?)
    }

    /// Whether a value is in a set.
    fn contains(&self, py: Python<'_>, path: Place, kind: OfKind, value: Given) -> PyResult<bool> {
        self.run(py, |store| path.with(|path| store.contains(path, kind.0, &value.0)))
    }

    /// How much this handle may take from a bounded counter, or give of it.
    fn rights(&self, py: Python<'_>, key: &str) -> PyResult<i128> {
        self.run(py, |store| store.rights(key))
    }

    /// The keys in which something is alive whose names begin with `prefix`, with their kinds.
    #[pyo3(signature = (prefix=""))]
    fn keys<'py>(&self, py: Python<'py>, prefix: &str) -> PyResult<Bound<'py, PyList>> {
        keys_to(py, &self.run(py, |store| store.keys(prefix))?)
    }

    /// The same with what they read as, in JSON, at one moment.
    #[pyo3(signature = (prefix=""))]
    fn dump<'py>(&self, py: Python<'py>, prefix: &str) -> PyResult<Bound<'py, PyList>> {
        let (class, json) = (model_class(py, "Dumped")?, model_class(py, "Json")?);
        let dumped = self.run(py, |store| store.dump(prefix))?;
        let one = |dumped: crdt::Dumped| class.call1((dumped.key, dumped.kind.name(), json.call1((dumped.json,))?));
        PyList::new(py, dumped.into_iter().map(one).collect::<PyResult<Vec<_>>>()?)
    }

    /// How this handle stands.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let status = self.run(py, crdt::CrdtStore::status)?;
        let held = |context: &crdt::Context| {
            let intervals = context.iter().map(|(actor, first, last)| Ok((actor_to(py, actor)?, first, last)));
            PyTuple::new(py, intervals.collect::<PyResult<Vec<_>>>()?)
        };
        let fields = PyDict::new(py);
        fields.set_item("seq", status.seq)?;
        fields.set_item("snapshot_seq", status.snapshot_seq)?;
        fields.set_item("actors", status.actors)?;
        fields.set_item("behind", status.behind)?;
        fields.set_item("held", PyTuple::new(py, status.held.iter().map(held).collect::<PyResult<Vec<_>>>()?)?)?;
        model(py, "CrdtStatus", &fields)
    }

    /// Lets in what is held because its clock is too far ahead; returns how many records there were.
    fn release_held(&self, py: Python<'_>) -> PyResult<usize> {
        self.run(py, crdt::CrdtStore::release_held)
    }

    /// Takes in all that another store has and this one has not: a backup's, a hub's, another node's. It blocks until
    /// that is on disk as the stream promises. A merge that failed did no harm, and another one goes on.
    ///
    /// `progress` hears how many keys were compared and how many there are; what it raises stops the merge.
    #[pyo3(signature = (other, *, progress=None))]
    fn merge<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'_, CrdtStore>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (other, mut progress) = (other.get(), Progress::new(progress));
        let work = |store: &crdt::CrdtStore| {
            store.merge_with(other.store()?, &mut |done, total| progress.tell(&[done, total]))
        };
        let outcome = self.run(py, work);
        let merged = progress.finish(outcome)?;
        model_class(py, "Merged")?.call1((merged.keys, merged.changed, merged.bytes))
    }

    /// Writes a snapshot now, which writes do by themselves when it is due; returns the sequence that it covers.
    fn snapshot(&self, py: Python<'_>) -> PyResult<u64> {
        self.run(py, crdt::CrdtStore::snapshot)
    }

    /// Follows the keys whose names begin with `prefix`: what is written from now on, here and by others.
    #[pyo3(signature = (prefix=""))]
    fn watch(&self, py: Python<'_>, prefix: &str) -> PyResult<CrdtWatcher> {
        self.0.child(py, |opened, _| Pending::ready(opened.store.watch(prefix))).map(CrdtWatcher::new)
    }

    /// Several changes that are one record: what the block says, when it ends without an exception.
    #[pyo3(signature = (*, timeout=None))]
    fn transaction<'py>(slf: &Bound<'py, Self>, timeout: Option<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        handle_class(slf.py(), "Transaction")?.call1((slf, timeout))
    }

    /// Ends the handle; later calls raise `ClosedError`. It writes a snapshot first if that spares the next one much.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.run(py, |store| {
            store.close();
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
}

/// A class of the Python half.
fn handle_class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("headwater._crdt")?.getattr(name)
}

/// The methods that give a typed handle of a key.
macro_rules! handles {
    ($($doc:literal $kind:ident $class:literal;)*) => {
        #[pymethods]
        impl CrdtStore {
            $(
                #[doc = $doc]
                fn $kind<'py>(slf: &Bound<'py, Self>, key: &str) -> PyResult<Bound<'py, PyAny>> {
                    handle_class(slf.py(), $class)?.call1((slf, (key,), stringify!($kind)))
                }
            )*
        }
    };
}

handles! {
    "A number that is added to and taken from." counter "Counter";
    "A number that only grows." grow_counter "GrowCounter";
    "A number that never falls below 0, whatever is concurrent." bounded_counter "BoundedCounter";
    "One value: the last writer wins." register "Register";
    "One value, or all that were written concurrently." multi_register "MultiRegister";
    "Values: what is added and removed concurrently is there." set "MergeSet";
    "Values: what is added and removed concurrently is not there." remove_wins_set "MergeSet";
    "On or off: what is enabled and disabled concurrently is on." flag "Flag";
    "On or off: what is enabled and disabled concurrently is off." disable_wins_flag "Flag";
    "Fields, each of any kind but a bounded counter." map "MergeMap";
}
