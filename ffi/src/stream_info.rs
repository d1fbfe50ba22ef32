//! What a stream is and holds: descriptions that own what their C structs point to.

use headwater::StreamInfo;

use crate::bytes::{hw_str, past_end};
use crate::engine::hw_engine;
use crate::error::{hw_error, missing};
use crate::guard::{free_standing, on, release};
use crate::raw::{Out, OutStruct, versioned};
use crate::status::hw_status;
use crate::stream::hw_stream;
use crate::stream_config;
use crate::stream_config::hw_stream_config;

/// What a stream is and holds.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_stream_state {
    /// sizeof(hw_stream_state), set by the caller.
    pub struct_size: usize,
    /// Its configuration, complete. It may be passed on to hw_engine_update_stream.
    pub config: *const hw_stream_config,
    /// When it was made, in nanoseconds since the epoch.
    pub created: u64,
    /// How many records are kept.
    pub records: u64,
    /// Bytes of subjects, headers and payloads kept.
    pub bytes: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// How many subjects have a record.
    pub subjects: u64,
    /// The first sequence that is kept; one past the last when none is.
    pub first_seq: u64,
    /// When the first record was committed; 0 when there is none.
    pub first_time: u64,
    /// The last sequence given out; 0 when none was.
    pub last_seq: u64,
    /// When the last record was committed; 0 when none was.
    pub last_time: u64,
    /// How many records between the first and the last are gone.
    pub deleted: u64,
    /// How many consumers it has.
    pub consumers: u64,
    /// How many segments.
    pub segments: u64,
}

versioned!(hw_stream_state);

/// Descriptions of streams. Immutable.
pub struct hw_stream_infos(Vec<Described>);

/// One description, with the views that the C structs point to.
struct Described {
    info: StreamInfo,
    config: Box<hw_stream_config>,
    /// What `config.subjects` points to.
    _subjects: Vec<hw_str>,
    /// What `config.hub` points to.
    _hub: String,
}

impl Described {
    fn new(info: StreamInfo) -> Self {
        let subjects: Vec<hw_str> = info.config.subjects.iter().map(|s| hw_str::of(s)).collect();
        let hub = stream_config::hub_to_json(&info.config);
        let config = Box::new(stream_config::to_c(&info.config, &subjects, &hub));
        Described { info, config, _subjects: subjects, _hub: hub }
    }

    fn state(&self) -> hw_stream_state {
        let info = &self.info;
        hw_stream_state {
            struct_size: 0,
            config: &raw const *self.config,
            created: info.created,
            records: info.records,
            bytes: info.bytes,
            disk_bytes: info.disk_bytes,
            subjects: info.subjects,
            first_seq: info.first_seq,
            first_time: info.first_time,
            last_seq: info.last_seq,
            last_time: info.last_time,
            deleted: info.deleted,
            consumers: info.consumers,
            segments: info.segments,
        }
    }
}

/// Describes all streams, by name.
///
/// Ownership: `*infos` is yours, free with hw_stream_infos_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_streams(
    engine: Option<&hw_engine>,
    infos: *mut *mut hw_stream_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("infos", infos)?;
        let infos = engine.root.engine.streams().wait()?;
        out.give(hw_stream_infos(infos.into_iter().map(Described::new).collect()));
        Ok(())
    })
}

/// Describes this stream: a list of one.
///
/// Ownership: `*infos` is yours, free with hw_stream_infos_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_info(
    stream: Option<&hw_stream>,
    infos: *mut *mut hw_stream_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let out = Out::required("infos", infos)?;
        out.give(hw_stream_infos(vec![Described::new(stream.stream.info().wait()?)]));
        Ok(())
    })
}

/// How many streams are described; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_infos_len(infos: Option<&hw_stream_infos>) -> usize {
    infos.map_or(0, |i| i.0.len())
}

/// The description at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `state->struct_size` is not set).
/// Ownership: what `state` points to is borrowed until the list is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_infos_get(
    infos: Option<&hw_stream_infos>,
    index: usize,
    state: *mut hw_stream_state,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let infos = &infos.ok_or_else(|| missing("infos"))?.0;
        let out = OutStruct::required("state", state)?;
        out.set(infos.get(index).ok_or_else(|| past_end("infos", index, infos.len()))?.state());
        Ok(())
    })
}

/// Frees a list of descriptions; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_infos_free(infos: Option<Box<hw_stream_infos>>) {
    release(infos);
}
