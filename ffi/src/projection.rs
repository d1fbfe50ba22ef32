//! Projections: what follows an event store and makes a read model of it, from where it stood (docs/events.md).
//!
//! The program takes events, brings them into effect, and commits; where the read model keeps its position itself,
//! together with the effect, hw_projection_seek says where it stands.

use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::time::Duration;

use headwater::Result;
use headwater::events::{EventFilter, Events, Projection, ProjectionConfig};

use crate::bytes::{hw_blob, hw_str};
use crate::error::hw_error;
use crate::event_store::{hw_event_filter, hw_event_store};
use crate::events::hw_events;
use crate::gate::Waitable;
use crate::guard::{Root, on, release_handle};
use crate::queue::{self, queue_handle};
use crate::raw::{self, Out, OutStruct, versioned};
use crate::status::hw_status;
use crate::waker::hw_waker;

/// What a projection is opened with. Zero is the default of every field but the name.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_projection_config {
    /// sizeof(hw_projection_config)
    pub struct_size: usize,
    /// Its name: 1 to 64 letters, digits, `-` and `_`.
    pub name: hw_str,
    /// Only events of aggregates that one of these takes; all when there is none.
    pub filters: *const hw_event_filter,
    /// How many.
    pub filters_len: usize,
    /// The pause after the first failure of an event, in milliseconds, which doubles with each one; 0 is 100.
    pub pause_ms: u64,
    /// The longest pause, in milliseconds; 0 is 30,000.
    pub pause_max_ms: u64,
    /// How often an event is tried before it is a dead letter; 0 is 10, and UINT32_MAX is without end.
    pub tries: u32,
    /// Not 0: it is built anew, beside the live one of this name.
    pub is_rebuild: u8,
}

/// What comes of a failure.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_failure {
    /// sizeof(hw_failure), set by the caller.
    pub struct_size: usize,
    /// How long nothing is given out, in milliseconds.
    pub pause_ms: u64,
    /// How often the event was tried.
    pub tries: u32,
    /// Not 0: the event is a dead letter; it is to be passed by, and that to be committed.
    pub is_dead: u8,
}

versioned!(hw_projection_config, hw_failure);

/// A projection that is open. `const`: safe from many threads; each event goes to one.
pub struct hw_projection {
    pub(crate) root: Arc<Root>,
    wait: Waitable<Projection>,
}

queue_handle!(hw_projection, "projection", Projection, Events);

fn config(from: &hw_projection_config) -> Result<ProjectionConfig> {
    let filters = raw::array("filters", from.filters, from.filters_len)?.iter().map(hw_event_filter::filter);
    let filters = filters.collect::<Result<Vec<EventFilter>>>()?;
    let default = ProjectionConfig::new(from.name.text("name")?);
    let pause = |ms: u64, default: Duration| if ms == 0 { default } else { Duration::from_millis(ms) };
    Ok(ProjectionConfig {
        filters,
        is_rebuild: from.is_rebuild != 0,
        tries: match from.tries {
            0 => default.tries,
            u32::MAX => 0,
            tries => tries,
        },
        pause: pause(from.pause_ms, default.pause),
        pause_max: pause(from.pause_max_ms, default.pause_max),
        ..default
    })
}

/// Opens a projection; from then on, whoever had it open is refused. It goes on behind what was committed.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED, HW_STATUS_IO.
/// Ownership: `config` is borrowed for the call; `*projection` is yours, free with hw_projection_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_projection(
    store: Option<&hw_event_store>,
    config: *const hw_projection_config,
    projection: *mut *mut hw_projection,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let config = self::config(&raw::required("config", config)?)?;
        let out = Out::required("projection", projection)?;
        let wait = Waitable::new(store.store.projection(config).wait()?);
        out.give(hw_projection { root: store.root.clone(), wait });
        Ok(())
    })
}

/// The sequence of the last event in effect; 0 is none.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_position(
    projection: Option<&hw_projection>,
    seq: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(projection, error, |projection| {
        Out::required("seq", seq)?.set(projection.wait.queue.position());
        Ok(())
    })
}

/// The state that was committed last; empty when none was.
///
/// Ownership: `*state` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_state(
    projection: Option<&hw_projection>,
    state: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(projection, error, |projection| {
        Out::required("state", state)?.give(hw_blob(projection.wait.queue.state()));
        Ok(())
    })
}

/// Says where the read model stands, which keeps its position itself: what comes next lies behind it. Commits then only
/// tell the store, about once a second.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_seek(
    projection: Option<&hw_projection>,
    seq: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(projection, error, |projection| {
        projection.wait.queue.seek(seq);
        Ok(())
    })
}

/// Takes up to `max` events (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one and for the end
/// of a pause: 0 does not wait, -1 waits for ever.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CONFLICT (another one
///            opened it), HW_STATUS_CLOSED (closed here or on another thread), HW_STATUS_IO.
/// Ownership: `*events` is yours, free with hw_events_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_next(
    projection: Option<&hw_projection>,
    max: usize,
    timeout_ms: i64,
    events: *mut *mut hw_events,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::next(projection, max, timeout_ms, Out::required("events", events), error, hw_events::of_feed)
}

/// Arms once: when there is an event to take, or it is closed, `token` goes to the waker's list.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_wake(
    projection: Option<&hw_projection>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(projection, waker, token, error)
}

/// Cancels the waits of all threads that are in hw_projection_next now: they return HW_STATUS_TIMEOUT. It stays open.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_cancel(projection: Option<&hw_projection>, error: *mut *mut hw_error) -> hw_status {
    queue::cancel(projection, error)
}

/// Says that all events up to `seq` are in effect, in the memory of a program that commits later.
///
/// Errors:    HW_STATUS_INVALID (`seq` was not given out).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_advance(
    projection: Option<&hw_projection>,
    seq: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(projection, error, |projection| projection.wait.queue.advance(seq))
}

/// Says that all events up to `seq` are in effect. `state`, 8 MiB at the most, is kept with it where the store keeps
/// the position, and takes the place of the one before, also when it is empty.
///
/// Errors:    HW_STATUS_INVALID (`seq` was not given out, or `state` is too long), HW_STATUS_CONFLICT (another one
///            opened it), HW_STATUS_IO.
/// Ownership: `state` is borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_commit(
    projection: Option<&hw_projection>,
    seq: u64,
    state: *const c_void,
    state_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(projection, error, |projection| projection.wait.queue.commit(seq, raw::bytes("state", state, state_len)?).wait())
}

/// Tells the store now what it would be told within a second.
///
/// Errors:    HW_STATUS_CONFLICT (another one opened it), HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_flush(projection: Option<&hw_projection>, error: *mut *mut hw_error) -> hw_status {
    on(projection, error, |projection| projection.wait.queue.flush().wait())
}

/// Says that the event at `seq`, and with it what was given out behind it, is not in effect, and why: it is given out
/// again after a pause, or is a dead letter from now on. `failure`, when not NULL, gets which.
///
/// Errors:    HW_STATUS_INVALID (`seq` was not given out, or is in effect), HW_STATUS_CONFLICT (another one opened it),
///            HW_STATUS_IO.
/// Ownership: `why` is borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_fail(
    projection: Option<&hw_projection>,
    seq: u64,
    why: *const c_char,
    why_len: usize,
    failure: *mut hw_failure,
    error: *mut *mut hw_error,
) -> hw_status {
    on(projection, error, |projection| {
        let out = OutStruct::optional(failure)?;
        let failed = projection.wait.queue.fail(seq, raw::text("why", why, why_len)?).wait()?;
        if let Some(out) = out {
            let pause_ms = u64::try_from(failed.pause.as_millis()).unwrap_or(u64::MAX);
            let is_dead = u8::from(failed.is_dead);
            out.set(hw_failure { struct_size: 0, pause_ms, tries: failed.tries, is_dead });
        }
        Ok(())
    })
}

/// How many events, of any aggregate, the store has behind what is in effect: 0 is live.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_lag(
    projection: Option<&hw_projection>,
    lag: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(projection, error, |projection| {
        Out::required("lag", lag)?.set(projection.wait.queue.lag());
        Ok(())
    })
}

/// The sequence of the last event for it that there is now; 0 when there is none.
///
/// Errors:    HW_STATUS_CONFLICT (another one opened it), HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_head(
    projection: Option<&hw_projection>,
    seq: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(projection, error, |projection| {
        let out = Out::required("seq", seq)?;
        out.set(projection.wait.queue.head().wait()?);
        Ok(())
    })
}

/// Makes what was built anew the live projection of this name: whoever runs that one is refused from then on.
/// `*switched` is 0, and nothing is done, where it is behind that one.
///
/// Errors:    HW_STATUS_MISUSE (it was not opened with `is_rebuild`), HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_switch(
    projection: Option<&hw_projection>,
    switched: *mut u8,
    error: *mut *mut hw_error,
) -> hw_status {
    on(projection, error, |projection| {
        let out = Out::required("switched", switched)?;
        out.set(u8::from(projection.wait.queue.switch().wait()?));
        Ok(())
    })
}

/// Ends it, and tells the store where it stands: waits and later calls return HW_STATUS_CLOSED. Closing twice is
/// nothing. The handle must still be freed.
///
/// Errors:    HW_STATUS_CONFLICT (another one opened it), HW_STATUS_IO; it is closed all the same.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_close(projection: Option<&hw_projection>, error: *mut *mut hw_error) -> hw_status {
    on(projection, error, |projection| projection.wait.queue.close().wait())
}

/// Frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_projection_free(projection: Option<Box<hw_projection>>) {
    release_handle(projection);
}
