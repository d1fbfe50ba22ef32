//! Saving events, and snapshots.

use std::ffi::c_char;
use std::time::Duration;

use headwater::Result;
use headwater::events::{Condition, Expected, NewEvent, NewSnapshot, Position, SaveOptions, Saved};

use crate::bytes::{hw_bytes, hw_header, hw_str};
use crate::error::{hw_error, invalid};
use crate::event_store::{Id, hw_event_filter, hw_event_store};
use crate::guard::on;
use crate::raw::{self, Out, OutStruct, versioned};
use crate::status::hw_status;
use crate::stream_config::durability_number;

/// What a save expects to find of the aggregate.
#[repr(i32)]
pub enum hw_expected {
    /// Whatever there is.
    Any = 0,
    /// No event.
    None = 1,
    /// At least one event.
    Exists = 2,
    /// `expected_version` events; 0 of them is as HW_EXPECTED_NONE.
    Version = 3,
    /// That it stands at `expected_version` and `expected_seq`, as a load or a save answered. It takes no look into
    /// the stream.
    At = 4,
}

/// An event to be saved. In an array, all have the same `struct_size`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_new_event {
    /// sizeof(hw_new_event)
    pub struct_size: usize,
    /// Its type: 1 to 128 bytes, no control characters.
    pub event_type: hw_str,
    /// What happened, in your encoding, at most 8 MiB; JSON where it shall be read by tools.
    pub data: hw_bytes,
    /// Further names and values; those that begin with `Headwater-` or `Nats-` are refused.
    pub metadata: *const hw_header,
    /// How many.
    pub metadata_len: usize,
    /// The person or thing that `data` is about, 1 to 128 bytes: `data` is encrypted with a key of it, and reads as
    /// erased once hw_event_store_forget was told so. None when empty.
    pub data_subject: hw_str,
    /// With `has_time`: when it happened, in nanoseconds since the epoch; when it was saved, otherwise.
    pub time: i64,
    /// The version of the shape of `data`; 0 is 1.
    pub schema: u32,
    /// Not 0: `time` is set.
    pub has_time: u8,
}

/// What goes with a save. Zero is the default of every field.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_save_options {
    /// sizeof(hw_save_options)
    pub struct_size: usize,
    /// The id of the command that is carried out, by which a repeated save is recognised: at most 128 bytes; none when
    /// empty.
    pub command: hw_str,
    /// What the events belong together with; none when empty.
    pub correlation: hw_str,
    /// What the events are a consequence of; none when empty.
    pub causation: hw_str,
    /// Further names and values of every event of the save, behind its own.
    pub metadata: *const hw_header,
    /// How many.
    pub metadata_len: usize,
    /// With `has_condition`: the aggregates in which nothing may have been saved meanwhile, the one that is saved among
    /// them.
    pub condition_filter: hw_event_filter,
    /// With `has_condition`: the last sequence among their events when they were read; 0 when there was none.
    pub condition_last_seq: u64,
    /// For HW_EXPECTED_VERSION and HW_EXPECTED_AT.
    pub expected_version: u64,
    /// For HW_EXPECTED_AT.
    pub expected_seq: u64,
    /// An hw_expected.
    pub expected: i32,
    /// Not 0: the condition is set.
    pub has_condition: u8,
}

/// What a save came to.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_saved {
    /// sizeof(hw_saved), set by the caller.
    pub struct_size: usize,
    /// How many events the aggregate has had, by the last one that was saved.
    pub version: u64,
    /// The sequence of that in the store.
    pub seq: u64,
    /// An hw_durability: what the acknowledgement promises.
    pub durability: i32,
    /// Not 0: the same command saved them before, and nothing was saved now.
    pub is_repeat: u8,
}

/// A snapshot to be kept.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_new_snapshot {
    /// sizeof(hw_new_snapshot)
    pub struct_size: usize,
    /// The state, in your encoding, at most 8 MiB.
    pub data: hw_bytes,
    /// The data subjects that the state has data of: those of the events that it was made of, but for erased ones. At
    /// most 1,000.
    pub data_subjects: *const hw_str,
    /// How many.
    pub data_subjects_len: usize,
    /// How many events the aggregate has had.
    pub version: u64,
    /// The sequence of the last one.
    pub seq: u64,
    /// How long it stays: whole seconds, in nanoseconds; 0 is for good.
    pub ttl_ns: u64,
    /// The version of the shape of `data`; 0 is 1. A load takes only those of the one that it names.
    pub schema: u32,
}

versioned!(hw_new_event, hw_save_options, hw_saved, hw_new_snapshot);

impl hw_saved {
    fn of(saved: &Saved) -> Self {
        hw_saved {
            struct_size: 0,
            version: saved.position.version,
            seq: saved.position.seq,
            durability: durability_number(saved.durability),
            is_repeat: saved.is_repeat.into(),
        }
    }
}

fn metadata<'a>(first: *const hw_header, len: usize) -> Result<Vec<(&'a str, &'a str)>> {
    let all = raw::array("metadata", first, len)?.iter();
    all.map(|it| Ok((it.name.text("metadata name")?, it.value.text("metadata value")?))).collect()
}

fn expected(from: &hw_save_options) -> Result<Expected> {
    let (version, seq) = (from.expected_version, from.expected_seq);
    let expected = match from.expected {
        0 => Expected::Any,
        1 => Expected::None,
        2 => Expected::Exists,
        3 if seq == 0 => return Ok(Expected::Version(version)),
        3 => return Err(invalid("expected_seq is set, and expected is HW_EXPECTED_VERSION")),
        4 => return Ok(Expected::At(Position { version, seq })),
        n => return Err(invalid(format!("expected is {n}, which is no hw_expected"))),
    };
    if version != 0 || seq != 0 {
        return Err(invalid("expected_version or expected_seq is set, and expected names none"));
    }
    Ok(expected)
}

fn events<'a>(events: *const hw_new_event, len: usize) -> Result<Vec<NewEvent<'a>>> {
    let of = |event: &hw_new_event| {
        let metadata = self::metadata(event.metadata, event.metadata_len)?;
        Ok(NewEvent {
            event_type: event.event_type.text("event_type")?,
            data: event.data.bytes("data")?,
            schema: event.schema.max(1),
            time: (event.has_time != 0).then_some(event.time),
            metadata,
            data_subject: Some(event.data_subject.text("data_subject")?).filter(|name| !name.is_empty()),
        })
    };
    raw::versioned_array("events", events, len)?.iter().map(of).collect()
}

/// Saves 1 to 1,000 events of one aggregate, all or nothing, and returns when the store's durability is reached. With a
/// command in the options, a save that is repeated is recognised among the aggregate's last 1,000 events, saves nothing
/// and answers as then. `options` and `saved` may be NULL.
///
/// Errors:    HW_STATUS_CONFLICT (the aggregate is not as expected, or the condition does not hold; hw_error_sequences
///            has both numbers), HW_STATUS_INVALID, HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any; savers at once share one sync.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_save(
    store: Option<&hw_event_store>,
    aggregate: *const c_char,
    aggregate_len: usize,
    key: *const c_char,
    key_len: usize,
    events: *const hw_new_event,
    events_len: usize,
    options: *const hw_save_options,
    saved: *mut hw_saved,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let id = Id(aggregate, aggregate_len, key, key_len).id()?;
        let events = self::events(events, events_len)?;
        let from = raw::options(options)?;
        let condition = (from.has_condition != 0).then(|| {
            let filter = from.condition_filter.filter()?;
            Ok(Condition { filter, last_seq: from.condition_last_seq })
        });
        let metadata = self::metadata(from.metadata, from.metadata_len)?;
        let options = SaveOptions {
            command: from.command.text("command")?,
            correlation: from.correlation.text("correlation")?,
            causation: from.causation.text("causation")?,
            metadata: &metadata,
            condition: condition.transpose()?,
        };
        let out = OutStruct::optional(saved)?;
        let saved = store.store.save(id, expected(&from)?, &events, &options).wait()?;
        if let Some(out) = out {
            out.set(hw_saved::of(&saved));
        }
        Ok(())
    })
}

/// What a save of a command came to, if it is among the aggregate's last 1,000 events: for whoever is to carry a
/// command out that may be carried out already, and has loaded what it left. `*found` says whether it is; `saved` may
/// be NULL, and is written where it is.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_find_command(
    store: Option<&hw_event_store>,
    aggregate: *const c_char,
    aggregate_len: usize,
    key: *const c_char,
    key_len: usize,
    command: *const c_char,
    command_len: usize,
    found: *mut bool,
    saved: *mut hw_saved,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let id = Id(aggregate, aggregate_len, key, key_len).id()?;
        let command = raw::text("command", command, command_len)?;
        let (is_found, out) = (Out::required("found", found)?, OutStruct::optional(saved)?);
        let found = store.store.find_command(id, command).wait()?;
        is_found.set(found.is_some());
        if let (Some(out), Some(found)) = (out, found) {
            out.set(hw_saved::of(&found));
        }
        Ok(())
    })
}

/// Keeps a snapshot of an aggregate. `is_kept`, when not NULL, gets whether it was; not, if there is one of the same
/// version or a newer one, and if one of its data subjects was forgotten.
///
/// Errors:    HW_STATUS_INVALID (a position without events, a state beyond 8 MiB), HW_STATUS_IO.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_save_snapshot(
    store: Option<&hw_event_store>,
    aggregate: *const c_char,
    aggregate_len: usize,
    key: *const c_char,
    key_len: usize,
    snapshot: *const hw_new_snapshot,
    is_kept: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let id = Id(aggregate, aggregate_len, key, key_len).id()?;
        let from = raw::required("snapshot", snapshot)?;
        let names = raw::array("data_subjects", from.data_subjects, from.data_subjects_len)?;
        let names: Vec<&str> = names.iter().map(|name| name.text("data_subjects")).collect::<Result<_>>()?;
        let new = NewSnapshot {
            position: Position { version: from.version, seq: from.seq },
            schema: from.schema.max(1),
            data: from.data.bytes("data")?,
            ttl: Duration::from_nanos(from.ttl_ns),
            data_subjects: &names,
        };
        let kept = store.store.save_snapshot(id, &new).wait()?;
        if let Some(out) = Out::optional(is_kept) {
            out.set(kept);
        }
        Ok(())
    })
}
