//! Event stores: aggregates saved, loaded, listed and followed.

use headwater::Pending;
use headwater::events::{self, AggregateId, EventFilter, EventsConfig, FollowOptions, NewSnapshot, SaveOptions};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::append::HeaderList;
use crate::call::{block, run};
use crate::convert::Whole;
use crate::event::{NewEvents, schema_of};
use crate::event_model::{
    Expecting, Names, Place, Unchanged, archived, filters, found, load_options, loaded, page, saved, snapshot,
};
use crate::fork::Held;
use crate::payload::Payload;
use crate::settings::Settings;
use crate::stream::Stream;
use crate::time::{Moment, Seconds};
use crate::watcher::EventFeed;

/// The configuration that keyword settings say.
pub(crate) fn events_config(py: Python<'_>, name: String, given: Option<&Bound<'_, PyDict>>) -> PyResult<EventsConfig> {
    let settings = Settings::new(py, "create_event_store", given)?;
    let mut config = EventsConfig { name, ..EventsConfig::default() };
    settings.set_durability(&mut config.durability)?;
    settings.set("max_bytes", &mut config.max_bytes)?;
    settings.finish()?;
    Ok(config)
}

/// Aggregates and their events, over one stream. Safe to share between threads.
#[pyclass(frozen, module = "headwater", weakref)]
pub(crate) struct EventStore(pub(crate) Held<events::EventStore>);

impl EventStore {
    fn wait<T: Send>(
        &self,
        py: Python<'_>,
        timeout: Option<Seconds>,
        begin: impl FnOnce(&events::EventStore) -> Pending<T> + Send,
    ) -> PyResult<T> {
        block(py, timeout.map(|timeout| timeout.0), || Ok(begin(self.0.get()?)))
    }
}

#[pymethods]
impl EventStore {
    /// Its name.
    #[getter]
    fn name(&self, py: Python<'_>) -> PyResult<String> {
        run(py, || Ok(self.0.get()?.name().to_owned()))
    }

    /// The stream below.
    #[getter]
    fn stream(&self, py: Python<'_>) -> PyResult<Stream> {
        self.0.child(py, |store, _| Pending::ready(Ok(store.stream().clone()))).map(Stream::new)
    }

    /// The sequence of the last event of an aggregate; 0 when it has none.
    #[pyo3(signature = (aggregate, key, *, timeout=None))]
    fn last_seq(&self, py: Python<'_>, aggregate: &str, key: &str, timeout: Option<Seconds>) -> PyResult<u64> {
        self.wait(py, timeout, |store| store.last_seq(AggregateId::new(aggregate, key)))
    }

    /// Saves 1 to 1,000 events of one aggregate, all or nothing; `ConflictError` when it is not as expected.
    ///
    /// `expected` is `"any"`, `"none"`, `"exists"`, a version, or the position that a load or a save answered. With a
    /// `command`, a save that is repeated is recognised, saves nothing, and answers as then. `metadata` goes with every
    /// event of the save, behind its own.
    #[pyo3(signature = (aggregate, key, events, *, expected=Expecting(events::Expected::Any), command="",
        correlation="", causation="", metadata=None, condition=None, timeout=None),
        text_signature = "($self, aggregate, key, events, *, expected='any', command='', correlation='', \
            causation='', metadata=None, condition=None, timeout=None)")]
    #[expect(clippy::too_many_arguments, reason = "all but three are keywords")]
    fn save(
        &self,
        py: Python<'_>,
        aggregate: &str,
        key: &str,
        events: NewEvents,
        expected: Expecting,
        command: &str,
        correlation: &str,
        causation: &str,
        metadata: Option<HeaderList>,
        condition: Option<Unchanged>,
        timeout: Option<Seconds>,
    ) -> PyResult<Py<PyAny>> {
        let (metadata, condition) = (metadata.unwrap_or_default(), condition.map(|it| it.0));
        let options = SaveOptions { command, correlation, causation, metadata: &metadata.lent(), condition };
        let (id, events) = (AggregateId::new(aggregate, key), events.lent());
        let done = self.wait(py, timeout, |store| store.save(id, expected.0, &events, &options))?;
        saved(py, done)
    }

    /// What a save of this command came to, if it is among the aggregate's last 1,000 events, else None: for whoever is
    /// to carry a command out that may be carried out already, and has loaded what it left.
    #[pyo3(signature = (aggregate, key, command, *, timeout=None))]
    fn find_command(
        &self,
        py: Python<'_>,
        aggregate: &str,
        key: &str,
        command: &str,
        timeout: Option<Seconds>,
    ) -> PyResult<Py<PyAny>> {
        let id = AggregateId::new(aggregate, key);
        found(py, self.wait(py, timeout, |store| store.find_command(id, command))?)
    }

    /// Moves the events of an aggregate that lie before its snapshot into the archive of the store: those up to version
    /// `up_to`, or all of them when 0; `NotFoundError` without a snapshot. What a projection has not taken in yet
    /// stays. Loads, projections and feeds that begin before them read them from there.
    #[pyo3(signature = (aggregate, key, *, up_to=Whole(0), timeout=None),
        text_signature = "($self, aggregate, key, *, up_to=0, timeout=None)")]
    fn archive(
        &self,
        py: Python<'_>,
        aggregate: &str,
        key: &str,
        up_to: Whole,
        timeout: Option<Seconds>,
    ) -> PyResult<Py<PyAny>> {
        let id = AggregateId::new(aggregate, key);
        archived(py, self.wait(py, timeout, |store| store.archive(id, up_to.0))?)
    }

    /// Loads an aggregate: a snapshot of `snapshot_schema`, if there is one, and the events behind it. One without an
    /// event is loaded as version 0.
    #[pyo3(signature = (aggregate, key, *, as_of_version=None, as_of_seq=None, as_of_time=None,
        snapshot_schema=Whole(0), behind=None, timeout=None),
        text_signature = "($self, aggregate, key, *, as_of_version=None, as_of_seq=None, as_of_time=None, \
            snapshot_schema=0, behind=None, timeout=None)")]
    #[expect(clippy::too_many_arguments, reason = "all but two are keywords")]
    fn load(
        &self,
        py: Python<'_>,
        aggregate: &str,
        key: &str,
        as_of_version: Option<Whole>,
        as_of_seq: Option<Whole>,
        as_of_time: Option<Moment>,
        snapshot_schema: Whole,
        behind: Option<Place>,
        timeout: Option<Seconds>,
    ) -> PyResult<Py<PyAny>> {
        let options = load_options(py, as_of_version, as_of_seq, as_of_time, snapshot_schema, behind)?;
        let found = self.wait(py, timeout, |store| store.load(AggregateId::new(aggregate, key), &options))?;
        loaded(py, found)
    }

    /// The snapshot of an aggregate, if there is one that can be read.
    #[pyo3(signature = (aggregate, key, *, timeout=None))]
    fn snapshot(&self, py: Python<'_>, aggregate: &str, key: &str, timeout: Option<Seconds>) -> PyResult<Py<PyAny>> {
        let found = self.wait(py, timeout, |store| store.snapshot(AggregateId::new(aggregate, key)))?;
        snapshot(py, found)
    }

    /// Keeps a snapshot of an aggregate; false when there is one of the same version or a newer one, and when one of
    /// the data subjects that it has data of was forgotten.
    #[pyo3(signature = (aggregate, key, position, data, *, schema, ttl=None, data_subjects=Names::default(),
            timeout=None),
        text_signature = "($self, aggregate, key, position, data, *, schema, ttl=None, data_subjects=(), \
            timeout=None)")]
    #[expect(clippy::too_many_arguments, reason = "all but four are keywords")]
    fn save_snapshot(
        &self,
        py: Python<'_>,
        aggregate: &str,
        key: &str,
        position: Place,
        data: Payload<'_>,
        schema: Whole,
        ttl: Option<Seconds>,
        data_subjects: Names,
        timeout: Option<Seconds>,
    ) -> PyResult<bool> {
        let ttl = ttl.map(|ttl| ttl.0).unwrap_or_default();
        let (data, data_subjects) = (data.as_slice(), &data_subjects.lent()[..]);
        let new = NewSnapshot { position: position.0, schema: schema_of(py, schema)?, data, ttl, data_subjects };
        self.wait(py, timeout, |store| store.save_snapshot(AggregateId::new(aggregate, key), &new))
    }

    /// Forgets a data subject: its key is gone, and its bytes are taken from where they were kept. Events about it read
    /// as erased from then on, and snapshots that have some of its data are passed over. Whether there was a key.
    /// Copies that were made before, such as backups, are not reached.
    #[pyo3(signature = (data_subject, *, timeout=None))]
    fn forget(&self, py: Python<'_>, data_subject: &str, timeout: Option<Seconds>) -> PyResult<bool> {
        self.wait(py, timeout, |store| store.forget(data_subject))
    }

    /// Aggregates whose last event lies behind `after`, the one first that was saved longest ago, and the sequence to
    /// give as `after` for the next page; `None` at the end.
    #[pyo3(signature = (aggregate=None, key=None, *, after=Whole(0), max_aggregates=Whole(1000), timeout=None),
        text_signature = "($self, aggregate=None, key=None, *, after=0, max_aggregates=1000, timeout=None)")]
    fn list(
        &self,
        py: Python<'_>,
        aggregate: Option<String>,
        key: Option<String>,
        after: Whole,
        max_aggregates: Whole,
        timeout: Option<Seconds>,
    ) -> PyResult<Py<PyAny>> {
        let filter = EventFilter { aggregate, key };
        let found = self.wait(py, timeout, |store| store.list(&filter, after.0, max_aggregates.count()))?;
        page(py, found)
    }

    /// The events behind `after` of the aggregates that one of the filters takes: those that are there, then those that
    /// come.
    #[pyo3(signature = (filters=None, *, after=Whole(0)), text_signature = "($self, filters=None, *, after=0)")]
    fn follow(&self, py: Python<'_>, filters: Option<&Bound<'_, PyAny>>, after: Whole) -> PyResult<EventFeed> {
        let options = FollowOptions { filters: self::filters(filters)?, after: after.0 };
        self.0.child(py, |store, _| store.follow(&options)).map(EventFeed::new)
    }
}
