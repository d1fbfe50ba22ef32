//! Where the connection of an engine to its hub stands: read once, or followed as a queue that the caller pulls.

use std::sync::Arc;

use headwater::{HubPhase, HubState, HubWatcher};

use crate::bytes::{hw_str, past_end};
use crate::engine::hw_engine;
use crate::error::{hw_error, missing};
use crate::gate::Waitable;
use crate::guard::{Root, free_standing, on, release, release_handle};
use crate::queue::{self, queue_handle};
use crate::raw::{Out, OutStruct, versioned};
use crate::status::hw_status;
use crate::waker::hw_waker;

/// What a connection to a hub is doing.
#[repr(i32)]
pub enum hw_hub_phase {
    /// On its way for the first time.
    Connecting = 0,
    /// There.
    Connected = 1,
    /// Lost, and on its way again.
    Reconnecting = 2,
    /// Over.
    Closed = 3,
}

/// Where the connection to a hub stands.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_hub_state {
    /// sizeof(hw_hub_state), set by the caller.
    pub struct_size: usize,
    /// The name of the server that it was connected to last.
    pub server_name: hw_str,
    /// The version of that server.
    pub server_version: hw_str,
    /// Why it is not connected, or what the server complained of since it is; empty when nothing went wrong since.
    pub last_error: hw_str,
    /// How often it came back after it was lost.
    pub reconnects: u64,
    /// The level of JetStream's API: 0 where the server says none, which is before 2.11.
    pub api_level: u32,
    /// An hw_hub_phase.
    pub phase: i32,
    /// Sequences of either side that the links of this process to it have still to look at, as of this answer; 0 when
    /// there are none. It changes with every record, so a watcher is not woken for it.
    pub lag_records: u64,
}

versioned!(hw_hub_state);

/// States of a connection. Immutable.
pub struct hw_hub_states(Vec<HubState>);

/// Follows the state of a connection. `const`: safe from many threads at once; each change goes to one.
pub struct hw_hub_watcher {
    pub(crate) root: Arc<Root>,
    wait: Waitable<HubWatcher>,
}

queue_handle!(hw_hub_watcher, "watcher", HubWatcher, Vec<HubState>);

/// Where the connection of `engine` to its hub stands: a list of one.
///
/// Errors:    HW_STATUS_UNSUPPORTED (the engine is not on a hub).
/// Ownership: `*states` is yours, free with hw_hub_states_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_hub_state(
    engine: Option<&hw_engine>,
    states: *mut *mut hw_hub_states,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("states", states)?;
        out.give(hw_hub_states(vec![engine.root.engine.hub_state()?]));
        Ok(())
    })
}

/// Follows where the connection of `engine` to its hub stands: the state now, then whenever it changes. What is over
/// before it is taken is passed over. After HW_HUB_PHASE_CLOSED it ends.
///
/// Errors:    HW_STATUS_UNSUPPORTED (the engine is not on a hub).
/// Ownership: `*watcher` is yours, free with hw_hub_watcher_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_watch_hub(
    engine: Option<&hw_engine>,
    watcher: *mut *mut hw_hub_watcher,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("watcher", watcher)?;
        let wait = Waitable::new(engine.root.engine.watch_hub()?);
        out.give(hw_hub_watcher { root: engine.root.clone(), wait });
        Ok(())
    })
}

/// Takes the state when it is another than the one taken last, and waits at most `timeout_ms` milliseconds for that: 0
/// does not wait, -1 waits for ever. It is one, whatever `max` is.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing changed, or the wait was cancelled; try again), HW_STATUS_CLOSED.
/// Ownership: `*states` is yours, free with hw_hub_states_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_hub_watcher_next(
    watcher: Option<&hw_hub_watcher>,
    max: usize,
    timeout_ms: i64,
    states: *mut *mut hw_hub_states,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::next(watcher, max, timeout_ms, Out::required("states", states), error, hw_hub_states)
}

/// Arms once: when the state changed, or the watcher is closed, `token` goes to the waker's list.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_hub_watcher_wake(
    watcher: Option<&hw_hub_watcher>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(watcher, waker, token, error)
}

/// Cancels the waits of all threads that are in hw_hub_watcher_next now: they return HW_STATUS_TIMEOUT. It stays open.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_hub_watcher_cancel(watcher: Option<&hw_hub_watcher>, error: *mut *mut hw_error) -> hw_status {
    queue::cancel(watcher, error)
}

/// Ends it: waits and later calls return HW_STATUS_CLOSED. The connection stays. Closing twice is nothing. The handle
/// must still be freed.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_hub_watcher_close(watcher: Option<&hw_hub_watcher>, error: *mut *mut hw_error) -> hw_status {
    on(watcher, error, |watcher| {
        watcher.wait.queue.close();
        Ok(())
    })
}

/// Frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_hub_watcher_free(watcher: Option<Box<hw_hub_watcher>>) {
    release_handle(watcher);
}

/// How many states there are; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_hub_states_len(states: Option<&hw_hub_states>) -> usize {
    states.map_or(0, |s| s.0.len())
}

/// The state at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `state->struct_size` is not set).
/// Ownership: its texts are borrowed until the list is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_hub_states_get(
    states: Option<&hw_hub_states>,
    index: usize,
    state: *mut hw_hub_state,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let states = &states.ok_or_else(|| missing("states"))?.0;
        let out = OutStruct::required("state", state)?;
        let state = states.get(index).ok_or_else(|| past_end("states", index, states.len()))?;
        let phase = match state.phase {
            HubPhase::Connecting => hw_hub_phase::Connecting,
            HubPhase::Connected => hw_hub_phase::Connected,
            HubPhase::Reconnecting => hw_hub_phase::Reconnecting,
            HubPhase::Closed => hw_hub_phase::Closed,
        };
        out.set(hw_hub_state {
            struct_size: 0,
            server_name: hw_str::of(&state.server_name),
            server_version: hw_str::of(&state.server_version),
            last_error: hw_str::of(&state.last_error),
            reconnects: state.reconnects,
            api_level: state.api_level,
            phase: phase as i32,
            lag_records: state.lag_records,
        });
        Ok(())
    })
}

/// Frees a list of states; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_hub_states_free(states: Option<Box<hw_hub_states>>) {
    release(states);
}
