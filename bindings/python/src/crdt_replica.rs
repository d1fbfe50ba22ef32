//! Replicas without a store, for programs that have a carrier of their own: time and fragments are given to them.

use std::sync::Mutex;

use headwater as hw;
use headwater::Writer;
use headwater::crdt::{self, Applied, Context, Fragment};
use headwater::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::call::run;
use crate::convert::Whole;
use crate::crdt_change::{Change, Given, OfKind, Place, actor_to, keys_to, reading_to, with_changes};
use crate::fork;
use crate::model::model_class;
use crate::payload::{Payload, copied};

/// State of many keys that merges with that of other replicas.
///
/// `engine` and `epoch` are the actor whose operations are made here: no two replicas may ever be given the same. Safe
/// to share between threads; a forked child would be the same actor, so there it is closed.
#[pyclass(frozen, module = "headwater")]
pub(crate) struct Replica {
    replica: Mutex<crdt::Replica>,
    born: u64,
}

impl Replica {
    fn on<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut crdt::Replica) -> hw::Result<T> + Send,
    ) -> PyResult<T> {
        run(py, || {
            fork::check(self.born)?;
            let panicked = |_| Error::new(ErrorKind::Internal, "a call of this replica panicked");
            work(&mut *self.replica.lock().map_err(panicked)?)
        })
    }

    fn bytes<'py>(
        &self,
        py: Python<'py>,
        work: impl FnOnce(&mut crdt::Replica) -> Vec<u8> + Send,
    ) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.on(py, |replica| Ok(work(replica)))?))
    }
}

/// Another replica: its actor, and its context when it was last heard of.
struct Peer {
    actor: Writer,
    context: Vec<u8>,
}

impl FromPyObject<'_, '_> for Peer {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let ((engine, epoch), context): ((Whole, Whole), Bound<'_, PyAny>) = object.extract()?;
        Ok(Peer { actor: Writer { engine: engine.0, epoch: epoch.0 }, context: copied(&context)? })
    }
}

#[pymethods]
impl Replica {
    #[new]
    fn new(engine: Whole, epoch: Whole) -> Self {
        let replica = crdt::Replica::new(Writer { engine: engine.0, epoch: epoch.0 });
        Replica { replica: Mutex::new(replica), born: fork::here() }
    }

    /// The actor whose operations are made here.
    #[getter]
    fn actor<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        actor_to(py, self.on(py, |replica| Ok(replica.actor()))?)
    }

    /// Does one operation; false if there was nothing to do.
    fn write(&self, py: Python<'_>, change: &Bound<'_, Change>, now_ms: Whole) -> PyResult<bool> {
        let change = change.get();
        self.on(py, |replica| {
            with_changes(&[change], |all| replica.write(all[0].path, all[0].kind, &all[0].op, now_ms.0))
        })
    }

    /// Does all of several operations or, if one of them is refused, nothing.
    fn transaction(&self, py: Python<'_>, changes: Vec<Bound<'_, Change>>, now_ms: Whole) -> PyResult<()> {
        let changes: Vec<&Change> = changes.iter().map(Bound::get).collect();
        self.on(py, |replica| with_changes(&changes, |all| replica.transaction(all, now_ms.0)))
    }

    /// What is at a path as a kind; what is not there reads as 0, None, empty or off.
    fn read<'py>(&self, py: Python<'py>, path: Place, kind: OfKind, now_ms: Whole) -> PyResult<Bound<'py, PyAny>> {
        let reading = self.on(py, |replica| Ok(path.with(|path| replica.read(path, kind.0, now_ms.0))))?;
        reading_to(py, reading)
    }

    /// Whether a value is in a set.
    fn contains(&self, py: Python<'_>, path: Place, kind: OfKind, value: Given, now_ms: Whole) -> PyResult<bool> {
        self.on(py, |replica| Ok(path.with(|path| replica.contains(path, kind.0, &value.0, now_ms.0))))
    }

    /// How much this replica may take from a bounded counter, or give of it.
    fn rights(&self, py: Python<'_>, key: &str) -> PyResult<i128> {
        self.on(py, |replica| Ok(replica.rights(key)))
    }

    /// All keys with their kinds, in order; a key may hold nothing that is alive.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let keys = self.on(py, |replica| {
            let mut keys: Vec<_> = replica.keys().map(|(name, kind)| (name.to_owned(), kind)).collect();
            keys.sort_unstable();
            Ok(keys)
        })?;
        keys_to(py, &keys)
    }

    /// What was done here since the last call, as one fragment for the others; None if nothing was.
    fn take_delta<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let delta = self.on(py, |replica| Ok(replica.take_delta().map(|delta| delta.encode())))?;
        Ok(delta.map(|delta| PyBytes::new(py, &delta)))
    }

    /// All there is, as a fragment.
    fn whole<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.bytes(py, |replica| replica.whole().encode())
    }

    /// Some keys in full, also those that are not here, as a fragment.
    fn some<'py>(&self, py: Python<'py>, keys: Vec<(String, OfKind)>) -> PyResult<Bound<'py, PyBytes>> {
        self.bytes(py, |replica| replica.some(keys.iter().map(|(key, kind)| (key.as_str(), kind.0))).encode())
    }

    /// The keys in full in which something is alive that a replica with this context has not applied.
    fn since<'py>(&self, py: Python<'py>, context: Payload<'_>) -> PyResult<Bound<'py, PyBytes>> {
        let fragment = self.on(py, |replica| Ok(replica.since(&Context::decode(context.as_slice())?).encode()))?;
        Ok(PyBytes::new(py, &fragment))
    }

    /// The operations whose whole effect is here.
    fn context<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.bytes(py, |replica| replica.context().encode())
    }

    /// Says that all keys that a replica had when its context was this one have been applied here.
    fn caught_up(&self, py: Python<'_>, context: Payload<'_>) -> PyResult<()> {
        self.on(py, |replica| {
            replica.caught_up(&Context::decode(context.as_slice())?);
            Ok(())
        })
    }

    /// Joins a fragment of another replica, which may come late and twice; returns the keys that changed, or None when
    /// it is held because its clock is too far ahead.
    fn apply<'py>(
        &self,
        py: Python<'py>,
        fragment: Payload<'_>,
        now_ms: Whole,
    ) -> PyResult<Option<Bound<'py, PyList>>> {
        let applied = self.on(py, |replica| replica.apply(Fragment::decode(fragment.as_slice())?, now_ms.0))?;
        match applied {
            Applied::Changed(keys) => keys_to(py, &keys).map(Some),
            Applied::Held => Ok(None),
        }
    }

    /// The part of a delta that is new here, to be sent on; None if all of it is known. Ask before it is applied.
    fn extract<'py>(&self, py: Python<'py>, delta: Payload<'_>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let new = self.on(py, |replica| {
            let new = replica.extract(&Fragment::decode(delta.as_slice())?)?;
            Ok(new.map(|new| new.encode()))
        })?;
        Ok(new.map(|new| PyBytes::new(py, &new)))
    }

    /// Joins a fragment that a replica of the same actor wrote down, whatever its stamps, the actor's own operations
    /// included, and goes on behind the last of them. That replica must not go on too.
    fn restore(&self, py: Python<'_>, fragment: Payload<'_>) -> PyResult<()> {
        self.on(py, |replica| {
            replica.restore(Fragment::decode(fragment.as_slice())?);
            Ok(())
        })
    }

    /// Drops what is dead and causally stable, given each other replica's actor and its context when it was last heard
    /// of; with no others, all that is dead. Nothing that is read changes.
    fn stable<'py>(&self, py: Python<'py>, peers: Vec<Peer>, now_ms: Whole) -> PyResult<Bound<'py, PyAny>> {
        let collected = self.on(py, |replica| {
            let peers: Vec<(Writer, Context)> = peers
                .iter()
                .map(|peer| Ok((peer.actor, Context::decode(&peer.context)?)))
                .collect::<hw::Result<_>>()?;
            Ok(replica.stable(&peers, now_ms.0))
        })?;
        model_class(py, "Collected")?.call1((collected.dropped, collected.operations))
    }

    /// How many fragments are held.
    #[getter]
    fn held(&self, py: Python<'_>) -> PyResult<usize> {
        self.on(py, |replica| Ok(replica.held().len()))
    }

    /// Joins the fragments that are held whose time has come, or all; returns the keys that changed.
    #[pyo3(signature = (now_ms, *, all=false))]
    fn release<'py>(&self, py: Python<'py>, now_ms: Whole, all: bool) -> PyResult<Bound<'py, PyList>> {
        keys_to(py, &self.on(py, |replica| Ok(replica.release(all, now_ms.0)))?)
    }

    /// A digest of what lives in a key; 0 when nothing does.
    fn digest(&self, py: Python<'_>, key: &str, kind: OfKind, now_ms: Whole) -> PyResult<u64> {
        self.on(py, |replica| Ok(replica.digest(key, kind.0, now_ms.0)))
    }
}
