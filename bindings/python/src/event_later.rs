//! What is asked of an event store, to await: the twins of `event_store.rs`.

use headwater::events::{self, AggregateId, EventFilter, NewSnapshot, SaveOptions};
use pyo3::prelude::*;

use crate::append::HeaderList;
use crate::convert::Whole;
use crate::event::{NewEvents, schema_of};
use crate::event_model::{
    Expecting, Names, Place, Unchanged, archived, found, load_options, loaded, page, saved, snapshot,
};
use crate::event_store::EventStore;
use crate::payload::Payload;
use crate::time::{Moment, Seconds};
use crate::wait::{self, Wait};

#[pymethods]
impl EventStore {
    /// As `last_seq`, to await.
    fn last_seq_async(&self, py: Python<'_>, aggregate: &str, key: &str) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |store| store.last_seq(AggregateId::new(aggregate, key)), wait::plain)
    }

    /// As `save`, to await.
    #[pyo3(signature = (aggregate, key, events, *, expected=Expecting(events::Expected::Any), command="",
        correlation="", causation="", metadata=None, condition=None),
        text_signature = "($self, aggregate, key, events, *, expected='any', command='', correlation='', \
            causation='', metadata=None, condition=None)")]
    #[expect(clippy::too_many_arguments, reason = "all but three are keywords")]
    fn save_async(
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
    ) -> PyResult<Wait> {
        let (metadata, condition) = (metadata.unwrap_or_default(), condition.map(|it| it.0));
        let options = SaveOptions { command, correlation, causation, metadata: &metadata.lent(), condition };
        let (id, events) = (AggregateId::new(aggregate, key), events.lent());
        Wait::begin(py, &self.0, |store| store.save(id, expected.0, &events, &options), saved)
    }

    /// As `find_command`, to await.
    fn find_command_async(&self, py: Python<'_>, aggregate: &str, key: &str, command: &str) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |store| store.find_command(AggregateId::new(aggregate, key), command), found)
    }

    /// As `archive`, to await.
    #[pyo3(signature = (aggregate, key, *, up_to=Whole(0)), text_signature = "($self, aggregate, key, *, up_to=0)")]
    fn archive_async(&self, py: Python<'_>, aggregate: &str, key: &str, up_to: Whole) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |store| store.archive(AggregateId::new(aggregate, key), up_to.0), archived)
    }

    /// As `load`, to await.
    #[pyo3(signature = (aggregate, key, *, as_of_version=None, as_of_seq=None, as_of_time=None,
        snapshot_schema=Whole(0), behind=None),
        text_signature = "($self, aggregate, key, *, as_of_version=None, as_of_seq=None, as_of_time=None, \
            snapshot_schema=0, behind=None)")]
    #[expect(clippy::too_many_arguments, reason = "all but two are keywords")]
    fn load_async(
        &self,
        py: Python<'_>,
        aggregate: &str,
        key: &str,
        as_of_version: Option<Whole>,
        as_of_seq: Option<Whole>,
        as_of_time: Option<Moment>,
        snapshot_schema: Whole,
        behind: Option<Place>,
    ) -> PyResult<Wait> {
        let options = load_options(py, as_of_version, as_of_seq, as_of_time, snapshot_schema, behind)?;
        Wait::begin(py, &self.0, |store| store.load(AggregateId::new(aggregate, key), &options), loaded)
    }

    /// As `snapshot`, to await.
    fn snapshot_async(&self, py: Python<'_>, aggregate: &str, key: &str) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |store| store.snapshot(AggregateId::new(aggregate, key)), snapshot)
    }

    /// As `save_snapshot`, to await.
    #[pyo3(signature = (aggregate, key, position, data, *, schema, ttl=None, data_subjects=Names::default()),
        text_signature = "($self, aggregate, key, position, data, *, schema, ttl=None, data_subjects=())")]
    #[expect(clippy::too_many_arguments, reason = "all but four are keywords")]
    fn save_snapshot_async(
        &self,
        py: Python<'_>,
        aggregate: &str,
        key: &str,
        position: Place,
        data: Payload<'_>,
        schema: Whole,
        ttl: Option<Seconds>,
        data_subjects: Names,
    ) -> PyResult<Wait> {
        let ttl = ttl.map(|ttl| ttl.0).unwrap_or_default();
        let (data, data_subjects) = (data.as_slice(), &data_subjects.lent()[..]);
        let new = NewSnapshot { position: position.0, schema: schema_of(py, schema)?, data, ttl, data_subjects };
        Wait::begin(py, &self.0, |store| store.save_snapshot(AggregateId::new(aggregate, key), &new), wait::plain)
    }

    /// As `forget`, to await.
    fn forget_async(&self, py: Python<'_>, data_subject: &str) -> PyResult<Wait> {
        Wait::begin(py, &self.0, |store| store.forget(data_subject), wait::plain)
    }

    /// As `list`, to await.
    #[pyo3(signature = (aggregate=None, key=None, *, after=Whole(0), max_aggregates=Whole(1000)),
        text_signature = "($self, aggregate=None, key=None, *, after=0, max_aggregates=1000)")]
    fn list_async(
        &self,
        py: Python<'_>,
        aggregate: Option<String>,
        key: Option<String>,
        after: Whole,
        max_aggregates: Whole,
    ) -> PyResult<Wait> {
        let filter = EventFilter { aggregate, key };
        Wait::begin(py, &self.0, |store| store.list(&filter, after.0, max_aggregates.count()), page)
    }
}
