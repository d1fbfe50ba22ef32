//! A stream as a whole: making, changing, opening and removing it.

use std::ffi::c_char;
use std::sync::Arc;

use headwater::Stream;

use crate::bytes::hw_str;
use crate::engine::hw_engine;
use crate::error::hw_error;
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::raw::{self, Out};
use crate::status::hw_status;
use crate::stream_config;
use crate::stream_config::hw_stream_config;

/// A stream. `const`: safe from many threads at once.
pub struct hw_stream {
    pub(crate) root: Arc<Root>,
    pub(crate) stream: Stream,
}

impl hw_stream {
    pub(crate) fn new(root: &Arc<Root>, stream: Stream) -> Self {
        hw_stream { root: root.clone(), stream }
    }
}

impl Handle for hw_stream {
    const NOUN: &'static str = "stream";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

/// Makes a stream. The same configuration again opens the one there.
///
/// Errors:    HW_STATUS_CONFLICT (the name or a subject is taken), HW_STATUS_INVALID, HW_STATUS_IO.
/// Ownership: `config` is borrowed for the call; `*stream` is yours, free with hw_stream_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_create_stream(
    engine: Option<&hw_engine>,
    config: *const hw_stream_config,
    stream: *mut *mut hw_stream,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let config = stream_config::from_c(&raw::required("config", config)?)?;
        let out = Out::required("stream", stream)?;
        out.give(hw_stream::new(&engine.root, engine.root.engine.create_stream(config).wait()?));
        Ok(())
    })
}

/// Changes a stream's limits and subjects after the fact: `config` is the whole new configuration, so begin with
/// the one that hw_stream_info gives. Handles that are open follow. `stream` may be NULL.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_CONFLICT (a subject is taken), HW_STATUS_INVALID, HW_STATUS_IO.
/// Ownership: `config` is borrowed for the call; `*stream` is yours, free with hw_stream_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_update_stream(
    engine: Option<&hw_engine>,
    config: *const hw_stream_config,
    stream: *mut *mut hw_stream,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let config = stream_config::from_c(&raw::required("config", config)?)?;
        let updated = engine.root.engine.update_stream(config).wait()?;
        if let Some(out) = Out::optional(stream) {
            out.give(hw_stream::new(&engine.root, updated));
        }
        Ok(())
    })
}

/// Opens the stream of this name.
///
/// Errors:    HW_STATUS_NOT_FOUND.
/// Ownership: `*stream` is yours, free with hw_stream_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_stream(
    engine: Option<&hw_engine>,
    name: *const c_char,
    name_len: usize,
    stream: *mut *mut hw_stream,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let name = raw::text("name", name, name_len)?;
        let out = Out::required("stream", stream)?;
        out.give(hw_stream::new(&engine.root, engine.root.engine.stream(name).wait()?));
        Ok(())
    })
}

/// Removes a stream and everything in it. Handles to it return HW_STATUS_CLOSED from then on.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_delete_stream(
    engine: Option<&hw_engine>,
    name: *const c_char,
    name_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| engine.root.engine.delete_stream(raw::text("name", name, name_len)?).wait())
}

/// Its name.
///
/// Errors:    HW_STATUS_CLOSED (after a fork).
/// Ownership: `*name` is borrowed until the handle is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_name(
    stream: Option<&hw_stream>,
    name: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        Out::required("name", name)?.set(hw_str::of(stream.stream.name()));
        Ok(())
    })
}

/// Frees the handle; NULL is nothing. The stream and its records stay, and so do its subscriptions and consumers.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_free(stream: Option<Box<hw_stream>>) {
    release_handle(stream);
}
