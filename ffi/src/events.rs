//! Events that came out of a store together, and the accessors that fill the caller's structs from them.

use headwater::events::{AggregateId, EventView, Events, Loaded, Position, Snapshot};
use headwater::{Error, ErrorKind, Result};

use crate::bytes::{hw_bytes, hw_str, past_end};
use crate::error::{hw_error, invalid, missing};
use crate::guard::{free_standing, release};
use crate::raw::{Out, OutStruct, versioned};
use crate::status::hw_status;

/// One event.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_event {
    /// sizeof(hw_event), set by the caller.
    pub struct_size: usize,
    /// The name of the kind of its aggregate.
    pub aggregate: hw_str,
    /// Which aggregate it is.
    pub key: hw_str,
    /// Its type.
    pub event_type: hw_str,
    /// What happened, in the encoding of whoever saved it.
    pub data: hw_bytes,
    /// The command that it came of; empty when that has no id.
    pub command: hw_str,
    /// What belongs together with it; empty when nobody said.
    pub correlation: hw_str,
    /// What it is a consequence of; empty when nobody said.
    pub causation: hw_str,
    /// The person or thing that its data is about; empty when nobody said.
    pub data_subject: hw_str,
    /// Its place among the events of its aggregate, from 1.
    pub version: u64,
    /// Its place in the store, from 1.
    pub seq: u64,
    /// When it was saved, in nanoseconds since the epoch; never decreasing along a store.
    pub saved: u64,
    /// When it happened, in nanoseconds since the epoch: what its saver said, or when it was saved.
    pub time: i64,
    /// How many further names and values it has; hw_events_metadata has each.
    pub metadata_len: usize,
    /// The version of the shape of its data, from 1.
    pub schema: u32,
    /// Not 0: its data is gone, as its data subject was forgotten, and `data` is empty.
    pub is_erased: u8,
}

/// A snapshot that was read.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_snapshot {
    /// sizeof(hw_snapshot), set by the caller.
    pub struct_size: usize,
    /// The state, in the encoding of whoever saved it.
    pub data: hw_bytes,
    /// How many events the aggregate had had.
    pub version: u64,
    /// The sequence of the last one.
    pub seq: u64,
    /// When the snapshot was saved, in nanoseconds since the epoch.
    pub saved: u64,
    /// How many data subjects the state has data of; hw_events_snapshot_data_subject has each.
    pub data_subjects_len: usize,
    /// The version of the shape of `data`.
    pub schema: u32,
}

versioned!(hw_event, hw_snapshot);

/// Events that came out of a store together, and where they begin. Immutable.
pub struct hw_events {
    position: Position,
    snapshot: Option<Snapshot>,
    events: Events,
    /// Kind and key of each event, or of all of them where there is one.
    names: Vec<Result<(String, String)>>,
}

impl hw_events {
    /// What was loaded of an aggregate.
    pub(crate) fn loaded(id: AggregateId<'_>, mut loaded: Loaded) -> Self {
        let (position, snapshot) = (loaded.position, loaded.snapshot.take());
        hw_events { position, snapshot, events: loaded.into_events(), names: vec![Ok(named(id))] }
    }

    /// A snapshot alone.
    pub(crate) fn snapshot(id: AggregateId<'_>, snapshot: Option<Snapshot>) -> Self {
        let position = snapshot.as_ref().map_or_else(Position::default, |snapshot| snapshot.position);
        hw_events { position, snapshot, events: Events::default(), names: vec![Ok(named(id))] }
    }

    /// What a feed gave.
    pub(crate) fn of_feed(events: Events) -> Self {
        let names = events.iter().map(|event| event?.id()).collect();
        hw_events { position: Position::default(), snapshot: None, events, names }
    }

    fn view(&self, index: usize) -> Result<EventView<'_>> {
        self.events.get(index).ok_or_else(|| past_end("events", index, self.events.len()))?
    }

    fn event(&self, index: usize) -> Result<hw_event> {
        let event = self.view(index)?;
        let names = self.names.get(if self.names.len() == 1 { 0 } else { index });
        let names = names.ok_or_else(|| past_end("events", index, self.names.len()))?;
        let (aggregate, key) = names.as_ref().map_err(Clone::clone)?;
        let some = |text: Option<&str>| text.map_or(hw_str::EMPTY, hw_str::of);
        Ok(hw_event {
            struct_size: 0,
            aggregate: hw_str::of(aggregate),
            key: hw_str::of(key),
            event_type: hw_str::of(event.event_type),
            data: hw_bytes::of(event.data()),
            command: some(event.command()),
            correlation: some(event.correlation()),
            causation: some(event.causation()),
            data_subject: some(event.data_subject),
            version: event.version,
            seq: event.seq(),
            saved: event.saved(),
            time: event.time(),
            metadata_len: event.metadata().count(),
            schema: event.schema,
            is_erased: event.is_erased.into(),
        })
    }
}

fn named(id: AggregateId<'_>) -> (String, String) {
    (id.aggregate.to_owned(), id.key.to_owned())
}

/// How many events it holds; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_events_len(events: Option<&hw_events>) -> usize {
    events.map_or(0, |events| events.events.len())
}

/// Where the aggregate stands by the last event that was loaded; both 0 when it has none up to there, and for what a
/// feed gave. Either may be NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_events_position(
    events: Option<&hw_events>,
    version: *mut u64,
    seq: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let position = events.ok_or_else(|| missing("events"))?.position;
        for (out, number) in [(version, position.version), (seq, position.seq)] {
            if let Some(out) = Out::optional(out) {
                out.set(number);
            }
        }
        Ok(())
    })
}

/// The snapshot that the events begin behind.
///
/// Errors:    HW_STATUS_NOT_FOUND (they begin with the first one, or where you said), HW_STATUS_INVALID
///            (`snapshot->struct_size` is not set).
/// Ownership: `data` is borrowed until the events are freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_events_snapshot(
    events: Option<&hw_events>,
    snapshot: *mut hw_snapshot,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let events = events.ok_or_else(|| missing("events"))?;
        let out = OutStruct::required("snapshot", snapshot)?;
        let found = events.snapshot.as_ref().ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no snapshot"))?;
        out.set(hw_snapshot {
            struct_size: 0,
            data: hw_bytes::of(&found.data),
            version: found.position.version,
            seq: found.position.seq,
            saved: found.saved,
            data_subjects_len: found.data_subjects.len(),
            schema: found.schema,
        });
        Ok(())
    })
}

/// The data subject `place` of the snapshot that the events begin behind.
///
/// Errors:    HW_STATUS_INVALID (past the end, or there is no snapshot).
/// Ownership: `*name` is borrowed until the events are freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_events_snapshot_data_subject(
    events: Option<&hw_events>,
    place: usize,
    name: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let events = events.ok_or_else(|| missing("events"))?;
        let out = Out::required("name", name)?;
        let names = events.snapshot.as_ref().map_or(&[][..], |snapshot| &snapshot.data_subjects);
        out.set(hw_str::of(names.get(place).ok_or_else(|| past_end("data subjects", place, names.len()))?));
        Ok(())
    })
}

/// The event at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `event->struct_size` is not set), HW_STATUS_CORRUPT (the record there
///            is no event; others are not harmed).
/// Ownership: texts and bytes are borrowed until the events are freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_events_get(
    events: Option<&hw_events>,
    index: usize,
    event: *mut hw_event,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let events = events.ok_or_else(|| missing("events"))?;
        let out = OutStruct::required("event", event)?;
        out.set(events.event(index)?);
        Ok(())
    })
}

/// The name and value `place` of the metadata of the event at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end), HW_STATUS_CORRUPT.
/// Ownership: `*name` and `*value` are borrowed until the events are freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_events_metadata(
    events: Option<&hw_events>,
    index: usize,
    place: usize,
    name: *mut hw_str,
    value: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let events = events.ok_or_else(|| missing("events"))?;
        let (name, value) = (Out::required("name", name)?, Out::required("value", value)?);
        let found = events.view(index)?.metadata().nth(place);
        let (n, v) = found.ok_or_else(|| invalid(format!("event {index} has no metadata {place}")))?;
        name.set(hw_str::of(n));
        value.set(hw_str::of(v));
        Ok(())
    })
}

/// Frees them; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_events_free(events: Option<Box<hw_events>>) {
    release(events);
}
